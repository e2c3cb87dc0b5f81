#!/bin/bash
# run.sh: what `make run` does after everything is built. On a desktop: the daemon in the foreground, saying a sentence first.
# Where there is no PipeWire session: a private one, a client that really watches, and a short video of what it got.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
vasa=$root/target/release/vasa
sentence=${VASA_SENTENCE:-Good morning, everybody. I am glad to be here with you.}

desktop() {
  [ -S "${XDG_RUNTIME_DIR:-/nonexistent}/${PIPEWIRE_REMOTE:-pipewire-0}" ] &&
    dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId >/dev/null 2>&1
}

if ! desktop; then
  echo "there is no PipeWire session here: making a private one for the demonstration"
  exec "$here/session.sh" "$here/demo.sh" "$sentence"
fi

owner() {
  dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
    string:org.vasacamera.VasaCamera1 2>/dev/null | grep -q 'boolean true'
}

if owner; then
  echo "the camera already runs; it says its sentence"
  exec "$vasa" say "$sentence"
fi
"$vasa" daemon & daemon=$!
trap 'kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null' EXIT
until owner; do kill -0 "$daemon" 2>/dev/null || exit 1; sleep 0.1; done
"$vasa" say "$sentence" || true
echo
echo "\"VASA Camera\" can now be picked in any video app. Speak with:  $vasa say \"Hello.\"   End with Ctrl-C."
wait "$daemon"
