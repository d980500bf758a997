#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# spin.sh: the state machines wake.pml and life.pml under spin, as they are and with
# each mistake of theirs, which must be found.

set -u
cd "$(dirname "$0")" || exit 1
out=$PWD/../../../build/model-spin
failed=0

# MODEL SAFETY|CYCLES DEFINES...: whether nothing is wrong. 0 nothing; 1 an error was
# found; 2 the search did not come to its end.
search() {
	local model=$1 kind=$2 dir
	shift 2
	dir=$out/$model-$kind-$(printf '%s-' "$@" | tr -cd 'A-Z0-9_=-')
	rm -rf "$dir"
	mkdir -p "$dir" || return 2
	cp "$model.pml" "$dir" || return 2
	(
		cd "$dir" || exit 2
		spin -a "$@" "$model.pml" >log 2>&1 || exit 2
		if [ "$kind" = CYCLES ]; then
			gcc -O0 -w -DNP -DVECTORSZ=2048 -o pan pan.c >>log 2>&1 || exit 2
			timeout 300 ./pan -l -m100000 -w20 >>log 2>&1 || exit 2
		else
			gcc -O0 -w -DSAFETY -DVECTORSZ=2048 -o pan pan.c >>log 2>&1 || exit 2
			timeout 300 ./pan -m100000 -w20 >>log 2>&1 || exit 2
		fi
		grep -q 'errors: [1-9]' log && exit 1
		grep -q 'errors: 0$' log && ! grep -qE 'max search depth too small|Search not compl|aborted' log
	)
}

# WANT NAME MODEL KIND DEFINES...
check() {
	local want=$1 name=$2 status found states
	shift 2
	search "$@"
	status=$?
	case $status in
	0) found=right ;;
	1) found=wrong ;;
	*) found='not decided' ;;
	esac
	if [ "$found" = "$want" ]; then
		echo "ok spin $name"
		return
	fi
	states=$(printf '%s ' "$@")
	echo "not ok spin $name - $found: $states"
	failed=1
}

command -v spin >/dev/null || { echo 'skip spin - it is not installed'; exit 0; }

for kind in LEVEL EDGE DOORBELL ANNOUNCE; do
	check right "wake: $kind, no wake-up is lost" wake SAFETY -D$kind
	check right "wake: $kind, nobody runs for nothing" wake CYCLES -D$kind
done
while read -r kind mistake how; do
	check wrong "wake: $kind with $mistake is caught" wake "${how:-SAFETY}" \
		-D"$kind" -D"BREAK_$mistake"
done <<-EOF
	LEVEL LOOK
	LEVEL FENCE
	LEVEL DISARM
	LEVEL QUEUE
	LEVEL SPIN CYCLES
	EDGE LOOK
	EDGE FENCE
	EDGE DISARM
	EDGE EDGE
	WATERMARK FENCE
	DOORBELL FENCE
	DOORBELL ARM
	DOORBELL DRAIN
	ANNOUNCE FENCE
	ANNOUNCE FORGET
	ANNOUNCE GRACE
	ANNOUNCE OTHERS
EOF
# One record: two would make the search last for minutes.
check right 'wake: WATERMARK, no wake-up is lost' wake SAFETY -DWATERMARK -DRECORDS=1
check wrong 'wake: WATERMARK with TIMEOUT is caught' wake SAFETY -DWATERMARK -DRECORDS=1 -DBREAK_TIMEOUT
check right 'life of a device' life SAFETY
for mistake in VISIBLE SYNC LIST OWNER GET WRITE HUP PUT EXIT; do
	check wrong "life with $mistake is caught" life SAFETY -D"BREAK_$mistake"
done
exit $failed
