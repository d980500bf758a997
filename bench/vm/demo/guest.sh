#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh DIR: the demo itself, as root in the VM. DIR has the modules and the
# programs. POSIX sh, for busybox.

set -u
dir=$1
seconds=9

# variant KIND: two readers, a change by the user, and a stop at the worst place.
variant() {
	"$dir/demo" "$1" watch $seconds &
	watch=$!
	usleep 200000
	"$dir/demo" "$1" read "reader A" &
	a=$!
	"$dir/demo" "$1" read "reader B" &
	b=$!
	usleep 1900000
	echo "  >>> a user's program changes the state: setpoint 42"
	"$dir/demo" "$1" set 42
	usleep 1500000
	echo "  >>> reader B is stopped, as a debugger or Ctrl-Z would, in the middle of a snapshot"
	kill -USR1 $b
	usleep 3000000
	echo "  >>> reader B may go on"
	kill -CONT $b
	wait $watch
	kill $a $b
	wait $a $b 2>/dev/null
}

insmod "$dir/seqring.ko" && insmod "$dir/seqring_locks.ko" || exit 1
echo
echo "=== 1. A mutex behind ioctl(): lock, copy from the mapped page, unlock"
variant mutex
echo
echo "=== 2. A spinlock word in the mapped page; the kernel tries for at most 1 ms"
variant spin
echo
echo "=== 3. seqring: the newest record; nobody takes a lock, the page is read-only"
variant ring
echo
echo "In 1 the kernel waited for as long as the process was stopped. In 2 it lost a"
echo "processor and all its updates meanwhile; with no bound it would have hung. In 3"
echo "nothing happened, but to the reader that was stopped."
rmmod seqring_locks && rmmod seqring
