#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bpf.sh 6.1|6.12|newest: runs the tests of BPF rings on Debian's kernel of that series in a VM.
# Passes the lines `ok`, `not ok` and `#` of bpf_guest.sh through. Exit status: 0, or 1
# when a test failed or the kernel complained.
#
# newest is the cloud kernel of Debian's unstable. It runs only what Linux 7.0 has changed, unless
# PARTS is `all`: there the kernel preempts programs on tracepoints. If unstable has no such kernel,
# the suite is skipped.
#
# The environment variables MS, EVENTS and ROUNDS set how much is done.

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tests/kernel/vm/lines.sh
. tests/kernel/vm/lines.sh
series=${1-}
parts=${PARTS-all}
case $series in
6.1 | 6.12) ;;
newest) parts=${PARTS-preempt} ;;
*) echo "usage: $0 6.1|6.12|newest" >&2; exit 2 ;;
esac
ms=${MS:-4000} events=${EVENTS:-2000} rounds=${ROUNDS:-4000}
log=build/log/vm-bpf-$series.console out=build/log/vm-bpf-$series.out

die() {
	echo "not ok vm-bpf-$series - $*"
	exit 1
}

# need_preemption: ends with a skip line unless the kernel is there and is Linux 7.0 or later.
need_preemption() {
	local kernel KVER=''
	kernel=$(tests/kernel/vm/kernel.sh newest 2>"$log.kernel") && eval "$kernel"
	if [ -z "$KVER" ]; then
		echo "skip vm-bpf-newest - no kernel of Debian's unstable: $(tail -n 1 "$log.kernel")"
		exit 0
	elif [ "${KVER%%.*}" -lt 7 ]; then
		echo "skip vm-bpf-newest - Linux $KVER does not preempt programs on tracepoints"
		exit 0
	fi
	echo "# vm-bpf-newest: Linux $KVER"
}

mkdir -p build/log
[ "$series" != newest ] || need_preemption
make -s -j2 test-build build/native/ringctl build/native/ringbench >build/log/vm-bpf-make.log 2>&1 ||
	{ tail -n 20 build/log/vm-bpf-make.log; die 'the programs do not build'; }
files=(-f tests/kernel/vm/bpf_guest.sh)
for prog in torture wake sleep life owner access reject refuse cpus missed load preempt between gather; do
	files+=(-f "build/native/tests/bpf/$prog")
done
# Every BPF object of the project: the guest tests that each of them loads.
while IFS= read -r object; do
	files+=(-f "$object")
done < <(find build/native -name '*.bpf.o')

rm -rf "$out"
tests/kernel/vm/vm.sh -q -o "$log" -r "$out" -k "$series" -t 900 "${files[@]}" -- \
	"set -o pipefail; PARTS='$parts' MS=$ms EVENTS=$events ROUNDS=$rounds sh ./bpf_guest.sh 2>&1 | tee /out/lines" \
	2>"$log.errors"
status=$?
vm_lines "vm-bpf-$series.kernel" $status "$log" "$out"
