#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches lwIP's source package from Debian into .cache/lwip and builds it with
# the options in lwipopts.h beside this script (Debian's own library is built
# for threads, NO_SYS=0). Nothing is installed and no list of the system's apt
# is changed. Run again, it does nothing unless lwipopts.h has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../../../.cache/lwip
mkdir -p "$cache/lists/partial" "$cache/none"
cd "$cache"
if [ -e liblwip.a ] && [ liblwip.a -nt "$here/lwipopts.h" ] && [ liblwip.a -nt "$here/fetch.sh" ]; then
	exit 0
fi
if [ ! -e src/core/tcp.c ]; then
	# The binary packages' sources with deb-src in place of deb.
	: >src.sources
	for f in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/*.sources; do
		[ -e "$f" ] && sed 's/^Types:.*/Types: deb-src/' "$f" >src.sources && break
	done
	if [ ! -s src.sources ] && [ -e /etc/apt/sources.list ]; then
		sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >src.list
		sources=src.list
	else
		sources=src.sources
	fi
	apt="-q=2 -o Dir::Etc::sourcelist=$PWD/$sources -o Dir::Etc::sourceparts=$PWD/none -o Dir::State::lists=$PWD/lists -o APT::Sandbox::User=root"
	# shellcheck disable=SC2086
	apt-get update $apt
	# shellcheck disable=SC2086
	apt-get source --download-only $apt lwip
	mkdir -p unpacked
	tar -xf lwip_*.orig.tar.xz -C unpacked --strip-components=1
	mv unpacked/src src
	rm -rf unpacked
fi
mkdir -p arch obj
cat >arch/cc.h <<'END'
#pragma once
#include <stdio.h>
#include <stdlib.h>
#define LWIP_RAND() ((u32_t)rand())
#define LWIP_PLATFORM_DIAG(x) do { printf x; } while (0)
#define LWIP_PLATFORM_ASSERT(x) do { fprintf(stderr, "lwIP: %s\n", x); abort(); } while (0)
END
rm -f obj/*
# The processor that DPDK itself is built for.
printf '%s\n' src/core/*.c src/core/ipv4/*.c src/netif/ethernet.c | xargs -P 4 -I F sh -c \
	'"$1" -O3 $(pkg-config --cflags-only-other libdpdk | grep -o -- "-march=[^ ]*") -g -w -I"$2" -I. -Isrc/include -c "$3" -o "obj/$(basename "$3" .c).o"' \
	compile "${CC:-cc}" "$here" F
ar rcs liblwip.a.new obj/*.o
mv liblwip.a.new liblwip.a
