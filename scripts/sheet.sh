#!/bin/bash
# sheet.sh: draws the contact sheet of 16 face states (docs/sheet.csv) into docs/pictures/sheet.jpg.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$root/target/release/vasa" render --curves "$root/docs/sheet.csv" --fps 1 --size 640x640 --out "$work/" 2>/dev/null
mkdir -p "$root/docs/pictures"
# Head and shoulders, four by four.
ffmpeg -nostdin -loglevel error -y -i "$work/frame-%06d.png" \
  -vf "crop=430:480:105:30,scale=360:-2:flags=lanczos,tile=4x4:padding=4:color=white" -frames:v 1 -q:v 4 "$root/docs/pictures/sheet.jpg"
echo "$root/docs/pictures/sheet.jpg"
