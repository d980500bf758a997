#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dev.sh [SECONDS]: fuzzes the devices in a VM with devfuzz, stress-ng and trinity. devfuzz
# runs for SECONDS ($FUZZ_SECONDS, or 90). Prints the lines of dev_guest.sh. Exit status: 0,
# or 1 when something failed.
#
# Environment:
# FUZZ_KERNEL  the kernel (debug-a)
# FUZZ_PARTS   some of calls, stress and trinity (all)
# FUZZ_SEED    the seed of devfuzz (the day's number, so that each day tests other calls)
# FUZZ_KMOD    the directory of the modules, if they are already built
# FUZZ_QUICK   stop at the first failure

set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/kernel/vm/lines.sh
. tests/kernel/vm/lines.sh
kernel=${FUZZ_KERNEL:-debug-a}
seconds=${1:-${FUZZ_SECONDS:-90}}
parts=${FUZZ_PARTS:-calls stress trinity}
seed=${FUZZ_SEED:-$(($(date +%s) / 86400))}
stress_seconds=${STRESS_SECONDS:-20} trinity_seconds=${TRINITY_SECONDS:-30}
name=fuzz-dev-$kernel${FUZZ_QUICK:+-quick}
log=build/log/$name.console out=build/log/$name.out

die() {
	echo "not ok $name - $*"
	exit 1
}

mkdir -p build/log
if [ -z "${FUZZ_KMOD-}" ]; then
	vars=$(tests/kernel/vm/kernel.sh "$kernel") || die 'no kernel'
	eval "$vars"
	FUZZ_KMOD=build/kmod-$kernel/kmod
	kmod/build.sh "$KHEADERS" "build/kmod-$kernel" CONFIG_SEQRING_TEST=m \
		>"build/log/kmod-$kernel.log" 2>&1 ||
		{ tail -n 20 "build/log/kmod-$kernel.log"; die 'the modules do not build'; }
fi
progs='build/vm/devfuzz build/vm/tests/kernel/vm/progs/control build/vm/tests/kernel/vm/progs/follow'
# shellcheck disable=SC2086 # a list
make -s -j2 O=build/vm LDFLAGS=-static $progs || die 'the programs do not build'

files=(-f tests/fuzz/dev_guest.sh -f "$FUZZ_KMOD/seqring.ko" -f "$FUZZ_KMOD/seqring_test.ko")
for prog in $progs; do
	files+=(-f "$prog")
done
for prog in stress-ng trinity; do
	case $parts in
	*"${prog%-ng}"*)
		path=$(command -v $prog) || die "no $prog: run tests/deps.sh test"
		files+=(-f "$path")
		;;
	esac
done

need=''
[ "$kernel" != debug-a ] || need=--need-kcov
rm -rf "$out"
# With nokaslr, KCOV's addresses are those of /proc/kallsyms. The limits are long: a host that
# is busy for seconds must not count as a stall of the guest.
tests/kernel/vm/vm.sh -q -o "$log" -r "$out" -k "$kernel" -t $((seconds + 900)) -m 1024 \
	-a 'nokaslr watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=100' \
	"${files[@]}" -- "set -o pipefail; FUZZ_SECONDS=$seconds FUZZ_SEED=$seed FUZZ_NEED=$need \
		FUZZ_QUICK=${FUZZ_QUICK-} STRESS_SECONDS=$stress_seconds \
		TRINITY_SECONDS=$trinity_seconds \
		sh ./dev_guest.sh $parts 2>&1 | tee /out/lines" 2>"$log.errors"
status=$?
vm_lines "$name" $status "$log" "$out"
