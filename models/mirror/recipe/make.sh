#!/bin/bash
# make.sh: makes models/mirror/seen.safetensors anew. Needs target/release/vasa, its model "vision", ffmpeg and python3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
vasa=$root/target/release/vasa
work=$root/target/mirror
mkdir -p "$work/frames"
[ -x "$work/python/bin/python" ] || python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet --requirement "$here/requirements.txt"
seed=300
for take in 1 2; do
  for person in anna kofi mei ines lars ravi; do
    seed=$((seed + 1))
    name=$take-$person
    "$work/python/bin/python" "$here/performances.py" $seed 52 > "$work/frames/$name.csv"
    "$vasa" render --curves "$work/frames/$name.csv" --avatar $person --size 640x480 --fps 30 --out "$work/$name.mp4"
    "$vasa" mirror film "$work/$name.mp4" --landmarks "$work/frames/$name.landmarks"
  done
done
"$work/python/bin/python" "$here/train.py" "$work/frames"
