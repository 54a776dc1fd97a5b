#!/usr/bin/env bash
# Mutation testing of the reputation core: are its tests of any use?
#
#   scripts/mutants.sh                 every mutant of src/reputation (an hour or more on two cores)
#   scripts/mutants.sh 1/4             every fourth of them, a sample of them all
#   scripts/mutants.sh 0/1 -F caps     what follows goes to cargo-mutants
#
# The core is pure, so it is tried in a crate of its own (domain, reputation and its tests), where a mutant
# costs seconds. JOBS sets how many are tried at once. Prints the survivors and the share that was caught; ends
# with 1 when that is less than 90 %. Mutants that change nothing one could see are named, with the reason, in
# scripts/mutants.toml.
set -euo pipefail
cd "$(dirname "$0")/.."

goal=90
shard=${1:-0/1}
[ $# -eq 0 ] || shift
cargo mutants --version >/dev/null 2>&1 || {
  echo 'mutants: cargo-mutants is missing: cargo install cargo-mutants --locked' >&2
  exit 2
}

crate=${MUTANTS_DIR:-$(mktemp -d)}
[ -n "${MUTANTS_DIR:-}" ] || trap 'rm -rf "$crate"' EXIT
mkdir -p "$crate/src" "$crate/tests" "$crate/.cargo"
rm -rf "${crate:?}"/src/* "${crate:?}"/tests/*
cp -r src/domain src/domain.rs src/reputation src/reputation.rs "$crate/src/"
cp -r tests/reputation.rs tests/reputation tests/golden tests/vectors "$crate/tests/"
cp scripts/mutants.toml "$crate/.cargo/mutants.toml"
cp Cargo.lock "$crate/"
printf '//! The reputation core by itself, for mutation testing.\npub mod domain;\npub mod reputation;\n' >"$crate/src/lib.rs"

# What the core and its tests use, as the whole program has it.
{
  sed -n '/^\[package\]/,/^rust-version/p' Cargo.toml
  # `PeerId` is the same type in libp2p and in the small crate behind it.
  printf '[lib]\nname = "slips_p2p"\n[dependencies]\n'
  printf 'libp2p = { package = "libp2p-identity", version = "%s", features = ["peerid", "rand"] }\n' \
    "$(grep -A 1 '^name = "libp2p-identity"' Cargo.lock | sed -n 's/^version = "\(.*\)"/\1/p')"
  grep -E '^(hashbrown|ipnet|jiff|thiserror) = ' Cargo.toml
  printf '[dev-dependencies]\n'
  grep -E '^(proptest|rand|serde|serde_json) = ' Cargo.toml
  printf '[profile.dev]\ndebug = false\n[profile.dev.package."*"]\nopt-level = 1\n'
} >"$crate/Cargo.toml"

# Fewer random cases a property than in a test run, for the same reason: the share found is rather too low.
export PROPTEST_CASES=${PROPTEST_CASES:-16}
tool=cargo
! cargo nextest --version >/dev/null 2>&1 || tool=nextest

status=0
cargo mutants --dir "$crate" --output "$crate" --file 'src/reputation/**' --shard "$shard" --sharding round-robin \
  --jobs "${JOBS:-2}" --test-tool "$tool" --no-shuffle --minimum-test-timeout 60 --colors never --no-times "$@" || status=$?
# 2: some survived; 3: some ran out of time, which a test run would show as well.
case $status in
  0 | 2 | 3) ;;
  *) exit "$status" ;;
esac

found=$crate/mutants.out
count() { wc -l <"$found/$1.txt"; }
killed=$(($(count caught) + $(count timeout)))
all=$((killed + $(count missed)))
echo "mutants: $all tried (shard $shard): $(count caught) caught, $(count timeout) ran out of time, $(count missed) survived, $(count unviable) do not compile"
echo "mutants: $((killed * 1000 / (all > 0 ? all : 1)))/1000 killed, the goal is $goal in 100"
[ $((killed * 100)) -ge $((all * goal)) ]
