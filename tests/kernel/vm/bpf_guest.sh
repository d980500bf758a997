#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bpf_guest.sh: runs in the VM (see bpf.sh), as root, beside the programs of tests/bpf
# and their objects. Prints "ok NAME" and "not ok NAME - reason"; exit status 1 when
# something failed. POSIX sh, for busybox.
#
# Without KVM all is some twenty times slower, hence the small numbers.

set -u
cd /root || exit 1
failed=0
out=/tmp/out

# program NAME COMMAND...: one that prints its own lines. Nothing may be missing here.
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

# torture NAME OPTION...
# shellcheck disable=SC2317 # program runs it
flat_out() {
	./torture --ms "$MS" "$@" && echo "ok torture.$name"
}

program load ./load ./*.bpf.o
program small flat_out
program large flat_out --data-size 1048576
program preempted flat_out --object torture_preempt --preempted
program weak flat_out --object torture_weak
program one_ring flat_out --one-ring
program overflow flat_out --start-pos 4294000000
program life ./life
program access ./access
program reject ./reject
program wake ./wake --events "$EVENTS" --readers 1,3 --rounds "$ROUNDS"
program sleep ./sleep --kills 100
program wake_many ./wake --events $((EVENTS / 20)) --readers 64 single
program wake_preempt ./wake --object wake_preempt --events "$EVENTS" --readers 1,3 \
	--rounds "$ROUNDS" single gaps race
program wake_calm ./wake --object wake_calm --events $((EVENTS / 4)) --readers 1,3 \
	--rounds 100 single gaps race
exit $failed
