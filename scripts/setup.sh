#!/bin/bash
# setup.sh FILE…: installs the Debian or Ubuntu packages that the lists name and that are missing, through sudo where
# not root. Quick where nothing is missing, and it says what it would need where it cannot install.
set -euo pipefail
command -v cargo >/dev/null || { echo "cargo is missing; install a Rust toolchain (rustup.rs) first" >&2; exit 1; }
if ! command -v dpkg-query >/dev/null; then
  echo "this machine has no apt; install what $* name with your own package manager" >&2
  exit 0
fi
wanted=()
for list in "$@"; do
  while read -r package _; do [[ -z $package || $package == \#* ]] || wanted+=("$package"); done <"$list"
done
missing=()
installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' 2>/dev/null) "
for package in "${wanted[@]}"; do [[ $installed == *" installed:$package "* ]] || missing+=("$package"); done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing ${#missing[@]} system packages: ${missing[*]}"
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "run as root: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
