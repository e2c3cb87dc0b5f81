#!/bin/bash
# browser.sh chromium|firefox PICTURE.png (inside session.sh, with the camera already offered): opens the camera in a real
# browser through the camera portal and prints the page's report, one line of JSON. About 10 s.
#   CAMERA="VASA Camera"  the camera to open, by a part of its label
#   WITH_AUDIO=true       the microphone too
#   MICROPHONE=NAME SOUND=FILE   no camera, but ten seconds of that microphone (see page.py)
# Debian packages: chromium firefox-esr xdg-desktop-portal xdg-desktop-portal-gtk xvfb python3 libglib2.0-bin dbus
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${VASA_SESSION:?browser.sh belongs inside a session: scripts/session.sh tests/kit/browser.sh …}"
folder=$(mktemp -d)
pids=()
finish() {
  trap '' TERM INT HUP
  local i
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill "${pids[i]}" 2>/dev/null; done
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do wait "${pids[i]}" 2>/dev/null; done
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 143' TERM INT HUP

# The camera portal needs a display, even for a browser without one. Xvfb picks a number that is free.
Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3>"$folder/display" >/dev/null 2>&1 &
pids+=($!)
for _ in $(seq 100); do
  [ -s "$folder/display" ] && break
  sleep 0.05
done
DISPLAY=:$(cat "$folder/display")
export DISPLAY XDG_CURRENT_DESKTOP=gnome XDG_DATA_DIRS=/usr/local/share:/usr/share
dbus-update-activation-environment DISPLAY XDG_RUNTIME_DIR XDG_CURRENT_DESKTOP XDG_DATA_DIRS HOME
# The user's "yes" to the camera; the empty name stands for programs outside a sandbox.
gdbus call --session --dest org.freedesktop.impl.portal.PermissionStore \
  --object-path /org/freedesktop/impl/portal/PermissionStore \
  --method org.freedesktop.impl.portal.PermissionStore.SetPermission devices true camera '' "['yes']" >/dev/null

python3 "$here/page.py" "$2" >"$folder/report" &
page=$!
pids+=("$page")
for _ in $(seq 100); do
  [ -s "$folder/report" ] && break
  sleep 0.05
done
address=$(head -n 1 "$folder/report")

case $1 in
  chromium)
    chromium --headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
      --disable-component-update --disable-sync --user-data-dir="$folder/profile" --use-fake-ui-for-media-stream \
      --autoplay-policy=no-user-gesture-required --enable-features=WebRtcPipeWireCamera "$address" >"$folder/log" 2>&1 &
    ;;
  firefox)
    mkdir "$folder/profile"
    cat >"$folder/profile/user.js" <<'PREFERENCES'
user_pref("media.webrtc.camera.allow-pipewire", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.autoplay.default", 0);
user_pref("media.autoplay.blocking_policy", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("termsofuse.bypassNotification", true);
user_pref("app.update.enabled", false);
PREFERENCES
    firefox-esr --headless --no-remote --profile "$folder/profile" "$address" >"$folder/log" 2>&1 &
    ;;
  *)
    echo "browser.sh: \"$1\" is no browser; it must be chromium or firefox" >&2
    exit 2
    ;;
esac
pids+=($!)

for _ in $(seq "${BROWSER_TIMEOUT:-90}"); do
  kill -0 "$page" 2>/dev/null || break
  sleep 1
done
if ! sed 1d "$folder/report" | grep .; then
  echo "browser.sh: $1 sent no report; it said last:" >&2
  tail -n 15 "$folder/log" >&2
  exit 1
fi
