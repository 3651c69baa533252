#!/usr/bin/env bash
# Fetches what the virtual machine of test/lab/vm needs on Debian: qemu, the tools of ipvs mode, and a kernel, which
# is unpacked into a cache folder and never installed. Does nothing when nothing is missing, and never fails: what
# needs it says so itself.
set -u
PATH="$PATH:/usr/sbin:/sbin"
cache="${FAIRLEAD_VM_CACHE:-/var/cache/fairlead-vm}"

# command=package
needed=(
  qemu-system-x86_64=qemu-system-x86
  busybox=busybox-static
  cpio=cpio
  depmod=kmod
  ipvsadm=ipvsadm
  ipset=ipset
  dpkg-deb=dpkg
)

packages=()
for pair in "${needed[@]}"; do
  command -v "${pair%%=*}" >/dev/null 2>&1 || packages+=("${pair#*=}")
done
if [ ${#packages[@]} -eq 0 ] && [ -s "$cache/release" ]; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "vm setup: needs root and apt-get; missing: ${packages[*]-} a kernel in $cache"
  exit 0
fi
if [ "$(uname -m)" != x86_64 ]; then
  echo "vm setup: only for x86_64"
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
log="$(mktemp)"
work="$(mktemp -d)"
trap 'rm -rf "$log" "$work"' EXIT

complain() {
  echo "vm setup: $1; apt-get says:"
  tail -n 5 "$log"
  exit 0
}

if [ ${#packages[@]} -gt 0 ]; then
  echo "vm setup: installing ${packages[*]}"
  install=(apt-get install -y -qq --no-install-recommends "${packages[@]}")
  # A fresh container has no package lists; a machine with fresh ones needs no update.
  if ! "${install[@]}" >"$log" 2>&1 && ! { apt-get update -qq && "${install[@]}"; } >"$log" 2>&1; then
    complain "could not install ${packages[*]}"
  fi
fi

if [ ! -s "$cache/release" ]; then
  # The one for clouds has no 9p.
  name() { apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*-amd64\)$/\1/p' | head -n 1; }
  package="$(name)"
  if [ -z "$package" ]; then
    apt-get update -qq >"$log" 2>&1
    package="$(name)"
  fi
  [ -n "$package" ] || complain "linux-image-amd64 is not among the packages"
  echo "vm setup: unpacking $package into $cache"
  fetch() { (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root "$package") >"$log" 2>&1; }
  fetch || { apt-get update -qq >"$log" 2>&1 && fetch; } || complain "could not download $package"
  rm -rf "$work/root"
  dpkg-deb -x "$work"/linux-image-*.deb "$work/root" || complain "could not unpack $package"
  release="${package#linux-image-}"
  depmod -b "$work/root" "$release"
  mkdir -p "$cache"
  rm -rf "$cache/root"
  mv "$work/root" "$cache/root"
  # Last, so that a half-made cache is none.
  echo "$release" >"$cache/release"
fi
exit 0
