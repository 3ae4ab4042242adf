#!/bin/sh
# Holds the predictor against the kernel on many topologies made by chance, longer than the test does.
#
#   scripts/predict.sh [N]         N topologies; 5000 by default
#   scripts/predict.sh --seconds S  as many as S seconds allow
#
# Prints the seed, how many of each verdict were measured, where the time went, and every kind of
# difference with the smallest case that was found of it, which is kept in tests/regressions. The exit
# status is 1 where anything differed. CANAL_SIM_PREDICT_SEED is the seed, a new one each time by default;
# CANAL_SIM_PREDICT_FIRST the number of the first case, CANAL_SIM_PREDICT_JOBS how many run at a time, and
# CANAL_SIM_PREDICT_FINDINGS where cases that differ are kept instead.
set -u

usage() {
    echo "usage: $0 [N | --seconds S]" >&2
    exit 2
}

topologies=5000
seconds=
case ${1-} in
'') ;;
--seconds)
    seconds=${2-}
    topologies=1000000000
    ;;
*) topologies=$1 ;;
esac
for number in "$topologies" ${seconds:+"$seconds"}; do
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
export CANAL_SIM_PREDICT_TOPOLOGIES="$topologies"
if [ -n "$seconds" ]; then
    export CANAL_SIM_PREDICT_SECONDS="$seconds"
fi
cargo test --quiet --test predict
status=$?
if [ "$status" != 0 ]; then
    echo "again: CANAL_SIM_PREDICT_SEED=$seed $0 ${*-}" >&2
    exit 1
fi
