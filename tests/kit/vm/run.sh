#!/bin/bash
# run.sh WORKDIR: runs WORKDIR/guest.sh as root in a virtual machine (software emulation, no KVM needed) that has the device
# /dev/video10 "VASA Camera" of v4l2loopback, and prints what it said; ends with its exit status. 20 s and up.
# The host's whole file system is there, read-only under a throw-away overlay (but /tmp and /run are empty), so every
# program and library installed here is; WORKDIR is /mnt/work, writable. Programs start slowly there: keep guests light.
#   VM_GUEST=systemd    systemd as the first process, with udev, logind and a user `vasa` who has not logged in; 60 s and up
#   VM_LOOPBACK=later   the module is not loaded; the guest does it with `load-loopback`
#   VM_CPU=MODEL        QEMU's processor model; the fullest where not given
#   VM_TIMEOUT=SECONDS  for the whole machine; 300 where not given
set -eu
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../../.." && pwd)
cache=${VM_CACHE:-$checkout/.cache/vm}
work=$(cd "$1" && pwd)
rm -f "$work/result.log" "$work/status"
"$here/prepare.sh"
timeout "${VM_TIMEOUT:-300}" qemu-system-x86_64 -accel tcg,thread=multi -cpu "${VM_CPU:-max}" -M q35 -smp 2 -m "${VM_MEMORY:-1024}" \
  -display none -no-reboot -nodefaults -serial "file:$work/console.log" \
  -kernel "$cache/root/boot/vmlinuz-$(cat "$cache/kernel")" -initrd "$cache/initrd.gz" \
  -append "console=ttyS0 quiet panic=-1 mitigations=off loopback=${VM_LOOPBACK:-now} checkout=$checkout guest=${VM_GUEST:-plain}" \
  -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
  -virtfs local,path="$work",mount_tag=work,security_model=none </dev/null || echo "run.sh: the virtual machine ended with $?" >&2
if [ ! -e "$work/status" ]; then
  echo "run.sh: the guest did not finish; its console:" >&2
  tail -n 20 "$work/console.log" >&2
  cat "$work/result.log" 2>/dev/null
  exit 99
fi
cat "$work/result.log"
exit "$(cat "$work/status")"
