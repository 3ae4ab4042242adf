#!/bin/sh
# What the program is built of: licences, sources, and crates that have no place in it (deny.toml); and what is
# known against any of it (the RustSec advisories).
#
#   scripts/deny.sh [--allow-unchecked]
#
# Takes the cargo-deny that is installed, or builds one into target/tools (two minutes on two processors). The
# advisories come from github.com: where that can't be reached they are not checked, and it says so: the
# exit status is 3 then, or 0 with `--allow-unchecked`. It is 1 where something was found, and 2 for another option.
set -eu
unchecked=3
case "$*" in
'') ;;
--allow-unchecked) unchecked=0 ;;
*)
    echo "usage: scripts/deny.sh [--allow-unchecked]" >&2
    exit 2
    ;;
esac
cd "$(dirname "$0")/.."
version=0.20.2

if cargo deny --version >/dev/null 2>&1; then
    deny='cargo deny'
else
    deny=target/tools/bin/cargo-deny
    [ -x "$deny" ] || cargo install cargo-deny --locked --version "$version" --root target/tools --target-dir target/tools
fi

# Warnings are about pairs of versions: what is worth knowing of them is in Cargo.lock.
$deny --log-level error --locked check --hide-inclusion-graph --allow duplicate licenses bans sources

# That the database can't be had is not the same as that something stands in it.
if timeout 120 $deny --log-level error fetch db >/dev/null 2>&1; then
    $deny --log-level error --locked check --disable-fetch advisories
else
    echo "NOT CHECKED: advisories. The database at https://github.com/rustsec/advisory-db can't be reached."
    echo "             Where it can: cargo deny check advisories"
    exit $unchecked
fi
