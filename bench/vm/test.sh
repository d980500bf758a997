#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test.sh: that the VM benchmark and the demo of docs/guide/from-locks.md work. Prints ok and
# not ok. Exit status: 0, or 1 when something is not ok.

set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0

# check NAME COMMAND...
check() {
	local name=$1
	shift
	if "$@"; then
		echo "ok bench-vm.$name"
	else
		echo "not ok bench-vm.$name - exit status $?: $*"
		bad=1
	fi
}

# The results contain figures of every contender, and none was skipped.
complete() {
	local kind json=build/bench/vm-quick.json
	grep -q '"SKIPPED' "$json" && { grep '"SKIPPED' "$json"; return 1; }
	for kind in 'ioctl mutex, 4 readers' 'spinlock word, 4 readers' 'ring_newest(), 4 readers' \
		'reader.h, 4 readers' 'seqring, 64 B' 'seqring, a ring per CPU, 64 B' \
		'character device, 64 B' 'relay, 64 B' \
		'netlink multicast, 64 B' 'perf buffer, of a tracepoint, 64 B' \
		'perf buffer, BPF program on a tracepoint, 64 B' \
		'BPF ring buffer, program on a tracepoint, 64 B' 'publish 64 B, PERCPU, no clock'
	do
		grep -qF "$kind" "$json" || { echo "# nothing of '$kind'"; return 1; }
	done
}

# The demo must show that the writers with locks stopped, that ours did not, and that no
# snapshot of ours was torn. (With locks, the state before the first update counts as torn.)
shown() {
	local log=build/demo-locks.log
	grep -q 'WAITS FOR THE LOCK' "$log" && grep -q 'given up so far' "$log" &&
		! sed -n '/^=== 3/,$p' "$log" |
			grep -E 'the kernel: 0 updates|WAITS|given up|second, [1-9][0-9]* torn'
}

check doc bench/vm/doc.sh
check quick bench/vm/run.sh -q -j build/bench/vm-quick.json 6.1
check complete complete
check bpf bench/vm/bpf.sh -j build/bench/vm-bpf-test.json newest
check demo bench/vm/demo/demo.sh
check shown shown
exit $bad
