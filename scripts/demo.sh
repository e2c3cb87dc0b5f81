#!/bin/bash
# demo.sh SENTENCE (inside session.sh): starts the daemon, watches it with GStreamer as an app would, has it say SENTENCE, and
# saves picture and sound as one video, whose path it prints.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
vasa=$root/target/release/vasa
out=${VASA_DEMO_OUT:-$root/target/demo.mp4}
work=$(mktemp -d)
pids=()
finish() {
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

pactl load-module module-null-sink sink_name=demo_speaker sink_properties=device.description=Demo_Speaker >/dev/null
pactl set-default-sink demo_speaker
"$vasa" daemon 2>"$work/daemon.log" & daemon=$!
pids+=("$daemon")
for _ in $(seq 100); do
  kill -0 "$daemon" 2>/dev/null || { cat "$work/daemon.log" >&2; exit 1; }
  pw-cli ls Node 2>/dev/null | grep -q '"vasa_camera"' && grep -q drawing "$work/daemon.log" && break
  sleep 0.1
done
# One pipeline takes both, so that picture and sound share a clock.
gst-launch-1.0 -q -e \
  pipewiresrc target-object=vasa_camera do-timestamp=true ! video/x-raw,format=I420,width=1280,height=720 ! queue max-size-time=2000000000 ! jpegenc quality=92 ! mux. \
  pulsesrc device=demo_speaker.monitor do-timestamp=true ! audio/x-raw,rate=48000,channels=1 ! queue max-size-time=2000000000 ! mux. \
  matroskamux name=mux ! filesink location="$work/seen.mkv" >"$work/gst.log" 2>&1 & client=$!
pids+=("$client")
for _ in $(seq 50); do [ -s "$work/seen.mkv" ] && break; sleep 0.1; done
sleep 1
"$vasa" say "$1"
sleep 0.7
"$vasa" status
kill -INT "$client" 2>/dev/null || true
wait "$client" || { cat "$work/gst.log" >&2; exit 1; }
part=${out%.*}.part.${out##*.}
ffmpeg -nostdin -loglevel error -y -i "$work/seen.mkv" -c:v libx264 -preset veryfast -crf 22 -pix_fmt yuv420p \
  -c:a aac -movflags +faststart "$part" </dev/null
mv "$part" "$out"
grep -E 'WARN|ERROR' "$work/daemon.log" >&2 || true
echo "what the client saw and heard: $out"
