#!/usr/bin/env bash
# Makes a machine ready: `scripts/setup.sh demo` or `scripts/setup.sh test`.
# What is missing is installed from apt, and said; where that cannot be, it says what to install and ends with 1.
set -euo pipefail

purpose=${1:-}
case $purpose in
  demo | test) ;;
  *)
    echo "usage: $0 demo|test" >&2
    exit 2
    ;;
esac

say() { printf 'setup: %s\n' "$*" >&2; }
# Root's tools are in sbin, which an ordinary user's PATH may lack.
PATH=$PATH:/usr/sbin:/sbin

missing=()
need() { # need COMMAND PACKAGE...: the packages that bring the command, if it is not there
  local command=$1
  shift
  if ! command -v "$command" >/dev/null 2>&1; then
    say "$command is missing (Debian package: $*)"
    missing+=("$@")
  fi
}

if ! command -v cargo >/dev/null 2>&1; then
  say "cargo is missing: install Rust 1.95 or newer, see https://rustup.rs"
  exit 1
fi
# Rust links with it, and SQLite is compiled from its C source.
need cc gcc libc6-dev
if [ "$purpose" = test ]; then
  # libFuzzer, which drives the fuzz targets, is C++.
  need c++ g++
fi
need redis-server redis-server
if [ "$purpose" = test ]; then
  need ip iproute2
  need unshare util-linux
  need node nodejs
  need npm npm
fi

if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

instruction() {
  say "cannot install: $1"
  say "install these by hand, then run this again: ${missing[*]}"
  say "on Debian or Ubuntu, as root: apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  exit 1
}

command -v apt-get >/dev/null 2>&1 || instruction "there is no apt-get on this machine"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null 2>&1 || instruction "not root, and there is no sudo"
  if sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
  elif [ -t 0 ]; then
    as_root=(sudo)
  else
    instruction "not root, and sudo would ask for a password"
  fi
fi

say "installing from apt: ${missing[*]}"
for package in "${missing[@]}"; do
  if [ "$package" = redis-server ]; then
    say "Debian starts its own redis-server service on port 6379 with it; nothing here uses that one"
  fi
done
# A lock held by an unattended upgrade is waited for instead of failing at once.
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120)
"${as_root[@]}" "${apt[@]}" update >&2 || instruction "apt-get update failed, see above"
"${as_root[@]}" "${apt[@]}" install --no-install-recommends "${missing[@]}" >&2 || instruction "apt-get install failed, see above"
hash -r
for command in cc redis-server; do
  command -v "$command" >/dev/null 2>&1 || instruction "$command is still missing after the installation"
done
say "done"
