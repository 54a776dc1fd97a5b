#!/bin/sh
# Fuzzes every decoder: builds the targets of fuzz/ with the stable toolchain and runs each of them.
#
#   scripts/fuzz.sh                      a fixed number of runs a target, same inputs each time
#   scripts/fuzz.sh SECONDS [TARGET..]   so long a target, going on from what was found before
#   scripts/fuzz.sh replay TARGET FILE   one input, such as one that crashed
#
# FUZZ_SEED chooses other inputs. A target is a file in fuzz/fuzz_targets/ with its [[bin]] in
# fuzz/Cargo.toml; its seeds are in fuzz/corpus/TARGET/. Ends with 1 when a target crashed, with 2
# when it could not run. A crash prints the command that replays it.
set -eu

runs=20000 # a target, without SECONDS; a few seconds each
seed=${FUZZ_SEED:-1}

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
target_dir=${CARGO_TARGET_DIR:-$root/target}
work=$target_dir/fuzz

die() {
    echo "fuzz.sh: $1" >&2
    exit 2
}

build() {
    command -v c++ >/dev/null || die "no C++ compiler, which libFuzzer needs: apt-get install g++"
    # The crate's own lock file is the one that counts; only libFuzzer is added to it.
    if [ ! -e fuzz/Cargo.lock ] || [ Cargo.lock -nt fuzz/Cargo.lock ]; then
        cp Cargo.lock fuzz/Cargo.lock
    fi
    RUSTFLAGS='' RUSTC_WRAPPER=$root/fuzz/rustc.sh CARGO_TARGET_DIR=$target_dir \
        cargo build --quiet --manifest-path fuzz/Cargo.toml --bins || die "the targets do not build"
}

# Runs one target; prints what it reached, or the crash and how to replay it.
fuzz() {
    name=$1
    log=$work/$name.log
    mkdir -p "$work/corpus/$name" "$work/crashes"
    # shellcheck disable=SC2086 # the bound is several words
    if "$target_dir/debug/$name" -seed="$seed" $2 -reload=0 -timeout=10 -rss_limit_mb=1024 -dict=fuzz/dictionary.txt \
        -artifact_prefix="$work/crashes/$name-" "$work/corpus/$name" "fuzz/corpus/$name" >"$log" 2>&1; then
        grep -q 'inline 8-bit counters' "$log" || die "$name is not instrumented; remove $target_dir and build anew"
        echo "$name: $(sed -n 's/^#\([0-9]*\)[[:space:]]*DONE *\(cov: [0-9]*\) ft: [0-9]* \(corp: [0-9]*\).*/\1 runs, \2, \3/p' "$log")"
        return 0
    fi
    { grep -A 2 'panicked at\|ERROR: libFuzzer' "$log" || tail -n 20 "$log"; } | cut -c 1-300 >&2
    file=$(sed -n 's/^.*Test unit written to //p' "$log" | tail -n 1)
    echo "$name: CRASHED; replay it with" >&2
    echo "    scripts/fuzz.sh replay $name ${file:-(no input was written, see $log)}" >&2
    return 1
}

if [ "${1:-}" = replay ]; then
    [ $# -eq 3 ] || die "replay needs TARGET and FILE"
    build
    exec "$target_dir/debug/$2" "$3"
fi

# Without recent comparisons, in which addresses take part, each time the same inputs are tried.
bound="-runs=$runs -use_cmp=0"
if [ $# -gt 0 ]; then
    case $1 in
    '' | *[!0-9]* | 0) die "\`$1\` is not a number of seconds" ;;
    esac
    bound=-max_total_time=$1
    shift
else
    rm -rf "$work/corpus"
fi
if [ $# -eq 0 ]; then
    for file in fuzz/fuzz_targets/*.rs; do
        set -- "$@" "$(basename "$file" .rs)"
    done
fi

build
failed=0
for name in "$@"; do
    [ -x "$target_dir/debug/$name" ] || die "no target $name; does it have a [[bin]] in fuzz/Cargo.toml?"
    fuzz "$name" "$bound" || failed=1
done
exit $failed
