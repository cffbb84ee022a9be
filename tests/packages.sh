#!/usr/bin/env bash
# What the tests need of the system: browsers and servers to run for real. Installs what is missing (Debian, as root);
# without the right to, says what to install. No service is started: the tests start servers of their own, and end them.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

need=()
want() { # a command or a path, and the packages that bring it
  [ -e "$1" ] || command -v "$1" >/dev/null || need+=("${@:2}")
}
want chromium chromium
want strace strace
want bwrap bubblewrap
want exiftool libimage-exiftool-perl
want msgfmt gettext
want node nodejs
want npm npm
want /usr/lib/postgresql/15/bin/initdb postgresql-15
want /usr/lib/python3/dist-packages/swift/common/middleware/s3api python3-swift
want /usr/bin/memcached memcached
want systemd-analyze systemd
fc-list 2>/dev/null | grep -qi 'noto' || need+=(fonts-noto-core fontconfig)
[ ${#need[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests need these packages of Debian 12, and this user may not install them: ${need[*]}" >&2
  echo "Run once, as root: apt-get install --no-install-recommends ${need[*]}" >&2
  exit 1
fi
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${need[@]}"
