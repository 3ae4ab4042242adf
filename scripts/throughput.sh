#!/usr/bin/env bash
# TCP throughput from the device to the instance, over Canal and over Gate: in canal-sim's network, and
# in the same network built by hand, in turn.
#
# usage: scripts/throughput.sh [ROUNDS [SECONDS]]
#
# Everything happens in namespaces of its own. CANAL_SIM names another build than the release build of
# this tree. Exit status: 0 if canal-sim reaches 95 % on both paths, 1 if not, 77 if this machine lacks
# something.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib/measure.sh
source "$here/lib/measure.sh"

rounds=${1:-5}
seconds=${2:-3}
need ip bridge ss nft iperf3 jq unshare sysctl awk
binary=$(canal_sim)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed "s/-t 3 /-t $seconds /" "$here/throughput.toml" >"$work/throughput.toml"
mkdir "$work/hand"

# What iperf3's account on stdin comes to, in Gbit/s as the server counted them.
rate() {
  jq '.end.sum_received.bits_per_second / 1e9'
}

by_canal_sim() {
  if ! "$binary" run --format json "$work/throughput.toml" >"$work/events"; then
    jq -c 'select(.status == "failed")' "$work/events" >&2
    exit 1
  fi
  for path in Canal Gate; do
    jq -r --arg path "$path" \
      'select(.event == "step-finished" and .name == $path) | .detail.stdout' "$work/events" |
      rate >>"$work/canal-sim.$path"
  done
}

by_hand() {
  "$BASH" "$here/lib/throughput-by-hand.sh" "$work/hand" "$seconds"
  for path in Canal Gate; do
    rate <"$work/hand/$path" >>"$work/by-hand.$path"
  done
}

machine
for ((round = 1; round <= rounds; round++)); do
  by_canal_sim
  by_hand
  for path in Canal Gate; do
    printf 'round %d, %-5s canal-sim %6.2f Gbit/s, by hand %6.2f Gbit/s\n' "$round" "$path" \
      "$(tail -n 1 "$work/canal-sim.$path")" "$(tail -n 1 "$work/by-hand.$path")"
  done
done
status=0
for path in Canal Gate; do
  # What else the machine does only takes away, so the best round says most about the network.
  printf 'best,    %-5s canal-sim %6.2f Gbit/s, by hand %6.2f Gbit/s\n' "$path" \
    "$(sort -n "$work/canal-sim.$path" | tail -n 1)" "$(sort -n "$work/by-hand.$path" | tail -n 1)"
  awk -v path="$path" -v a="$(median <"$work/canal-sim.$path")" -v b="$(median <"$work/by-hand.$path")" 'BEGIN {
    printf "medians, %-5s canal-sim %6.2f Gbit/s, by hand %6.2f Gbit/s: %.0f %%\n", path, a, b, 100 * a / b
    exit a < b * 0.95
  }' || status=1
done
exit "$status"
