#!/usr/bin/env bash
# Mutation testing of the reputation core: are its tests of any use?
#
#   scripts/mutants.sh                 every mutant of src/reputation (some hours)
#   scripts/mutants.sh 1/4             every fourth of them, a sample of them all
#   scripts/mutants.sh 0/1 -F caps     what follows goes to cargo-mutants
#
# The core is pure, so it is tried in a crate of its own (domain, reputation and its tests), where a mutant
# costs seconds. MUTANTS_DIR keeps that crate, so that the next shard finds it built; two shards at a time want
# two of them. Prints the survivors and the share that was caught; ends with 1 when that is less than 90 %.
# Mutants that change nothing one could see are named, with the reason, in scripts/mutants.toml.
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
mkdir -p "$crate/src" "$crate/tests" "$crate/.cargo" "$crate/libp2p/src"
rm -rf "${crate:?}"/src/* "${crate:?}"/tests/*
cp -r src/domain src/domain.rs src/reputation src/reputation.rs "$crate/src/"
cp -r tests/reputation.rs tests/reputation tests/golden tests/vectors "$crate/tests/"
# The fields take seconds a time; what the others miss and a field would show counts as survived.
sed -i '/field/d' "$crate/tests/reputation.rs"
cp scripts/mutants.toml "$crate/.cargo/mutants.toml"
cp Cargo.lock "$crate/"
# The tests are made a module of the core: one thing to compile for a mutant, not three.
cat >"$crate/src/lib.rs" <<'RUST'
//! The reputation core by itself, for mutation testing.
extern crate self as slips_p2p;
pub mod domain;
pub mod reputation;
#[cfg(test)]
#[path = "../tests/reputation.rs"]
mod suite;
RUST

# What the core and its tests use, as the whole program has it. Of libp2p that is two types, which are
# the same in the small crates behind it.
locked() { grep -A 1 "^name = \"$1\"" Cargo.lock | sed -n 's/^version = "\(.*\)"/\1/p' | tail -n 1; }
printf 'pub use libp2p_identity::PeerId;\npub use multiaddr::{self, Multiaddr};\n' >"$crate/libp2p/src/lib.rs"
{
  printf '[package]\nname = "libp2p"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n'
  printf 'libp2p-identity = { version = "%s", features = ["peerid", "rand"] }\n' "$(locked libp2p-identity)"
  printf 'multiaddr = "%s"\n' "$(locked multiaddr)"
} >"$crate/libp2p/Cargo.toml"
{
  sed -n '/^\[package\]/,/^rust-version/p' Cargo.toml
  printf 'autotests = false\n[lib]\nname = "slips_p2p"\ndoctest = false\n[dependencies]\nlibp2p = { path = "libp2p" }\n'
  grep -E '^(hashbrown|ipnet|jiff|thiserror) = ' Cargo.toml
  printf '[dev-dependencies]\n'
  grep -E '^(proptest|rand|serde|serde_json) = ' Cargo.toml
  printf '[profile.dev]\ndebug = false\nincremental = true\n[profile.dev.package."*"]\nopt-level = 1\n'
} >"$crate/Cargo.toml"

# Fewer random cases a property than in a test run: quicker, and the share found is rather too low.
export PROPTEST_CASES=${PROPTEST_CASES:-16}

status=0
cargo mutants --dir "$crate" --output "$crate" --file 'src/reputation/**' --shard "$shard" --sharding round-robin \
  --in-place --test-tool cargo --no-shuffle --minimum-test-timeout 20 --colors never \
  --no-times "$@" || status=$?
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
