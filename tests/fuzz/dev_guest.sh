#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# dev_guest.sh PART...: fuzzes the devices in the VM (see dev.sh), as root; the modules and
# the programs are in the current directory. PART is calls, stress or trinity. During each
# part, honest readers follow a device that an honest writer fills, and their account must be
# exact. At the end nothing may be left. POSIX sh, for busybox.
#
# The environment variables FUZZ_SECONDS, FUZZ_SEED and FUZZ_PROCS are for devfuzz;
# STRESS_SECONDS and TRINITY_SECONDS for the other two.

set -u
cd /root || exit 1
failed=0
tmp=/tmp/fuzz
mkdir -p $tmp
leaks=/sys/kernel/debug/kmemleak

ok() { echo "ok $1"; }

not_ok() {
	echo "not ok $1 - $2"
	failed=1
}

# same NAME GOT EXPECTED: reports ok when both are equal.
same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got '$2', expected '$3'"
	fi
}

# driver WORD...: gives the test driver a command.
driver() { echo "$*" >/dev/seqring-test; }

# readers_of DEVICE: prints the number of its readers.
readers_of() { control readers "$1" 2>/dev/null || echo "?"; }

# --- honest readers and an honest writer ------------------------------------

# honest_begin PART: creates the device and starts its readers and its writer.
honest_begin() {
	driver create honest 1 65536 0 || not_ok "$1.honest" 'the driver cannot create it'
	rm -f $tmp/stop $tmp/writer
	follow honest --max 1024 --backend inline >$tmp/follow.inline 2>&1 &
	pid_inline=$!
	follow honest --max 1024 >$tmp/follow.lib 2>&1 &
	pid_lib=$!
	follow honest --max 1024 --backend inline --slow 2000 --watermark 50 >$tmp/follow.slow 2>&1 &
	pid_slow=$!
	tries=0
	while [ "$(readers_of honest)" != 6 ] && [ $tries -lt 200 ]; do
		usleep 50000
		tries=$((tries + 1))
	done
	(
		while [ ! -e $tmp/stop ]; do
			# A burst exceeds the ring, and a pause leaves time for the other processes:
			# on a kernel with KASAN each wake-up costs milliseconds.
			driver flood honest 400 1024 3 || echo "flood: $?" >>$tmp/writer
			sleep 2
		done
	) 2>>$tmp/writer &
	pid_writer=$!
}

# honest_end PART: stops the writer and checks that each reader saw every record or counted it
# as lost.
honest_end() {
	touch $tmp/stop
	wait $pid_writer
	same "$1.writer" "$(cat $tmp/writer 2>/dev/null)" ''
	same "$1.drops" "$(control dropped honest)" 'busy=0 too_big=0 dead=0 fault=0'
	driver destroy honest
	for tag in inline lib slow; do
		eval "pid=\$pid_$tag"
		# shellcheck disable=SC2154 # set by eval
		wait "$pid"
		same "$1.reader_$tag" \
			"$?$(sed -n 's/.*\(result=[a-zA-Z]*\)/ \1/p' $tmp/follow.$tag)" '0 result=good'
		echo "# $1 $tag: $(tail -n 1 $tmp/follow.$tag)"
	done
}

# --- the parts --------------------------------------------------------------

# replay: prints the calls of some seeds, starting with the same devices each time. Leaves out
# what differs between runs: the lines of children, results, and addresses of devfuzz's memory.
replay() {
	for name in 0 1 2 3 4; do
		control destroy "fz$name" 2>/dev/null
	done
	control create fz0 65536
	control create fz1 131072
	devfuzz --seed 1000 --count 20 --verbose |
		sed -e '/^#   child/d' -e '/ places$/d' -e 's/ = .*//' -e 's/0x7f[0-9a-f]\{10\}/address/g'
}

# check_replay: checks that the same seeds make the same calls.
check_replay() {
	replay >"$tmp/replay.1"
	replay >"$tmp/replay.2"
	if [ "$(wc -l <"$tmp/replay.1")" -lt 200 ]; then
		not_ok calls.replay "$(wc -l <"$tmp/replay.1") lines only"
	elif cmp -s "$tmp/replay.1" "$tmp/replay.2"; then
		ok calls.replay
	else
		not_ok calls.replay "the same seeds made different calls"
		diff "$tmp/replay.1" "$tmp/replay.2" | head -n 20 | sed 's/^/# /'
	fi
}

part_calls() {
	[ -n "${FUZZ_QUICK:-}" ] || check_replay
	devfuzz --seconds "${FUZZ_SECONDS:-60}" --seed "${FUZZ_SEED:-1}" \
		--procs "${FUZZ_PROCS:-4}" ${FUZZ_NEED:+"$FUZZ_NEED"} || failed=1
	# A broken module may never finish the rest.
	if [ "$failed" = 1 ] && [ -n "${FUZZ_QUICK:-}" ]; then
		kill -9 "$pid_inline" "$pid_lib" "$pid_slow" "$pid_writer"
		exit 1
	fi
}

# open_to_all: creates the devices that were destroyed and lets every user open all of them.
open_to_all() {
	for name in fz0 fz1; do
		[ -c "/dev/seqring/$name" ] || control create "$name" 65536
		chmod 666 "/dev/seqring/$name"
	done
	chmod 666 /dev/seqring/fzl /dev/seqring/fzp
}

part_stress() {
	open_to_all
	for name in fz0 fz1 fzl fzp; do
		timeout -s KILL $((STRESS_SECONDS + 30)) stress-ng --dev 2 \
			--dev-file "/dev/seqring/$name" --timeout $((STRESS_SECONDS / 4)) \
			--metrics-brief >"$tmp/stress.out" 2>&1
		status=$?
		same "stress.$name" "$status" 0
		sed -n 's/.* dev  */# stress-ng dev: /p' "$tmp/stress.out"
		[ "$status" = 0 ] || sed 's/^/# /' "$tmp/stress.out"
	done
	timeout -s KILL 60 stress-ng --dev 1 --dev-file /dev/seqring-control --timeout 3 \
		>"$tmp/stress.out" 2>&1
	same stress.control "$?" 0
}

# The calls that take a descriptor or a mapping. Others could kill the honest processes or stop
# the machine.
trinity_calls='read write readv writev pread64 pwrite64 preadv pwritev lseek mmap munmap
mprotect mremap madvise msync mincore mlock munlock ioctl poll ppoll select epoll_ctl
epoll_wait fcntl dup dup2 newfstat sendfile splice tee fallocate ftruncate fadvise64
readahead sync_file_range fsync flock'

# part_trinity: runs trinity as a user without privileges.
part_trinity() {
	open_to_all
	mkdir -p "$tmp/trinity"
	chmod 777 "$tmp/trinity"
	list=''
	for call in $trinity_calls; do
		list="$list -c $call"
	done
	cd "$tmp/trinity" || exit 1
	timeout -s INT "$TRINITY_SECONDS" su -s /bin/sh user -c \
		"exec trinity -q -C 3 -l off --disable-fds=sockets -V /dev/seqring $list" >"$tmp/trinity.out" 2>&1
	status=$?
	cd /root || exit 1
	sleep 1
	killall -q -9 trinity
	tail -n 12 "$tmp/trinity.out" | sed 's/^/# trinity: /'
	if [ "$(sed -n 's/.* Ran \([0-9]*\) syscalls.*/\1/p' "$tmp/trinity.out")" -gt 20 ]; then
		ok trinity.calls
	else
		not_ok trinity.calls "status $status: trinity made too few calls"
	fi
}

# --- before and after -------------------------------------------------------

begin() {
	insmod seqring.ko max_total_mib=64 || not_ok load 'seqring.ko does not load'
	insmod seqring_test.ko || not_ok load 'seqring_test.ko does not load'
	driver create fzl 1 65536 1
	driver create fzp 2 65536 1
	driver create fzc 0 65536 0
	control create fz0 65536
	control create fz1 131072
}

# used_kib: prints the size of the pages that nothing accounts for: neither free, nor cache, nor
# slab. Takes the smallest of four samples, since the kernel frees much memory late.
used_kib() {
	for _ in 1 2 3 4; do
		echo 3 >/proc/sys/vm/drop_caches
		sleep 0.5
		used_now
	done | sort -n | head -n 1
}

used_now() {
	awk '/^MemTotal:/ { n += $2 }
		/^(MemFree|Cached|Buffers|SwapCached|Slab|VmallocUsed|Percpu|PageTables):/ { n -= $2 }
		/^(SecPageTables|AnonPages|KernelStack):/ { n -= $2 }
		/^ *count:/ { n -= 4 * $2 }
		END { print n }' /proc/meminfo /proc/zoneinfo
}

end() {
	readers=''
	for path in /dev/seqring/*; do
		n=$(readers_of "${path##*/}")
		[ "$n" = 0 ] || readers="$readers${path##*/}=$n "
	done
	same end.readers "$readers" ''
	for path in /dev/seqring/*; do
		control destroy "${path##*/}" 2>/dev/null || driver destroy "${path##*/}"
	done
	same end.devices "$(ls /dev/seqring 2>/dev/null)" ''
	echo 1 >/sys/module/seqring/parameters/max_total_mib
	devfuzz --nothing-left || failed=1
	rmmod seqring_test || not_ok end.unload_driver "rmmod: $?"
	same end.users "$(cat /sys/module/seqring/refcnt)" 0
	if rmmod seqring; then ok end.unload; else not_ok end.unload "rmmod: $?"; fi
	# A register may still hold a pointer to an object that was freed a moment ago.
	if [ -w $leaks ]; then
		for _ in 1 2; do
			sleep 1
			echo scan >$leaks
		done
		same end.leaks "$(head -n 20 $leaks)" ''
	fi
}

begin
before=$(used_kib)
for part; do
	start=$(cut -d ' ' -f 1 /proc/uptime)
	honest_begin "$part"
	"part_$part"
	honest_end "$part"
	echo "# $part: $start to $(cut -d ' ' -f 1 /proc/uptime) s"
done
end
after=$(used_kib)
echo "# pages unaccounted for: $before KiB before, $after KiB after"
# The debug kernel's own memory grows, for traces of allocations and the like.
most=2048
[ ! -w $leaks ] || most=16384
if [ $((after - before)) -lt $most ]; then
	ok end.pages
else
	not_ok end.pages "$((after - before)) KiB more are neither free nor accounted for"
fi
exit $failed
