#!/bin/sh
# Fuzzes what reads bytes from elsewhere, with libFuzzer and without a nightly compiler.
#
#   scripts/fuzz.sh [SECONDS [TARGET]]   60 seconds for each target by default
#
# The targets are the files of fuzz/fuzz_targets. What is found is kept in fuzz/artifacts, what was tried in
# fuzz/corpus; both are left out of the repository. The exit status is 1 where a target failed. Needs a C++
# compiler.
set -eu

seconds=${1:-60}
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here/fuzz"
# What `cargo fuzz` says to the compiler, sanitizers aside.
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cdebug-assertions -Ccodegen-units=1"
export RUSTFLAGS
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --target "$host"
status=0
for target in ${2:-$(cd fuzz_targets && ls ./*.rs)}; do
    target=$(basename "$target" .rs)
    mkdir -p "corpus/$target" "artifacts/$target"
    echo "$target"
    "target/$host/release/$target" -max_total_time="$seconds" -artifact_prefix="artifacts/$target/" \
        "corpus/$target" || status=1
done
exit $status
