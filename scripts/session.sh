#!/bin/bash
# session.sh COMMAND…   a private desktop session without a desktop: D-Bus, PipeWire, WirePlumber and the PulseAudio server
#                       in a temporary runtime folder of their own. Runs COMMAND in it (as root too), takes everything down
#                       by pid, and ends with COMMAND's exit status.
# Inside such a session:
#   session.sh --stop-pipewire    takes PipeWire down as a crash would (kill -9)
#   session.sh --start-pipewire   brings it up (again)
#   session.sh --stop-wireplumber, --start-wireplumber   the same for WirePlumber alone
# Environment:
#   SESSION_PIPEWIRE=later        PipeWire is left for --start-pipewire
#   SESSION_HOME=FOLDER           a home that outlives the session; else a temporary one
# Debian packages: dbus pipewire pipewire-bin pipewire-alsa pipewire-pulse wireplumber libspa-0.2-modules
set -u

# Starts a service of the session; its pid goes where the end of the session finds it.
service() {
  local name=$1
  shift
  setsid "$@" >"$XDG_RUNTIME_DIR/$name.log" 2>&1 </dev/null &
  echo $! >"$VASA_SESSION/$name.pid"
  disown # or the shell would tell of each one that is killed
}

# Waits (10 s at most) until the command given says yes.
wait_for() {
  for _ in $(seq 200); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.05
  done
  echo "session.sh: waited in vain for: $*; the logs are:" >&2
  tail -n 5 "$XDG_RUNTIME_DIR"/*.log >&2
  return 1
}

# kill -SIGNAL for each service named that still runs, and waits until it is gone.
end_services() {
  local signal=$1 name pid
  shift
  for name in "$@"; do
    [ -e "$VASA_SESSION/$name.pid" ] || continue
    pid=$(cat "$VASA_SESSION/$name.pid")
    kill "-$signal" "$pid" 2>/dev/null
    for _ in $(seq 100); do
      # A service that is not our own child stays a zombie until its parent looks: that is gone enough.
      case $(ps -o stat= -p "$pid" 2>/dev/null) in "" | Z*) break ;; esac
      sleep 0.03
    done
    kill -KILL "$pid" 2>/dev/null
    rm -f "$VASA_SESSION/$name.pid"
  done
}

ready() { pw-cli ls Client 2>/dev/null | grep -q 'application.name = "WirePlumber"'; }

start_pipewire() {
  rm -f "$XDG_RUNTIME_DIR"/pipewire-0* "$XDG_RUNTIME_DIR/pulse/native"
  service pipewire pipewire
  wait_for test -S "$XDG_RUNTIME_DIR/pipewire-0" || return
  service wireplumber wireplumber
  service pulse pipewire-pulse
  wait_for ready && wait_for test -S "$XDG_RUNTIME_DIR/pulse/native"
}

case ${1:-} in
  --start-pipewire | --stop-pipewire | --start-wireplumber | --stop-wireplumber)
    : "${VASA_SESSION:?session.sh $1 belongs inside a session: session.sh COMMAND…}"
    case $1 in
      --start-pipewire) start_pipewire ;;
      --stop-pipewire) end_services KILL wireplumber pulse pipewire ;;
      --start-wireplumber) service wireplumber wireplumber && wait_for ready ;;
      --stop-wireplumber) end_services KILL wireplumber ;;
    esac
    exit
    ;;
  "" | --*)
    sed -n '2,13s/^# \?//p' "$0" >&2
    exit 2
    ;;
esac

for program in dbus-daemon pipewire wireplumber pipewire-pulse pw-cli ps; do
  if ! command -v "$program" >/dev/null; then
    echo "session.sh: $program is not installed; see the packages named at the top of $0" >&2
    exit 3
  fi
done

XDG_RUNTIME_DIR=$(mktemp -d /tmp/vasa-session.XXXXXX) || exit 3
chmod 700 "$XDG_RUNTIME_DIR"
VASA_SESSION=$XDG_RUNTIME_DIR/services
HOME=${SESSION_HOME:-$XDG_RUNTIME_DIR/home}
mkdir -p "$VASA_SESSION" "$HOME"
export XDG_RUNTIME_DIR VASA_SESSION HOME
export XDG_CONFIG_HOME=$HOME/.config XDG_STATE_HOME=$HOME/.local/state XDG_DATA_HOME=$HOME/.local/share XDG_CACHE_HOME=$HOME/.cache
export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus
unset DISPLAY WAYLAND_DISPLAY PIPEWIRE_REMOTE PIPEWIRE_RUNTIME_DIR PULSE_SERVER

command_pid=
finish() {
  trap '' TERM INT HUP
  [ -z "$command_pid" ] || { kill "$command_pid" 2>/dev/null && wait "$command_pid" 2>/dev/null; }
  end_services TERM wireplumber pulse pipewire dbus
  rm -rf --one-file-system "$XDG_RUNTIME_DIR"
}
trap finish EXIT
trap 'exit 143' TERM INT HUP

service dbus dbus-daemon --session --address="$DBUS_SESSION_BUS_ADDRESS" --nofork --nopidfile
wait_for test -S "$XDG_RUNTIME_DIR/bus" || exit 3
[ "${SESSION_PIPEWIRE:-now}" = later ] || start_pipewire || exit 3

# In the background, so that a signal to us reaches the trap at once; our standard input goes to it all the same.
"$@" <&0 &
command_pid=$!
wait "$command_pid"
status=$?
command_pid=
exit "$status"
