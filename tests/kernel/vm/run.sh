#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh 6.1|6.12|rt|newest|debug-a|debug-b: runs the tests of the module in a VM. The kernel is
# Debian's of that series, Debian's 6.1 with PREEMPT_RT (rt), the newest of Debian's unstable, or
# one that tests/kernel/debug builds. Passes the lines `ok`, `not ok` and `#` of guest.sh through. Exit status: 0, or 1
# when a test failed or the kernel complained.
#
# The environment variables ROUNDS, FLOOD, CYCLES (of t_cycle), UNLOADS, CROWD (readers) and
# HOTPLUG (seconds) set how much is done. PARTS selects the parts of guest.sh: a list of them,
# or `second` or `debug`, the selections for a kernel after the first.

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tests/kernel/vm/lines.sh
. tests/kernel/vm/lines.sh
series=${1-}
memory=1024 parts='' followers='' few='lib slow_lib slow stopped m32_lib'
case $series in
6.1 | 6.12 | newest) rounds=3000 flood=8000 ;;
rt) rounds=1000 flood=4000 ;;
# On these kernels a record that wakes some followers takes a third of a second.
debug-a) rounds=300 flood=600 followers=$few ;;
# KCSAN checks kernel code only; seqring_kunit has readers in the kernel.
debug-b) rounds=300 flood=600 parts='load torture unload' followers=$few ;;
*) echo "usage: $0 6.1|6.12|rt|newest|debug-a|debug-b" >&2; exit 2 ;;
esac
rounds=${ROUNDS:-$rounds} flood=${FLOOD:-$flood} parts=${PARTS:-$parts}
# The first kernel covers formats, rejections and limits; they are the same on the second.
module_progs=${MODULE_PROGS-} driver_progs=${DRIVER_PROGS-} few_faults=''
case $parts in
second)
	parts='module_alone plain_tools with_driver torture scheduler trace unload'
	module_progs='t_map t_life t_race t_cycle t_unload'
	driver_progs='t_read t_stall t_watermark t_poll t_nmi t_hotplug'
	# Each kernel gets what it may change: other probes; an irq_work that is a thread.
	case $series in
	rt) driver_progs="$driver_progs t_wake t_file" ;;
	*) module_progs="$module_progs t_waiters" driver_progs="$driver_progs t_nest t_observe" ;;
	esac
	;;
debug)
	# Cycles, races, sleepers and failures while a module loads or makes each kind of device
	# take minutes each here.
	# KUnit has the readers of a flood.
	few_faults=1
	parts='module_alone with_driver unload'
	module_progs='t_map t_memory t_life t_unload'
	driver_progs='t_reject t_read t_file t_hotplug'
	;;
esac
log=build/log/vm-$series.console out=build/log/vm-$series.out
progs='t_map t_memory t_life t_race t_cycle t_unload t_owner t_fault t_reject t_read t_file t_stall t_watermark
	t_wake t_interrupt t_poll t_waits t_waiters t_nmi t_nest t_crowd t_hotplug t_observe t_sched follow control'

die() {
	echo "not ok vm-$series - $*"
	exit 1
}

# build DIR OPTION... -- PROGRAM...: builds the programs statically, so that the VM needs no
# libraries.
build() {
	local dir=build/$1 args=() targets=()
	shift
	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	for prog; do
		targets+=("$dir/tests/kernel/vm/progs/$prog")
	done
	make -s -j2 O="$dir" LDFLAGS=-static "${args[@]}" "${targets[@]}"
}

mkdir -p build/log
kernel=$(tests/kernel/vm/kernel.sh "$series") || die 'no kernel'
eval "$kernel"
kmod/build.sh "$KHEADERS" "build/kmod-$series" CONFIG_SEQRING_TEST=m >build/log/kmod-"$series".log 2>&1 ||
	{ tail -n 20 build/log/kmod-"$series".log; die 'the modules do not build'; }
# shellcheck disable=SC2086 # a list
build vm -- $progs tsc_khz || die 'the programs do not build'
build vm32 SAN=m32 -- t_read follow || die 'the 32-bit programs do not build'
build vm32s SAN=m32 CPPFLAGS=-DSEQRING_SPLIT_LOADS -- follow ||
	die 'the 32-bit program with split loads does not build'

files=(-f tests/kernel/vm/guest.sh)
for module in seqring seqring_test seqring_sched; do
	files+=(-f "build/kmod-$series/kmod/$module.ko")
done
for prog in $progs; do
	files+=(-f "build/vm/tests/kernel/vm/progs/$prog")
done
files+=(-f build/vm32/tests/kernel/vm/progs/t_read:t_read32 -f build/vm32/tests/kernel/vm/progs/follow:follow32
	-f build/vm32s/tests/kernel/vm/progs/follow:follow32s)
make -s -j2 build/native/ringctl || die 'ringctl does not build'
files+=(-f tests/cli/device.sh -f build/native/ringctl)
# loop.ko provides a disk for block events. The debug kernels have no BTF, so they cannot trace.
case $series in
debug-*) ;;
*)
	loop=$(echo "$KMODDIR"/kernel/drivers/block/loop.ko*)
	case $loop in
	*.xz) xz -dc "$loop" >"build/kmod-$series/loop.ko" ;;
	*) cp "$loop" "build/kmod-$series/loop.ko" ;;
	esac || die 'no loop.ko'
	files+=(-f "build/kmod-$series/loop.ko" -f tests/kernel/vm/bpf_trace.sh)
	;;
esac

rm -rf "$out"
# The limits are long: a host that is busy for seconds must not count as a stall of the guest.
tests/kernel/vm/vm.sh -q -o "$log" -r "$out" -k "$series" -t 1800 -m $memory \
	-a "tsc_early_khz=$(build/vm/tests/kernel/vm/progs/tsc_khz) watchdog_thresh=60
	rcupdate.rcu_cpu_stall_timeout=100" "${files[@]}" -- \
	"set -o pipefail; PARTS='$parts'; export PARTS ROUNDS=$rounds FLOOD=$flood CYCLES=${CYCLES-} UNLOADS=${UNLOADS-}
	export CROWD=${CROWD-} HOTPLUG=${HOTPLUG-} FOLLOWERS='$followers'
	export MODULE_PROGS='$module_progs' DRIVER_PROGS='$driver_progs'
	export FEW_FAULTS=$few_faults; sh ./guest.sh 2>&1 | tee /out/lines" \
	2>"$log.errors"
status=$?
vm_lines "vm-$series.kernel" $status "$log" "$out"
