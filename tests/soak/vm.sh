#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vm.sh SERIES SECONDS LOG: runs guest.sh for that time in a VM with Debian's kernel of that
# series. Prints the guest's lines as they come.

set -u
cd "$(dirname "$0")/../.." || exit 1
series=$1 seconds=$2 log=$3 out=build/log/soak-vm-$series.out
progs='follow control t_poll'

die() {
	echo "not ok soak.vm-$series - $*"
	exit 1
}

mkdir -p build/log
tests/deps.sh build test vm || die 'packages are missing'
kernel=$(tests/kernel/vm/kernel.sh "$series") || die 'no kernel'
eval "$kernel"
kmod/build.sh "$KHEADERS" "build/kmod-$series" CONFIG_SEQRING_TEST=m >build/log/kmod-"$series".log 2>&1 ||
	{ tail -n 20 build/log/kmod-"$series".log; die 'the modules do not build'; }
# build TARGET...: makes the targets.
build() {
	make -s -j2 "$@" >>build/log/soak-vm.log 2>&1 || die "make $*, see build/log/soak-vm.log"
}
build O=build/vm LDFLAGS=-static build/vm/tests/kernel/vm/progs/{follow,control,t_poll,tsc_khz}
build O=build/vm32 SAN=m32 LDFLAGS=-static build/vm32/tests/kernel/vm/progs/follow
build O=build/vm32s SAN=m32 LDFLAGS=-static CPPFLAGS=-DSEQRING_SPLIT_LOADS \
	build/vm32s/tests/kernel/vm/progs/follow
build build/native/ringctl
files=(-f tests/soak/guest.sh -f tests/kernel/vm/guest.sh:vm_guest.sh -f build/native/ringctl
	-f build/vm32/tests/kernel/vm/progs/follow:follow32 -f build/vm32s/tests/kernel/vm/progs/follow:follow32s)
for module in seqring seqring_test seqring_sched; do
	files+=(-f "build/kmod-$series/kmod/$module.ko")
done
for prog in $progs; do
	files+=(-f "build/vm/tests/kernel/vm/progs/$prog")
done

# The limit is long: a host that is busy for a while must not count as a stall of the guest.
rm -rf "$out"
tests/kernel/vm/vm.sh -o "$log" -r "$out" -k "$series" -t $((seconds + 900)) -a \
	"tsc_early_khz=$(build/vm/tests/kernel/vm/progs/tsc_khz) rcupdate.rcu_cpu_stall_timeout=200 nowatchdog" \
	"${files[@]}" -- "set -o pipefail; sh ./guest.sh $seconds 2>&1 | tee /out/lines" 2>&1 |
	grep -aE --line-buffered '^(soak:|ok |not ok |vm\.sh:|[0-9]+: )'
status=${PIPESTATUS[0]}
# On the console the kernel's messages may have cut the last totals; the file has them whole.
[ ! -f "$out/lines" ] || grep -a '^soak:' "$out/lines" | tail -n 1
exit "$status"
