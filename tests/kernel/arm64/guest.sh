#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh: runs the parts of tests/kernel/vm/guest.sh in the VM (see run.sh), as root. Leaves
# out what this machine does not have. POSIX sh, for busybox.

set -u
cd /root || exit 1
GUEST_DEFS=1
# A kernel with pages of 16 KiB runs no 32-bit program.
FOLLOWERS='lib inline watermark slow_lib slow stopped'
DRIVER_PROGS='t_reject t_read t_file t_stall t_watermark t_poll t_observe'
# shellcheck source=tests/kernel/vm/guest.sh
. ./vm_guest.sh

# writer COMMAND...: starts a writer in the background. The test driver has NMIs on x86 only,
# so interrupts replace them here.
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
# qemu-user cannot run this test (see user.sh).
program ./test_serve
same unload.nothing_left "$(ls /dev/seqring 2>/dev/null)" ''
exit "$failed"
