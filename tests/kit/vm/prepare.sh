#!/bin/bash
# prepare.sh: gets Debian's kernel and the source of v4l2loopback (nothing is installed on this machine), builds the module,
# and packs the initramfs of the virtual machine. About 30 s the first time; kept in $VM_CACHE (the checkout's .cache/vm).
# Debian packages: qemu-system-x86 seabios cpio kmod make gcc libelf-dev (and the package lists of apt-get update)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${VM_CACHE:-$(cd "$here/../../.." && pwd)/.cache/vm}
mkdir -p "$cache"
cd "$cache"
exec 9>lock
flock 9

if [ ! -s kernel ]; then
  image=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
  if [ -z "$image" ]; then
    echo "prepare.sh: apt knows no linux-image-amd64; run apt-get update" >&2
    exit 1
  fi
  kernel=${image#linux-image-}
  rm -rf debs root module
  mkdir debs
  (cd debs && apt-get -qq download "$image" "linux-headers-$kernel" "linux-headers-${kernel%-amd64}-common" \
    "linux-kbuild-$(echo "$kernel" | cut -d. -f1,2)" v4l2loopback-dkms busybox-static 2>download.log) || {
    cat debs/download.log >&2
    exit 1
  }
  for d in debs/*.deb; do dpkg -x "$d" root; done
  rm -r debs
  depmod -b root "$kernel"
  # The headers point at each other by absolute path.
  sed -i "s#/usr/src/linux-headers#$cache/root/usr/src/linux-headers#" "root/usr/src/linux-headers-$kernel/Makefile"
  cp -r root/usr/src/v4l2loopback-* module
  make -s -C "root/usr/src/linux-headers-$kernel" M="$cache/module" modules >module/build.log 2>&1 || {
    cat module/build.log >&2
    exit 1
  }
  # Last, so that a run that was cut off begins anew.
  echo "$kernel" >kernel
fi

kernel=$(cat kernel)
if [ ! -e awake/awake.ko ] || [ "$here/awake.c" -nt awake/awake.ko ]; then
  rm -rf awake
  mkdir awake
  cp "$here/awake.c" awake/
  echo 'obj-m := awake.o' >awake/Makefile
  make -s -C "root/usr/src/linux-headers-$kernel" M="$cache/awake" modules >awake/build.log 2>&1 || {
    cat awake/build.log >&2
    exit 1
  }
fi
if [ ! -e initrd.gz ] || [ "$here/init" -nt initrd.gz ] || [ "$here/init-systemd" -nt initrd.gz ] || [ module/v4l2loopback.ko -nt initrd.gz ] || [ awake/awake.ko -nt initrd.gz ]; then
  tree=$cache/initrd
  rm -rf "$tree"
  mkdir -p "$tree"/{bin,proc,sys,dev,host,mnt,modules}
  cp root/bin/busybox "$tree/bin/"
  ln -s busybox "$tree/bin/sh"
  for m in virtio_pci 9pnet_virtio 9p overlay videodev; do
    modprobe -d root -S "$kernel" --show-depends "$m"
  done | awk '/^insmod/ && !seen[$2]++ { print $2 }' >modules.list
  while read -r m; do
    cp "$m" "$tree/modules/"
    basename "$m"
  done <modules.list >"$tree/modules/order"
  cp module/v4l2loopback.ko awake/awake.ko "$tree/modules/"
  cp "$here/init" "$here/init-systemd" "$tree/"
  chmod +x "$tree/init"
  (cd "$tree" && find . | cpio -o -H newc --quiet | gzip -1) >initrd.new
  mv initrd.new initrd.gz
fi
