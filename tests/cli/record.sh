# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ringctl record, and a recording as a ring. Sourced by run.sh.

# documented DIR LINE: recording.py, which knows only the documentation, prints LINE for DIR
documented()
{
	python3 "$here/recording.py" "$1" >documented 2>documented.err ||
		because "recording.py: $(tail -n 1 documented.err)" || return
	grep -qx "$2" documented || because "recording.py says $(xargs <documented)"
}

test_record()
{
	open_input taped 1M || return
	seq 1 5000 >&3
	start record taped -o tape 2>account
	recorder=$bg
	until_ok rc cat ./tape --since seq:5001 --no-follow || return
	seq 5001 6000 >&3
	until_ok rc cat ./tape --since seq:6001 --no-follow || return
	stop "$recorder" || return
	same "$status" 0 'status of record' || return
	grep -Eq '^ringctl: taped: recorded 6000, lost 0; [0-9]+ bytes in 1 files; removed 0 records$' \
		account || because "$(cat account)" || return
	rc cat ./tape --raw 2>summary | tr -d '\n' | cmp -s - <(seq 1 6000 | tr -d '\n') ||
		because 'the records differ' || return
	grep -q 'read 6000 + lost 0 = published 6000; .*; the recording ends here$' summary ||
		because "$(cat summary)" || return
	same "$(rc cat ./tape/0000000001.seg --newest --no-follow --raw --quiet)" 6000 'the newest' ||
		return
	documented tape 'ring 0: 6000 records, first 1, last 6000, lost 0, told 0' || return
	rc cat taped --no-follow --json --count 3 >live 2>/dev/null
	rc cat ./tape --no-follow --json --count 3 2>/dev/null | cmp -s - live || because 'JSON differs' ||
		return
	fails 1 'record taped: tape has a recording already' record taped -o tape || return
	fails 1 'record taped: /dev/full: a recording needs a directory' record taped -o /dev/full ||
		return
	fails 1 'record taped: cannot create the directory nowhere/tape' record taped -o nowhere/tape ||
		return
	exec 3>&-
	stop "$server"
}
run record

test_record_time()
{
	local first

	serve timed < <(seq 1 100) || return
	rc record timed -o timed-tape --duration 1ms --quiet || because "status $?" || return
	first=$(rc info ./timed-tape --json | python3 -c '
import json, sys
print(json.load(sys.stdin)["recording"]["realtime_ns"] // 10**9)')
	# All were published before the recording began, and after the start of this test.
	same "$(rc cat ./timed-tape --since "real:$((first - 3600))" --quiet | wc -l)" 100 'since an hour' ||
		return
	same "$(rc cat ./timed-tape --since "real:$((first + 10))" --quiet | wc -l)" 0 'since later' ||
		return
	same "$(rc cat ./timed-tape --since 1h --quiet | wc -l)" 100 'since an hour before its end' ||
		return
	same "$(rc cat ./timed-tape --since 0s --quiet | tail -n 1 | grep -c ' 100$')" 1 'the last one' ||
		return
	stop "$server"
}
run record_time

test_record_several()
{
	serve one < <(seq 1 10) || return
	first=$server
	serve two < <(seq 1 20) || return
	rc record one two -o both --duration 1ms --progress 2>account || because "status $?" || return
	grep -q '^ringctl: one: recorded 10, ' account && grep -q '^ringctl: two: recorded 20, ' account ||
		because "$(cat account)" || return
	same "$(rc cat both/one --quiet | wc -l)" 10 one || return
	same "$(rc cat both/two --quiet | wc -l)" 20 two || return
	fails 1 'cat \./both: .*no recording' cat ./both || return
	stop "$first" && stop "$server"
}
run record_several

# On a terminal, a line tells how it goes, and the account comes last.
test_record_terminal()
{
	serve shown < <(seq 1 10) || return
	python3 - "$RINGCTL" >terminal <<-'END' || because "status $?" || return
		import os, pty, sys
		pid, fd = pty.fork()
		if not pid:
		    os.execv(sys.argv[1], ["ringctl", "record", "shown", "-o", "shown-tape", "--duration", "2500ms"])
		text = b""
		try:
		    while data := os.read(fd, 4096):
		        text += data
		except OSError:
		    pass
		sys.stdout.buffer.write(text.replace(b"\r\033[K", b"\n").replace(b"\r", b""))
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
	grep -qx 'ringctl: recorded 10, lost 0; 0\.0 MiB on disk' terminal &&
		same "$(tail -n 1 terminal | grep -c '^ringctl: shown: recorded 10, lost 0; .*records$')" 1 \
			'accounts at the end' || because "$(cat terminal)" || return
	stop "$server"
}
run record_terminal

# While the recorder runs, readers of the recording wait for more, and end with it.
test_record_followed()
{
	local follower replay

	open_input grown 1M || return
	seq 1 100 >&3
	start record grown -o growing --quiet --segment 64K
	recorder=$bg
	until_ok test -e growing/0000000001.seg || return
	start cat ./growing --raw >followed 2>followed.err
	follower=$bg
	start replay ./growing --as grown-again --speed max --linger forever --quiet
	replay=$bg
	until_ok test -s followed || return
	rc cat ./growing --no-follow >/dev/null 2>err || because "cat --no-follow: $?" || return
	grep -q ': the recording goes on$' err || because "$(cat err)" || return
	rc info ./growing >out && grep -q '^end        none yet: the recorder is running$' out ||
		because "info: $(grep end out)" || return
	rc info ./growing --json >out && json document out 'd["recording"]["recorder"] == "running"' ||
		return
	seq 101 9000 >&3
	until_ok rc cat ./growing --since seq:9001 --no-follow || return
	until_ok rc cat grown-again --since seq:9001 --no-follow || return
	stop "$recorder" || return
	ended "$follower" && same "$status" 0 'status of cat' || return
	tr -d '\n' <followed | cmp -s - <(seq 1 9000 | tr -d '\n') || because 'the records differ' || return
	grep -q 'read 9000 + lost 0 = published 9000; .*; the recording ends here$' followed.err ||
		because "$(cat followed.err)" || return
	rc info ./growing --json >out && json document out 'd["recording"]["recorder"] == "gone"' || return
	stop "$replay" || return
	exec 3>&-
	stop "$server"
}
run record_followed

# A follower of a recorder that is killed gets all that it recorded, and is told.
test_record_follower_of_killed()
{
	open_input doomed 1M || return
	seq 1 100 >&3
	start record doomed -o cut-short --quiet
	recorder=$bg
	until_ok rc cat ./cut-short --since seq:101 --no-follow || return
	start cat ./cut-short --raw >followed 2>followed.err
	follower=$bg
	until_ok asleep "$follower" || return
	kill -KILL "$recorder"
	ended "$recorder"
	ended "$follower" && same "$status" 0 'status of cat' || return
	same "$(tr -d '\n' <followed)" "$(seq 1 100 | tr -d '\n')" records || return
	grep -q ': the recording has no end: its recorder was killed; 0 bytes are torn$' followed.err ||
		because "$(cat followed.err)" || return
	exec 3>&-
	stop "$server"
}
run record_follower_of_killed

# Killed, the recorder leaves all that readers saw before.
test_record_killed()
{
	open_input victim 4M || return
	seq 1 3000 >&3
	start record victim -o killed
	recorder=$bg
	until_ok rc cat ./killed --since seq:3001 --no-follow || return
	kill -KILL "$recorder"
	ended "$recorder"
	printf 'torn' >>killed/0000000001.seg
	rc cat ./killed --raw 2>summary | tr -d '\n' | cmp -s - <(seq 1 3000 | tr -d '\n') ||
		because 'the records differ' || return
	grep -q 'the recording has no end: .*; 4 bytes are torn$' summary || because "$(cat summary)" ||
		return
	rc info ./killed >out || because "status $?" || return
	grep -q '^end        none: .*; the last 4 bytes are torn$' out || because "$(grep end out)" ||
		return
	documented killed 'bytes torn: 4' && documented killed 'complete: 0' || return
	exec 3>&-
	stop "$server"
}
run record_killed

# Bounded: the oldest files go, and the rest is read.
test_record_bounded()
{
	local i

	open_input bounded 1M || return
	start record bounded -o bound --size 256K --segment 64K 2>account
	recorder=$bg
	for i in 1 2 3 4 5 6 7 8 9 10; do
		seq 1 5000 >&3
		until_ok rc cat ./bound --since "seq:$((i * 5000 + 1))" --no-follow || return
	done
	stop "$recorder" || return
	grep -q 'recorded 50000, lost 0; .*; removed [1-9]' account || because "$(cat account)" || return
	[[ $(du -b bound | cut -f1) -lt $((256 * 1024 + 8192)) ]] || because "$(du -b bound)" || return
	rc info ./bound --json >out || return
	json document out 'd["recording"]["records"] + d["recording"]["removed"] == 50000' \
		'd["recording"]["complete"] is True' 'd["recording"]["damaged"] == 0' \
		'd["published"] == 50000' || return
	documented bound 'complete: 1' || return
	exec 3>&-
	stop "$server"
}
run record_bounded

# A full disk: an error, and what was counted is there.
test_record_full_disk()
{
	if ! unshare -m true 2>/dev/null; then
		echo 'skip tool-record_full_disk - this user may not mount'
		return 77
	fi
	mkdir -p small
	# Each record is longer than what is left for it in the end.
	yes "$(printf '%01000d' 0)" | head -n 3000 >lines
	serve filling --size 8M <lines || return
	# shellcheck disable=SC2016 # for the inner shell
	RINGCTL=$RINGCTL unshare -m sh -c '
		mount -t tmpfs -o size=1M none small || exit 77
		timeout 60 "$RINGCTL" record filling -o small/tape --duration 10s 2>full.err
		echo $? >full.status
		cp -r small/tape full-tape'
	if [[ $? == 77 ]]; then
		stop "$server"
		echo 'skip tool-record_full_disk - this user may not mount'
		return 77
	fi
	same "$(cat full.status)" 1 'status with a full disk' || return
	grep -q '^ringctl: record filling: .*No space left on device' full.err ||
		because "$(cat full.err)" || return
	same "$(rc cat ./full-tape --quiet | wc -l)" \
		"$(sed -n 's/.*: recorded \([0-9]*\),.*/\1/p' full.err)" 'records on the disk' || return
	[[ $(rc cat ./full-tape --quiet | wc -l) -gt 100 ]] || because 'hardly any record' || return
	stop "$server"
}
run record_full_disk

# Compressed, a recording has the same records in fewer bytes. What would be longer stays.
test_record_compressed()
{
	local plain packed

	if ! rc record x -o x --compress zstd 2>&1 | grep -q 'no such ring'; then
		echo 'skip tool-record_compressed - ringctl is built without libzstd'
		return 77
	fi
	serve squeezed --size 1M < <(seq 1 5000) || return
	rc record squeezed -o plain --duration 1ms 2>account || because "status $?" || return
	plain=$(sed -n 's/.*; \([0-9]*\) bytes in .*/\1/p' account)
	rc record squeezed -o packed --duration 1ms --compress zstd 2>account || because "status $?" ||
		return
	grep -Eqx 'ringctl: squeezed: recorded 5000, lost 0; [0-9]+ bytes in 1 files; removed 0 records; 160000 bytes before compression' \
		account || because "$(cat account)" || return
	packed=$(sed -n 's/.*; \([0-9]*\) bytes in .*/\1/p' account)
	[[ $packed -lt $((plain / 2)) ]] || because "$packed bytes, and $plain without" || return
	rc record squeezed -o packed19 --duration 1ms --quiet --compress zstd:19 || because "status $?" ||
		return
	for dir in packed packed19; do
		rc cat ./plain --json 2>summary | cmp -s - <(rc cat "./$dir" --json --quiet) ||
			because "the records of $dir differ" || return
		documented "$dir" 'ring 0: 5000 records, first 1, last 5000, lost 0, told 0' &&
			documented "$dir" 'compressed: [1-9].*' || return
	done
	stop "$server" || return
	head -c 50000 /dev/urandom >noise
	serve noisy --size 1M --whole <noise || return
	rc record noisy -o noise.tape --duration 1ms --quiet --compress zstd || because "status $?" || return
	documented noise.tape 'compressed: 0' || return
	rc cat ./noise.tape --raw --quiet | cmp -s - noise || because 'the noise differs' || return
	stop "$server"
}
run record_compressed

test_record_rejects()
{
	fails 2 'record: no name: ' record -o x || return
	fails 2 'record: no directory ' record ring || return
	fails 2 'record: --segment 1K: not allowed \(65536 to ' record ring -o x --segment 1K || return
	fails 2 'record: --size 1K: not allowed \(at least ' record ring -o x --size 1K || return
	fails 2 'record: --keep soon: ' record ring -o x --keep soon || return
	for kind in '' zst lz4 zstd: zstd:0 zstd:20 zstd:fast zstd1; do
		fails 2 "record: --compress $kind: not a compression" record ring -o x --compress "$kind" ||
			return
	done
	fails 1 'record missing: ' record missing -o x || return
	serve strict < <(seq 1 3) || return
	fails 1 'record strict: .*size_max is 131072: at least two files' record strict -o x \
		--size 128K || return
	fails 1 'record strict: .*keep_ns is 1: at least a second' record strict -o x --keep 1ns || return
	[[ ! -e x ]] || because 'a rejected recording left its directory' || return
	stop "$server"
}
run record_rejects
