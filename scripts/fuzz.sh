#!/bin/sh
# Fuzzes what reads bytes from elsewhere, with libFuzzer and without a nightly compiler.
#
#   scripts/fuzz.sh [SECONDS [TARGET]]   60 seconds for each target by default
#   scripts/fuzz.sh keep [TARGET]        takes the least part of what was found into fuzz/corpus
#
# The targets are the files of fuzz/fuzz_targets; what they run is src/fuzzing. What was tried is kept in
# fuzz/found, what failed in fuzz/artifacts; both are left out of the repository. fuzz/corpus is a part of it:
# `cargo test fuzzing` runs each input in it again. The exit status is 1 where a target, or a merge,
# failed. Needs a C++ compiler.
set -eu

seconds=${1:-60}
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here/fuzz"
# What `cargo fuzz` says to the compiler, sanitizers aside.
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Coverflow-checks -Ccodegen-units=1"
export RUSTFLAGS
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --locked --target "$host"
status=0
for target in ${2:-$(cd fuzz_targets && ls ./*.rs)}; do
    target=$(basename "$target" .rs)
    program="target/$host/release/$target"
    mkdir -p "corpus/$target" "found/$target" "artifacts/$target"
    echo "$target"
    if [ "$seconds" = keep ]; then
        # As small as they go, and no larger than 16 KB each.
        rm -rf "kept/$target"
        mkdir -p "kept/$target"
        # What a merge that broke off has kept is a part, and does not take the corpus's place.
        if ! "$program" -set_cover_merge=1 -use_counters=0 -max_len=16384 \
            "kept/$target" "corpus/$target" "found/$target" >"kept/$target.log" 2>&1; then
            tail -5 "kept/$target.log" >&2
            echo "$target: the merge failed (fuzz/kept/$target.log); fuzz/corpus/$target stays as it is" >&2
            status=1
            continue
        fi
        tail -1 "kept/$target.log"
        rm -r "corpus/$target"
        mv "kept/$target" "corpus/$target"
        continue
    fi
    words=
    [ ! -e "words/$target" ] || words="-dict=words/$target"
    # An input of 4 KB may take 20 seconds, and 2 GB of memory, which is far more than any needs.
    "$program" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=2048 \
        ${words:+"$words"} -print_final_stats=1 -artifact_prefix="artifacts/$target/" \
        "found/$target" "corpus/$target" || status=1
done
exit $status
