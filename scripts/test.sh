#!/usr/bin/env bash
# Every test: set-up, the foreign peer's packages, the Rust tests, a short run of the fuzz targets.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh test
export PATH=$PATH:/usr/sbin:/sbin

if [ -f tests/foreign/package-lock.json ]; then
  echo 'test: packages of the foreign peer (npm ci)' >&2
  npm ci --prefix tests/foreign --no-audit --no-fund --loglevel=error || {
    echo 'test: npm ci failed in tests/foreign; it needs the npm registry (npm config get registry)' >&2
    exit 1
  }
fi

if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --workspace --no-fail-fast
  # nextest does not run the examples in the documentation.
  cargo test --workspace --doc
else
  cargo test --workspace --no-fail-fast
fi

if [ -x scripts/fuzz.sh ]; then
  scripts/fuzz.sh
fi
