#!/usr/bin/env bash
# The demo: set-up, build, then `slips-p2p demo`, which does the rest. KEEP=1 leaves everything running.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh demo
export PATH=$PATH:/usr/sbin:/sbin
echo 'demo: building (some minutes the first time)' >&2
cargo build --quiet --bin slips-p2p

options=()
if [ -n "${KEEP:-}" ] && [ "$KEEP" != 0 ]; then
  options+=(--keep)
fi
# `cargo run` becomes the program, so Ctrl-C reaches it.
exec cargo run --quiet --bin slips-p2p -- demo "${options[@]}"
