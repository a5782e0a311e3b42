#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what the project needs on Debian 12 or Ubuntu, by apt, and builds
# nothing. A second run finds everything there and says so at once.
#
#   ./setup.sh            everything
#   ./setup.sh --check    only say what is missing; exit 1 if anything is
#
# On a system without apt it prints the list of what is missing.
set -eu
cd "$(dirname "$0")"

# The servers, the wire, the comparison client.
packages_core='apache2 apache2-utils nginx-light python3-flask gunicorn wrk iproute2 ethtool util-linux curl gcc libc6-dev pkg-config git make'
# The guest: image, kernels, module; ssh, and for the tests its other end. QEMU
# is taken from backports below.
packages_vm='mmdebstrap squashfs-tools busybox-static cpio kmod bc flex bison libelf-dev sparse zstd xz-utils openssh-client dropbear-bin'
packages_backports='qemu-system-x86 seabios'
# DPDK, and what lwIP is built with.
packages_bypass='libdpdk-dev dpdk-dev dpdk dpkg-dev nghttp2-client'
# The kernel tier without a module, and the tracer.
packages_ebpf='clang clang-format llvm libbpf-dev bpftool'
# Notebooks, report, paper, and the tools that the statistics are checked against.
packages_analysis='jupyter-notebook jupyter-nbconvert python3-scipy python3-statsmodels chromium fonts-liberation libjs-dygraphs texlive-latex-recommended texlive-publishers texlive-fonts-recommended latexmk poppler-utils'

say() { printf 'setup: %s\n' "$*"; }

# missing prints those of its arguments that dpkg does not know as installed.
missing() {
	for p in "$@"; do
		case "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)" in
		installed) ;;
		*) printf '%s ' "$p" ;;
		esac
	done
}

# old_qemu succeeds where QEMU is missing or too old for the emulated 82576.
old_qemu() {
	v=$(dpkg-query -W -f '${Version}' qemu-system-x86 2>/dev/null) || return 0
	dpkg --compare-versions "$v" lt 1:8
}

# npm fetches the schemas that citations are held to; Node.js may have brought its own.
packages_schemas=''
if ! command -v npm >/dev/null; then packages_schemas='nodejs npm'; fi

all="$packages_schemas $packages_core $packages_vm $packages_bypass $packages_ebpf $packages_analysis"
if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	say "this system has no apt. Install what these Debian packages hold, then run make with SETUP=no:" >&2
	printf '  %s\n' $all $packages_backports >&2
	exit 1
fi

# The schemas are no package of the system's.
schemas=''
if ! ./setup/schemas.sh --check; then schemas='the schemas of citations'; fi

need=$(missing $all)
late=''
if old_qemu; then late=$packages_backports; fi

if [ -z "$need$late$schemas" ]; then
	say 'everything is there'
	exit 0
fi
say "missing: $need$late$schemas"
if [ "${1:-}" = --check ]; then exit 1; fi
if [ -z "$need$late" ]; then
	./setup/schemas.sh
	say 'done'
	exit 0
fi

as_root=''
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		say "neither root nor sudo: as root, run: apt-get install --no-install-recommends $need" >&2
		exit 1
	fi
	as_root=sudo
fi

# Packages of servers start them after installation; here nothing may listen
# but what a testbed starts. The policy is taken back at the end.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
	$as_root chmod 755 $policy
	trap '$as_root rm -f $policy' EXIT
fi

apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }

apt update
if [ -n "$need" ]; then apt install --no-install-recommends $need; fi
if [ -n "$late" ]; then
	# Ubuntu 24.04 and Debian 13 have a QEMU that is new enough; Debian 12 has
	# it in backports.
	if [ "$(. /etc/os-release && echo "$ID")" = debian ] && [ "$(. /etc/os-release && echo "$VERSION_ID")" = 12 ]; then
		$as_root ./setup/backports.sh
		apt install --no-install-recommends -t bookworm-backports $late
	else
		apt install --no-install-recommends $late
	fi
fi
./setup/schemas.sh
say 'done'
