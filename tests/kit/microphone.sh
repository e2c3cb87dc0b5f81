#!/bin/bash
# microphone.sh FILE.wav|silence (inside session.sh): makes a microphone "Test_Microphone" the default source and plays
# FILE into it once (`silence`: nothing). ALSA's "default", "pipewire" and "pulse" devices, and so cpal, record it.
# Prints "ready" when a recorder would hear the file's first sample, and ends with the file; the microphone stays.
# Debian packages: pulseaudio-utils libasound2-plugins pipewire-bin
set -eu
if ! pactl list short sources | grep -q '\btest_mic\b'; then
  pactl load-module module-null-sink media.class=Audio/Source/Virtual sink_name=test_mic channel_map=mono \
    sink_properties=device.description=Test_Microphone >/dev/null
  pactl set-default-source test_mic
fi
if [ "$1" = silence ]; then
  echo ready
  exit
fi
# Not linked to anything by itself: then it waits for us, and nothing of the file is lost.
pw-play --target 0 -P '{ node.name=mic_feeder }' "$1" &
feeder=$!
trap 'kill "$feeder" 2>/dev/null || true' EXIT
trap 'exit 143' TERM INT HUP
for _ in $(seq 100); do
  if pw-link mic_feeder:output_MONO test_mic:input_MONO 2>/dev/null ||
    pw-link mic_feeder:output_FL test_mic:input_MONO 2>/dev/null; then
    echo ready
    wait "$feeder"
    exit
  fi
  sleep 0.05
done
echo "microphone.sh: $1 could not be led into the microphone" >&2
exit 1
