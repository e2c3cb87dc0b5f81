#!/bin/bash
# tool.sh NAME VERSION: a tool of cargo's in just that version, installed inside the checkout unless it is there; prints its path.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1 version=$2
tool=.cache/tools/bin/$name
case $("$tool" --version 2>/dev/null || true) in
  "$version" | "$name $version") ;;
  *)
    # It runs for seconds; at the full level it would be compiled for minutes.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
      cargo install "$name" --version "$version" --locked --quiet --root .cache/tools >&2
    ;;
esac
echo "$tool"
