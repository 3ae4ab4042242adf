#!/usr/bin/env bash
# How fast and how large the network in memory is, and whether it does the same each time: all figures in one
# go, with the machine that they belong to.
#
#   scripts/memory.sh [N]     N runs of scenarios/gate.toml as a whole process are timed; 50 by default
#
# Then the benches of the network in memory and of links, as far as they are here, and 100 runs of the shipped
# scenarios whose events must come to one hash. CANAL_SIM names another build than the release build of this
# tree, CARGO the cargo to use. The exit status is 1 where a bound isn't kept, a run fails or two runs differ.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/measure.sh
source "$here/scripts/lib/measure.sh"

readonly MOST=10   # milliseconds for scenarios/gate.toml, from start to exit
readonly TIMES=100 # runs that must be the same
rounds=${1:-50}
case $rounds in
  '' | *[!0-9]* | 0)
    echo "usage: $0 [N]" >&2
    exit 2
    ;;
esac
cd "$here"
binary=$(canal_sim)
if [[ ! -x $binary ]]; then
  echo "$0: $binary is not there" >&2
  exit 2
fi
failed=0

in_memory() {
  "$binary" run "$@" --backend memory --format json
}

# The whole process, from its start to its exit: N times, after one that is not counted.
whole_process() {
  local round began times least middle
  times=$(
    for ((round = 0; round <= rounds; round++)); do
      began=$EPOCHREALTIME
      in_memory scenarios/gate.toml >/dev/null || exit 1
      awk -v from="$began" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.2f\n", (to - from) * 1e3 }'
    done
  ) || {
    echo 'scenarios/gate.toml did not pass'
    return 1
  }
  times=$(tail -n +2 <<<"$times")
  least=$(sort -n <<<"$times" | head -n 1)
  middle=$(median <<<"$times")
  printf 'run scenarios/gate.toml --backend memory, %s runs: least %s ms, median %s ms (at most %s)\n' \
    "$rounds" "$least" "$middle" "$MOST"
  awk -v is="$middle" -v most="$MOST" 'BEGIN { exit is > most }'
}

# The events of every shipped scenario, over and over: one hash, or they differ.
same_each_time() {
  local round hashes
  hashes=$(
    for ((round = 0; round < TIMES; round++)); do
      in_memory scenarios | sha256sum || exit 1
    done
  ) || {
    echo 'the shipped scenarios did not pass'
    return 1
  }
  hashes=$(sort <<<"$hashes" | uniq -c)
  printf '%s runs of the shipped scenarios; how many came to which hash of their events:\n%s\n' "$TIMES" "$hashes"
  [[ $(wc -l <<<"$hashes") == 1 ]]
}

bench() {
  if [[ ! -e benches/$1.rs ]]; then
    printf 'the bench %s is not here\n' "$1"
    return
  fi
  # The words of CARGO are words.
  # shellcheck disable=SC2086
  ${CARGO:-cargo} bench --quiet --bench "$1"
}

machine
awk '$1 == "MemTotal:" { printf "%.0f GiB of memory\n", $2 / 1048576 }' /proc/meminfo
whole_process || failed=1
for name in fleet memory shaper relay; do
  printf '\n%s\n' "$name"
  bench "$name" || failed=1
done
printf '\n'
same_each_time || failed=1
exit "$failed"
