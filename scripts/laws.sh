#!/bin/sh
# Runs the laws of tests/laws with many more cases than the test suite does, each round with another seed.
#
#   scripts/laws.sh [ROUNDS [CASES [LAW...]]]     5 rounds of 1000 cases for each law by default
#
# LAW is a part of a law's name, or of its module's: packet::nat. Prints the seed of each round, and what a
# law that fails has to say; to repeat a round, give its seed and its cases:
#
#   PROPTEST_RNG_SEED=SEED PROPTEST_CASES=CASES cargo test --test laws
#
# The exit status is 1 where any round failed. CARGO names the cargo to use.
set -u

rounds=${1:-5}
cases=${2:-1000}
for number in "$rounds" "$cases"; do
    case $number in
    '' | *[!0-9]* | 0)
        echo "usage: $0 [ROUNDS [CASES [LAW...]]]" >&2
        exit 2
        ;;
    esac
done
if [ $# -gt 2 ]; then shift 2; else set --; fi
cd "$(dirname "$0")/.." || exit 2

told=$(mktemp) || exit 2
trap 'rm -f "$told"' EXIT
trap 'exit 130' INT TERM

# The words of CARGO are words.
# shellcheck disable=SC2086
${CARGO:-cargo} test --quiet --test laws --no-run || exit 2

failed=0
round=1
while [ "$round" -le "$rounds" ]; do
    seed=$(od -An -N8 -tu8 /dev/urandom | tr -d ' ')
    began=$(date +%s)
    export PROPTEST_RNG_SEED="$seed" PROPTEST_CASES="$cases"
    # shellcheck disable=SC2086
    if ${CARGO:-cargo} test --quiet --test laws -- "$@" >"$told" 2>&1; then
        came_of_it="all hold"
    else
        came_of_it="FAILED"
        failed=$((failed + 1))
        cat "$told"
    fi
    echo "round $round of $rounds, seed $seed, $cases cases: $came_of_it, $(($(date +%s) - began)) s"
    round=$((round + 1))
done
[ "$failed" = 0 ]
