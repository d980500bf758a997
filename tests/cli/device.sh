#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# device.sh RINGCTL: tests ringctl on devices of the module, which must be loaded.
# KERNEL_RING names a device of a kernel module; without it the test of such a device
# does not run. Prints "ok NAME" or "not ok NAME - reason"; exit status 1 if a test
# failed. Needs root. A VM gets only this file and has only busybox, so it has helpers
# of its own, in POSIX shell.

if [ $# != 1 ] || [ ! -x "$1" ]; then
	echo "usage: $0 RINGCTL" >&2
	exit 2
fi
RINGCTL=$1
case $RINGCTL in
/*) ;;
*) RINGCTL=$PWD/$RINGCTL ;;
esac
dir=/dev/seqring
n=t$$
tmp=/tmp/device-test.$$
mkdir "$tmp" && cd "$tmp" || exit 2
RINGDIR=$tmp
export RINGDIR
failures=0

cleanup()
{
	for left in "$dir/$n".*; do
		[ -e "$left" ] && "$RINGCTL" destroy "${left##*/}" 2>/dev/null
	done
	cd /
	rm -rf "$tmp"
}
trap cleanup EXIT

because()
{
	reason=$*
	return 1
}

same()
{
	[ "$1" = "$2" ] || because "${3:-it} is '$1', not '$2'"
}

has()
{
	grep -Eq -e "$1" "$2" || because "no '$1' in '$(head -n 3 "$2")'"
}

# create NAME [OPTION...]
create()
{
	"$RINGCTL" create "$n.$1" --size 64K --mode 0644 2>err || because "create: $(cat err)"
}

destroy()
{
	"$RINGCTL" destroy "$n.$1" 2>err || because "destroy: $(cat err)"
}

# fails STATUS REGEX COMMAND...
fails()
{
	want=$1
	regex=$2
	shift 2
	"$RINGCTL" "$@" >fails.out 2>fails.err </dev/null
	same $? "$want" "status of '$*'" || return
	same "$(wc -l <fails.err | tr -d ' ')" 1 "lines of error of '$*'" || return
	[ ! -s fails.out ] || because "'$*' prints to stdout" || return
	has "^ringctl: $regex" fails.err
}

until_lines()
{
	tries=0
	until [ "$(wc -l <"$1")" -ge "$2" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || because "$1 has $(wc -l <"$1") lines, not $2" || return
		sleep 0.2
	done
}

# start_cat NAME: in the background, PID $pid; its output is NAME.out, its errors NAME.err
start_cat()
{
	: >"$1.out"
	"$RINGCTL" cat "$n.$1" >"$1.out" 2>"$1.err" &
	pid=$!
}

start_cat_with()
{
	ring=$1
	shift
	: >"$ring.out"
	"$RINGCTL" cat "$n.$ring" "$@" >"$ring.out" 2>"$ring.err" &
	pid=$!
}

# Waits for $pid, for 20 s at most; its status is $status.
ended()
{
	(
		sleep 20
		kill -KILL "$pid"
	) 2>/dev/null &
	guard=$!
	wait "$pid"
	status=$?
	kill "$guard" 2>/dev/null
	wait "$guard" 2>/dev/null
	[ "$status" != 137 ] || because 'did not end'
}

run()
{
	reason=failed
	if "test_$1"; then
		echo "ok device-$1"
	else
		echo "not ok device-$1 - $reason"
		failures=$((failures + 1))
	fi
}

test_create_and_destroy()
{
	"$RINGCTL" create "$n.a" --size 128K --mode 0640 --wake-interval 1ms >out 2>&1 || because "$(cat out)" || return
	[ ! -s out ] || because "create says $(cat out)" || return
	[ -c "$dir/$n.a" ] || because 'no device node' || return
	same "$(stat -c %a "$dir/$n.a")" 640 mode || return
	"$RINGCTL" list >out || because 'list fails' || return
	has "^$n\.a +device +1 +131072 +0 +0 +0$" out || return
	"$RINGCTL" list --json >out || because 'list --json fails' || return
	has "\"name\": *\"$n\.a\"" out || return
	destroy a || return
	[ ! -e "$dir/$n.a" ] || because 'the device node still exists' || return
	"$RINGCTL" list >out
	! grep -q "^$n.a " out || because 'still listed'
}
run create_and_destroy

test_owner()
{
	"$RINGCTL" create "$n.a" --size 64K --mode 0640 --owner 1234 --group 5678 >out 2>&1 ||
		because "$(cat out)" || return
	same "$(stat -c %u:%g:%a "$dir/$n.a")" 1234:5678:640 'owner, group and mode' || return
	destroy a || return
	"$RINGCTL" create "$n.a" --size 64K --owner root --group root >out 2>&1 ||
		because "$(cat out)" || return
	same "$(stat -c %u:%g "$dir/$n.a")" 0:0 'owner by name' || return
	destroy a
}
run owner

test_destroy_several()
{
	create a && create b || return
	"$RINGCTL" destroy "$n.a" "$n.none" "$n.b" 2>err
	same $? 1 status || return
	same "$(wc -l <err | tr -d ' ')" 1 'lines of error' || return
	has "^ringctl: destroy $n\.none: " err || return
	[ ! -e "$dir/$n.b" ] || because 'the device after the failed one still exists'
}
run destroy_several

test_errors()
{
	create a || return
	long=abcdefghijklmnopqrstuvwxyz0123456789
	fails 1 "create $n\.a: " create "$n.a" --size 64K &&
		fails 1 'create \.dot: ' create .dot --size 64K &&
		fails 1 'create a/b: ' create a/b --size 64K &&
		fails 1 'create : ' create '' --size 64K &&
		fails 1 'create a b: ' create 'a b' --size 64K &&
		fails 1 "create $long: " create "$long" --size 64K &&
		fails 2 'create: --size 100K: not a power of two \(a power' create x --size 100K &&
		fails 2 'create: --size 32K: too small' create x --size 32K &&
		fails 2 'create: --size 2G: too large' create x --size 2G &&
		fails 2 'create: --wake-interval 2s: at most 1s' create x --size 64K --wake-interval 2s &&
		fails 2 'create: --wake-interval 5: not a duration' create x --size 64K --wake-interval 5 &&
		fails 1 "destroy $n\.none: " destroy "$n.none" &&
		fails 1 "cat $n\.none: " cat "$n.none" &&
		fails 1 "info $n\.none: " info "$n.none" &&
		fails 1 "publish: $n\.none: no such device" publish "$n.none" &&
		fails 1 "cat $n\.a: " cat "$n.a" --since seq:2 &&
		fails 1 "cat: $n\.a: --ring 1: no such ring \(0 to 0" cat "$n.a" --ring 1 || return
	destroy a
}
run errors

test_round_trip()
{
	create a || return
	printf 'hello\n\nwith "quotes"\n' >in
	"$RINGCTL" publish "$n.a" in >out 2>&1 || because "publish: $(cat out)" || return
	"$RINGCTL" cat "$n.a" --no-follow >out 2>err || because "cat: $(cat err)" || return
	sed -E 's/ [0-9]+\.[0-9]{9} / TIME /' out >out2
	{
		echo '[0] 1 TIME 0 5  68656c6c6f | hello'
		echo '[0] 2 TIME 0 0   | '
		echo '[0] 3 TIME 0 13  77697468202271756f74657322 | with "quotes"'
	} >want
	cmp -s out2 want || because "cat prints $(cat out2)" || return
	has "^ringctl: $n\.a: read 3 \+ lost 0 = published 3; overruns 0, waits 0, misordered 0$" err ||
		return
	"$RINGCTL" cat "$n.a" --no-follow --json --quiet >out || because 'cat --json' || return
	has '"len":13,"lost":0,"hex":"[0-9a-f]*","text":"with \\"quotes\\""}$' out || return
	destroy a
}
run round_trip

test_binary()
{
	create a || return
	head -c 16360 "$RINGCTL" >in
	"$RINGCTL" publish "$n.a" in --whole 2>err || because "publish: $(cat err)" || return
	"$RINGCTL" cat "$n.a" --no-follow --raw --quiet >out || because 'cat' || return
	cmp -s in out || because 'bytes differ' || return
	head -c 16361 "$RINGCTL" >in
	fails 1 "publish: $n\.a: the input is too long \(at most 16360 bytes\); published 0" \
		publish "$n.a" in --whole || return
	destroy a
}
run binary

test_too_long_line()
{
	create a || return
	{
		echo one
		echo two
		head -c 16361 /dev/zero | tr '\0' x
		echo
		echo four
	} >in
	fails 1 "publish: $n\.a: line 3 is too long \(at most 16360 bytes\); published 2 before" \
		publish "$n.a" in || return
	"$RINGCTL" info "$n.a" >out
	has '^published  2$' out || return
	destroy a
}
run too_long_line

test_type()
{
	create a || return
	echo one | "$RINGCTL" publish "$n.a" --type 7 &&
		echo two | "$RINGCTL" publish "$n.a" --type 65535 &&
		echo three | "$RINGCTL" publish "$n.a" || because publish || return
	"$RINGCTL" cat "$n.a" --no-follow --json --quiet | sed 's/.*"type":\([0-9]*\).*/\1/' >out
	same "$(tr '\n' ' ' <out)" '7 65535 0 ' types || return
	destroy a
}
run type

test_plain_write()
{
	create a || return
	echo by hand >"$dir/$n.a" || because 'write fails' || return
	"$RINGCTL" cat "$n.a" --no-follow --quiet >out
	has ' \| by hand\\n$' out || return
	destroy a
}
run plain_write

test_clock_and_schema()
{
	echo '{"v": "u64"}' >schema
	"$RINGCTL" create "$n.a" --size 64K --clock none --schema schema 2>err ||
		because "$(cat err)" || return
	same "$(stat -c %a "$dir/$n.a")" 600 'default mode' || return
	echo x | "$RINGCTL" publish "$n.a"
	"$RINGCTL" cat "$n.a" --no-follow --quiet --json >out
	has '"ts_ns":0,' out || return
	"$RINGCTL" info "$n.a" --schema | cmp -s - schema || because 'schema differs' || return
	"$RINGCTL" info "$n.a" >out
	has '^clock      none$' out && has '^schema     13 bytes$' out &&
		has '^kind       device' out && has '^mode       caller$' out &&
		has '^readers    0$' out && has '^features   write' out &&
		has '^ring 0: published 1, head 32, ' out || return
	fails 1 "cat: $n\.a: --since: the ring has no clock" cat "$n.a" --since 5s || return
	destroy a
}
run clock_and_schema

test_where_to_start()
{
	create a || return
	seq 1 9 | "$RINGCTL" publish "$n.a"
	for way in '--oldest:9' '--newest:1' '--head:0' '--since seq:4:6' '--since 1h:9' \
		   '--since 0ns:0' '--count 5:5'; do
		# shellcheck disable=SC2086
		"$RINGCTL" cat "$n.a" ${way%:*} --no-follow --quiet >out
		same "$(wc -l <out | tr -d ' ')" "${way##*:}" "records with ${way%:*}" || return
	done
	destroy a
}
run where_to_start

test_follow()
{
	create a || return
	start_cat a
	for i in 1 2 3; do
		echo "$i" | "$RINGCTL" publish "$n.a"
		until_lines a.out "$i" || return
	done
	"$RINGCTL" list >out
	has "^$n\.a +device +1 +65536 +3 +0 +1$" out || return
	kill -TERM "$pid"
	ended && same "$status" 0 status || return
	has "^ringctl: $n\.a: read 3 \+ lost 0 = published 3; " a.err || return
	destroy a
}
run follow

test_destroyed_under_reader()
{
	create a || return
	seq 1 5 | "$RINGCTL" publish "$n.a"
	start_cat a
	until_lines a.out 5 || return
	destroy a || return
	ended && same "$status" 0 status || return
	has 'read 5 \+ lost 0 = published 5;.*; the writer has ended the ring$' a.err || return
	fails 1 "publish: $n\.a: no such device" publish "$n.a"
}
run destroyed_under_reader

test_slow_reader()
{
	create a || return
	echo 1 | "$RINGCTL" publish "$n.a"
	start_cat_with a --slow 2000
	until_lines a.out 1 || return
	seq 2 20000 | "$RINGCTL" publish "$n.a"
	destroy a || return
	ended && same "$status" 0 status || return
	awk '/ -- [0-9]+ records lost --$/ { lost += $3; next } { read++ }
		END { print read, lost, read + lost }' a.out >counts
	read -r got lost sum <counts
	same "$sum" 20000 'read + lost' || return
	[ "$lost" -gt 0 ] || because 'nothing was lost' || return
	has "read $got \+ lost $lost = published 20000; " a.err
}
run slow_reader

test_writers_at_once()
{
	"$RINGCTL" create "$n.a" --size 4M 2>err || because "$(cat err)" || return
	for i in 1 2 3 4; do
		seq 1 2500 | "$RINGCTL" publish "$n.a" --type "$i" &
		eval "writer$i=$!"
	done
	# shellcheck disable=SC2154
	for i in $writer1 $writer2 $writer3 $writer4; do
		wait "$i" || because "publish: status $?" || return
	done
	"$RINGCTL" cat "$n.a" --no-follow >out 2>err || because "$(cat err)" || return
	has 'read 10000 \+ lost 0 = published 10000; ' err || return
	awk '$2 != NR || $NF != ++n[$4] { exit 1 }' out || because 'records out of order' || return
	destroy a
}
run writers_at_once

test_broken_pipe()
{
	create a || return
	seq 1 3 | "$RINGCTL" publish "$n.a"
	{
		"$RINGCTL" cat "$n.a" 2>err
		echo $? >status
	} | head -n 1 >out
	same "$(cat status)" 0 status || return
	[ ! -s err ] || because "said $(cat err)" || return
	destroy a
}
run broken_pipe

test_kernel_ring()
{
	[ -c "$dir/$KERNEL_RING" ] || because "no device $dir/$KERNEL_RING" || return
	fails 1 "destroy $KERNEL_RING: " destroy "$KERNEL_RING" || return
	[ -c "$dir/$KERNEL_RING" ] || because 'it was destroyed nevertheless' || return
	fails 1 "publish: $KERNEL_RING: only its kernel module writes it \(ringctl create" publish "$KERNEL_RING" || return
	"$RINGCTL" list >out
	has "^$KERNEL_RING +device " out || return
	"$RINGCTL" info "$KERNEL_RING" >out 2>err || because "info: $(cat err)" || return
	has "^name       $KERNEL_RING$" out || return
	rings=$(sed -n 's/^rings *//p' out)
	same "$(grep -c '^ring [0-9]*: ' out)" "$rings" 'lines of rings' || return
	"$RINGCTL" cat "$KERNEL_RING" --no-follow >out 2>err || because "cat: $(cat err)" || return
	has "^ringctl: $KERNEL_RING: read [0-9]+ \+ lost [0-9]+ = published " err || return
	if [ "$rings" -gt 1 ]; then
		fails 1 "cat: $KERNEL_RING: --since seq: each ring" cat "$KERNEL_RING" --since seq:1 || return
	fi
	"$RINGCTL" cat "$KERNEL_RING" --ring 0 --since seq:1 --no-follow --json >out 2>err ||
		because "cat --ring 0: $(cat err)" || return
	! grep -qv '"ring":0,' out || because 'records of another ring'
}

if [ -n "$KERNEL_RING" ]; then
	run kernel_ring
fi

exit $((failures > 0))
