#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [-q] [-j JSON] 6.1|6.12 [VMBENCH-OPTION...]
#
# The benchmark of the module, in a VM with Debian's kernel of that series, and in a second
# one with a clock that counts instructions, for the figures that are exact only there.
# Writes an evaluated run (build/bench/vm-SERIES.json). -q: a quick run, which only shows
# that all of it works and validates.
#
# The processors are emulated: ratios mean something, absolute figures do not.

set -u
cd "$(dirname "$0")/../.." || exit 1
quick='' json='' counted=(--rounds 5 --round-ms 500)
while getopts qj: opt; do
	case $opt in
	q) quick=--quick counted=(--quick --rounds 1 --round-ms 100) ;;
	j) json=$OPTARG ;;
	*) sed -n '4p' "$0" >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
series=${1-}
case $series in
6.1 | 6.12) shift ;;
*) echo "usage: $0 [-q] [-j JSON] 6.1|6.12 [VMBENCH-OPTION...]" >&2; exit 2 ;;
esac
json=${json:-build/bench/vm-$series.json}
dir=build/bench/vm-$series${quick:+-quick}
modules=build/kmod-$series

die() {
	echo "run.sh: $*" >&2
	exit 1
}

tests/deps.sh build vm bench || exit 1
kernel=$(tests/kernel/vm/kernel.sh "$series") || die "no kernel $series"
eval "$kernel"
rm -rf "$dir"
mkdir -p "$dir"
{
	kmod/build.sh "$KHEADERS" "$modules" CONFIG_SEQRING_TEST=m &&
		bench/vm/build.sh "$KHEADERS" "$modules" &&
		make -s -j2 build/native/vmbench &&
		make -s -j2 O=build/vm LDFLAGS=-static build/vm/tests/kernel/vm/progs/tsc_khz
} >"$dir/build.log" 2>&1 || { tail -n 20 "$dir/build.log" >&2; die 'it does not build'; }

# boot LOG OPTION... -- COMMAND
boot() {
	local log=$dir/$1.log
	shift
	tests/kernel/vm/vm.sh -q -k "$series" -o "$log" -r "$dir" \
		-f "$modules/kmod/seqring.ko" -f "$modules/locks/seqring_locks.ko" \
		-f build/native/vmbench "$@" || die "exit status $?, see $log"
}

# vmbench NAME OPTION...: its samples go to /out/NAME.jsonl
vmbench() {
	local name=$1
	shift
	echo "insmod seqring.ko && insmod seqring_locks.ko || exit 3
		./vmbench $* --json /out/$name.jsonl || exit \$?
		rmmod seqring_locks && rmmod seqring || exit 4"
}

tsc=$(build/vm/tests/kernel/vm/progs/tsc_khz)
boot timed -t 1800 -a "tsc_early_khz=$tsc" -- "$(vmbench timed $quick "$@")"
boot counted -i -t 1800 -- "$(vmbench counted --counted "${counted[@]}")"
mkdir -p "$(dirname "$json")"
bench/report/evaluate.py "$dir/timed.jsonl" "$dir/counted.jsonl" "$json" ||
	die 'it wrote no results'
bench/report/page.py --print "$json"
