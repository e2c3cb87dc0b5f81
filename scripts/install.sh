#!/bin/bash
# install.sh install|uninstall   puts the built program where systemd, D-Bus, desktops and shells look for its parts; takes
#                                away what was put, and nothing else: the list is PREFIX/share/vasa-camera/installed.txt.
# Environment:
#   PREFIX=/usr/local   what everything lies below
#   SYSCONFDIR=/etc     where the tray's autostart entry and the link that starts the unit with a session go
#   DESTDIR=            a root to put it all under, for packagers: nothing is enabled, and no list is kept
#   FOR_USER=yes        for this user alone: PREFIX is ~/.local and SYSCONFDIR ~/.config; without the kernel module's options
#   PROGRAM=FILE        the built program; target/release/vasa where not given
set -euo pipefail
cd "$(dirname "$0")/.."
for_user=${FOR_USER:-}
destdir=${DESTDIR:-}
if [ -n "$for_user" ]; then
  : "${HOME:?is not set, so there is no home to install to}"
  prefix=$HOME/.local sysconf=${XDG_CONFIG_HOME:-$HOME/.config} units=share/systemd/user autostart=autostart
else
  prefix=${PREFIX:-/usr/local} sysconf=${SYSCONFDIR:-/etc} units=lib/systemd/user autostart=xdg/autostart
fi
program=${PROGRAM:-target/release/vasa}
[ -z "$destdir" ] || mkdir -p "$destdir"
list=$prefix/share/vasa-camera/installed.txt
for folder in "$prefix" "$sysconf"; do
  case $folder in
    /*[[:space:]]* | [!/]*) echo "install.sh: \"$folder\" must be an absolute path without spaces" >&2 && exit 2 ;;
  esac
done

# Notes the folders of $1 that are not there yet, and makes them.
folder() {
  [ -d "$destdir$1" ] && return
  folder "$(dirname "$1")"
  mkdir "$destdir$1"
  made+=("$1/")
}

# put MODE FILE PLACE: a copy. It takes the place of a running program at once, and leaves that one its old file.
put() {
  folder "$(dirname "$3")"
  install -m "$1" "$2" "$destdir$3"
  made+=("$3")
}

# put_with_path FILE PLACE: a text with the program's own path in place of /usr/bin/vasa.
put_with_path() {
  folder "$(dirname "$2")"
  local text
  text=$(cat "$1")
  printf '%s\n' "${text//\/usr\/bin\/vasa/$prefix/bin/vasa}" >"$destdir$2"
  chmod 644 "$destdir$2"
  made+=("$2")
}

place() {
  made=()
  local share=$prefix/share file
  "$program" manuals "$generated"

  folder "$prefix/bin"
  install -m 755 --strip "$program" "$destdir$prefix/bin/vasa"
  made+=("$prefix/bin/vasa")
  for file in profiles/*.toml models/motion/*.onnx models/motion/*.json models/mirror/seen.* models/avatars/{anna,ines,kofi,lars,mei,pip,ravi,template}/*; do
    put 644 "$file" "$share/vasa-camera/$file"
  done
  put_with_path systemd/vasa-camera.service "$prefix/$units/vasa-camera.service"
  put 644 systemd/vasa-camera-restart.service "$prefix/$units/vasa-camera-restart.service"
  put_with_path systemd/org.vasacamera.VasaCamera1.service "$share/dbus-1/services/org.vasacamera.VasaCamera1.service"
  put_with_path packaging/desktop/org.vasacamera.VasaCamera.desktop "$share/applications/org.vasacamera.VasaCamera.desktop"
  put_with_path packaging/desktop/vasa-camera-tray.desktop "$sysconf/$autostart/vasa-camera-tray.desktop"
  put 644 packaging/desktop/org.vasacamera.VasaCamera.metainfo.xml "$share/metainfo/org.vasacamera.VasaCamera.metainfo.xml"
  put 644 packaging/desktop/org.vasacamera.VasaCamera.svg "$share/icons/hicolor/scalable/apps/org.vasacamera.VasaCamera.svg"
  for file in "$generated"/man1/*; do put 644 "$file" "$share/man/man1/$(basename "$file")"; done
  put 644 "$generated/completions/vasa" "$share/bash-completion/completions/vasa"
  put 644 "$generated/completions/_vasa" "$share/zsh/site-functions/_vasa"
  put 644 "$generated/completions/vasa.fish" "$share/fish/vendor_completions.d/vasa.fish"
  for file in LICENSE-MIT LICENSE-APACHE README.md; do put 644 "$file" "$share/doc/vasa-camera/$file"; done
  if [ -z "$for_user" ]; then
    put 755 systemd/user-generator "$prefix/lib/systemd/user-generators/vasa-camera"
    put 644 systemd/modprobe.d/vasa-camera.conf "$prefix/lib/modprobe.d/vasa-camera.conf"
    put 644 systemd/modules-load.d/vasa-camera.conf "$prefix/lib/modules-load.d/vasa-camera.conf"
  fi
}

# What `systemctl enable` does, also where no service manager runs: the unit starts with a graphical session.
enable() {
  local wants=$sysconf/systemd/user/graphical-session.target.wants
  folder "$wants"
  ln -sf "$prefix/$units/vasa-camera.service" "$wants/vasa-camera.service"
  made+=("$wants/vasa-camera.service")
  # In a home no generators are looked for, so its word is asked for once, now.
  [ -n "$for_user" ] && systemd/user-generator "$generated" || return 0
  local drop_in=vasa-camera.service.d/50-no-user-namespace.conf
  [ ! -e "$generated/$drop_in" ] || put 644 "$generated/$drop_in" "$sysconf/systemd/user/$drop_in"
}

take_away() {
  local i
  mapfile -t made <"$list"
  # The newest first: files before their folders. A folder that holds something else stays.
  for ((i = ${#made[@]} - 1; i >= 0; i--)); do
    case ${made[i]} in
      */) rmdir "${made[i]}" 2>/dev/null || true ;;
      *) rm -f "${made[i]}" ;;
    esac
  done
}

# The user's own service manager, where there is one.
manager() { [ -n "$for_user" ] && systemctl --user "$@" 2>/dev/null; }

case ${1:-} in
  install)
    if [ ! -x "$program" ]; then
      echo "install.sh: $program is not built; run make build first" >&2
      exit 1
    fi
    generated=$(mktemp -d)
    trap 'rm -rf "$generated"' EXIT
    [ -n "$destdir" ] || [ ! -e "$list" ] || take_away
    place
    [ -z "$destdir" ] || exit 0
    enable
    printf '%s\n' "${made[@]}" "$list" >"$list"
    if manager daemon-reload; then
      manager is-active --quiet graphical-session.target && {
        manager is-active --quiet vasa-camera.service && manager --no-block restart vasa-camera-restart.service || manager start vasa-camera.service
      }
    fi
    echo "Installed below $prefix. The camera starts with your next login, or now with:  systemctl --user restart vasa-camera"
    echo "Its models, once for each user:  $prefix/bin/vasa models install"
    ;;
  uninstall)
    if [ ! -e "$list" ]; then
      echo "install.sh: nothing was installed below $prefix: $list is not there; name the PREFIX that it was installed with" >&2
      exit 1
    fi
    manager stop vasa-camera.service || true
    take_away
    manager daemon-reload || true
    ;;
  *)
    sed -n '2,11s/^# \?//p' "$0" >&2
    exit 2
    ;;
esac
