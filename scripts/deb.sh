#!/bin/bash
# deb.sh: the Debian package of the built program, in target/debian; prints its path. What is in it: [package.metadata.deb]
# of Cargo.toml. `deb.sh --fast` compresses less.
set -euo pipefail
cd "$(dirname "$0")/.."
version=3.8.0
tool=.cache/tools/bin/cargo-deb
if [ "$("$tool" --version 2>/dev/null)" != "$version" ]; then
  cargo install cargo-deb --version "$version" --locked --quiet --root .cache/tools
fi
rm -rf target/manuals
target/release/vasa manuals target/manuals
exec "$tool" --no-build --strip --output target/debian "$@"
