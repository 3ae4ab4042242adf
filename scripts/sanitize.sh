#!/bin/sh
# Holds the only unsafe code (src/backend/kernel/sys) against what finds bad memory accesses.
#
#   scripts/sanitize.sh [miri|address|valgrind]...   all three by default
#
#   miri       the unit tests of src/backend/kernel/sys, pointer for pointer. Needs `rustup component add --toolchain
#              nightly miri`; it knows neither sockets nor bpf(2), so the kernel's part is played by the tests.
#   address    the walk-through with Gate, and links that are shaped, on the kernel backend, with AddressSanitizer.
#   valgrind   the same with Valgrind's Memcheck. Needs valgrind.
#
# Run the last two as root: only then are the kernel's drops listened to, and all of the module is reached. The exit
# status is 1 where something was found, and 3 where nothing could be run.
set -eu
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
scenarios='scenarios/gate.toml tests/links/lost.toml'

# Carries the scenarios out with what is given, one by one, on the kernel backend.
carry_out() {
    for scenario in $scenarios; do
        echo "$scenario"
        "$@" run --backend kernel "$scenario" >/dev/null
    done
}

for tool in ${*:-miri address valgrind}; do
    case $tool in
    miri)
        cargo +nightly miri --version || exit 3
        MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --lib sys::
        ;;
    address)
        # The compiler's own sanitizers are behind a switch of the nightly's, which the stable one has too.
        RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo build --locked --target "$host" --target-dir target/address
        ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 carry_out "target/address/$host/debug/canal-sim"
        ;;
    valgrind)
        command -v valgrind || exit 3
        cargo build --locked
        carry_out valgrind --quiet --suppressions=scripts/lib/valgrind.supp --error-exitcode=1 target/debug/canal-sim
        ;;
    *)
        echo "there is no $tool: miri, address, valgrind" >&2
        exit 2
        ;;
    esac
    echo "$tool: nothing found"
done
