#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh: runs in the VM (see run.sh), as root: the parts of tests/vm/guest.sh, with
# what this machine has not left out. POSIX sh, for busybox.

set -u
cd /root || exit 1
GUEST_DEFS=1
# shellcheck source=tests/vm/guest.sh
. ./vm_guest.sh

# As there, but for the 32-bit followers: a kernel with pages of 16 KiB runs no such program.
# shellcheck disable=SC2154 # pid_stopped is set by eval
follow_all() {
	device=$1
	max=$2
	shift 2
	tags=''
	start lib follow "$device" --max "$max" "$@"
	start inline follow "$device" --max "$max" --backend inline "$@"
	start wish follow "$device" --max "$max" --wish 100 "$@"
	start slow_lib follow "$device" --max "$max" --slow 1000 "$@"
	start slow follow "$device" --max "$max" --slow 1000 --backend inline "$@"
	start stopped follow "$device" --max "$max" --backend inline "$@"
	(
		while kill -STOP "$pid_stopped" 2>/dev/null; do
			usleep 400000
			kill -CONT "$pid_stopped" 2>/dev/null
			usleep 50000
		done
	) &
	stopper=$!
	tries=0
	while [ "$(control readers "$device")" -lt 12 ] && [ "$tries" -lt 100 ]; do
		usleep 50000
		tries=$((tries + 1))
	done
}

# The test driver has NMIs on x86 only: interrupts in their place.
writer() {
	case " $* " in
	*" nmi "*)
		# shellcheck disable=SC2046 # words
		set -- $(echo "$*" | sed 's/ nmi / irq /')
		;;
	esac
	"$@" >/dev/null 2>>"$tmp/writers" &
	writers="$writers $!"
}

with_driver() {
	check load.driver insmod seqring_test.ko
	program t_reject
	program t_read
	program t_stall
	program t_wish
	program t_poll "$ROUNDS"
}

module_alone
plain_tools
with_driver
torture
scheduler
the_tool
broken_promise
check unload.driver rmmod seqring_test
same unload.users "$(cat /sys/module/seqring/refcnt)" 0
check unload rmmod seqring
# What qemu-user cannot run as it is (see user.sh).
program ./test_serve
same unload.nothing_left "$(ls /dev/seqring 2>/dev/null)" ''
exit "$failed"
