# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# A recording of the ring of ringctl trace, and where reading begins and ends. Sourced by run.sh.

# switches COUNT: lines that are long enough to be records of a switch
switches()
{
	seq -f '%064g' "$1" >&3
}

has_published()
{
	[[ $(rc info "$1" --json | sed -n 's/^  "published": *\([0-9]*\),$/\1/p') == "$2" ]]
}

# A recording in ./trtape of a ring `traced` of 100 records, and of 2000 later ones of which the
# recorder lost some. Descriptor 3 feeds the ring, which goes on.
make_tape()
{
	[[ ! -e trtape ]] || return 0
	trace_schema || return
	mkfifo traced.in
	exec 3<>traced.in
	start publish traced --serve --size 64K --schema trace.schema --type 1 <traced.in
	server=$bg
	until_ok served traced || return
	switches 100
	start record traced -o trtape 2>tape.account
	recorder=$bg
	until_ok rc cat ./trtape --since seq:101 --no-follow || return
	kill -STOP "$recorder"
	switches 2000
	until_ok has_published traced 2100 || return
	rc trace --from traced --since seq:2000 --until seq:2050 --quiet >live ||
		because "trace of the ring: status $?" || return
	rc trace --from traced --since seq:2000 --until seq:2050 --quiet --json >live.json ||
		because "trace of the ring in JSON: status $?" || return
	kill -CONT "$recorder"
	until_ok rc cat ./trtape --since seq:2101 --no-follow || return
	stop "$recorder" && same "$status" 0 'status of record'
}

# Text and JSON are those of the ring; what the recorder lost is told in order and in the account.
test_trace_from_recording()
{
	local lost

	make_tape || return
	lost=$(sed -n 's/.*: recorded [0-9]*, lost \([0-9]*\);.*/\1/p' tape.account)
	[[ $lost -gt 0 ]] || because "nothing was lost: $(cat tape.account)" || return
	same "$(wc -l <live)" 50 'records from 2000 to 2049' || return
	rc trace --from ./trtape --since seq:2000 --until seq:2050 --quiet | cmp -s - live ||
		because 'the text differs' || return
	rc trace --from ./trtape --since seq:2000 --until seq:2050 --quiet --json | cmp -s - live.json ||
		because 'the JSON differs' || return
	rc trace --from ./trtape >out 2>err || because "status $?: $(cat err)" || return
	grep -qx "ringctl: ./trtape: read $((2100 - lost)) + lost $lost = published 2100; dropped 0" err &&
		grep -q "missing in the recording: lost by the recorder $lost, removed 0, damaged 0$" err ||
		because "account: $(cat err)" || return
	# The loss lies behind the first 100 records.
	same "$(sed -n 101p out)" "-- lost $lost records --" 'line 101' || return
	same "$(wc -l <out)" $((2101 - lost)) lines || return
	rc schema traced >live.h && rc schema ./trtape | cmp -s - live.h || because 'the schema differs' ||
		return
	rc info ./trtape --json >out || because "info: status $?" || return
	json document out "d['recording']['records'] == 2100 - $lost" "d['published'] == 2100"
}
run trace_from_recording

# Seq, time and wall clock lead to the same place, for trace and cat, as start and as end.
test_recording_range()
{
	local next when way

	make_tape || return
	# In the middle of what lies between record 100 and the next one that was recorded.
	rc cat ./trtape --json --quiet --since seq:100 --count 2 >pair || because "cat: $?" || return
	python3 - pair >places <<-'END' || because 'no time' || return
		import json, sys, time
		a, b = (json.loads(line) for line in open(sys.argv[1]))
		middle = (a["ts_ns"] + b["ts_ns"]) // 2
		real = middle + time.time_ns() - time.monotonic_ns()
		print(b["seq"], middle, f"real:{real // 10**9}.{real % 10**9:09}")
	END
	read -r next when way <places
	for way in "seq:$next" "$when" "$way"; do
		rc cat ./trtape --quiet --raw >all || because "cat: $?" || return
		rc cat ./trtape --quiet --raw --until "$way" >before || because "cat until $way: $?" || return
		rc cat ./trtape --quiet --raw --since "$way" >behind || because "cat since $way: $?" || return
		same "$(wc -c <before)" 6400 "bytes until $way" || return
		cat before behind | cmp -s - all || because "cat until and since $way do not add up" || return
		rc trace --from ./trtape --quiet --until "$way" >before || because "until $way: $?" || return
		same "$(wc -l <before)" 100 "events until $way" || return
		rc trace --from ./trtape --since "$way" --quiet --json --count 1 >first ||
			because "since $way: $?" || return
		json document first "d['seq'] == $next" || return
	done
	# The account adds up at both ends, and where nothing is left to read.
	for way in '--until seq:1' '--until seq:50' '--since seq:2101' '--since 0' '--since 1h' \
		   "--until $((when - 1))" '--since 1000000h --until 0s'; do
		# shellcheck disable=SC2086 # a list
		rc trace --from ./trtape $way >/dev/null 2>err || because "$way: $? $(cat err)" || return
		grep -q ' = published ' err || because "$way: $(cat err)" || return
		# shellcheck disable=SC2086
		rc cat ./trtape $way >/dev/null 2>err || because "cat $way: $? $(cat err)" || return
		grep -q ' = published ' err || because "cat $way: $(cat err)" || return
	done
}
run recording_range

# The end of a ring that goes on: it comes by a record, and without one by the clock.
test_until_of_a_ring()
{
	make_tape || return
	rc cat traced --until seq:2101 --quiet | tail -n 1 | grep -q 2100 || because "cat: $?" || return
	same "$(rc cat traced --until 0s --quiet --since seq:2100 | wc -l)" 1 'records until now' || return
	same "$(rc trace --from traced --until 0s --quiet --since seq:2100 | wc -l)" 1 'events until now' ||
		return
	same "$(rc cat traced --quiet --until "real:$(date +%s.%N)" --since seq:2100 | wc -l)" 1 \
		'records until the present second' || return
	start cat traced --head --until "real:$(($(date +%s) + 3600))" --quiet --count 1 >out
	until_ok asleep "$bg" || return
	switches 1
	ended "$bg" && same "$status" 0 'status' && same "$(wc -l <out)" 1 'records until in an hour'
}
run until_of_a_ring

# A recording of a machine with another number of CPUs tells the CPU of each event.
test_recording_of_other_cpus()
{
	make_tape || return
	cp -r trtape other-cpus
	python3 - "$here" other-cpus/0000000001.seg <<-'END' || because 'cannot change it' || return
		import struct, sys
		sys.path.insert(0, sys.argv[1])
		sys.dont_write_bytecode = True
		import recording
		with open(sys.argv[2], "r+b") as file:
		    head = bytearray(file.read(512 + 24 + 8))
		    file.seek(0)
		    head = bytearray(file.read(struct.unpack_from("=Q", head, 536)[0]))
		    struct.pack_into("=I", head, 40, 7)
		    struct.pack_into("=I", head, 624, 0)
		    struct.pack_into("=I", head, 624, recording.crc32c(head))
		    file.seek(0)
		    file.write(head)
	END
	rc trace --from ./other-cpus --count 1 --quiet >out || because "status $?" || return
	grep -q '^[0-9.]* \[0\] ' out || because "$(cat out)"
}
run recording_of_other_cpus

test_range_rejects()
{
	fails 2 'trace: --since: needs events that are there \(use --from NAME\)' \
		trace sched --since 5s || return
	fails 2 'trace: --until: needs events that are there' trace sched --until 5s || return
	for opt in --since --until; do
		for when in soon seq:x 5w real: real:x real:1. real:1.x real:1.0000000001 \
			    real:99999999999999999999; do
			fails 2 "trace: $opt $when: not a time \(5s, " trace --from x "$opt" "$when" || return
			fails 2 "cat: $opt $when: not a time \(5s, " cat x "$opt" "$when" || return
		done
	done
	fails 2 'cat: --until, --follow-name: contradict' cat x --until 5s --follow-name || return
	serve untimed --clock none < <(seq 1 3) || return
	fails 1 'cat: untimed: --until: the ring has no clock' cat untimed --until 5s || return
	fails 1 'cat: untimed: --until: the ring has no clock' cat untimed --until real:5 || return
	stop "$server"
}
run range_rejects

[[ ! -e traced.in ]] || exec 3>&-
