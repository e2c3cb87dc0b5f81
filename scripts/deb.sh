#!/bin/bash
# deb.sh: the Debian package of the built program, in target/debian; prints its path. What is in it: [package.metadata.deb]
# of Cargo.toml. `deb.sh --fast` compresses less.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(scripts/tool.sh cargo-deb 3.8.0)
rm -rf target/manuals
target/release/vasa manuals target/manuals
exec "$tool" --no-build --strip --output target/debian "$@"
