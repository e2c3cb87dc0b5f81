#!/bin/bash
# sheet.sh: draws a contact sheet of 16 face states (docs/sheet.csv) of every avatar that has a recipe in models/avatars: Anna's is
# docs/pictures/sheet.jpg, NAME's docs/pictures/sheet-NAME.jpg. `sheet.sh NAME ...` draws only those.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$root/docs/pictures"
if [ $# = 0 ]; then
  for file in "$root"/models/avatars/*.toml; do set -- "$@" "$(basename "$file" .toml)"; done
fi
for name in "$@"; do
  picture="$root/docs/pictures/sheet-$name.jpg" width=270
  if [ "$name" = anna ]; then picture="$root/docs/pictures/sheet.jpg" width=360; fi
  rm -f "$work"/*.png
  "$root/target/release/vasa" render --avatar "$name" --curves "$root/docs/sheet.csv" --fps 1 --size 640x640 \
    --out "$work/" 2> "$work/errors" || { cat "$work/errors" >&2; exit 1; }
  # Head and shoulders, four by four.
  ffmpeg -nostdin -loglevel error -y -i "$work/frame-%06d.png" \
    -vf "crop=430:480:105:30,scale=$width:-2:flags=lanczos,tile=4x4:padding=4:color=white" -frames:v 1 -q:v 4 "$picture"
  echo "$picture"
done
