# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# How ringctl cat ends, how it waits, and what it loses. Sourced by run.sh.

for signal in INT TERM HUP; do
	eval "test_signal_$signal() { signal_ends $signal; }"
done

signal_ends()
{
	serve "sig$1" < <(seq 1 5) || return
	start cat "sig$1" >out 2>err
	until_ok lines_are out 5 || return
	kill "-$1" "$bg"
	ended "$bg" && same "$status" 0 status || return
	grep -Eq "^ringctl: sig$1: read 5 \+ lost 0 = published 5; overruns 0, waits [0-9]+, misordered 0$" \
		err || because "summary: $(cat err)" || return
	same "$(wc -l <err)" 1 'lines of summary' || return
	stop "$server"
}
run signal_INT
run signal_TERM
run signal_HUP

# A signal at any point of the first ten milliseconds.
test_signal_any_time()
{
	local i name=${RINGCTL##*/}

	serve anytime < <(yes | head -n 2000) || return
	for ((i = 0; i < 60; i++)); do
		start cat anytime --quiet >/dev/null
		until [[ $(cat "/proc/$bg/comm") == "${name:0:15}" ]]; do :; done
		sleep "0.00$((RANDOM % 10))$((RANDOM % 10))"
		kill -TERM "$bg"
		ended "$bg" || return
		# 143: the signal came before ringctl blocked it
		[[ $status == 0 || $status == 143 ]] || because "status $status" || return
	done
	stop "$server"
}
run signal_any_time

test_signal_with_full_pipe()
{
	local before

	serve full < <(yes 'a long enough line' | head -n 20000) || return
	mkfifo full.pipe
	exec 4<>full.pipe
	start cat full --full >full.pipe 2>err
	until_ok asleep "$bg" || return
	before=$SECONDS
	kill -TERM "$bg"
	ended "$bg" && same "$status" 1 status || return
	((SECONDS - before <= 4)) || because "took $((SECONDS - before)) s" || return
	grep -q 'the reader did not take the last [0-9]* bytes$' err || because "$(cat err)" || return
	exec 4<&-
	stop "$server"
}
run signal_with_full_pipe

test_broken_pipe_busy()
{
	local got

	serve busy --rate 20000 < <(yes | head -n 100000) || return
	rc cat busy 2>err | head -n 1 >out
	got=("${PIPESTATUS[@]}")
	same "${got[*]}" '0 0' status || return
	[[ ! -s err ]] || because "said $(cat err)" || return
	same "$(wc -l <out)" 1 lines || return
	kill -KILL "$server"
	wait "$server" 2>/dev/null
	return 0
}
run broken_pipe_busy

test_broken_pipe_idle()
{
	local got

	serve idle < <(seq 1 3) || return
	timeout 20 "$RINGCTL" cat idle 2>err | head -n 1 >out
	got=("${PIPESTATUS[@]}")
	same "${got[*]}" '0 0' status || return
	[[ ! -s err ]] || because "said $(cat err)" || return
	stop "$server"
}
run broken_pipe_idle

test_no_room()
{
	serve noroom < <(seq 1 3) || return
	rc cat noroom --no-follow --quiet >/dev/full 2>err
	same $? 1 status || return
	same "$(cat err)" 'ringctl: cat: standard output: No space left on device' message || return
	rc cat noroom --no-follow --quiet >&- 2>err
	same $? 1 'status when closed' || return
	rc list >/dev/full 2>err
	same $? 1 'status of list' || return
	same "$(cat err)" 'ringctl: list: standard output: No space left on device' message || return
	stop "$server"
}
run no_room

test_writer_ends()
{
	open_input ending || return
	start cat ending --quiet --json >out
	seq 1 3 >&3
	until_ok lines_are out 3 || return
	echo 4 >&3
	exec 3>&-
	ended "$server" && same "$status" 0 'status of publish' || return
	ended "$bg" && same "$status" 0 status || return
	json field out text 1 2 3 4
}
run writer_ends

test_writer_killed()
{
	open_input killed || return
	start cat killed --json >out 2>err
	seq 1 3 >&3
	until_ok lines_are out 3 || return
	kill -KILL "$server"
	wait "$server" 2>/dev/null
	ended "$bg" && same "$status" 0 status || return
	grep -q 'read 3 + lost 0 = published 3.*; the writer is gone, and did not end the ring$' err ||
		because "summary: $(cat err)" || return
	exec 3>&-

	# Its remains do not disturb a new writer.
	rc list >out || because 'list fails' || return
	fails 1 'cat killed: ' cat killed || return
	serve killed < <(seq 7 9) || return
	rc cat killed --no-follow --quiet --json >out
	json field out text 7 8 9 || return
	stop "$server"
}
run writer_killed

# A reader by name is there before the first writer, and survives the killed ones.
test_follow_name()
{
	local i reader

	fails 2 'cat: --no-follow, --follow-name: contradict' cat x --no-follow --follow-name || return
	start cat restarts --follow-name --json >out 2>err
	reader=$bg
	until_ok lines_are err 1 || return
	for i in 1 2 3; do
		open_input restarts || return
		seq "$i"1 "$i"3 >&3
		until_ok lines_are out $((3 * i)) || return
		kill -KILL "$server"
		wait "$server" 2>/dev/null
		exec 3>&-
	done
	kill -INT "$reader"
	ended "$reader" && same "$status" 0 status || return
	json field out text 11 12 13 21 22 23 31 32 33 || return
	grep -q 'restarts: waits for a ring of this name$' err || because "wait: $(cat err)" || return
	grep -q 'restarts: the ring is there$' err || because "first ring: $(cat err)" || return
	same "$(grep -c 'the writer is gone, and another ring has the name$' err)" 2 'restarts' || return
	grep -q 'read 9 + lost 0 = published 9; ' err || because "summary: $(cat err)"
}
run follow_name

# What a killed writer leaves is listed as such, and removed; what lives stays.
test_leftovers()
{
	local RINGBPFDIR=$tmp/no-pins

	export RINGBPFDIR
	# Of the tests before.
	rc destroy --leftovers >/dev/null || because 'the first destroy' || return
	fails 2 'destroy: --unknown: goes with --leftovers' destroy --unknown || return
	fails 2 'destroy: x: --leftovers takes no name' destroy --leftovers x || return
	serve lives < <(seq 1 2) || return
	local alive=$server
	serve killed < <(seq 1 3) || return
	kill -KILL "$server"
	wait "$server" 2>/dev/null
	rc list >out || because 'list fails' || return
	grep -Eq "^killed +socket +gone +$RINGDIR/killed$" out || because "$(cat out)" || return
	same "$(grep -c '^killed' out)" 1 'lines of the leftover' || return
	rc list --json >out || because 'list --json fails' || return
	json document out "[e for e in d if e['kind'] == 'leftover'] == [{'name': 'killed',
		'kind': 'leftover', 'what': 'socket', 'maker': 'gone',
		'path': '$RINGDIR/killed'}]" || return
	rc destroy --leftovers >out 2>err || because "destroy: $(cat err)" || return
	same "$(cat out)" "removed $RINGDIR/killed (socket)" output || return
	[[ ! -e $RINGDIR/killed && -e $RINGDIR/lives ]] || because "$(ls "$RINGDIR")" || return
	rc destroy --leftovers >out || because 'destroy of nothing' || return
	[[ ! -s out ]] || because "$(cat out)" || return
	rc cat lives --no-follow --quiet >out || because 'the living one' || return
	stop "$alive"
}
run leftovers

# lag_behind RECORDS CAT-OPTION...: runs a reader that is too slow for a small ring
lag_behind()
{
	local total=$1

	open_input slow 64K || return
	echo 1 >&3
	start cat slow --json "${@:2}" >out 2>err
	until_ok lines_are out 1 || return
	seq 2 "$total" >&3
	exec 3>&-
	ended "$server" && same "$status" 0 'status of publish' || return
	ended "$bg" && same "$status" 0 status || return
	json total out "$total" >counts || return
	read -r got lost <counts
	[[ $lost -gt 0 ]] || because 'nothing was lost' || return
	grep -q "read $got + lost $lost = published $total; " err || because "$(cat err)"
}

test_slow_reader()
{
	lag_behind 100000 --slow 500
}
run slow_reader

test_slow_reader_since_first()
{
	lag_behind 50000 --slow 200 --since seq:1
}
run slow_reader_since_first

test_slow_reader_text()
{
	open_input slowtext 64K || return
	echo 1 >&3
	start cat slowtext --slow 500 >out 2>err
	until_ok lines_are out 1 || return
	seq 2 50000 >&3
	exec 3>&-
	ended "$server"
	ended "$bg" && same "$status" 0 status || return
	awk '/ -- [0-9]+ records lost --$/ { n += $3; next } { n++ } END { exit n != 50000 }' out ||
		because 'records and losses are not 50000'
}
run slow_reader_text

# Nobody takes the output of the reader for a while.
test_slow_terminal()
{
	open_input stuck 64K || return
	echo 1 >&3
	mkfifo stuck.pipe
	exec 4<>stuck.pipe
	start cat stuck --json >stuck.pipe 2>err
	until_ok asleep "$bg" || return
	seq 2 200000 >&3
	sleep 0.3
	exec 3>&-
	cat <stuck.pipe >out 4>&- &
	reader=$!
	exec 4>&-
	ended "$server"
	ended "$bg" && same "$status" 0 status || return
	wait "$reader"
	json total out 200000 >counts || return
	read -r got lost <counts
	[[ $lost -gt 0 ]] || because 'nothing was lost' || return
	grep -q "read $got + lost $lost = published 200000; " err || because "$(cat err)"
}
run slow_terminal

test_stopped_reader()
{
	open_input stopped 64K || return
	echo 1 >&3
	start cat stopped --json >out 2>err
	until_ok lines_are out 1 || return
	kill -STOP "$bg"
	seq 2 100000 >&3
	exec 3>&-
	ended "$server"
	kill -CONT "$bg"
	ended "$bg" && same "$status" 0 status || return
	json total out 100000 >counts || return
	read -r got lost <counts
	grep -q "read $got + lost $lost = published 100000; " err || because "$(cat err)"
}
run stopped_reader

# A waiting reader does not wake up, but prints a new record at once, even to a pipe.
test_idle_and_prompt()
{
	local before after sum=0 t i

	open_input prompt || return
	start cat prompt --quiet > >(exec cat >out 3>&-)
	until_ok asleep "$bg" || return
	before=$(awk '/ctxt/ { n += $2 } END { print n }' "/proc/$bg/status")
	sleep 1.5
	after=$(awk '/ctxt/ { n += $2 } END { print n }' "/proc/$bg/status")
	((after - before <= 3)) || because "woke up $((after - before)) times" || return
	for ((i = 1; i <= 20; i++)); do
		t=$(date +%s%N)
		echo "$i" >&3
		until lines_are out "$i"; do
			((($(date +%s%N) - t) / 1000000 < 5000)) || break
			sleep 0.01
		done
		sum=$((sum + ($(date +%s%N) - t) / 1000000))
	done
	((sum < 4000)) || because "20 records took $sum ms" || return
	exec 3>&-
	ended "$bg" && same "$status" 0 status || return
	ended "$server"
}
run idle_and_prompt

# With --batch 0 each record wakes the reader; with --batch, several at once do.
test_batch()
{
	local i

	open_input batch 64K || return
	start cat batch --batch 0 >out 2>err
	for i in 1 2 3 4 5; do
		echo "$i" >&3
		until_ok lines_are out "$i" || return
	done
	exec 3>&-
	ended "$bg" || return
	grep -q 'read 5 .* waits [5-7],' err || because "$(cat err)" || return
	ended "$server"

	open_input batch2 64K || return
	start cat batch2 --batch 400ms >out 2>err
	until_ok asleep "$bg" || return
	for ((i = 1; i <= 20; i++)); do
		echo "$i" >&3
		sleep 0.01
	done
	until_ok lines_are out 20 || return
	exec 3>&-
	ended "$bg" || return
	grep -q 'read 20 .* waits [1-5],' err || because "$(cat err)" || return
	ended "$server"
}
run batch

test_many_readers()
{
	local readers=() i

	open_input many 1M || return
	echo 1 >&3
	for i in 1 2 3 4 5 6; do
		start cat many --json >"out$i" 2>"err$i"
		readers+=("$bg")
	done
	for i in 1 2 3 4 5 6; do
		until_ok lines_are "out$i" 1 || return
	done
	seq 2 30000 >&3
	exec 3>&-
	for i in 1 2 3 4 5 6; do
		ended "${readers[i - 1]}" && same "$status" 0 status || return
		json total "out$i" 30000 >counts || return
	done
	ended "$server"
}
run many_readers
