#!/bin/bash
# clips.sh: films every built-in person for some ten seconds, talking, into target/clips. `clips.sh NAME ...` films only those.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
text="Good morning, everybody. I typed this, and you hear and see it now. Is my picture sharp, and do my lips fit? Then let us begin, one after another."
if [ $# = 0 ]; then
  for manifest in "$root"/models/avatars/*/avatar.toml; do set -- "$@" "$(basename "$(dirname "$manifest")")"; done
fi
mkdir -p "$root/target/clips"
for name in "$@"; do
  "$root/target/release/vasa" render --avatar "$name" --profile friendly --text "$text" --size 720x720 --out "$root/target/clips/$name.mp4"
  echo "target/clips/$name.mp4"
done
