#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh SERIES...: builds the modules for kernels that tests/kernel/vm/kernel.sh knows, with
# those kernels' own compiler: newest, next, riscv64. Then shows that the scheduler producer does
# not compile for a kernel whose tracepoint has other arguments. Prints ok or not ok for each.

set -u
cd "$(dirname "$0")/../../.." || exit 1
failed=0
mkdir -p build/log

not_ok() {
	echo "not ok $1 - $2"
	failed=1
}

# build_for SERIES: builds all modules; a warning is a failure.
build_for() {
	local series=$1 log=build/log/modules-$1.log args=(CONFIG_SEQRING_TEST=m)
	vars=$(tests/kernel/vm/kernel.sh "$series") || { not_ok "modules for $series" 'no kernel'; return; }
	eval "$vars"
	[ "$series" != riscv64 ] || args+=(ARCH=riscv CROSS_COMPILE=riscv64-linux-gnu-)
	if kmod/build.sh "$KHEADERS" "build/kmod-$series" "${args[@]}" >"$log" 2>&1; then
		echo "ok modules for $series"
		echo "# $series: Linux $KVER"
	else
		tail -n 20 "$log"
		not_ok "modules for $series" 'they do not build'
	fi
}

# other_arguments SERIES: the modules for that kernel, with a probe as it was before Linux 6.16.
other_arguments() {
	local dir=build/newest-arguments log=build/log/newest-arguments.log
	vars=$(tests/kernel/vm/kernel.sh "$1") || { not_ok 'probe with other arguments' 'no kernel'; return; }
	eval "$vars"
	rm -rf "$dir"
	mkdir -p "$dir"
	cp -r VERSION kmod include "$dir"
	sed -i 's/, bool group_dead$//' "$dir/kmod/compat.h"
	if cmp -s kmod/compat.h "$dir/kmod/compat.h"; then
		not_ok 'probe with other arguments' 'compat.h has no such probe'
	elif SEQRING_SCHEMA=0 "$dir/kmod/build.sh" "$KHEADERS" "$dir/out" >"$log" 2>&1; then
		not_ok 'probe with other arguments' 'it compiles'
	elif grep -q 'check_trace_callback_type_sched_process_exit' "$log"; then
		echo 'ok probe with other arguments does not compile'
	else
		tail -n 20 "$log"
		not_ok 'probe with other arguments' 'another error'
	fi
}

[ $# -gt 0 ] || { echo "usage: $0 SERIES..." >&2; exit 2; }
for series; do
	build_for "$series"
done
other_arguments newest
exit $failed
