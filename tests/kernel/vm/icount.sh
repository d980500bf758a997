#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# icount.sh 6.1|6.12: measures the interrupt that wakes readers in a VM that has one CPU and
# a clock that counts instructions, so that other work on the machine changes nothing.

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tests/kernel/vm/lines.sh
. tests/kernel/vm/lines.sh
series=${1:?series}
log=build/log/vm-icount-$series.console out=build/log/vm-icount-$series.out

die() {
	echo "not ok vm-icount-$series - $*"
	exit 1
}

mkdir -p build/log
kernel=$(tests/kernel/vm/kernel.sh "$series") || die 'no kernel'
eval "$kernel"
kmod/build.sh "$KHEADERS" "build/kmod-$series" CONFIG_SEQRING_TEST=m >build/log/kmod-"$series".log 2>&1 ||
	{ tail -n 20 build/log/kmod-"$series".log; die 'the modules do not build'; }
make -s -j2 O=build/vm LDFLAGS=-static build/vm/tests/kernel/vm/progs/t_interrupt ||
	die 'the program does not build'
rm -rf "$out"
tests/kernel/vm/vm.sh -q -i -s 1 -o "$log" -r "$out" -k "$series" -t 900 \
	-f build/kmod-"$series"/kmod/seqring.ko -f build/kmod-"$series"/kmod/seqring_test.ko \
	-f build/vm/tests/kernel/vm/progs/t_interrupt -- \
	'insmod seqring.ko && insmod seqring_test.ko &&
	{ T_PREFIX=icount. t_interrupt 1.2; status=$?; } >/out/lines 2>&1; exit $status' \
	2>"$log.errors"
status=$?
vm_lines "vm-icount-$series.kernel" $status "$log" "$out"
