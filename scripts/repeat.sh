#!/bin/sh
# Runs the shipped scenarios many times in a row, as root and as an ordinary user, and looks for flakes.
#
#   scripts/repeat.sh [N]        N runs for each user; 50 by default
#
# Prints a line for each run that fails, and for each user how many failed and how long a run took:
# least, median, most. The exit status is 1 where any run failed. CANAL_SIM names the program to run,
# target/debug/canal-sim by default; CANAL_SIM_OPTIONS are options for `canal-sim run`, as "--jobs 4".
# Users that this script can't become are left out, and it says so.
set -u

runs=${1:-50}
case $runs in
'' | *[!0-9]* | 0)
    echo "usage: $0 [N]" >&2
    exit 2
    ;;
esac
here=$(cd "$(dirname "$0")/.." && pwd) || exit 2
program=${CANAL_SIM:-$here/target/debug/canal-sim}
if [ ! -x "$program" ]; then
    echo "$0: $program is not there: run cargo build, or set CANAL_SIM" >&2
    exit 2
fi

# Where the program was built, other users may not be let in.
place=$(mktemp -d) || exit 2
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
cp "$program" "$place/canal-sim"
cp -R "$here/scenarios" "$place/scenarios"
chmod -R a+rX "$place"
chmod a+rx "$place/canal-sim"
cd "$place" || exit 2

# as_user NAME COMMAND...: as root, or as nobody.
as_user() {
    user=$1
    shift
    if [ "$user" = root ] || [ "$(id -u)" != 0 ]; then
        "$@"
    else
        setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    fi
}

milliseconds() {
    echo $(($(date +%s%N) / 1000000))
}

# repeat NAME: runs, and prints what came of them; 1 where any failed.
repeat() {
    : >"$place/times"
    failed=0
    number=1
    while [ "$number" -le "$runs" ]; do
        began=$(milliseconds)
        # The options are words.
        # shellcheck disable=SC2086
        as_user "$1" ./canal-sim run ${CANAL_SIM_OPTIONS-} scenarios >"$place/told" 2>&1 </dev/null
        status=$?
        echo $(($(milliseconds) - began)) >>"$place/times"
        if [ "$status" != 0 ]; then
            failed=$((failed + 1))
            why=$(grep -a -m 1 -e '✗' -e '^error' "$place/told")
            echo "$1: run $number failed with status $status: $why"
        fi
        number=$((number + 1))
    done
    sort -n "$place/times" | awk -v who="$1" -v failed="$failed" '
        { time[NR] = $1 }
        END {
            median = time[int((NR + 1) / 2)]
            printf "%s: %d runs, %d failed; ", who, NR, failed
            printf "least %d ms, median %d ms, most %d ms\n", time[1], median, time[NR]
        }'
    [ "$failed" = 0 ]
}

flakes=0
if [ "$(id -u)" = 0 ]; then
    repeat root || flakes=1
    if as_user nobody true 2>/dev/null; then
        repeat nobody || flakes=1
    else
        echo "an ordinary user was left out: setpriv can't become one here" >&2
    fi
else
    echo "root was left out: this script was not started as root" >&2
    repeat "$(id -un)" || flakes=1
fi
exit "$flakes"
