#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh SECONDS: soaks the modules in the VM. Rounds of floods have followers that check
# every record. Meanwhile readers of the scheduler's ring come, leave and are killed, pollers
# wait for single wake-ups, and a CPU goes off and on. After each round this prints its totals,
# `soak: KEY=VALUE...`, with the keys of soak.py. POSIX sh, for busybox.

# shellcheck disable=SC2034,SC2154,SC2086 # variables shared with vm_guest.sh, or set by eval
set -u
export GUEST_DEFS=1
# shellcheck source=tests/kernel/vm/guest.sh disable=SC1091
. ./vm_guest.sh
tmp=/tmp/guest
export FLOOD=3000

# seconds: prints the VM's uptime.
seconds() { cut -d . -f 1 /proc/uptime; }
end=$(($(seconds) + $1))
over() { [ "$(seconds)" -ge $end ] || [ -e $tmp/wrong ]; }

# wrong NAME: reports a failure, which ends all loops.
wrong() {
	echo "not ok soak.$1"
	touch $tmp/wrong
}

# --- background loops: each keeps its counts in a file -----------------------

hotplug() {
	n=0
	cpu=/sys/devices/system/cpu/cpu1/online
	while ! over; do
		sleep 3
		echo 0 >$cpu || wrong "hotplug - CPU 1 does not go off"
		sleep 1
		echo 1 >$cpu || wrong "hotplug - CPU 1 does not come back"
		n=$((n + 1))
		echo "hotplugs=$n" >$tmp/count.hotplug
	done
}

# storm NUMBER: reads a real producer's ring. Each turn has one reader that reads a little and
# one that is killed with the ring open and mapped.
storm() {
	opened=0 killed=0 read=0 lost=0 said=$tmp/storm.$1
	while ! over; do
		ringctl cat sched --count 20 >/dev/null 2>"$said" ||
			wrong "storm - $(head -n 1 "$said")"
		account=$(sed -n 's/.* read \([0-9]*\) + lost \([0-9]*\) .*/\1 \2/p' "$said")
		read=$((read + ${account% *})) lost=$((lost + ${account#* }))
		ringctl cat sched >/dev/null 2>&1 &
		usleep 100000
		kill -KILL $!
		wait $! 2>/dev/null
		opened=$((opened + 2)) killed=$((killed + 1))
		echo "opened=$opened killed=$killed read=$read lost=$lost" >$tmp/count.storm"$1"
	done
}

# wakes: runs t_poll, which waits for each wake-up, so that it finds a lost one.
wakes() {
	n=0
	while ! over; do
		T_SECONDS=3000 t_poll 500 >$tmp/wakes 2>&1 ||
			wrong "wakes - status $?: $(grep '^not ok' $tmp/wakes | head -n 3)"
		n=$((n + 500))
		echo "wakeups=$n" >$tmp/count.wakes
	done
}

# --- rounds ------------------------------------------------------------------

# add_up RUN: checks the followers' accounts, which must be exact, and adds them to the totals.
add_up() {
	settle "$1" >$tmp/settled
	if grep -q '^not ok' $tmp/settled; then
		cat $tmp/settled
		wrong "$1"
	fi
	for tag in $tags; do
		read=$((read + $(value read "$tag"))) lost=$((lost + $(value lost "$tag")))
		retried=$((retried + $(value overruns "$tag")))
		wakeups=$((wakeups + $(value waits "$tag"))) opened=$((opened + 2))
	done
	published=$((published + $(value published lib)))
	rounds=$((rounds + 1))
}

# ring MODE HOW: runs one round on a ring. If the mode allows more writers, there are two, and
# an interrupt's and an NMI's.
ring() {
	name=soak$1
	driver create "$name" "$1" 65536 0 || wrong "$name - no ring"
	follow_all "$name" 1024
	writer driver flood "$name" $FLOOD 1024 "$2"
	if [ "$1" != 0 ]; then
		writer driver flood "$name" $FLOOD 1024 3
		writer driver irq "$name" $((FLOOD / 8)) 1024
		writer driver nmi "$name" $((FLOOD / 8)) 1024
	fi
	wait_writers "$name" >$tmp/waited
	grep '^not ok' $tmp/waited && wrong "$name"
	driver destroy "$name" || wrong "$name - it does not go"
	add_up "$name"
}

# totals: prints the totals of the rounds and of the background loops.
totals() {
	for key in published read lost retried torn wakeups opened killed hotplugs rounds; do
		eval "sum=\$$key"
		more=$(sed -n "s/.*\<$key=\([0-9]*\).*/\1/p" $tmp/count.* 2>/dev/null)
		for n in $more; do
			sum=$((sum + n))
		done
		printf ' %s=%s' $key "$sum"
	done
}

insmod seqring.ko && insmod seqring_test.ko && insmod seqring_sched.ko data_size=65536 || exit 1
published=0 read=0 lost=0 retried=0 torn=0 wakeups=0 opened=0 killed=0 hotplugs=0 rounds=0
writers=''
if [ -e /sys/devices/system/cpu/cpu1/online ]; then
	hotplug &
	background="$!"
else
	wrong 'hotplug - this kernel cannot'
	background=''
fi
for i in 1 2; do
	storm $i &
	background="$background $!"
done
wakes &
background="$background $!"

while ! over; do
	for how in 0 1 2 3; do
		for mode in 0 1 2; do
			over || ring $mode $how
		done
		echo "soak:$(totals)"
	done
done
# shellcheck disable=SC2086 # a list
wait $background
echo "soak:$(totals)"

for module in seqring_sched seqring_test seqring; do
	rmmod $module || wrong "unload - $module is still in use"
done
[ ! -e $tmp/wrong ] || exit 1
echo 'ok soak.guest'
