#!/usr/bin/env bash
# Installs what the tests and the demo need on Debian: packet filter tools, iproute2, kubectl, debootstrap, nginx and
# chromium. Says what it does, does nothing when nothing is missing, and never fails: what needs the tools says so itself.
set -u
PATH="$PATH:/usr/sbin:/sbin"
bash "$(dirname "$0")/nftables-newer.sh"

# command=package
needed=(
  iptables=iptables
  iptables-legacy=iptables
  nft=nftables
  ipset=ipset
  conntrack=conntrack
  nfacct=nfacct
  ip=iproute2
  modprobe=kmod
  sysctl=procps
  openssl=openssl
  kubectl=kubernetes-client
  debootstrap=debootstrap
  nginx=nginx-light
  chromium=chromium
)

commands=()
packages=()
for pair in "${needed[@]}"; do
  if ! command -v "${pair%%=*}" >/dev/null 2>&1; then
    commands+=("${pair%%=*}")
    package="${pair#*=}"
    case " ${packages[*]-} " in *" $package "*) ;; *) packages+=("$package") ;; esac
  fi
done

if [ ${#packages[@]} -eq 0 ]; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "lab setup: not root, so these stay missing: ${commands[*]}"
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "lab setup: no apt-get here; install by hand: ${packages[*]}"
  exit 0
fi

echo "lab setup: installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
install=(apt-get install -y -qq --no-install-recommends "${packages[@]}")
log="$(mktemp)"
policy=/usr/sbin/policy-rc.d
own_policy=
trap 'rm -f "$log" $own_policy' EXIT
# Tests start what they need: a package must not start its service, neither now nor at the next boot.
if [ ! -e "$policy" ]; then
  own_policy="$policy"
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
fi
# A fresh container has no package lists; a machine with fresh ones needs no update.
if ! "${install[@]}" >"$log" 2>&1 && ! { apt-get update -qq && "${install[@]}"; } >"$log" 2>&1; then
  echo "lab setup: could not install ${packages[*]}; apt-get says:"
  tail -n 5 "$log"
fi
case " ${packages[*]} " in *' nginx-light '*) update-rc.d nginx disable >/dev/null 2>&1 ;; esac
exit 0
