#!/usr/bin/env bash
# The Gate scenario by canal-sim and by hand, in turn: how long each takes, and whether both check the
# same things.
#
# usage: scripts/bench-against-shell.sh [ROUNDS]
#
# By hand means scripts/lib/gate-by-hand.sh: ip, nft, ping and curl as one would script them, with a
# second's patience for what must not pass. Everything happens in namespaces of its own. CANAL_SIM
# names another build than the release build of this tree. Exit status: 0 if canal-sim takes at most a
# tenth, 1 if it takes longer or a check fails, 77 if this machine lacks something.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib/measure.sh
source "$here/lib/measure.sh"

rounds=${1:-5}
need ip bridge nft ping curl python3 jq unshare sysctl awk
scenario=$here/../scenarios/gate.toml
binary=$(canal_sim)
PYTHON=$(python)
export PYTHON
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# timed FILE COMMAND…: the seconds go to the end of the file.
timed() {
  local began=$EPOCHREALTIME
  "${@:2}"
  awk -v from="$began" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.4f\n", to - from }' >>"$1"
}

by_canal_sim() {
  "$binary" run --format json "$scenario" >"$work/events"
}

by_hand() {
  "$BASH" "$here/lib/gate-by-hand.sh" >"$work/by-hand"
}

# The checks that passed, in canal-sim's own account.
checks() {
  jq -r 'select(.event == "step-finished" and .status == "passed" and .detail.kind != "do") | .name' \
    "$work/events"
}

machine
for ((round = 1; round <= rounds; round++)); do
  timed "$work/a" by_canal_sim
  timed "$work/b" by_hand
  if ! diff <(checks) "$work/by-hand"; then
    echo 'the two did not check the same things' >&2
    exit 1
  fi
  jq 'select(.event == "network-ready") | .elapsed_ms / .nodes' "$work/events" >>"$work/set-up"
  printf 'round %d: canal-sim %s s, by hand %s s, the same %d checks passed in both\n' \
    "$round" "$(tail -n 1 "$work/a")" "$(tail -n 1 "$work/b")" "$(wc -l <"$work/by-hand")"
done
jq -r 'select(.event == "step-finished") | [.elapsed_ms, .name] | @tsv' "$work/events" |
  sort -rn | head -n 3 | awk -F '\t' '{ printf "canal-sim, last round: %8.1f ms  %s\n", $1, $2 }'

a=$(median <"$work/a") b=$(median <"$work/b")
printf 'set-up: %.2f ms a node (median)\n' "$(median <"$work/set-up")"
awk -v a="$a" -v b="$b" 'BEGIN {
  printf "medians: canal-sim %.3f s, by hand %.3f s: %.1f times as fast\n", a, b, b / a
  exit a * 10 > b
}'
