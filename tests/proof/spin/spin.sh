#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# spin.sh: checks the state machines wake.pml and life.pml with spin. Without a mistake the
# search must find no error; with each of the mistakes listed here it must find one.

set -u
cd "$(dirname "$0")" || exit 1
out=$PWD/../../../build/model-spin
failed=0

# search MODEL SAFETY|CYCLES DEFINES...: searches the model's states. Return: 0 no error, 1 an
# error, 2 the search did not end.
search() {
	local model=$1 kind=$2 dir speed=-O0
	shift 2
	# Only the largest searches take longer than an optimising compiler.
	case $* in *-DPAUSE* | *-DSHARED*) speed=-O2 ;; esac
	dir=$out/$model-$kind-$(printf '%s-' "$@" | tr -cd 'A-Z0-9_=-')
	rm -rf "$dir"
	mkdir -p "$dir" || return 2
	cp ./*.pml "$dir" || return 2
	(
		cd "$dir" || exit 2
		spin -a "$@" "$model.pml" >log 2>&1 || exit 2
		if [ "$kind" = CYCLES ]; then
			gcc $speed -w -DNP -DVECTORSZ=2048 -o pan pan.c >>log 2>&1 || exit 2
			timeout 300 ./pan -l -m100000 -w22 >>log 2>&1 || exit 2
		else
			gcc $speed -w -DSAFETY -DVECTORSZ=2048 -o pan pan.c >>log 2>&1 || exit 2
			timeout 300 ./pan -m100000 -w22 >>log 2>&1 || exit 2
		fi
		grep -q 'errors: [1-9]' log && exit 1
		grep -q 'errors: 0$' log && ! grep -qE 'max search depth too small|Search not compl|aborted' log
	)
}

# check WANT NAME MODEL KIND DEFINES...: reports ok when the search finds WANT, `no error` or
# `an error`.
check() {
	local want=$1 name=$2 status found options
	shift 2
	search "$@"
	status=$?
	case $status in
	0) found='no error' ;;
	1) found='an error' ;;
	*) found='no result' ;;
	esac
	if [ "$found" = "$want" ]; then
		echo "ok spin $name"
		return
	fi
	options=$(printf '%s ' "$@")
	echo "not ok spin $name - the search finds $found: $options"
	failed=1
}

command -v spin >/dev/null || { echo 'skip spin - spin is not installed'; exit 0; }

# records KIND: prints the option. Two records and two sleepers that may pause or have a timeout
# would make the search last for minutes.
records() {
	case $1 in
	LEVEL | SHARED | WATERMARK) echo -DRECORDS=1 ;;
	*) echo -DRECORDS=2 ;;
	esac
}

for kind in LEVEL EDGE SHARED PAUSE WATERMARK DOORBELL ANNOUNCE; do
	check 'no error' "wake: $kind, no wake-up is lost" wake SAFETY -D$kind "$(records $kind)"
done
for kind in LEVEL EDGE DOORBELL ANNOUNCE; do
	check 'no error' "wake: $kind, no sleeper runs without a new record" wake CYCLES -D$kind \
		"$(records $kind)"
done
while read -r kind mistake how name; do
	check 'an error' "wake: $kind: $name, caught" wake "$how" \
		-D"$kind" "$(records "$kind")" -D"BREAK_$mistake"
done <<-EOF
	LEVEL RECHECK SAFETY a sleeper does not check head again after it arms
	LEVEL FENCE SAFETY the writer has no fence between head and the wake threshold
	LEVEL QUEUE SAFETY a sleeper joins the wait queue after its last check
	LEVEL INTERRUPT SAFETY a sleeper that announces itself interrupts nobody
	LEVEL HALF SAFETY a sleeper trusts an announcement whose interrupt is not over
	LEVEL SPIN CYCLES poll reports records on an empty ring
	EDGE RECHECK SAFETY a sleeper does not check head again after it arms
	EDGE FENCE SAFETY the writer has no fence between head and the wake threshold
	EDGE RESET SAFETY the writer resets the threshold after it asks for the wake-up
	EDGE FORGET SAFETY the writer forgets an announcement and ignores the sleepers
	EDGE EDGE SAFETY poll does not arm while there are unread records
	EDGE MARK SAFETY a file that was woken is not woken again
	SHARED TOLD SAFETY a waiter that is told of a record takes the wake-up of another away
	PAUSE PAUSE SAFETY the end of a pause wakes nobody
	PAUSE EXTEND SAFETY a timer that finds the pause extended is not started again
	PAUSE DROP SAFETY a timer that finds the pause extended drops what it compares
	PAUSE MORE SAFETY an interrupt leaves sleepers and no work item goes on
	PAUSE COMPARE SAFETY who wakes does not compare the thresholds that are left with head
	PAUSE MARK SAFETY a file that was woken is not woken again
	WATERMARK FENCE SAFETY the writer has no fence between head and the wake threshold
	WATERMARK FIRST SAFETY a sleeper on an empty ring does not arm for the first record
	WATERMARK BEGIN SAFETY the first record does not start the timer
	WATERMARK WAKES SAFETY the first record wakes a sleeper that has a timeout
	DOORBELL FENCE SAFETY the writer has no fence between head and the wake threshold
	DOORBELL ARM SAFETY a sleeper does not arm
	DOORBELL DRAIN SAFETY a sleeper drains the doorbell after its last check
	ANNOUNCE FENCE SAFETY the writer has no fence between head and the wake threshold
	ANNOUNCE FORGET SAFETY the writer forgets an announcement and wakes nobody
	ANNOUNCE GRACE SAFETY no sleeper waits for a grace period
	ANNOUNCE OTHERS SAFETY a sleeper that finds an announcement waits for no grace period
EOF
check 'no error' 'life of a device' life SAFETY
while read -r mistake name; do
	check 'an error' "life: $name, caught" life SAFETY -D"BREAK_$mistake"
done <<-EOF
	VISIBLE deletion leaves the device visible
	SYNC deletion does not wait for the irq_work
	LIST deletion does not check that the device is still listed
	OWNER an open file does not hold the module
	GET open takes no reference to the device
	WRITE a write does not check for the end
	POLL poll loads head before the end
	PUT release drops no reference to the device
	EXIT module exit does not delete the device
EOF
exit $failed
