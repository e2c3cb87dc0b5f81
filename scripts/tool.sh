#!/bin/bash
# tool.sh NAME VERSION: a tool of cargo's in just that version, installed inside the checkout unless it is there; prints its path.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1 version=$2
tool=.cache/tools/bin/$name
case $("$tool" --version 2>/dev/null || true) in
  "$version" | "$name $version") ;;
  *) cargo install "$name" --version "$version" --locked --quiet --root .cache/tools >&2 ;;
esac
echo "$tool"
