#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh: tests the modules in the VM (see run.sh), as root; the modules and the
# programs are in the current directory. Prints "ok NAME" and "not ok NAME - reason".
# The exit status is 1 when a test failed. POSIX sh, for busybox.

# shellcheck disable=SC2317 # the parts are called by name
set -u
cd /root || exit 1
failed=0
tmp=/tmp/guest
mkdir -p $tmp

ok() { echo "ok $1"; }

not_ok() {
	echo "not ok $1 - $2"
	failed=1
}

# check NAME COMMAND...: reports ok when the command succeeds.
check() {
	name=$1
	shift
	if "$@" >$tmp/check 2>&1; then
		ok "$name"
	else
		not_ok "$name" "'$*': status $?: $(head -n 3 $tmp/check | tr '\n' ' ')"
	fi
}

# same NAME GOT EXPECTED: reports ok when both are equal.
same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got '$2', expected '$3'"
	fi
}

# program COMMAND...: runs a test program, which prints its own lines. Reports a program that
# fails without a line `not ok`, and one that checks nothing.
program() {
	begin=$(cut -d ' ' -f 1 /proc/uptime)
	"$@" >$tmp/out 2>&1
	status=$?
	cat $tmp/out
	if [ $status != 0 ]; then
		failed=1
		grep -q '^not ok ' $tmp/out || not_ok "$*" "exit status $status"
	elif ! grep -q '^ok ' $tmp/out; then
		not_ok "$*" "it checked nothing"
	fi
	echo "# $*: $begin to $(cut -d ' ' -f 1 /proc/uptime) s"
}

# driver WORD...: gives the test driver a command.
driver() { echo "$*" >/dev/seqring-test; }

# --- followers -------------------------------------------------------------

# The kinds of followers; the environment may name fewer. `stopped` must be among them.
FOLLOWERS=${FOLLOWERS:-lib inline watermark slow_lib slow stopped m32 m32_lib m32_split}

# start TAG COMMAND...: starts a follower in the background.
start() {
	tag=$1
	shift
	"$@" >"$tmp/follow.$tag" 2>&1 &
	eval "pid_$tag=$!"
	tags="$tags $tag"
}

# follow_all DEVICE MAX OPTION...: starts the followers of a device that writers are about
# to flood: fast and slow ones, one that is stopped and continued, and 32-bit ones. The
# option --check-numbers is for records with consecutive numbers.
follow_all() {
	device=$1
	max=$2
	shift 2
	tags=''
	nr=0
	for who in $FOLLOWERS; do
		case $who in
		lib) start lib follow "$device" --max "$max" "$@" ;;
		inline) start inline follow "$device" --max "$max" --backend inline "$@" ;;
		watermark) start watermark follow "$device" --max "$max" --watermark 100 "$@" ;;
		slow_lib) start slow_lib follow "$device" --max "$max" --slow 1000 "$@" ;;
		slow) start slow follow "$device" --max "$max" --slow 1000 --backend inline "$@" ;;
		stopped) start stopped follow "$device" --max "$max" --backend inline "$@" ;;
		m32) start m32 follow32 "$device" --max "$max" --backend inline "$@" ;;
		m32_lib) start m32_lib follow32 "$device" --max "$max" "$@" ;;
		m32_split) start m32_split follow32s "$device" --max "$max" --backend inline "$@" ;;
		*) not_ok "follower.$who" 'there is no such kind' ;;
		esac
		nr=$((nr + 1))
	done
	# All followers open the device before the first record; each opens it twice.
	tries=0
	while [ "$(control readers "$device")" -lt $((2 * nr)) ] && [ $tries -lt 100 ]; do
		usleep 50000
		tries=$((tries + 1))
	done
	# Each stop lasts until the writers have lapped the follower.
	# shellcheck disable=SC2154 # set by eval
	(
		while kill -STOP "$pid_stopped" 2>/dev/null; do
			control lap "$device" 2>/dev/null
			kill -CONT "$pid_stopped" 2>/dev/null
			usleep 50000
		done
	) &
	stopper=$!
}

# value KEY TAG: prints the value of KEY in a follower's output.
value() { sed -n "s/.*\<$1=\([0-9a-zA-Z]*\).*/\1/p" "$tmp/follow.$2"; }

# settle RUN: after the device's end, checks the account of each follower.
settle() {
	run=$1
	kill "$stopper" 2>/dev/null
	kill -CONT "$pid_stopped" 2>/dev/null
	for tag in $tags; do
		eval "pid=\$pid_$tag"
		# shellcheck disable=SC2154 # set by eval
		wait "$pid"
		status=$?
		if [ $status = 0 ] && [ "$(value result "$tag")" = good ]; then
			ok "torture.$run.$tag"
		else
			not_ok "torture.$run.$tag" "status $status: $(tail -n 1 "$tmp/follow.$tag")"
		fi
		echo "# $run $tag: $(tail -n 1 "$tmp/follow.$tag")"
	done
}

# lossy RUN: checks that each slow follower lost records. Otherwise the run shows nothing
# about losses.
lossy() {
	for tag in slow slow_lib stopped; do
		case " $FOLLOWERS " in *" $tag "*) ;; *) continue ;; esac
		if [ "$(value lost $tag)" -gt 0 ] 2>/dev/null; then
			ok "torture.$1.$tag.lost"
		else
			not_ok "torture.$1.$tag.lost" "nothing: $(tail -n 1 "$tmp/follow.$tag")"
		fi
	done
}

# writer COMMAND...: starts a writer in the background.
writer() {
	"$@" >/dev/null 2>>$tmp/writers &
	writers="$writers $!"
}

# wait_writers RUN: waits for the writers, all of which must succeed.
wait_writers() {
	bad=0
	for pid in $writers; do
		wait "$pid" || bad=$((bad + 1))
	done
	same "torture.$1.writers" "$bad$(cat $tmp/writers)" 0
	rm -f $tmp/writers
	writers=''
}

# on_cpu MASK WORD...: gives the test driver a command, on the CPUs of MASK.
# shellcheck disable=SC2317 # writer runs it
on_cpu() {
	mask=$1
	shift
	taskset "$mask" sh -c "echo '$*' >/dev/seqring-test"
}

# --- the parts -------------------------------------------------------------

module_alone() {
	check load insmod seqring.ko
	for prog in ${MODULE_PROGS:-t_map t_memory t_life t_race t_cycle t_waits t_waiters t_unload t_owner}; do
		program "$prog"
	done
	# If the kernel can inject failures, t_fault makes each allocation fail in turn.
	if [ -e /proc/self/fail-nth ] || [ -e /sys/kernel/debug/kmemleak ]; then
		program t_fault
	fi

	# Unloading the module destroys the devices that were made through the control node.
	control create left 65536
	control create left2 131072
	check unload.devices_left rmmod seqring
	same unload.nodes "$(ls /dev/seqring /dev/seqring-control 2>/dev/null)" ''
	check load.again insmod seqring.ko
	check load.name_again control create left 65536
	check load.destroy control destroy left
}

# plain_tools: uses devices with dd and cat, without a program of this project.
plain_tools() {
	dev=/dev/seqring/plain
	control create plain 65536
	echo hello >$dev
	same plain.dd_first "$(dd if=$dev bs=32 count=1 2>/dev/null | tail -c 8 | head -c 6)" hello
	seq 1 1000 >$tmp/data
	dd if=$tmp/data of=$dev bs=1000 2>/dev/null
	# 3893 bytes in pieces of 1000: after the first record's 32 bytes, three records of 1024
	# and one of 24 + 896.
	same plain.dd_records "$(dd if=$dev bs=8192 count=1 2>/dev/null | wc -c)" $((32 + 3 * 1024 + 920))
	dd if=$dev bs=8192 count=1 2>/dev/null | tail -c +57 | head -c 1000 >$tmp/first
	head -c 1000 $tmp/data >$tmp/expected
	check plain.dd_bytes cmp $tmp/first $tmp/expected
	same plain.dd_too_small "$(dd if=$dev bs=16 count=1 2>&1 >/dev/null | grep -c 'too long')" 1
	cat $dev >$tmp/cat &
	cat=$!
	usleep 200000
	echo goodbye >$dev
	usleep 200000
	check plain.cat_follows kill -0 $cat
	control destroy plain
	check plain.cat_ends wait $cat
	same plain.cat_size "$(wc -c <$tmp/cat)" $((32 + 3 * 1024 + 920 + 32))
	same plain.cat_last "$(tail -c 8 $tmp/cat)" goodbye
}

with_driver() {
	check load.driver insmod seqring_test.ko
	for prog in ${DRIVER_PROGS:-t_reject t_read t_read32 t_file t_stall t_watermark t_wake t_interrupt t_poll t_nmi \
		t_nest t_crowd t_hotplug t_observe}; do
		case $prog in
		t_read32)
			export T_PREFIX=32.
			program t_read32
			unset T_PREFIX
			;;
		t_poll) program t_poll "$ROUNDS" ;;
		*) program "$prog" ;;
		esac
	done
}

torture() {
	writers=''

	# The caller serialises: one writer tries each way to publish in turn.
	driver create caller 0 65536 0
	follow_all caller 1024 --check-numbers
	for how in 0 1 2 3; do
		check torture.caller.$how driver flood caller "$FLOOD" 1024 $how
	done
	same torture.caller.drops "$(control dropped caller)" 'busy=0 too_big=0 dead=0 fault=0'
	driver destroy caller
	settle caller
	lossy caller

	# Two writers in the kernel and one in user space share one ring.
	driver create locked 1 65536 1
	follow_all locked 1024
	writer on_cpu 1 flood locked "$FLOOD" 1024 0
	writer on_cpu 2 flood locked "$FLOOD" 1024 3
	writer control publish locked $((FLOOD / 4)) 1024
	wait_writers locked
	same torture.locked.drops "$(control dropped locked)" 'busy=0 too_big=0 dead=0 fault=0'
	driver destroy locked
	settle locked
	lossy locked

	# One ring per CPU.
	driver create percpu 2 65536 0
	follow_all percpu 1024 --check-numbers
	for how in 3 1; do
		writer on_cpu 1 flood percpu "$FLOOD" 1024 $how
		writer on_cpu 2 flood percpu "$FLOOD" 1024 $how
		wait_writers percpu.$how
	done
	same torture.percpu.drops "$(control dropped percpu)" 'busy=0 too_big=0 dead=0 fault=0'
	driver destroy percpu
	settle percpu
	lossy percpu

	# Interrupts and NMIs hit floods. The last flood uses reserve and commit, and spends most
	# of its time between them.
	for mode in 1 2; do
		driver create nested $mode 65536 0
		follow_all nested 1024
		writer on_cpu 1 flood nested "$FLOOD" 1024 3
		writer on_cpu 2 flood nested "$FLOOD" 1024 0
		writer on_cpu 1 irq nested $((FLOOD / 8)) 1024
		writer on_cpu 2 nmi nested $((FLOOD / 8)) 1024
		wait_writers nested$mode
		writer on_cpu 2 flood nested $((2 * FLOOD)) 1024 1
		writer on_cpu 1 nmi nested $((FLOOD / 2)) 1024
		wait_writers nested$mode.again
		echo "# nested$mode: $(control dropped nested)"
		driver destroy nested
		settle nested$mode
	done

	# Large records in a large ring.
	driver create large 1 4194304 0
	follow_all large 65536 --check-numbers
	check torture.large.0 driver flood large $((FLOOD / 4)) 65536 0
	check torture.large.1 driver flood large $((FLOOD / 4)) 65536 1
	driver destroy large
	settle large

	# Positions cross the end of 32 bits. First come unfilled records, four of which make
	# a lap, then more than a lap of filled ones, before any follower reads.
	driver create wrap 0 65536 0
	check torture.wrap.skip driver skip wrap $((4 * 65536 - 20)) 16360
	driver flood wrap 1000 1024 0
	same torture.wrap.below "$(($(control head wrap) >> 32))" 0
	follow_all wrap 1024 --check-numbers
	for how in 0 3; do
		check torture.wrap.$how driver flood wrap "$FLOOD" 1024 $how
	done
	same torture.wrap.above "$(($(control head wrap) >> 32))" 1
	driver destroy wrap
	settle wrap

	# Only user processes write.
	control create user 65536
	follow_all user 1024
	for _ in 1 2 3; do
		writer control publish user $((FLOOD / 2)) 1024
	done
	wait_writers user
	same torture.user.drops "$(control dropped user)" 'busy=0 too_big=0 dead=0 fault=0'
	control destroy user
	settle user
	lossy user
}

# broken_promise: two writers use a ring for which the caller promised one. exact_check, the
# default, finds each violation. Without it, a second writer on the same CPU is found.
broken_promise() {
	check exact.unload rmmod seqring_test
	check exact.unload_ring rmmod seqring
	check inexact.load insmod seqring.ko exact_check=0
	check inexact.load_driver insmod seqring_test.ko
	driver create loose 0 65536 0
	check inexact.nested driver nest loose
	same inexact.counted "$(control dropped loose)" 'busy=101 too_big=1 dead=0 fault=0'
	driver destroy loose
	check inexact.unload rmmod seqring_test
	check inexact.unload_ring rmmod seqring
	check exact.load insmod seqring.ko
	check exact.load_driver insmod seqring_test.ko
	driver create exact 0 65536 0
	follow_all exact 1024
	cat >$tmp/promise <<-'EOF'
		for i in $(seq 1 100); do
			echo "flood exact 300 1024 1" >/dev/seqring-test
		done
	EOF
	for mask in 1 2; do
		taskset $mask sh $tmp/promise 2>/dev/null &
		eval "pid_$mask=$!"
	done
	# shellcheck disable=SC2154 # set by eval
	wait "$pid_1" "$pid_2"
	busy=$(control dropped exact | sed 's/busy=\([0-9]*\) .*/\1/')
	check exact.found test "$busy" -gt 0
	same exact.warned_once "$(dmesg | grep -c 'exact: a second writer')" 1
	driver destroy exact
	settle exact
}

scheduler() {
	# The module registers and removes its probes during a stream of events.
	(while :; do /bin/true; done) &
	busy=$!
	for i in 1 2 3 4; do
		insmod seqring_sched.ko data_size=65536 || not_ok sched.load$i "status $?"
		timeout 1 cat /dev/seqring/sched >/dev/null 2>&1
		check sched.unload$i rmmod seqring_sched
	done
	kill $busy
	check sched.permissions insmod seqring_sched.ko permissions=0444
	same sched.mode "$(stat -c %a /dev/seqring/sched)" 444
	decoded
	program t_sched
}

# named TYPE FIELD=REGEX...: checks that some record has exactly these fields.
named() {
	type=$1 fields=''
	shift
	for field; do
		fields="$fields,\"${field%%=*}\":${field#*=}"
	done
	check "schema.$type" grep -q "\"name\":\"seqring_sched_$type\",\"fields\":{${fields#,}}}\$" \
		$tmp/json
}

# decoded: checks that ringctl decodes the producer's records by their schema.
decoded() {
	same schema.types "$(ringctl info sched | sed -n 's/^type *seqring_sched_//p' | tr '\n' ';')" \
		'switch = 1, 56 bytes;wakeup = 2, 32 bytes;exec = 3, 8 bytes or more;exit = 4, 32 bytes;'
	/bin/busybox true
	ringctl cat sched --no-follow --quiet --json >$tmp/json
	ringctl cat sched --no-follow --quiet >$tmp/text
	n='-*[0-9][0-9]*' s='"[^"][^"]*"'
	named switch prev_pid="$n" prev_prio="$n" next_pid="$n" next_prio="$n" prev_state="$n" \
		preempt='[01]' prev_comm="$s" next_comm="$s"
	named wakeup pid="$n" prio="$n" target_cpu='[0-9]*' reserved=0 comm="$s"
	named exec pid="$n" old_pid="$n" filename='"/bin/busybox"'
	named exit pid="$n" tgid="$n" exit_code=0 prio="$n" comm='"busybox"'
	same schema.all "$(grep -vc '"name":"seqring_sched_[a-z]*","fields":{' $tmp/json)" 0
	check schema.text grep -q \
		' seqring_sched_exec pid=[0-9]* old_pid=[0-9]* filename=/bin/busybox$' $tmp/text
}

the_tool() {
	driver create kernel_ring 2 65536 0
	driver flood kernel_ring 100 256 0
	export KERNEL_RING=kernel_ring
	program sh ./device.sh /root/ringctl
	driver destroy kernel_ring
}

# tests/soak and tests/kernel/arm64 use only the functions.
[ -z "${GUEST_DEFS-}" ] || return 0

load() {
	check load insmod seqring.ko
	check load.driver insmod seqring_test.ko
}

trace() {
	[ ! -e bpf_trace.sh ] || program sh ./bpf_trace.sh /root/ringctl
}

unload() {
	check unload.driver rmmod seqring_test
	same unload.users "$(cat /sys/module/seqring/refcnt)" 0
	check unload rmmod seqring
	same unload.nothing_left "$(ls /dev/seqring 2>/dev/null)" ''
	# kmemleak reports an unreferenced object only after some seconds, and a second scan.
	if [ -e /sys/kernel/debug/kmemleak ]; then
		for _ in 1 2; do
			sleep 5
			echo scan >/sys/kernel/debug/kmemleak
		done
		# With injected failures, the kernel's own error paths may leak, too. A function of
		# a module that is gone has no name.
		sed 's/^/# /' /sys/kernel/debug/kmemleak | head -n 60
		same unload.no_leak "$(grep -cE '\[seqring|0xffffffff[a-f][0-9a-f]{7}$' \
			/sys/kernel/debug/kmemleak)" 0
	fi
}

for part in ${PARTS:-module_alone plain_tools with_driver torture scheduler the_tool trace \
	broken_promise unload}; do
	$part
done
exit $failed
