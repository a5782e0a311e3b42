#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Adds Debian's backports suite to this machine's apt sources, unless it is
# there, and brings in its package lists. QEMU 8 or later, which emulates the
# Intel 82576, comes from it.
#
# The mirror is the one that this machine already uses for its own release:
# no host is named here.
set -eu

. /etc/os-release
suite=$VERSION_CODENAME-backports
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

packages() { apt-get indextargets --format "$1" 'Created-By: Packages'; }

if packages '$(CODENAME)' | grep -qx "$suite"; then
	exit 0
fi

mirror=$(packages '$(CODENAME) $(COMPONENT) $(REPO_URI)' |
	awk -v release="$VERSION_CODENAME" '$1 == release && $2 == "main" { print $3; exit }')
if [ -z "$mirror" ]; then
	echo "backports.sh: apt has no package list of $VERSION_CODENAME main: run 'apt-get update' first" >&2
	exit 1
fi

# Pinned low, as Debian does it: only what is asked for with -t comes from it.
cat >/etc/apt/sources.list.d/backports.sources <<SOURCES
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Signed-By: $keyring
SOURCES
apt-get -q -o DPkg::Lock::Timeout=300 update
