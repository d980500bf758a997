#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh DIR: the demo with the module, as root, in the VM or on this machine. DIR has
# the modules, schedwatch and ringctl. POSIX sh, for busybox.

set -u
dir=$1
out=${TMPDIR:-/tmp}/seqring-demo.$$
mkdir -p "$out"
seconds=6

cleanup() {
	grep -q '^seqring_sched ' /proc/modules && rmmod seqring_sched
	grep -q '^seqring ' /proc/modules && rmmod seqring
	rm -rf "$out"
}
trap cleanup EXIT

insmod "$dir/seqring.ko" || exit 1
insmod "$dir/seqring_sched.ko" data_size=65536 || exit 1
echo "--- /dev/seqring/sched: the scheduler's events, one ring of 64 KiB per CPU"
"$dir/ringctl" list
echo "--- three readers: one prints every 100th event, one reads fast and prints nothing,"
echo "--- one sleeps for 5 ms after each record"
"$dir/schedwatch" printer --print 100 &
printer=$!
"$dir/schedwatch" quick >"$out/quick" &
quick=$!
"$dir/schedwatch" slow --slow 5000 >"$out/slow" &
slow=$!

# Processes that start, switch and end, to make events.
end=$(($(date +%s) + seconds))
for cpu in 1 2; do
	while [ "$(date +%s)" -lt "$end" ]; do
		for _ in 1 2 3 4 5 6 7 8; do
			/bin/true | /bin/cat
		done
	done &
	eval "load$cpu=\$!"
done
# shellcheck disable=SC2154 # set by eval
wait "$load1" "$load2"

echo "--- the same device without a library: the bytes of read(2)"
dd if=/dev/seqring/sched bs=4096 count=1 2>/dev/null | hexdump -C | head -n 3
echo "--- the producer is unloaded; each reader reads the rest and prints its account"
rmmod seqring_sched
rc=0
for pid in $printer $quick $slow; do
	wait "$pid" || rc=1
done
cat "$out/quick" "$out/slow"
exit $rc
