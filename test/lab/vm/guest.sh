#!/bin/sh
# The virtual machine after its start: a read-only root that is the host's, a kernel with everything that ipvs mode
# needs, and a folder to leave results in. Runs FAIRLEAD_SCRIPT and switches off.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mkdir -p /run/results /run/home /run/netns /run/lock
# What V8 has compiled once need not be compiled for every process.
export HOME=/run/home TMPDIR=/tmp NODE_COMPILE_CACHE=/tmp/compile-cache
mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576 results /run/results
echo booted >/run/results/booted

root="$FAIRLEAD_VM_CACHE/root"
# iptables has the kernel ask for modules by itself. One is left out, for what happens where one is missing.
export FAIRLEAD_MISSING_SCHEDULER=lblcr
cat >/run/modprobe <<END
#!/bin/sh
case "\$*" in *ip_vs_$FAIRLEAD_MISSING_SCHEDULER*) exit 1 ;; esac
exec /sbin/modprobe -d "$root" "\$@"
END
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
/run/modprobe -a virtio_net veth bridge br_netfilter dummy nf_conntrack nf_conntrack_netlink \
  ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh ip_vs_mh ip_vs_lc ip_set nf_tables nft_compat nft_chain_nat nft_masq \
  xt_comment xt_mark xt_set xt_ipvs xt_physdev xt_addrtype xt_conntrack xt_MASQUERADE ipt_REJECT ip6t_REJECT sctp
ip link set lo up

cd "$FAIRLEAD_REPOSITORY" || exit 1
export FAIRLEAD_MAIN=/run/results/fairlead.js
"$FAIRLEAD_NODE" "$FAIRLEAD_SCRIPT" /run/results/output
echo $? >/run/results/exit
sync
busybox poweroff -f
