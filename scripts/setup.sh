#!/bin/sh
# Installs what building Keen needs on Debian 12; on another system it names the packages. Does nothing when all is there.
#
# Usage: setup.sh [--ci]   (--ci adds what only the continuous integration uses)
set -eu

packages="g++ meson ninja-build pkg-config python3 libtbb-dev zlib1g-dev libopenblas-dev libdnnl-dev libxsimd-dev catch2
          llvm-16-dev clang-16"
if [ "${1:-}" = --ci ]; then
  packages="$packages libclang-rt-16-dev clang-format-14 git"
fi

missing=""
if command -v dpkg-query >/dev/null 2>&1; then
  for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
  done
  [ -n "$missing" ] || exit 0
fi

if ! grep -qs '^VERSION_ID="12"' /etc/os-release || ! grep -qs '^ID=debian' /etc/os-release; then
  cat <<'TEXT'
This script installs packages on Debian 12 only. On another system, install these yourself
(names vary), then run `meson setup build && ninja -C build`:
  a C++20 compiler (g++ 12 or clang 16 and newer), Meson 1.0.1, Ninja, pkg-config, Python 3,
  oneTBB, zlib, OpenBLAS, oneDNN 2.6 or newer, xsimd 8.1 or newer, Catch2 2.13 or 3,
  and for the compiler LLVM 16 and clang 16 (leave it out with -Djit=disabled).
TEXT
  # Where they are there already, building goes on.
  command -v meson >/dev/null 2>&1 && command -v ninja >/dev/null 2>&1 && command -v pkg-config >/dev/null 2>&1 && exit 0
  exit 1
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "Missing packages, and neither root nor sudo to install them. Run as root:" >&2
    echo "  apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  as_root=sudo
fi
echo "Installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086  # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
