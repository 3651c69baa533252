#!/bin/sh
# enter-image.sh ROOT VOLUMES COMMAND...
# Starts a command in ROOT as a container runtime would: with its own /proc, /sys and /dev, a root that is read-only,
# and the DaemonSet's volumes, which are in the folder VOLUMES. To be run in a mount namespace of its own, with which
# all mounts go.
set -eu
root=$1
volumes=$2
shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -o bind,ro "$volumes/config" "$root/var/lib/kube-proxy"
mount --bind "$volumes/xtables.lock" "$root/run/xtables.lock"
if [ -d /lib/modules ]; then
  mount -o bind,ro /lib/modules "$root/lib/modules"
fi
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
