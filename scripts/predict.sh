#!/bin/sh
# Holds the predictor against the kernel, and then against the network in memory, on many topologies made by
# chance, longer than the test does. What runs on the kernel runs in memory too, and the two are compared.
#
#   scripts/predict.sh [N [M]]      N topologies on the kernel, 5000 by default, and M in memory, 100000
#   scripts/predict.sh --seconds S  as many as S seconds allow for each
#
# Prints the seed, how many of each verdict were measured, where the time went, and every kind of
# difference with the smallest case that was found of it, which is kept in tests/regressions. The exit
# status is 1 where anything differed. CANAL_SIM_PREDICT_SEED is the seed, a new one each time by default;
# CANAL_SIM_PREDICT_MEMORY is M where it isn't given; CANAL_SIM_PREDICT_FIRST the number of the first case,
# CANAL_SIM_PREDICT_JOBS how many run at a time, and CANAL_SIM_PREDICT_FINDINGS where cases that differ are
# kept instead. Where namespaces are forbidden the kernel is left out, and the test says so. CARGO names the
# cargo to use.
set -u

usage() {
    echo "usage: $0 [N [M] | --seconds S]" >&2
    exit 2
}

topologies=5000
memory=${2:-${CANAL_SIM_PREDICT_MEMORY:-100000}}
seconds=
case ${1-} in
'') ;;
--seconds)
    seconds=${2-}
    topologies=1000000000
    memory=$topologies
    ;;
*) topologies=$1 ;;
esac
for number in "$topologies" "$memory" ${seconds:+"$seconds"}; do
    case $number in
    '' | *[!0-9]* | 0) usage ;;
    esac
done
if [ "${1-}" = --seconds ] && [ -z "$seconds" ]; then
    usage
fi
here=$(cd "$(dirname "$0")/.." && pwd) || exit 2
cd "$here" || exit 2

seed=${CANAL_SIM_PREDICT_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
export CANAL_SIM_PREDICT_SEED="$seed"
export CANAL_SIM_PREDICT_TOPOLOGIES="$topologies" CANAL_SIM_PREDICT_MEMORY="$memory"
if [ -n "$seconds" ]; then
    export CANAL_SIM_PREDICT_SECONDS="$seconds"
fi

# One after the other: on the kernel a machine with much else to do is slow to answer.
failed=0
for test in what_is_predicted_is_measured what_is_predicted_is_measured_in_memory; do
    # The words of CARGO are words.
    # shellcheck disable=SC2086
    ${CARGO:-cargo} test --quiet --test predict -- --exact "$test" || failed=1
done
if [ "$failed" != 0 ]; then
    echo "again: CANAL_SIM_PREDICT_SEED=$seed $0 ${*-}" >&2
    exit 1
fi
