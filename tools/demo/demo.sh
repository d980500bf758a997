#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# demo.sh [bpf|module|vm]: real kernel events, three readers at once, and the account of
# each. The events come from BPF programs in the running kernel, from the module in the
# running kernel, or from the module in a VM with Debian's kernel: the first that works, or
# the one named.

set -u
cd "$(dirname "$0")/../.." || exit 1
ways=${1:-bpf module vm}
case $ways in
'bpf module vm' | bpf | module | vm) ;;
*) echo "usage: $0 [bpf|module|vm]" >&2; exit 2 ;;
esac
say() { echo "demo: $*"; }
why=

tests/deps.sh build || exit 1
make -s -j2 tools build/native/schedwatch || exit 1

# Tries whether BPF works: many kernels support only a part of what it needs.
by_bpf() {
	if ! why=$(build/native/ringctl trace sched process --duration 1ms --quiet 2>&1 >/dev/null)
	then
		why=${why#ringctl: trace: }
		return 1
	fi
	say "with BPF, in the running kernel, $(uname -r); no module is needed"
	exec tools/demo/bpf.sh build/native/ringctl
}

by_module() {
	local kdir dir=build/demo
	kdir=/lib/modules/$(uname -r)/build
	if [ ! -e /proc/modules ]; then
		why="the running kernel ($(uname -r)) cannot load modules"
	elif [ ! -d "$kdir" ]; then
		why="the headers of the running kernel ($(uname -r)) are not installed"
	elif [ "$(id -u)" != 0 ]; then
		why="not root"
	elif ! kmod/build.sh "$kdir" build/kmod-native >build/demo-build.log 2>&1; then
		why="the module cannot be built for the running kernel (see build/demo-build.log)"
	elif ! insmod build/kmod-native/kmod/seqring.ko 2>build/demo-build.log; then
		why="the running kernel refuses the module: $(cat build/demo-build.log)"
	else
		rmmod seqring
		say "with the module, in the running kernel, $(uname -r)"
		mkdir -p $dir
		cp build/kmod-native/kmod/seqring{,_sched}.ko build/native/{schedwatch,ringctl} $dir/
		exec tools/demo/guest.sh "$PWD/$dir"
	fi
	return 1
}

by_vm() {
	tests/deps.sh vm || exit 1
	kernel=$(tests/kernel/vm/kernel.sh 6.12) || exit 1
	eval "$kernel"
	kmod/build.sh "$KHEADERS" build/kmod-6.12 >build/demo-build.log 2>&1 ||
		{ cat build/demo-build.log; exit 1; }
	say "with the module, in a VM: Debian's kernel $KVER in QEMU"
	exec tests/kernel/vm/vm.sh -k 6.12 -t 300 -o build/demo.log \
		-f build/kmod-6.12/kmod/seqring.ko -f build/kmod-6.12/kmod/seqring_sched.ko \
		-f build/native/schedwatch -f build/native/ringctl -f tools/demo/guest.sh \
		-- sh /root/guest.sh /root
}

mkdir -p build
for way in $ways; do
	case $way in
	bpf) by_bpf || say "not with BPF: $why" ;;
	module) by_module || say "not with the module in the running kernel: $why" ;;
	vm) by_vm ;;
	esac
done
exit 1
