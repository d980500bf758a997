#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bpf_trace.sh RINGCTL: tests ringctl trace on this kernel: the verifier accepts every
# program, and each event is seen. guest.sh calls this script in the VM. loop.ko, for a
# disk, and follow32, a 32-bit program, are in the current directory.

set -u
ringctl=$1
tmp=/tmp/bpf_trace
mkdir -p $tmp
failed=0

ok() { echo "ok trace.$1"; }

not_ok() {
	echo "not ok trace.$1 - $2"
	failed=1
}

# has NAME FILE REGEX...: checks that each regex matches a line of the file.
has() {
	name=$1
	file=$2
	shift 2
	for regex; do
		grep -Eq "$regex" "$file" && continue
		not_ok "$name" "no line '$regex' in $(wc -l <"$file"): $(head -n 3 "$file")"
		return
	done
	ok "$name"
}

# attached PID: prints how many programs the process has attached.
attached() {
	cat /proc/"$1"/fdinfo/* 2>/dev/null | grep -c '^link_type:'
}

# trace PROGRAMS ARG...: starts a trace in the background. Returns when it has attached its
# programs, or more on an older kernel, and so publishes.
trace() {
	want=$1
	shift
	"$ringctl" trace "$@" >$tmp/out 2>$tmp/err &
	tracer=$!
	tries=0
	while [ "$(attached $tracer)" -lt "$want" ] && [ $tries -lt 100 ]; do
		usleep 100000
		tries=$((tries + 1))
	done
}

# traced NAME: ends the trace and checks that read plus lost is all that was published.
traced() {
	usleep 200000
	# The shell lets a background command ignore SIGINT, and ringctl keeps to that.
	kill -TERM $tracer
	if ! wait $tracer; then
		not_ok "$1.account" "$(cat $tmp/err)"
	elif ! awk '/: read [0-9]+ \+ lost [0-9]+ = published [0-9]+; dropped/ {
		good = $4 + $7 == $10 + 0 && $4 > 0 } END { exit !good }' $tmp/err; then
		not_ok "$1.account" "$(cat $tmp/err)"
	else
		ok "$1.account"
	fi
}

"$ringctl" trace --list >$tmp/list 2>&1
if [ "$(grep -c ' yes ' $tmp/list)" = 10 ]; then
	ok list
else
	not_ok list "$(cat $tmp/list)"
fi

# The verifier sees a different program for each filter.
for filter in '' '--self' '--pid 1' '--pid !1' '--pid 1 --children' '--comm a --call read' \
	'--pid 1 --comm !a,b --call !read' '--one-ring' '--size 64K --clock none'; do
	# shellcheck disable=SC2086 # options
	if "$ringctl" trace all $filter --duration 100ms >$tmp/out 2>$tmp/err; then
		ok "load${filter:+.$filter}"
	else
		not_ok "load${filter:+.$filter}" "$(cat $tmp/err)"
	fi
done
for event in sched:switch sched:wakeup process:fork process:exec process:exit \
	syscalls:enter syscalls:exit block:issue block:complete tcp:state; do
	if "$ringctl" trace $event --duration 10ms >$tmp/out 2>$tmp/err; then
		ok "load.$event"
	else
		not_ok "load.$event" "$(cat $tmp/err)"
	fi
done

# If a map element is too large for the kernel, ringctl says so.
if "$ringctl" trace sched --size 4M --duration 10ms >$tmp/out 2>$tmp/err; then
	ok size
elif grep -q '^ringctl: trace: .*before Linux 6\.7 a ring has at most 2 MiB' $tmp/err; then
	ok size
else
	not_ok size "$(cat $tmp/err)"
fi

trace 6 sched process
sh -c 'exit 7' x 'two words' &
pid=$!
wait $pid
usleep 50000
traced sched
has sched $tmp/out \
	"sched:switch +[A-Z?+]+ -> .*/[0-9]+ prio [0-9]+\$" \
	"sched:wakeup +(new )?.*/[0-9]+ prio [0-9]+ on cpu [01]\$" \
	"process:fork +process $pid\$" \
	"\] (sh|exe)/$pid +process:exec +/[a-z/]+: sh -c 'exit 7' x 'two words' \(ppid $$, uid 0\)\$" \
	"\] sh/$pid +process:exit +status 7 after [0-9.]+ (us|ms|s)\$"

trace 2 syscalls --comm dd --call read,write,openat
dd if=/dev/zero of=/dev/null bs=1234 count=3 2>/dev/null
traced syscalls
has syscalls $tmp/out \
	"\] dd/[0-9]+ +syscalls:enter write\(0x1, 0x[0-9a-f]+, 0x4d2, " \
	"\] dd/[0-9]+ +syscalls:exit +write = 1234 after [0-9.]+ (ns|us|ms)\$"
if grep -Ev 'read|write|openat' $tmp/out >$tmp/others; then
	not_ok syscalls.only "$(head -n 1 $tmp/others)"
else
	ok syscalls.only
fi

trace 2 syscalls --comm follow32
./follow32 >/dev/null 2>&1
traced compat
has compat $tmp/out "follow32/[0-9]+ +syscalls:enter exit_group\[32\]\(0x[0-9a-f]+, " \
	"follow32/[0-9]+ +syscalls:exit +[a-z0-9_]+\[32\] = "

insmod loop.ko
dd if=/dev/zero of=$tmp/disk bs=64K count=16 2>/dev/null
losetup /dev/loop0 $tmp/disk
trace 2 block
dd if=/dev/zero of=/dev/loop0 bs=16K count=3 conv=fsync 2>/dev/null
echo 3 >/proc/sys/vm/drop_caches
dd if=/dev/loop0 of=/dev/null bs=16K count=3 2>/dev/null
traced block
has block $tmp/out \
	"\] .*/[0-9]+ +block:issue +loop0 write [0-9]+ bytes at sector [0-9]+" \
	"\] .*/[0-9]+ +block:complete loop0 write [0-9]+ bytes at sector [0-9]+.* after [0-9.]+ .?s\$" \
	"\] .*/[0-9]+ +block:complete loop0 read [0-9]+ bytes at sector [0-9]+.* after [0-9.]+ .?s\$"
losetup -d /dev/loop0
rmmod loop

# tcp ADDRESS CLIENT SERVER: traces a connection to the address. CLIENT and SERVER are regexes:
# the address as the client has it, and as the server has it, which listens for both families.
tcp() {
	address=$1
	client=$2
	server=$3
	trace 2 tcp
	nc -l -p 5000 </dev/null >/dev/null 2>&1 &
	listener=$!
	usleep 300000
	echo hello | nc "$address" 5000 >/dev/null 2>&1
	wait $listener
	traced "tcp.$address"
	has "tcp.$address" $tmp/out \
		'\] nc/[0-9]+ +tcp:state +\[::\]:5000 -> \[::\]:0 CLOSE -> LISTEN by call netns [0-9]+$' \
		"\] nc/[0-9]+ +tcp:state +$client:unassigned -> $client:5000 CLOSE -> SYN_SENT by call netns [0-9]+\$" \
		"\] nc/[0-9]+ +tcp:state +$client:[0-9]+ -> $client:5000 SYN_SENT -> ESTABLISHED by network after" \
		"tcp:state +$server:5000 -> $server:[0-9]+ SYN_RECV -> ESTABLISHED by network after" \
		"tcp:state +$client:[0-9]+ -> $client:5000 .* -> CLOSE by (network|call|abort|reset) .*after"
}

tcp 127.0.0.1 '127\.0\.0\.1' '\[::ffff:127\.0\.0\.1\]'
tcp ::1 '\[::1\]' '\[::1\]'

# Records of both CPUs come in the order of their times. The window is long, because an emulated
# CPU may stop for a while in the middle of a publish.
trace 3 sched --json --merge-window 500ms
busy=
for mask in 1 2; do
	taskset $mask sh -c 'while :; do /bin/true; done' &
	busy="$busy $!"
done
usleep 500000
# shellcheck disable=SC2086 # a list
kill -KILL $busy
traced order
if awk -F '"cpu":|,"seq":|"ts_ns":|,"type":' '{
	if ($4 + 0 < last) late++
	last = $4 + 0; seen[$2] = 1 } END { exit !(NR > 100 && 0 in seen && 1 in seen && !late) }' \
	$tmp/out; then
	ok order
else
	not_ok order "$(cut -c 1-80 $tmp/out | head -n 5)"
fi

# A pinned trace, with no bpffs mounted before: a separate reader opens it by name and sees
# its end, and nothing is left.
"$ringctl" trace process --pin vm 2>$tmp/err || not_ok pin "$(cat $tmp/err)"
"$ringctl" cat vm --json >$tmp/json 2>$tmp/account &
reader=$!
/bin/true pinned
usleep 300000
"$ringctl" destroy vm 2>$tmp/err || not_ok destroy "$(cat $tmp/err)"
if wait $reader; then
	has pin $tmp/json '"name":"process_exec".*"command":\["/bin/true","/bin/true","pinned"\]'
	has pin.account $tmp/account 'read [0-9]+ \+ lost 0 = published [0-9]+; .*the writer has ended the ring'
else
	not_ok pin "reader: $(cat $tmp/account)"
fi
if [ -e /sys/fs/bpf/seqring/vm ]; then
	not_ok pin.nothing_left "$(ls /sys/fs/bpf/seqring/vm)"
else
	ok pin.nothing_left
fi
umount /sys/fs/bpf 2>/dev/null
exit $failed
