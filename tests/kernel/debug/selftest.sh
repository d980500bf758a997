#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# selftest.sh a|b: checks that this debug kernel finds each kind of mistake that it is built
# for. planted.ko and LKDTM make the mistakes on purpose. splat.sh must see each report, and
# vm.sh must fail. Without this check, silence of these kernels would mean nothing.

# shellcheck disable=SC2016 # for the shell in the VM
set -u
cd "$(dirname "$0")/../../.." || exit 1
letter=${1-} series=debug-${1-}
case $letter in
# NAME:REGEX OF THE REPORT. Lockdep comes first: it turns itself off after any other report.
a)
	plants='nothing: lock_order:possible.circular.locking sleeps_with_spinlock:sleeping.function
	past_slab:KASAN:.slab-out-of-bounds after_free:KASAN:.use-after-free
	past_vmalloc:KASAN:.vmalloc-out-of-bounds past_array:UBSAN:.array-index-out-of-bounds
	warns:WARNING:.*warns counts_below_zero:refcount_t:.decrement.hit.0
	cpu_may_change:BUG:.using.smp_processor_id timer_outlived:ODEBUG:.free.active
	leaks:comm..insmod'
	fatal=BUG ;;
b)
	plants='nothing: race:KCSAN:.data-race race_in_call:data-race.in.bin2hex
	warns:WARNING:.*warns'
	fatal= ;;
*) echo "usage: $0 a|b" >&2; exit 2 ;;
esac
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

ok() { echo "ok debug-$letter.$1"; }
not_ok() {
	echo "not ok debug-$letter.$1 - $2"
	failed=1
}

# status NAME EXPECTED VM.SH-ARGUMENT...: runs vm.sh and checks its exit status.
status() {
	local name=$1 want=$2 got=0
	shift 2
	tests/kernel/vm/vm.sh -q -m 1024 -t 600 -k "$series" -o "$tmp/console" "$@" 2>"$tmp/err" || got=$?
	if [ $got = "$want" ]; then
		ok "$name"
	else
		not_ok "$name" "vm.sh: exit status $got instead of $want"
		tail -n 30 "$tmp/console" "$tmp/err" | sed 's/^/# /'
	fi
}

vars=$(tests/kernel/vm/kernel.sh "$series") || { not_ok kernel 'there is no kernel'; exit 1; }
eval "$vars"
cp -r tests/kernel/debug/planted "$tmp/planted"
if ! make -C "$KHEADERS" M="$tmp/planted" modules >"$tmp/make" 2>&1; then
	not_ok planted 'the module does not build'
	tail -n 20 "$tmp/make" | sed 's/^/# /'
	exit 1
fi

status boots 0 -- true

names=''
for plant in $plants; do
	names+=" ${plant%%:*}"
done
status planted 99 -a kasan_multi_shot -f "$tmp/planted/planted.ko" -r "$tmp/out" -- '
	leak=/sys/kernel/debug/kmemleak
	for name in '"$names"'; do
		echo "planted: $name" >/dev/kmsg
		insmod planted.ko what=$name 2>/dev/null
		if [ $name = leaks ]; then
			sleep 6
			for _ in 1 2; do echo scan >$leak; sleep 1; done
			while read -r line; do echo "$line" >/dev/kmsg; done <$leak
		fi
	done
	echo "planted: end" >/dev/kmsg
	dmesg >/out/dmesg'
for plant in $plants; do
	name=${plant%%:*} says=${plant#*:} got=0
	sed -n "/\] planted: $name\$/,/\] planted: /p" "$tmp/out/dmesg" >"$tmp/part" 2>/dev/null
	tests/kernel/vm/splat.sh "$tmp/part" >"$tmp/found" || got=$?
	if [ ! -s "$tmp/part" ]; then
		not_ok "planted.$name" 'the mistake was not made'
	elif [ -z "$says" ]; then
		if [ $got = 0 ]; then ok "planted.$name"; else not_ok "planted.$name" 'a report without a mistake'; fi
	elif [ $got = 1 ] && grep -q "$says" "$tmp/found"; then
		ok "planted.$name"
	else
		not_ok "planted.$name" "no report '$says' (status $got)"
		sed 's/^/# /' "$tmp/part" | head -n 40
	fi
done

if [ -n "$fatal" ]; then
	status "lkdtm.$fatal" 99 -- "echo $fatal >/sys/kernel/debug/provoke-crash/DIRECT"
fi
exit $failed
