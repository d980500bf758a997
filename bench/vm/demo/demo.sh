#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# demo.sh [6.1|6.12]: a page shared between kernel and user with a mutex, with a spinlock
# word, and the same on a seqring; what one stopped process does to each. In a VM.

set -u
cd "$(dirname "$0")/../../.." || exit 1
series=${1:-6.1}

tests/deps.sh build vm || exit 1
kernel=$(tests/kernel/vm/kernel.sh "$series") || exit 1
eval "$kernel"
mkdir -p build
program=build/native/bench/vm/demo/demo
files=(-f bench/vm/demo/guest.sh -f "$program")
if ! {
	kmod/build.sh "$KHEADERS" "build/kmod-$series" CONFIG_SEQRING_TEST=m &&
		bench/vm/build.sh "$KHEADERS" "build/kmod-$series" &&
		make -s -j2 $program
} >build/demo-build.log 2>&1; then
	cat build/demo-build.log
	exit 1
fi
for module in kmod/seqring locks/seqring_locks; do
	files+=(-f "build/kmod-$series/$module.ko")
done
echo "demo: in a VM: Debian's kernel $KVER under QEMU"
exec tests/kernel/vm/vm.sh -k "$series" -t 300 -o build/demo-locks.log "${files[@]}" -- \
	sh /root/guest.sh /root
