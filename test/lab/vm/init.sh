#!/bin/busybox sh
# The first process of the virtual machine: finds the machine's own root file system and hands over to guest.sh there.
/bin/busybox mkdir -p /proc /sys /dev /new
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do
  /bin/busybox insmod "$module" || echo "vm: $module cannot be loaded"
done </modules/order
options=trans=virtio,version=9p2000.L,msize=1048576
/bin/busybox mount -t 9p -o "$options,ro,cache=loose" root /new || /bin/busybox poweroff -f
/bin/busybox mount -t devtmpfs dev /new/dev
exec /bin/busybox switch_root /new /bin/sh "$FAIRLEAD_REPOSITORY/test/lab/vm/guest.sh"
