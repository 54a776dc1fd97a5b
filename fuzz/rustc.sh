#!/bin/sh
# Cargo's RUSTC_WRAPPER for scripts/fuzz.sh: adds the fuzzer's instrumentation to this project's two
# crates and to nothing else, so that dependencies need not be built a second time.
rustc=$1
shift
case "$CARGO_PKG_NAME $*" in
*"--crate-name build_script_build"*) ;;
"slips-p2p "* | "slips-p2p-fuzz "*)
    set -- "$@" --cfg fuzzing -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
esac
exec "$rustc" "$@"
