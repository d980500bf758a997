# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# ringctl record --flight. Sourced by run.sh.

# recorded DIR N: prints the seqs of recording N, by the order of names
recorded()
{
	local dir

	dir=$(find "$1" -mindepth 1 -maxdepth 1 | sort -V | sed -n "$2p")
	rc cat "./$dir" --json --no-follow --quiet | sed 's/^{"seq":\([0-9]*\),.*/\1/' | xargs
}

# around SEQ BEFORE AFTER: the seqs of $flown whose times are at most so many seconds from that of SEQ
around()
{
	rc cat "$flown" --json --no-follow --quiet | python3 -c '
import json, sys
at, before, after = int(sys.argv[1]), float(sys.argv[2]) * 1e9, float(sys.argv[3]) * 1e9
times = {r["seq"]: r["ts_ns"] for r in map(json.loads, sys.stdin)}
print(*(seq for seq, t in times.items() if -before <= t - times[at] <= after))' "$@"
}

# A record fires. The recording begins exactly so long before it, and ends exactly so long after it.
test_flight()
{
	local want

	flown=flown
	open_input flown 1M || return
	seq 1 40 >&3
	until_ok rc cat flown --since seq:41 --no-follow || return
	sleep 1.2
	fly incident --flight 1s --after 500ms --trigger 'seq == 60' || return
	seq 41 60 >&3
	until_ok rc cat flown --since seq:61 --no-follow || return
	seq 61 65 >&3
	until_ok landed 1 || return
	sleep 0.6
	seq 66 70 >&3
	until_ok rc cat flown --since seq:71 --no-follow || return
	stop "$flight" || return
	same "$status" 0 'status' || return
	same "$(find incident -mindepth 1 -maxdepth 1 | wc -l)" 1 'recordings' || return
	want=$(around 60 1 0.5)
	same "$(recorded incident 1)" "$want" 'the records' || return
	[[ " $want " == *' 60 '* && " $want " != *' 40 '* && " $want " != *' 66 '* ]] ||
		because "the wanted records are $want" || return
	grep -Eq "^ringctl: flown: seq == 60 by record 60 of ring 0: incident/flown-[0-9]{8}T[0-9]{6}Z-1: recorded $(wc -w <<<"$want"), lost 0, from -[01]\\.[0-9]{3} s to \\+0\\.[0-9]{3} s\$" fly.err ||
		because "$(cat fly.err)" || return
	grep -qx 'ringctl: flown: 1 recordings; watched 30 records, lost 0' fly.err ||
		because "$(cat fly.err)" || return
	exec 3>&-
	stop "$server"
}
run flight

# The recorder ends by the times of the records: what came too late is left out, however late it looks.
test_flight_late()
{
	local want

	flown=late
	open_input late 1M || return
	fly lates --flight 1m --after 300ms --trigger 'seq == 5' || return
	kill -STOP "$flight"
	seq 1 10 >&3
	until_ok rc cat late --since seq:11 --no-follow || return
	sleep 0.5
	seq 11 20 >&3
	until_ok rc cat late --since seq:21 --no-follow || return
	kill -CONT "$flight"
	until_ok landed 1 || return
	stop "$flight" || return
	want=$(around 5 60 0.3)
	same "$(recorded lates 1)" "$want" 'the records' || return
	[[ " $want " != *' 11 '* ]] || because "the wanted records are $want" || return
	exec 3>&-
	stop "$server"
}
run flight_late

# The 101st record of a second fires, and no 100 do; what is left out by the expression does not count.
test_flight_rate()
{
	local last

	flown=rated
	open_input rated 1M || return
	fly rates --flight 1m --after 1ms --trigger 'rate(type == 0 && len > 2) > 100/s' \
		--trigger 'seq == 999999' || return
	# One digit or two: too short. Then exactly 100.
	seq 1 99 >&3
	seq 100 199 >&3
	until_ok rc cat rated --since seq:200 --no-follow || return
	sleep 1.5
	same "$(grep -c recorded fly.err)" 0 'recordings of 100' || return
	# A machine that stops for a second publishes more slowly: then once more.
	for ((last = 300; last < 2320; last += 101)); do
		seq $((last - 100)) $last >&3
		until_ok rc cat rated --since seq:$((last + 1)) --no-follow || return
		sleep 1.5
		! landed 1 || break
	done
	stop "$flight" || return
	grep -q "rate(type == 0 && len > 2) > 100/s by record $last of ring 0" fly.err ||
		because "$(cat fly.err)" || return
	exec 3>&-
	stop "$server"
}
run flight_rate

# The signal fires, and so does a loss of the watcher, which is exact in the recording.
test_flight_loss()
{
	flown=lossy
	open_input lossy 64K || return
	seq 1 10 >&3
	fly losses --flight 1m --after 1ms --trigger signal --trigger loss || return
	kill -USR1 "$flight"
	until_ok landed 1 || return
	same "$(recorded losses 1)" "$(seq 1 10 | xargs)" 'records of the signal' || return
	stop "$flight" || return
	fly losses --flight 1m --after 1ms --trigger 'seq == 999999' --trigger loss || return
	kill -STOP "$flight"
	seq 11 9010 >&3
	until_ok rc cat lossy --since seq:9011 --no-follow || return
	kill -CONT "$flight"
	until_ok landed 1 || return
	stop "$flight" || return
	grep -Eq '^ringctl: lossy: loss: losses/.*: recorded [1-9][0-9]*, lost 0' fly.err &&
		grep -Eq 'watched [1-9][0-9]* records, lost [1-9]' fly.err || because "$(cat fly.err)" || return
	python3 - fly.err <<-'END' || because "$(cat fly.err)" || return
		import re, sys
		m = re.search(r"watched (\d+) records, lost (\d+)", open(sys.argv[1]).read())
		sys.exit(int(m[1]) + int(m[2]) != 9000)
	END
	exec 3>&-
	stop "$server"
}
run flight_loss

# Triggers within a recording are counted, those in the cooldown ignored, and --count ends it.
test_flight_cooldown()
{
	flown=cooled
	open_input cooled 1M || return
	fly cool --flight 1m --after 1s --cooldown 10m --trigger 'seq >= 5' || return
	seq 1 7 >&3
	until_ok rc cat cooled --since seq:8 --no-follow || return
	until_ok landed 1 || return
	grep -q 'recorded 7, lost 0, .*; 2 more triggers meanwhile$' fly.err || because "$(cat fly.err)" ||
		return
	seq 8 12 >&3
	sleep 0.5
	stop "$flight" || return
	grep -q '1 recordings; watched 12 records, lost 0; ignored 5 triggers after a recording$' fly.err ||
		because "$(cat fly.err)" || return
	fly counted --flight 1m --after 1ms --count 2 --trigger signal || return
	kill -USR1 "$flight"
	until_ok landed 1 || return
	kill -USR1 "$flight"
	ended "$flight" || return
	same "$status" 0 'status with --count' || return
	same "$(find counted -mindepth 1 -maxdepth 1 | wc -l)" 2 'recordings of --count 2' || return
	exec 3>&-
	stop "$server"
}
run flight_cooldown

# --exec: one argument, no input, signals as usual; its failures are told, and do no harm. The shell is
# bash: dash(1) would unblock signals by itself.
test_flight_exec()
{
	flown=execed
	serve execed < <(seq 1 3) || return
	cat >hook <<-'END'
		#!/bin/bash
		{ echo "$#" "$1"; cat; grep '^SigBlk' /proc/self/status; } >>hook.out
		exit "$(cat hook.status)"
	END
	chmod +x hook
	echo 0 >hook.status
	echo 'not for the command' >hook.in
	fly hooked --flight 1m --after 1ms --count 1 --trigger signal --exec ./hook <hook.in || return
	kill -USR1 "$flight"
	ended "$flight" || return
	same "$status" 0 'status' || return
	same "$(cat hook.out)" "1 $(find hooked -mindepth 1 -maxdepth 1)
SigBlk:	0000000000000000" 'the command has' || return
	echo 3 >hook.status
	fly hooked --flight 1m --after 1ms --count 1 --trigger signal --exec ./hook || return
	kill -USR1 "$flight"
	ended "$flight" || return
	same "$status" 1 'status of a command that fails' || return
	grep -qx 'ringctl: record: --exec ./hook: status 3' fly.err || because "$(cat fly.err)" || return
	fly hooked --flight 1m --after 1ms --count 1 --trigger signal --exec ./nothing || return
	kill -USR1 "$flight"
	ended "$flight" || return
	same "$status" 1 'status without a command' || return
	grep -qx 'ringctl: record: --exec ./nothing: No such file or directory' fly.err ||
		because "$(cat fly.err)" || return
	stop "$server"
}
run flight_exec

# The writer's end completes the recording. Killed, the recorder leaves a recording up to a chunk.
test_flight_ends()
{
	local i dir

	flown=ending
	open_input ending 1M || return
	fly ends --flight 1m --after 10m --trigger 'seq == 5' || return
	seq 1 5 >&3
	until_ok recorded ends 1 || return
	exec 3>&-
	kill -TERM "$server"
	ended "$flight" || return
	same "$status" 0 'status at the end of the writer' || return
	same "$(recorded ends 1)" '1 2 3 4 5' 'records' || return
	rc info ./ends/ending-* | grep -q '^end        complete' || because "$(rc info ./ends/ending-*)" ||
		return
	ended "$server" || return
	flown=killing
	open_input killing 4M || return
	for i in {1..20}; do
		start record killing -o kills --quiet --flight 1m --after 10m --trigger "seq == $((i * 1000))"
		flight=$bg
		until_ok asleep "$flight" || return
		seq 1 1000 >&3
		sleep "0.0$((RANDOM % 10))"
		kill -KILL "$flight"
		ended "$flight"
	done
	for dir in kills/*; do
		[[ -d $dir ]] || continue
		# It may have been killed before its first file had a header.
		rc cat "./$dir" --json --no-follow --quiet >kill.out 2>kill.err ||
			grep -q 'no recording' kill.err || because "$dir: $(cat kill.err)" || return
		# From the first record that the ring had, without a gap.
		sed 's/^{"seq":\([0-9]*\),.*/\1/' kill.out | cmp -s - <(seq 1 "$(wc -l <kill.out)") ||
			because "$dir has other records" || return
		cat kill.out >>killed.all
	done
	[[ -s killed.all ]] || because 'no recording has a record' || return
	exec 3>&-
	stop "$server"
}
run flight_ends

# The disk is full: it is told, what was counted is there, and the recorder goes on to wait.
test_flight_full_disk()
{
	if ! unshare -m true 2>/dev/null; then
		echo 'skip tool-flight_full_disk - this user may not mount'
		return 77
	fi
	mkdir -p tight
	yes "$(printf '%01000d' 0)" | head -n 3000 >lines
	serve stuffed --size 8M <lines || return
	# shellcheck disable=SC2016 # for the inner shell
	RINGCTL=$RINGCTL unshare -m sh -c '
		mount -t tmpfs -o size=1M none tight || exit 77
		"$RINGCTL" record stuffed -o tight --flight 1h --after 1ms --trigger signal 2>tight.err &
		await() {
			n=0
			until grep -q "$1" tight.err 2>/dev/null || [ $n = 300 ]; do sleep 0.1; n=$((n + 1)); done
		}
		await waiting
		kill -USR1 $!
		await "No space left"
		rm -r tight/*
		mount -o remount,size=32M tight
		kill -USR1 $!
		await "recorded 3000, lost 0"
		kill $!
		wait $!
		echo $? >tight.status'
	if [[ $? == 77 ]]; then
		stop "$server"
		echo 'skip tool-flight_full_disk - this user may not mount'
		return 77
	fi
	same "$(cat tight.status)" 1 'status after a full disk' || return
	grep -q '^ringctl: record stuffed: .*No space left on device' tight.err &&
		grep -q 'recorded 3000, lost 0' tight.err && grep -q ': 1 recordings$' tight.err ||
		because "$(cat tight.err)" || return
	stop "$server"
}
run flight_full_disk

test_flight_rejects()
{
	local bad many

	serve strictly < <(seq 1 3) || return
	fails 2 'record: --flight: no trigger ' record strictly -o f --flight 1s || return
	fails 2 'record: --trigger: only with --flight' record strictly -o f --trigger loss || return
	fails 2 'record: --exec: only with --flight' record strictly -o f --exec true || return
	fails 2 'record: --flight soon: ' record strictly -o f --flight soon --trigger loss || return
	fails 2 'record: --count 0: not allowed' record strictly -o f --flight 1s --trigger loss --count 0 ||
		return
	fails 2 'record: --flight: one ring, not 2' record strictly other -o f --flight 1s --trigger loss ||
		return
	fails 2 'record: --flight: without --size, ' record strictly -o f --flight 1s --trigger loss \
		--head || return
	mapfile -t many < <(printf -- '--trigger\nloss\n%.0s' {1..17})
	fails 2 'record: --trigger: at most 16' record strictly -o f --flight 1s "${many[@]}" || return
	for bad in 'rate()' 'rate(len > 1)' 'rate(len > 1) > 0' 'rate(len > 1) > 1000001' \
		'rate(len > 1) < 5' 'rate(len > 1) > 5/m'; do
		fails 1 'record: --trigger rate.*: not a rate \(rate\(EXPRESSION\) > N, ' record strictly -o f \
			--flight 1s --trigger "$bad" || return
	done
	fails 1 'record: --trigger len >: ' record strictly -o f --flight 1s --trigger 'len >' || return
	fails 1 'record: --trigger rate\(len >\) > 5: ' record strictly -o f --flight 1s \
		--trigger 'rate(len >) > 5' || return
	fails 1 'record missing: ' record missing -o f --flight 1s --trigger loss || return
	[[ ! -e f ]] || because 'a rejected recording left its directory' || return
	fails 1 'record: /dev/null/x: Not a directory' record strictly -o /dev/null/x --flight 1s \
		--trigger loss || return
	stop "$server" || return
	serve clockless --clock none < <(seq 1 3) || return
	fails 1 'record: --trigger rate\(len > 1\) > 5: the ring has no clock' record clockless -o f \
		--flight 1s --trigger 'rate(len > 1) > 5' || return
	# Without a clock, all that the ring has is before the trigger.
	flown=clockless
	fly timeless --flight 1ns --after 1ms --count 1 --trigger signal || return
	kill -USR1 "$flight"
	ended "$flight" || return
	same "$(recorded timeless 1)" '1 2 3' 'records without a clock' || return
	stop "$server"
}
run flight_rejects
