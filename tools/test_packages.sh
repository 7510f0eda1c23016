#!/bin/sh
# Installs the programs that the tests drive and that no lock file can bring: a stock Chromium with the tool that tells it
# whom to trust, what network namespaces are made of, coturn as the other STUN and TURN server. With apt where that is
# allowed (root, or sudo without a password); otherwise the missing packages are named.
set -eu

PATH=$PATH:/usr/sbin:/sbin
packages=
need() { command -v "$1" >/dev/null || packages="$packages $2"; }
need chromium chromium
need certutil libnss3-tools
need ip iproute2
need nft nftables
need turnserver coturn
[ -n "$packages" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root='sudo -n'
    if ! sudo -n true 2>/dev/null; then
        printf 'The tests need:%s\n  install with: sudo apt-get install -y%s\n' "$packages" "$packages" >&2
        exit 1
    fi
fi
if ! command -v apt-get >/dev/null; then
    printf 'The tests need:%s (install with your system'\''s package manager)\n' "$packages" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of package names, split on purpose
$as_root apt-get install -y -qq --no-install-recommends $packages
