#!/bin/bash
# test.sh: every test. Formatting, lints, licences, then the tests of the program, which start the real thing.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s (%s)\n' "$1" "$(date +%H:%M:%S)"; }
# A test that panics in here must not pick up somebody's desktop.
unset DISPLAY WAYLAND_DISPLAY
export VASA_SHARED=${VASA_SHARED:-$(cd .. && pwd)/shared}
[ -d "$VASA_SHARED" ] || echo "NOTE: $VASA_SHARED is not here: the tests that score against filmed speech are skipped"

step "formatting"
cargo fmt --check
step "lints"
cargo clippy --release --locked --all-targets -- -D warnings
step "licences, sources, advisories"
scripts/deny.sh
step "virtual machine"
tests/kit/vm/prepare.sh
step "tests"
cargo test --release --locked --no-fail-fast
