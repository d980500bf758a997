#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bpf_guest.sh: tests BPF rings in the VM (see bpf.sh), as root; the programs of tests/bpf
# and their objects are in the current directory. Prints "ok NAME" and "not ok NAME -
# reason". The exit status is 1 when a test failed. POSIX sh, for busybox.
#
# Without KVM everything is about twenty times slower, so the numbers are small.

set -u
cd /root || exit 1
failed=0
out=/tmp/out

# program NAME COMMAND...: runs a test that prints its own lines. It must check something:
# this VM lacks nothing that it needs.
program() {
	name=$1
	shift
	begin=$(cut -d ' ' -f 1 /proc/uptime)
	"$@" >$out 2>&1
	status=$?
	cat $out
	if [ $status != 0 ]; then
		failed=1
		grep -q '^not ok ' $out || echo "not ok $name - exit status $status: $(tail -n 1 $out)"
	elif ! grep -q '^ok ' $out; then
		failed=1
		echo "not ok $name - it checked nothing"
	fi
	echo "# $name: $begin to $(cut -d ' ' -f 1 /proc/uptime) s"
}

# flat_out OPTION...: runs torture for $MS milliseconds.
# shellcheck disable=SC2317 # program runs it
flat_out() {
	./torture --ms "$MS" "$@" && echo "ok torture.$name"
}

program preempt ./preempt 4000
# Before Linux 6.13 it would skip all. Debian's kernels forbid perf events at 3.
echo 2 >/proc/sys/kernel/perf_event_paranoid
[ "$PARTS" != preempt ] || program between ./between
[ "$PARTS" != preempt ] || exit $failed
mkdir refused
mv refuse.bpf.o refused
program load ./load ./*.bpf.o
mv refused/refuse.bpf.o .
program small flat_out
program large flat_out --data-size 1048576
program preempted flat_out --object torture_preempt --preempted
program weak flat_out --object torture_weak
program one_ring flat_out --one-ring
program overflow flat_out --start-pos 4294000000
program life ./life
program owner ./owner
program access ./access
program reject ./reject
program refuse ./refuse
program cpus ./cpus
program missed ./missed
program gather ./gather
program wake ./wake --events "$EVENTS" --readers 1,3 --rounds "$ROUNDS"
program sleep ./sleep --kills 100
program wake_many ./wake --events $((EVENTS / 20)) --readers 64 single
program wake_preempt ./wake --object wake_preempt --events "$EVENTS" --readers 1,3 \
	--rounds "$ROUNDS" single gaps race
program wake_idle ./wake --object wake_idle --events $((EVENTS / 4)) --readers 1,3 \
	--rounds 100 single gaps race
exit $failed
