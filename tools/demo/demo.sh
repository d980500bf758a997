#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Real kernel events, three readers at once, and the account of each. Uses this
# machine's kernel where it can load the module, else a VM with Debian's kernel.

set -u
cd "$(dirname "$0")/../.." || exit 1
say() { echo "demo: $*"; }

tests/deps.sh build || exit 1
make -s -j2 tools build/native/schedwatch || exit 1

# Loading is tried, not guessed: many kernels say yes in one place and no in another.
native() {
	local kdir
	kdir=/lib/modules/$(uname -r)/build
	if [ ! -e /proc/modules ]; then
		why="this kernel ($(uname -r)) loads no modules"
	elif [ ! -d "$kdir" ]; then
		why="there are no headers of this kernel ($(uname -r))"
	elif [ "$(id -u)" != 0 ]; then
		why="not root"
	elif ! kmod/build.sh "$kdir" build/kmod-native >build/demo-build.log 2>&1; then
		why="the module does not build for this kernel (build/demo-build.log)"
	elif ! insmod build/kmod-native/kmod/seqring.ko 2>build/demo-build.log; then
		why="this kernel does not take the module: $(cat build/demo-build.log)"
	else
		rmmod seqring
		return 0
	fi
	return 1
}

mkdir -p build
if native; then
	say "on this machine's kernel, $(uname -r)"
	dir=build/demo
	mkdir -p $dir
	cp build/kmod-native/kmod/seqring{,_sched}.ko build/native/{schedwatch,ringctl} $dir/
	exec tools/demo/guest.sh "$PWD/$dir"
fi

say "in a VM, because $why"
tests/deps.sh vm || exit 1
kernel=$(tests/vm/kernel.sh 6.12) || exit 1
eval "$kernel"
kmod/build.sh "$KHEADERS" build/kmod-6.12 >build/demo-build.log 2>&1 ||
	{ cat build/demo-build.log; exit 1; }
say "Debian's kernel $KVER under QEMU, emulated: slow, but the real thing"
exec tests/vm/vm.sh -k 6.12 -t 300 -o build/demo.log \
	-f build/kmod-6.12/kmod/seqring.ko -f build/kmod-6.12/kmod/seqring_sched.ko \
	-f build/native/schedwatch -f build/native/ringctl -f tools/demo/guest.sh \
	-- sh /root/guest.sh /root
