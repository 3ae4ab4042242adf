# shellcheck shell=bash
# What measuring scripts share. To be sourced.

# A skipped measurement is neither a pass nor a failure.
readonly SKIPPED=77

skip() {
  printf 'skipped: %s\n' "$1"
  exit "$SKIPPED"
}

# need PROGRAM…
need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || skip "the program $program is missing here"
  done
  unshare --net true 2>/dev/null || unshare --map-root-user --net true 2>/dev/null ||
    skip 'this machine allows no network namespaces'
}

# The machine and the date, which every figure needs.
machine() {
  local model
  model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
  printf '%s, %s cores of %s, Linux %s, load %s\n' "$(date -u +%F)" "$(nproc)" \
    "${model:-an unknown processor}" "$(uname -r)" "$(cut -d ' ' -f 1 /proc/loadavg)"
}

# The release build to be measured, made if CANAL_SIM names none.
canal_sim() {
  if [[ -n ${CANAL_SIM:-} ]]; then
    realpath "$CANAL_SIM"
    return
  fi
  local root
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  # The words of CARGO are words.
  # shellcheck disable=SC2086
  (cd "$root" && ${CARGO:-cargo} build --quiet --release --bin canal-sim >&2)
  echo "${CARGO_TARGET_DIR:-$root/target}/release/canal-sim"
}

# The interpreter itself: some `python3` are scripts that look for one first.
python() {
  python3 -c 'import sys; print(sys.executable)'
}

# The median of the numbers on stdin, one a line.
median() {
  sort -n | awk '{ n[NR] = $1 } END { print NR % 2 ? n[(NR + 1) / 2] : (n[NR / 2] + n[NR / 2 + 1]) / 2 }'
}
