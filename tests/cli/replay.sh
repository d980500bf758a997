# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ringctl replay. Sourced by run.sh.

# A recording in ./reel: 20 lines, of which the last came at least half a second after the first.
make_reel()
{
	[[ ! -e reel ]] || return 0
	open_input filmed || return
	seq 1 10 >&3
	sleep 0.5
	seq 11 20 >&3
	start record filmed -o reel --quiet
	recorder=$bg
	until_ok rc cat ./reel --since seq:21 --no-follow || return
	stop "$recorder" || return
	exec 3>&-
	stop "$server"
}

test_replay()
{
	make_reel || return
	start replay ./reel --as again --speed max --linger forever --quiet
	server=$bg
	until_ok rc cat again --since seq:21 --no-follow || return
	# Times, types and payloads are as recorded.
	rc cat again --no-follow --quiet --json >got || because "status $?" || return
	rc cat ./reel --no-follow --quiet --json | cmp -s - got || because 'the records differ' || return
	rc info again --json >out && rc info ./reel --json >out2 || return
	json document out 'd["name"] == "filmed"' 'd["clock"] == "monotonic"' \
		'd["published"] == 20' || return
	stop "$server" || return
	same "$status" 0 'status of replay'
}
run replay

test_replay_speed()
{
	local begin one ten

	make_reel || return
	for _ in 1 2 3; do
		begin=$(date +%s%N)
		rc replay ./reel --as slow 2>account || because "status $?" || return
		one=$(($(date +%s%N) - begin))
		begin=$(date +%s%N)
		rc replay ./reel --as fast --speed 10x --quiet || because "status $?" || return
		ten=$(($(date +%s%N) - begin))
		# Never faster than asked for, however slow the machine is.
		[[ $one -ge 500000000 ]] || because "1x took $one ns" || return
		[[ $ten -ge 50000000 ]] || because "10x took $ten ns" || return
		[[ $ten -lt $one ]] && break
	done
	[[ $ten -lt $one ]] || because "1x took $one ns, 10x $ten, three times" || return
	grep -qx 'ringctl: slow: published 20 of ./reel, which lacks 0 between them' account ||
		because "$(cat account)"
}
run replay_speed

# It waits for its first reader, who then gets every record.
test_replay_waits()
{
	make_reel || return
	start replay ./reel --as waiting --speed max --wait --quiet
	server=$bg
	until_ok test -S "$RINGDIR/waiting" || return
	until_ok asleep "$server" || return
	rc cat waiting --raw --quiet >got || because "status $?" || return
	tr -d '\n' <got | cmp -s - <(seq 1 20 | tr -d '\n') || because "$(xargs <got)" || return
	ended "$server" && same "$status" 0 'status of replay'
}
run replay_waits

test_replay_rejects()
{
	make_reel || return
	fails 2 'replay: no path: ' replay --as x || return
	fails 2 'replay: no name to serve ' replay ./reel || return
	fails 2 'replay: --speed 2: not a speed' replay ./reel --as x --speed 2 || return
	fails 2 'replay: --speed 0x: not a speed' replay ./reel --as x --speed 0x || return
	fails 1 'replay \./nowhere: ' replay ./nowhere --as x || return
	serve alive < <(seq 1 3) || return
	fails 1 'replay alive: the reader reads a ring, not a recording' replay alive --as x || return
	fails 1 'replay alive: .*another process serves' replay ./reel --as alive || return
	stop "$server"
}
run replay_rejects
