#!/usr/bin/env bash
# Fetches the nft of the next Debian with the libraries that it needs, and unpacks them into a cache folder, with a
# script `nft` that runs it there: nothing is installed. Does nothing when it is there already, and never fails: the
# tests that use it say so themselves.
set -u
cache="${FAIRLEAD_NFT_CACHE:-/var/cache/fairlead-nft}"
release=trixie
packages=(nftables libnftables1 libnftnl11 libmnl0 libjansson4 libedit2 libbsd0 libmd0 libtinfo6 libxtables12 libgmp10 libc6)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

if [ -x "$cache/nft" ]; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1 || [ ! -e "$keyring" ]; then
  echo "lab setup: a newer nft needs root, apt-get and Debian's keys: the tests with it are skipped"
  exit 0
fi

log="$(mktemp)"
work="$(mktemp -d)"
trap 'rm -rf "$log" "$work"' EXIT

complain() {
  echo "lab setup: $1, so that the tests with a newer nft are skipped; apt-get says:"
  tail -n 5 "$log"
  exit 0
}

echo "lab setup: unpacking nft of Debian $release into $cache"
# Package lists of its own: the machine's stay as they are.
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/root"
echo "deb [signed-by=$keyring] http://deb.debian.org/debian $release main" >"$work/sources.list"
: >"$work/status"
apt=(
  apt-get -qq
  -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$work/lists" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work"
  -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=20
)
"${apt[@]}" update >"$log" 2>&1 || complain "could not read the packages of Debian $release"
(cd "$work/archives" && "${apt[@]}" download "${packages[@]}") >"$log" 2>&1 || complain "could not download nft"
for package in "$work"/archives/*.deb; do
  dpkg-deb -x "$package" "$work/root" >"$log" 2>&1 || complain "could not unpack $package"
done
loader="$(cd "$work/root" && echo usr/lib/*/ld-linux*.so.*)"
[ -e "$work/root/$loader" ] || complain "could not find the loader of libc6"
mkdir -p "$cache"
rm -rf "$cache/root"
mv "$work/root" "$cache/root"
cat >"$cache/nft.new" <<END
#!/bin/sh
exec "$cache/root/$loader" --library-path "$cache/root/${loader%/*}" "$cache/root/usr/sbin/nft" "\$@"
END
chmod +x "$cache/nft.new"
if ! "$cache/nft.new" --version >"$log" 2>&1; then
  complain "nft does not run"
fi
# Last, so that a half-made cache is none.
mv "$cache/nft.new" "$cache/nft"
exit 0
