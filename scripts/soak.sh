#!/usr/bin/env bash
# Runs that are killed, many at once, and many in a row: the long forms of the tests `kill` and `many`, and one
# table of their figures, with the machine that they belong to.
#
#   scripts/soak.sh [KILLS [RUNS]]     480 kills at the least, and 1,000 runs in a row for each user, by default
#
# Needs root for all of it: started by somebody else it shows what an ordinary user's runs leave, and says so. The
# exit status is 1 where anything is left, grows or comes out otherwise. CARGO names the cargo to use.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/measure.sh
source "$here/scripts/lib/measure.sh"

kills=${1:-480}
runs=${2:-1000}
case $kills$runs in
  *[!0-9]* | 0*)
    echo "usage: $0 [KILLS [RUNS]]" >&2
    exit 2
    ;;
esac
cd "$here"
told=$(mktemp)
trap 'rm -f "$told"' EXIT
failed=0

# One long form: what it says goes to stderr, and its figures into the table.
long_form() {
  # The words of CARGO are words.
  # shellcheck disable=SC2086
  ${CARGO:-cargo} test --quiet --test "$1" 2>&1 | tee -a "$told" >&2 || failed=1
}

began=$SECONDS
export CANAL_SIM_KILLS=$kills CANAL_SIM_RUNS=$runs
long_form kill
long_form many

printf '\n'
machine
printf '\n'
# A figure may stand behind the name of its test.
sed -n -e 's/^.*figures: //p' -e 's/^.*not shown here: /not shown: /p' -e 's/^.*not checked here: /not checked: /p' "$told"
sed -n 's/^.*figures: \([0-9]*\) runs killed .*/\1/p' "$told" | awk '{ all += $1 } END { printf "%d runs killed in all\n", all }'
verdict='nothing is left, and nothing grows of what was looked at'
if [[ $failed != 0 ]]; then
  verdict='NOT ALL WAS WELL: see above'
fi
printf '\n%d s; %s\n' $((SECONDS - began)) "$verdict"
exit "$failed"
