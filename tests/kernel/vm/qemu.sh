#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# qemu.sh [-u]
#
# Prints shell assignments: QEMU (a qemu-system-x86_64), QEMU_DATA (for -L, may
# be empty), QEMU_ACCEL (for -accel) and QEMU_CPU (for -cpu). -u searches for a newer
# package first; without -u the script uses the cached package, offline.
#
# Debian 12's own QEMU 7.2 emulates x86 wrongly in two ways that crash healthy
# kernels; 8.1 and later do not. cmpxchg16b and cmpxchg8b leave junk in EFLAGS.
# With thread=multi a CPU may run a stale translation of code that another CPU has
# just patched: flipping a static key, such as a tracepoint's, then ends in "Oops: int3" or
# a lockup. So this script unpacks QEMU of bookworm-backports into the cache. It runs with
# the libraries of the installed QEMU.

set -eu
umask 022

debs_name=qemu.sh
# shellcheck source=tests/kernel/vm/debs.sh
. "$(dirname "$0")/debs.sh"

base=$SEQRING_CACHE/qemu
if debs_option "$@"; then shift; fi
[ $# = 0 ] || { echo "usage: $0 [-u]" >&2; exit 2; }

# Five-level page tables and fast string instructions are slow when emulated.
cpu=max,la57=off,erms=off,fsrm=off

# print QEMU DATA ACCEL CPU: prints the assignments.
print() {
	echo "QEMU=$(debs_quote "$1")"
	echo "QEMU_DATA=$(debs_quote "$2")"
	echo "QEMU_ACCEL=$(debs_quote "$3")"
	echo "QEMU_CPU=$(debs_quote "$4")"
}

print_cached() {
	dir=$base/$(readlink "$base/current") && [ -f "$dir/complete" ] || return 1
	print "$dir/qemu-system-x86_64" "$dir/data" tcg,thread=multi $cpu
}

installed() {
	qemu-system-x86_64 --version 2>/dev/null |
		sed -n '1s/.* version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p'
}

# recent MAJOR MINOR: succeeds for QEMU 8.1 and later.
recent() {
	[ "${1:-0}" -gt 8 ] || { [ "${1:-0}" = 8 ] && [ "${2:-0}" -ge 1 ]; }
}

fill() {
	debs_update bookworm bookworm-backports
	ver=$(debs_version qemu-system-x86 '')
	[ -n "$ver" ] || debs_missing "qemu-system-x86 in bookworm-backports"
	! debs_have "$base" "${ver#*:}" || return 0
	seabios=$(debs_version seabios '')
	debs_unpack "qemu-system-x86=$ver" "qemu-system-data=$ver" \
		${seabios:+"seabios=$seabios"}
	mkdir "$debs_tmp/new"
	mv "$debs_tmp/root/usr/bin/qemu-system-x86_64" "$debs_tmp/new"
	mv "$debs_tmp/root/usr/share/qemu" "$debs_tmp/new/data"
	if [ -n "$seabios" ]; then
		cp "$debs_tmp"/root/usr/share/seabios/*.bin "$debs_tmp/new/data"
	else
		cp /usr/share/seabios/*.bin "$debs_tmp/new/data"
	fi
	"$debs_tmp/new/qemu-system-x86_64" --version >/dev/null ||
		debs_die "QEMU $ver does not run here: are the libraries of" \
			"qemu-system-x86 installed (tests/deps.sh vm)?"
	debs_keep "$base" "$debs_tmp/new" "$ver"
}

if [ -n "$debs_newer" ]; then
	debs_print "$base" current
	exit
fi
print_cached 2>/dev/null && exit
own=$(installed)
# shellcheck disable=SC2086 # two numbers
if recent $own; then
	print qemu-system-x86_64 '' tcg,thread=multi $cpu
elif "$0" -u; then
	:
elif [ -n "$own" ]; then
	debs_say "using the installed QEMU, without parallel CPUs: it has known bugs"
	print qemu-system-x86_64 '' tcg,thread=single $cpu,cx16=off
else
	debs_die "no QEMU: run tests/deps.sh vm"
fi
