#!/usr/bin/env bash
# Breaks one rule at a time, in a copy of the tree, and shows that the property tests notice.
#
# usage: scripts/mutations.sh [NAME…]
#
# The rules that are broken are the patches in scripts/mutations/reach and scripts/mutations/lower; NAME is
# a part of a patch's name, all of them by default. Each is held against tests/predict with a fixed seed
# until something differs; where nothing does, against tests/laws. Before that the tree as it is must pass
# both with the same settings, or what follows would mean nothing.
#
# CANAL_SIM_PREDICT_SEED, _FIRST, _TOPOLOGIES and _JOBS say which cases those are: seed 1 and the first 300
# by default. MUTATIONS names the folder of the copy and of what is built from it, which is kept, so that the
# next time costs less: target/mutations by default. CARGO names the cargo to use. Exit status: 0 if every
# mutation is caught, 1 if one survives, 2 if a patch does not apply or does not compile, or the tree itself
# does not pass; 77 if this machine lacks something.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for tool in git tar flock awk timeout; do
  command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; exit 77; }
done

folder=${MUTATIONS:-$top/target/mutations}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 8>"$folder/lock"
flock -n 8 || { echo "$folder is in use" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$folder/tree

export CARGO_TARGET_DIR=$folder/build
export CANAL_SIM_PREDICT_SEED=${CANAL_SIM_PREDICT_SEED:-1}
export CANAL_SIM_PREDICT_FIRST=${CANAL_SIM_PREDICT_FIRST:-0}
export CANAL_SIM_PREDICT_TOPOLOGIES=${CANAL_SIM_PREDICT_TOPOLOGIES:-300}
# One look more at each kind of difference, and no time to make its case small; zero would mean all of it.
export CANAL_SIM_PREDICT_STOP=1 CANAL_SIM_PREDICT_SHRINKING=1 CANAL_SIM_PREDICT_FINDINGS=$work/findings
export PROPTEST_RNG_SEED=1
# What a broken rule turns into an endless loop ends too.
patience=900

# The files of this tree as they are now, those besides that git does not know of included. Files that are
# the same are left alone, so that nothing is built again because of them.
copy() {
  mkdir -p "$work/new" "$tree"
  (cd "$top" && git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do if [[ -e $file ]]; then printf '%s\0' "$file"; fi; done |
    tar --create --null --files-from=- --file=-) | tar --extract --file=- --directory="$work/new"
  local file
  while IFS= read -r -d '' file; do
    [[ -e $work/new/$file ]] || rm -f "${tree:?}/$file"
  done < <(cd "$tree" && find . -type f -print0)
  while IFS= read -r -d '' file; do
    cmp -s "$work/new/$file" "$tree/$file" && continue
    mkdir -p "$(dirname "$tree/$file")"
    rm -f "${tree:?}/$file"
    cp "$work/new/$file" "$tree/$file"
    # Not as old as it is here: what was built from another text of it is older than this one.
    touch "$tree/$file"
  done < <(cd "$work/new" && find . -type f -print0)
}

# The copy is no repository, and not part of the one around it either.
apply() {
  GIT_CEILING_DIRECTORIES=$folder git -C "$tree" apply -p1 "$@"
}

# build: leaves the programs in $predict and $laws.
build() {
  # The words of CARGO are words.
  # shellcheck disable=SC2086
  (cd "$tree" && ${CARGO:-cargo} test --test predict --test laws --no-run) >"$work/build" 2>&1 || return 1
  predict=$(program tests/predict/main.rs) laws=$(program tests/laws/main.rs)
  [[ -x $predict && -x $laws ]]
}

program() {
  awk -v of="$1" '$1 == "Executable" && $2 == of { gsub(/[()]/, "", $3); print $3 }' "$work/build"
}

# run PROGRAM: its output is in $work/PROGRAM.
run() {
  local only=()
  # What is measured is the kernel: the network in memory has a trial of its own.
  if [[ $1 == predict ]]; then only=(--exact what_is_predicted_is_measured); fi
  (cd "$tree" && timeout "$patience" "${!1}" "${only[@]}") >"$work/$1" 2>&1
}

# How many topologies were tried, and how long that took.
tried() {
  awk '/ topologies and .* questions in / { print "after " $1 " topologies, " $7 " s" }' "$work/predict"
}

# What the predictor and the kernel differed in: that of the case with the lowest number.
difference() {
  awk '
    / × / { kind = $0; sub(/^[0-9]+ × /, "", kind); next }
    kind != "" && /^  case [0-9]+:/ {
      number = $2 + 0
      if (first == "" || number < first) { first = number; found = kind }
      kind = ""
    }
    /panicked at/ && first == "" { other = "it panics" }
    /^seed [0-9]+, case [0-9]+: / && other == "" { other = $0 }
    END {
      if (first != "") print found " (case " first ")"
      else print other == "" ? "it does not end" : other
    }' "$work/predict"
}

broken_laws() {
  awk '$1 == "test" && $NF == "FAILED" { list = list (list == "" ? "" : ", ") $2 } END { print list }' "$work/laws"
}

copy
if ! build; then
  cat "$work/build" >&2
  echo 'the tree itself does not compile' >&2
  exit 2
fi
cases="seed $CANAL_SIM_PREDICT_SEED, $CANAL_SIM_PREDICT_TOPOLOGIES topologies from number $CANAL_SIM_PREDICT_FIRST"
if ! run predict; then
  cat "$work/predict" >&2
  echo "the tree itself does not pass: $cases" >&2
  exit 2
fi
if [[ -z $(tried) ]]; then
  cat "$work/predict" >&2
  echo 'nothing can be measured here' >&2
  exit 77
fi
if ! run laws; then
  cat "$work/laws" >&2
  echo 'the tree itself breaks laws' >&2
  exit 2
fi
echo "as it is: passes $cases ($(tried)), and all laws"

status=0 caught=0 count=0
cd "$top/scripts/mutations"
for patch in reach/*.patch lower/*.patch; do
  name=${patch%.patch}
  wanted=$((!$#))
  for part in "$@"; do [[ $name == *"$part"* ]] && wanted=1; done
  ((wanted)) || continue
  count=$((count + 1))
  if ! apply "$PWD/$patch" 2>"$work/apply"; then
    printf '%-42s DOES NOT APPLY: %s\n' "$name" "$(head -n 1 "$work/apply")"
    status=2
    continue
  fi
  if ! build; then
    printf '%-42s DOES NOT COMPILE: %s\n' "$name" "$(grep -m 1 '^error' "$work/build" || true)"
    status=2
  elif ! run predict; then
    printf '%-42s predict: %s, %s\n' "$name" "$(difference)" "$(tried)"
    caught=$((caught + 1))
  elif ! run laws; then
    printf '%-42s laws: %s, predict had passed %s\n' "$name" "$(broken_laws)" "$(tried)"
    caught=$((caught + 1))
  else
    printf '%-42s SURVIVES %s, and all laws\n' "$name" "$(tried)"
    ((status)) || status=1
  fi
  apply --reverse "$PWD/$patch"
done
echo "$caught of $count caught"
((count)) || exit 2
exit "$status"
