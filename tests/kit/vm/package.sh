# The guest of tests/package.rs: vasa.deb lies here. Each step says what it saw in a line of its own, `NAME: VALUE`; the test
# judges. Times are in seconds of the machine, which is emulated and slow.
set -u
unit=vasa-camera.service
name=org.vasacamera.VasaCamera1
object=/org/vasacamera/VasaCamera1
now() { cut -d' ' -f1 /proc/uptime; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
step() { echo "== $(now) $*"; }
as_user() {
  setpriv --reuid=2000 --regid=2000 --init-groups env HOME=/home/vasa XDG_RUNTIME_DIR=/run/user/2000 \
    DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/2000/bus GST_REGISTRY=/mnt/work/registry.bin GST_REGISTRY_UPDATE=no "$@"
}
# until_true SECONDS COMMAND…
until_true() {
  local end=$(($(date +%s) + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$end" ] || return 1
    sleep 0.2
  done
}
# What the user's programs and service manager said.
journal() { journalctl --no-pager _UID=2000; }
show() { as_user systemctl --user show --value --property "$1" "$unit"; }
fail() {
  echo "FAILED: $*"
  as_user systemctl --user --no-pager --full status "$unit"
  journalctl --no-pager --lines 60
  exit 1
}
active() { [ "$(show ActiveState)" = active ]; }
inactive() { [ "$(show ActiveState)" = inactive ]; }
# active_again PID: as another process than that one
active_again() { active && [ "$(show MainPID)" != "$1" ]; }
outlet() { as_user busctl --user get-property $name $object $name Outlets | grep -q "$1"; }
# v4l2_frames COUNT FILE: the user may not write here, so what he read is fetched.
v4l2_frames() {
  as_user timeout 200 v4l2-ctl -d /dev/video10 --stream-mmap --stream-count="$1" --stream-to="/home/vasa/$2" --silent && mv "/home/vasa/$2" "$2"
}

step "the package is installed"
# The lists of the host's thousands of packages are read slowly in here, and its man pages and menus would be indexed anew.
mkdir -p /run/dpkg/{info,updates,parts,triggers,alternatives}
cp /var/lib/dpkg/{status,diversions,statoverride} /run/dpkg/
touch /run/dpkg/{available,lock,lock-frontend}
mount --bind /run/dpkg /var/lib/dpkg
dpkg_quickly() { DEBIAN_FRONTEND=noninteractive dpkg --no-triggers --force-unsafe-io "$@" 2>&1 | grep -v 'files list file\|not empty so not removed'; return "${PIPESTATUS[0]}"; }
dpkg_quickly -i vasa.deb || fail "dpkg -i"
echo "enabled: $(readlink /etc/systemd/user/graphical-session.target.wants/$unit)"

# Light enough for the emulator, and the shortest watchdog that it keeps.
mkdir -p /home/vasa/.config/vasa-camera /etc/systemd/user/$unit.d
cat >/home/vasa/.config/vasa-camera/settings.toml <<'S'
network = "small"
monitor = false
[camera]
size = "640x480"
fps = 5
S
chown -R vasa:vasa /home/vasa
printf '[Service]\nTimeoutStartSec=300\n' >/etc/systemd/user/$unit.d/test.conf

step "the user logs in"
printf '[Unit]\nBindsTo=graphical-session.target\nAfter=graphical-session.target\n' >/etc/systemd/user/desktop.target
cat >/run/systemd/system/desktop.service <<'U'
[Service]
User=vasa
PAMName=login
Environment=XDG_SESSION_TYPE=wayland XDG_SESSION_CLASS=user
ExecStart=/bin/sh -c 'systemctl --user start desktop.target; exec sleep infinity'
U
systemctl daemon-reload
began=$(now)
systemctl start desktop.service
until_true 240 active || fail "the unit does not become active after login"
echo "active after login: $(since "$began") s"
echo "outlets when active: $(as_user busctl --user get-property $name $object $name Outlets)"
until_true 120 outlet '"v4l2" "/dev/video10"' || fail "no loopback outlet"
until_true 120 outlet '"pipewire"' || fail "no PipeWire outlet"
journal | grep 'vasa\[' | cut -c1-200 | tail -n 20

step "frames"
v4l2_frames 5 v4l2.yuv || fail "v4l2-ctl gets no frames"
echo "v4l2 bytes: $(stat -c %s v4l2.yuv)"
as_user timeout 200 gst-launch-1.0 -q pipewiresrc target-object=vasa_camera num-buffers=5 ! \
  video/x-raw,format=YUY2,width=640,height=480 ! filesink location=/home/vasa/pipewire.yuv || fail "GStreamer gets no frames"
mv /home/vasa/pipewire.yuv .
echo "pipewire bytes: $(stat -c %s pipewire.yuv)"

step "busctl switches the profile"
as_user busctl --user set-property $name $object $name.Profiles Active s happy || fail "the profile is not switched"
echo "profile: $(as_user busctl --user get-property $name $object $name.Profiles Active)"

step "the sandbox"
pid=$(show MainPID)
grep -E '^(NoNewPrivs|Seccomp):' /proc/"$pid"/status | tr '\t' ' '
echo "network devices: $(tail -n +3 /proc/"$pid"/net/dev | cut -d: -f1 | xargs)"
# The same unit with other programs in it: they try to reach a listener on this machine, and to write.
perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:8099", Listen => 5) or die; $s->accept while 1' & server=$!
probe='exec 3<>/dev/tcp/127.0.0.1/8099 && echo connected'
until_true 120 as_user bash -c "$probe" && echo "network outside: connected"
{
  grep -v -E '^(Type|BusName|ExecStart|Restart|WatchdogSec)' /usr/lib/systemd/user/$unit | sed '/^\[Install\]/,$d'
  printf 'Type=oneshot\n'
  for tried in "$probe" 'echo x >/home/vasa/probe' 'echo x >/home/vasa/.local/state/vasa-camera/probe'; do
    printf 'ExecStart=-/bin/bash -c "%s"\n' "$tried"
  done
} >/etc/systemd/user/vasa-probe.service
as_user systemctl --user daemon-reload
as_user systemctl --user start vasa-probe.service
kill $server
journal | grep 'bash\[' | grep -o -m 1 'connected\|Address family not supported by protocol\|Network is unreachable\|Connection refused' |
  sed 's/^/network inside: /'
for place in /home/vasa/probe /home/vasa/.local/state/vasa-camera/probe; do
  [ ! -e $place ] || echo "written: $place"
done

# The avatar has been seen in the sandbox. From here on a card will do: without an adapter it starts in a fraction of the time.
printf '[Service]\nTimeoutStartSec=300\nWatchdogSec=%s\nEnvironment=VK_ICD_FILENAMES=/nonexistent\n' "$WATCHDOG" >/etc/systemd/user/$unit.d/test.conf
pid=$(show MainPID)
as_user systemctl --user daemon-reload
as_user systemctl --user restart $unit
until_true 120 active_again "$pid" || fail "it does not start again"

step "suspend and resume"
# All of it, from logind to the second processor taken away and the clocks stopped, but for the firmware: Linux waits five
# seconds in its place, as QEMU forgets what the devices that keep the files were told.
echo core >/sys/power/pm_test
mkdir -p /run/systemd/sleep.conf.d
printf '[Sleep]\nSuspendState=mem\n' >/run/systemd/sleep.conf.d/test.conf
busctl monitor --system --match "type='signal',member='PrepareForSleep'" >sleep.log 2>&1 &
monitor=$!
pid=$(show MainPID)
# v4l2-ctl writes "<" for each frame: when, by the clock that stands still while the machine sleeps.
as_user timeout 300 v4l2-ctl -d /dev/video10 --stream-mmap --stream-count=100000 --stream-to=/dev/null 2>&1 |
  perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -ne 'BEGIN { $/ = \1; $| = 1 } printf "%.2f\n", clock_gettime(CLOCK_MONOTONIC) if $_ eq "<"' >frames.log &
seen() { [ "$(wc -l <frames.log)" -gt "$1" ]; }
until_true 120 seen 10 || fail "no frames before the suspension"
systemctl suspend || fail "logind does not suspend"
until_true 120 eval 'journalctl --no-pager -k | grep -q "PM: suspend exit"' || fail "the machine does not come back"
until_true 60 eval 'journal | grep -q "the machine slept"' || fail "the daemon did not notice the suspension"
before=$(wc -l <frames.log)
until_true 120 seen $((before + 10)) || fail "no frames after the suspension"
pkill -x v4l2-ctl
kill $monitor
echo "signals of sleep: $(grep -c Member=PrepareForSleep sleep.log)"
echo "log of going to sleep: $(journal | grep -c 'the machine goes to sleep')"
echo "log of sleep: $(journal | grep -c 'the machine slept')"
journal | grep -o 'the machine slept.*'
echo "same process: $([ "$(show MainPID)" = "$pid" ] && echo yes)"
echo "frames away: $(awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { printf "%.1f", most }' frames.log) s"

step "killed"
pid=$(show MainPID)
began=$(now)
kill -9 "$pid"
until_true 120 active_again "$pid" || fail "it did not come back after kill -9"
echo "back after kill: $(since "$began") s"
v4l2_frames 3 killed.yuv || fail "no frames after kill -9"

step "stopped"
pid=$(show MainPID)
began=$(now)
kill -STOP "$pid"
until_true 120 active_again "$pid" || fail "the watchdog did not catch the stopped process"
echo "back after stop: $(since "$began") s"
echo "watchdog: $(journal | grep -o -m 1 'Watchdog timeout')"
v4l2_frames 3 stopped.yuv || fail "no frames after the watchdog"

step "an update while apps hold the camera"
as_user timeout 300 gst-launch-1.0 -q pipewiresrc target-object=vasa_camera ! video/x-raw,format=YUY2,width=640,height=480 ! \
  multifilesink location=/home/vasa/held.yuv &
as_user timeout 300 v4l2-ctl -d /dev/video10 --stream-mmap --stream-count=100000 --stream-to=/dev/null 2>held.log &
# Each app gets frames that are newer than this call: v4l2-ctl writes "<" for each.
more() {
  local seen
  seen=$(tr -cd '<' <held.log | wc -c)
  touch /run/mark
  until_true 120 [ /home/vasa/held.yuv -nt /run/mark ] && until_true 120 eval '[ "$(tr -cd "<" <held.log | wc -c)" -gt '"$seen"' ]'
}
more || fail "the apps get no frames: $(cat held.log)"
pid=$(show MainPID)
dpkg_quickly -i vasa.deb >dpkg.log || fail "dpkg -i again"
echo "updated: $(tail -n 1 dpkg.log)"
sleep 5
more && [ "$(show MainPID)" = "$pid" ] && echo "the apps: still read"
pkill -x gst-launch-1.0
pkill -x v4l2-ctl
until_true 120 active_again "$pid" && echo "restarted: once they were gone"

step "D-Bus starts it through systemd"
as_user systemctl --user stop $unit
until_true 120 inactive
echo "version: $(as_user busctl --user --timeout=90 get-property $name $object $name Version)"
until_true 120 active || fail "D-Bus did not start the unit"
owner=$(as_user busctl --user --json=short call org.freedesktop.DBus / org.freedesktop.DBus GetConnectionUnixProcessID s $name | grep -o '[0-9]*')
echo "started by D-Bus: $([ "$owner" = "$(show MainPID)" ] && echo "in the unit")"

step "a machine that refuses user namespaces"
echo 0 >/proc/sys/user/max_user_namespaces
as_user systemctl --user daemon-reload
pid=$(show MainPID)
as_user systemctl --user restart $unit
until_true 120 active_again "$pid" || fail "without user namespaces it does not start"
echo "without namespaces: $(grep -E '^Seccomp:' /proc/"$(show MainPID)"/status | xargs)"

step "the package is removed"
dpkg_quickly -r vasa-camera || fail "dpkg -r"
dpkg_quickly -P vasa-camera || fail "dpkg -P"
echo "runs on: $(pgrep -c -x vasa)"
echo "left: $(find /usr/share/vasa-camera /usr/lib/systemd/user/$unit* /etc/systemd/user/*.wants/$unit /etc/xdg/autostart/vasa* 2>/dev/null | xargs)"
step "end"
