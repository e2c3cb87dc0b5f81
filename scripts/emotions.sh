#!/bin/bash
# emotions.sh: draws docs/pictures/emotions.jpg: the eight emotions at 1 on Anna, Kofi and Mei, and key frames of the gestures.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
vasa=$root/target/release/vasa
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$root/docs/pictures"
ffmpeg -nostdin -loglevel error -f lavfi -i anullsrc=r=16000:cl=mono -t 4 "$work/silence.wav"

# row TIME ARGUMENTS: the face at TIME in silence with these arguments. The seed has no blink near the times that are drawn.
row() {
  local time=$1
  shift
  "$vasa" render --audio "$work/silence.wav" --profile neutral --fps 50 --seed 4 --gaze "${gaze:-0,0}" "$@" --curves-out "$work/all.csv"
  awk -F, -v OFS=, -v at="$time" -v to="$count" 'NR > 1 && $1 >= at { $1 = to; print; exit }' "$work/all.csv"
  count=$((count + 1))
}

# sheet AVATAR: draws $work/rows.csv, eight a row.
sheet() {
  mkdir -p "$work/$1"
  rm -f "$work/$1"/*
  { head -1 "$work/all.csv"; cat "$work/rows.csv"; } > "$work/sheet.csv"
  "$vasa" render --avatar "$1" --curves "$work/sheet.csv" --fps 1 --size 480x480 --out "$work/$1/" 2> "$work/errors" ||
    { cat "$work/errors" >&2; exit 1; }
  ffmpeg -nostdin -loglevel error -y -i "$work/$1/frame-%06d.png" \
    -vf "crop=256:292:112:58,scale=200:-2:flags=lanczos,tile=8x1:padding=3:color=white" -frames:v 1 "$work/$2.png"
}

count=0
for emotion in neutral happy sad angry surprised afraid disgusted contempt; do
  row 3.0 --emotion "$emotion=1"
done > "$work/rows.csv"
for avatar in anna kofi mei; do sheet $avatar $avatar; done

count=0 gaze=auto
{
  row 2.27 --gesture nod@2
  row 2.61 --gesture shake@2
  row 2.30 --gesture wink@2
  row 2.34 --gesture laugh@2
  row 3.10 --gesture laugh@2
  row 2.30 --gesture raise-brows@2
  row 2.62 --gesture think@2
  row 3.60 --gesture think@2
} > "$work/rows.csv"
sheet anna gestures

ffmpeg -nostdin -loglevel error -y -i "$work/anna.png" -i "$work/kofi.png" -i "$work/mei.png" -i "$work/gestures.png" \
  -filter_complex "[0][1][2][3]vstack=inputs=4" -frames:v 1 -q:v "${QUALITY:-6}" "$root/docs/pictures/emotions.jpg"
echo "$root/docs/pictures/emotions.jpg"
