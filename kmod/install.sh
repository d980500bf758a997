#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# install.sh KHEADERS OUTDIR: installs the modules that build.sh built in OUTDIR, and runs depmod.
# install.sh --uninstall KHEADERS: removes what the first form installed.
#
# INSTALL_MOD_PATH is a directory before /lib/modules, as for the kernel's own modules_install.
#
# /lib/modules/KVER/updates gets the modules, and updates/seqring what a driver that publishes is
# built against: the headers in include/, and Module.symvers.

set -eu
export LC_ALL=C
unset MAKEFLAGS MFLAGS MAKELEVEL
PATH=$PATH:/usr/sbin:/sbin
uninstall=
[ "${1-}" != --uninstall ] || { uninstall=1; shift; }
if [ $# != $((2 - ${uninstall:-0})) ] || [ ! -d "$1" ]; then
	echo "usage: $0 KHEADERS OUTDIR; $0 --uninstall KHEADERS" >&2
	[ $# = 0 ] || [ -d "$1" ] || echo "$0: no directory $1" >&2
	exit 2
fi
headers=$(cd "$1" && pwd -P)
top=$(cd "$(dirname "$0")/.." && pwd -P)
root=${INSTALL_MOD_PATH-}
# The name in the modules' vermagic. In Debian's headers, `make kernelrelease` prints another one.
release=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' "$headers/include/generated/utsrelease.h")
[ -n "$release" ] || { echo "$0: $headers has no include/generated/utsrelease.h" >&2; exit 1; }
updates=$root/lib/modules/$release/updates

if [ -n "$uninstall" ]; then
	rm -f "$updates/seqring.ko"* "$updates/seqring_sched.ko"*
	rm -rf "$updates/seqring"
	rmdir --ignore-fail-on-non-empty "$updates" 2>/dev/null || :
else
	make -C "$headers" M="$(cd "$2" && pwd -P)/kmod" --no-print-directory \
		INSTALL_MOD_PATH="$root" INSTALL_MOD_DIR=updates modules_install
	mkdir -p "$updates/seqring/include"
	install -m 644 "$2/kmod/Module.symvers" "$updates/seqring/"
	cp -r "$top/include/linux" "$top/include/seqring" "$updates/seqring/include"
fi
# The kernel's own modules_install leaves depmod out if there is no System.map, as in Debian.
depmod -b "${root:-/}" "$release"
