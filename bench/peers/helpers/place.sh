#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# ringbench-place W,R PROGRAM: runs PROGRAM W,R and the daemon that it needs in namespaces,
# with their own process numbers and their own view of the directories in which such daemons
# leave files. When PROGRAM ends, the daemon ends, and no file of either is left. A daemon
# that the machine runs already is not involved.
#
# If that is not possible, PROGRAM gets the reason as a further argument, and tells ringbench,
# which is at the other end of standard input. Nothing else may read or hold that.

# shellcheck disable=SC2086 # lists of options
set -u
log=/tmp/place.log

# Its directory may be one of those that are hidden from here on.
cannot() {
	exec /proc/self/fd/3 "$cpus" "$*"
}

# must WHAT COMMAND...: its last words are the reason if it fails.
must() {
	what=$1
	shift
	"$@" >"$log" 2>&1 </dev/null || cannot "$what: $(tail -n 1 "$log")"
}

start_roudi() {
	# Monitoring would declare a process dead that gets no core for a second and a half.
	iox-roudi --monitoring-mode off --log-level error >"$log" 2>&1 </dev/null 3<&- &
	tries=1000
	until grep -q 'ready for clients' "$log"; do
		tries=$((tries - 1))
		if [ $tries = 0 ] || ! kill -0 $! 2>/dev/null; then
			cannot "iox-roudi (package iceoryx) does not start: $(tail -n 1 "$log")"
		fi
		sleep 0.01
	done
}

# A session and a channel for each of the events; the rings have 32 MiB, as all others.
start_lttng() {
	failed='lttng (package lttng-tools) fails'
	# The usual group may have no number in a user namespace.
	must "$failed" lttng-sessiond --daemonize --no-kernel --group=root
	for name in small large live; do
		session=--snapshot loss=--overwrite
		[ $name != live ] || session='' loss=--discard
		must "$failed" lttng create $name --output=/tmp/$name $session
		must "$failed" lttng enable-channel -u -s $name $loss --subbuf-size=1M \
			--num-subbuf=32 records
		must "$failed" lttng enable-event -u -s $name -c records ringbench:$name
		must "$failed" lttng start $name
	done
	# The program goes on only when the daemon has told it what to record.
	export LTTNG_UST_REGISTER_TIMEOUT=10000
}

if [ "$1" != inside ]; then
	cpus=$1
	exec 3<"$2" || exit 3
	# Without privileges, becomes root in a user namespace, where the machine allows that.
	spaces='--mount --pid --ipc'
	unshare $spaces true 2>/dev/null </dev/null || spaces="--user --map-root-user $spaces"
	why=$(unshare $spaces true 2>&1 </dev/null) ||
		cannot "no namespaces for a daemon: $why (root may have them)"
	# Daemons run on the reader's core.
	exec taskset -c "${cpus#*,}" \
		unshare $spaces --fork --kill-child --mount-proc "$0" inside "$@"
fi
cpus=$2
for dir in /run /tmp /dev/shm; do
	why=$(mount -t tmpfs -o nosuid,nodev tmpfs $dir 2>&1 </dev/null) ||
		cannot "$dir for a daemon: $why"
done
export HOME=/tmp LTTNG_HOME=/tmp
case $3 in
*lttng) start_lttng ;;
*) start_roudi ;;
esac
exec taskset -c "${cpus%,*}" /proc/self/fd/3 "$cpus"
