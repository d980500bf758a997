# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# ringctl cat prints what was published. Sourced by run.sh.

test_text()
{
	printf 'hello world\n\nsome\ttab\\slash\n%070d' 7 >in
	serve text <in || return
	rc cat text --no-follow --quiet >out || because "status $?" || return
	same "$(wc -l <out)" 4 lines || return
	sed -E 's/ [0-9]+\.[0-9]{9} / TIME /' out >out2
	{
		echo '[0] 1 TIME 0 11  68656c6c6f20776f726c64 | hello world'
		echo '[0] 2 TIME 0 0   | '
		# shellcheck disable=SC2028
		echo '[0] 3 TIME 0 14  736f6d65097461625c736c617368 | some\ttab\\slash'
		echo "[0] 4 TIME 0 70  30303030303030303030303030303030... | $(printf %064d 0)..."
	} >want
	cmp -s out2 want || because "$(diff out2 want | head -n 3)" || return
	rc cat text --no-follow --quiet --full | grep -q "00 | 0*7$"
	same $? 1 'cut with --full' || return
	rc cat text --no-follow --quiet --full | grep -q "3037 | 0*7$" || because '--full' || return
	stop "$server"
}
run text

test_json_lines()
{
	seq 1 1000 | sed 's/$/ line "quoted" <&>\/ ü € \\/' >in
	printf '\n\nlast\n' >>in
	serve lines <in || return
	rc cat lines --no-follow --json --quiet >out || because "status $?" || return
	json payloads out in || return
	stop "$server"
}
run json_lines

# Text is a string of its very characters, or null if it is not UTF-8; each line has the form of
# docs/reference/json.md.
test_json_form()
{
	printf 'tab\there "quoted" \\ back\0bad\377\0\302\233csi \342\200\256 rtl \360\237\230\200 \177\n\0' >in
	serve form --null <in || return
	rc cat form --no-follow --json --quiet >out || because "status $?" || return
	json payloads out in null && json valid out "$docs/reference/json.schema.json" || return
	same "$(grep -c '"text":null' out)" 1 'texts that are not UTF-8' || return
	grep -q '"text":"\\u009bcsi \\u202e rtl 😀 \\u007f\\n"' out || because "$(tail -n 1 out)" || return
	stop "$server"
}
run json_form

test_json_bytes()
{
	python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 3)' >in
	serve bytes --whole <in || return
	rc cat bytes --no-follow --json --quiet >out || because "status $?" || return
	json payloads out in whole || return
	stop "$server"
}
run json_bytes

test_json_every_pair()
{
	python3 -c '
import sys
for a in range(1, 256):
    for b in (0x20, 0x7f, 0x80, 0x9f, 0xa0, 0xad, 0xbf, 0xc2, 0xe2, 0xff, 0x22, 0x5c):
        sys.stdout.buffer.write(bytes((a, b, 0)))
for s in ("\u202e", "\u200b", "\ufeff", "\U0001f600", "\U000e0001", "\ufffe", "\ufffd"):
    sys.stdout.buffer.write(s.encode() + b"\0")
for s in (b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xf0\x80\x80\xaf"):
    sys.stdout.buffer.write(s + b"\0")' >in
	serve pairs --null <in || return
	rc cat pairs --no-follow --json --quiet >out || because "status $?" || return
	json payloads out in null || return
	stop "$server"
}
run json_every_pair

test_raw()
{
	head -c 500000 /dev/urandom >in
	serve raw --whole --size 4M <in || return
	rc cat raw --no-follow --raw --quiet >out || because "status $?" || return
	cmp -s in out || because 'bytes differ' || return
	rc cat raw --no-follow --raw --quiet | cmp -s - in ||
		because 'bytes differ through a pipe' || return
	stop "$server"
}
run raw

test_keep_newline()
{
	printf 'a\n\nb\nno newline' >in
	serve keep --keep-newline <in || return
	rc cat keep --no-follow --raw --quiet | cmp -s - in || because 'bytes differ' || return
	stop "$server"
}
run keep_newline

test_type_and_count()
{
	serve typed --type 65535 --count 7 < <(seq 1 10) || return
	rc cat typed --no-follow --json --quiet >out || because "status $?" || return
	json field out type 65535 65535 65535 65535 65535 65535 65535 || return
	rc cat typed --count 3 --quiet --json >out || because "status $?" || return
	json field out text 1 2 3 || return
	rc cat typed --count 3 >out 2>err
	same "$(cat err)" 'ringctl: typed: read 3 + lost 0 = published 3; overruns 0, waits 0, misordered 0' \
		summary || return
	stop "$server"
}
run type_and_count

test_where_to_start()
{
	local ts

	open_input where || return
	seq 1 5 >&3
	rc cat where --count 5 --quiet >seen || because "status $?" || return
	rc cat where --no-follow --quiet --json >out
	json field out text 1 2 3 4 5 || return
	ts=$(python3 -c 'import json,sys; print([json.loads(l)["ts_ns"] for l in open("out")][2])')
	rc cat where --oldest --no-follow --quiet --json >out
	json field out text 1 2 3 4 5 || return
	rc cat where --newest --no-follow --quiet --json >out
	json field out text 5 || return
	rc cat where --head --no-follow --quiet --json >out
	json field out text || return
	rc cat where --since seq:4 --no-follow --quiet --json >out
	json field out text 4 5 || return
	rc cat where --since seq:6 --no-follow --quiet --json >out
	json field out text || return
	rc cat where --since 1h --no-follow --quiet --json >out
	json field out text 1 2 3 4 5 || return
	rc cat where --since $((ts + 1)) --count 1 --quiet --json >out &
	seq 6 7 >&3
	wait $!
	python3 -c 'import json,sys; r=json.loads(open("out").readline()); sys.exit(r["ts_ns"] <= int(sys.argv[1]))' \
		"$ts" || because '--since ns is too early' || return
	sleep 1.2
	seq 8 9 >&3
	rc cat where --count 9 --quiet >seen || because "status $?" || return
	rc cat where --since 1s --no-follow --quiet --json >out
	json field out text 8 9 || return
	rc cat where --since 0 --no-follow --quiet --json >out
	json field out seq 1 2 3 4 5 6 7 8 9 || return
	fails 1 'cat where: seq 11 lies in the future' cat where --since seq:11 || return
	exec 3>&-
	ended "$server"
}
run where_to_start

# How long ago a record was, by the ring's clock: a time namespace shifts that of ringctl.
test_since_in_time_namespace()
{
	if ! unshare --time --fork true 2>/dev/null; then
		echo 'skip tool-since_in_time_namespace - no time namespace can be made'
		return 77
	fi
	open_input shifted || return
	seq 1 3 >&3
	rc cat shifted --count 3 --quiet >seen || because "status $?" || return
	timeout -k 5 60 unshare --time --fork --monotonic 1000000 "$RINGCTL" cat shifted --since 1h \
		--no-follow --quiet --json >out
	json field out text 1 2 3 || return
	timeout -k 5 60 unshare --time --fork --monotonic 1000000 "$RINGCTL" cat shifted --since 0s \
		--no-follow --quiet --json >out
	json field out text || return
	exec 3>&-
}
run since_in_time_namespace

test_head_sees_only_new()
{
	open_input heads || return
	seq 1 5 >&3
	rc cat heads --count 5 --quiet >seen || because "status $?" || return
	start cat heads --head --json >out 2>err
	until_ok asleep "$bg" || return
	seq 6 8 >&3
	until_ok lines_are out 3 || return
	json field out text 6 7 8 || return
	exec 3>&-
	ended "$bg" && same "$status" 0 status || return
	grep -q 'read 3 + lost 0 = published 3.*the writer has ended the ring$' err ||
		because "summary: $(cat err)" || return
	ended "$server"
}
run head_sees_only_new

test_no_clock()
{
	serve clockless --clock none < <(seq 1 3) || return
	rc cat clockless --no-follow --quiet --json >out
	json field out ts_ns 0 0 0 || return
	fails 1 'cat: clockless: --since: the ring has no clock' cat clockless --since 5s &&
		fails 1 'cat: clockless: --merge-window: the ring has no clock' \
			cat clockless --merge-window 1s || return
	stop "$server"
}
run no_clock

test_empty_ring()
{
	serve empty </dev/null || return
	rc cat empty --no-follow >out 2>err
	same $? 0 status || return
	same "$(cat out err)" \
		'ringctl: empty: read 0 + lost 0 = published 0; overruns 0, waits 0, misordered 0' output ||
		return
	stop "$server"
}
run empty_ring

test_one_ring_and_window()
{
	serve window < <(seq 1 100) || return
	rc cat window --ring 0 --merge-window 50ms --no-follow --quiet --json >out ||
		because "status $?" || return
	same "$(wc -l <out)" 100 'records held back' || return
	rc cat window --merge-window 50ms --batch 0 --count 100 --quiet --json >out ||
		because "status $?" || return
	same "$(wc -l <out)" 100 'records with --count' || return
	fails 1 'cat: window: --ring 1: no such ring \(0 to 0' cat window --ring 1 || return
	stop "$server"
}
run one_ring_and_window

test_types()
{
	serve types --type 7 < <(seq 1 100) || return
	rc cat types --type 3,7 --no-follow --json >out 2>err || because "status $?" || return
	same "$(wc -l <out)" 100 'records of a type in the list' || return
	grep -q 'read 100, lost 0, filtered 0; ' err || because "summary: $(cat err)" || return
	rc cat types --type 3 --type 65535 --no-follow >out 2>err || because "status $?" || return
	same "$(wc -l <out)" 0 'records of other types' || return
	grep -q 'read 0, lost 0, filtered 100; ' err || because "summary: $(cat err)" || return
	stop "$server"
}
run types

test_where()
{
	compile_schema where <<-'EOT' || return
	#include <seqring/schema.h>
	struct digits { char text[2]; };
	struct word { __u8 first; char rest[]; };
	enum seqring_schema { digits = 7, word = 8 };
	SEQRING_SCHEMA_TYPE(digits);
	SEQRING_SCHEMA_TYPE(word);
	EOT
	rc schema where.o -o where.schema || because 'no schema' || return
	serve where --type 7 --schema where.schema < <(seq 10 109) || return
	rc cat where --where 'text ~ "?5" || len == 3' --no-follow --json >out 2>err ||
		because "status $?: $(cat err)" || return
	same "$(wc -l <out)" 19 'records that match' || return
	grep -q 'read 19, lost 0, filtered 81; ' err || because "summary: $(cat err)" || return
	rc cat where --where 'type == word' --no-follow >out 2>err || because "status $?" || return
	same "$(wc -l <out)" 0 'records of another type' || return
	grep -q 'read 0, lost 0, filtered 100; ' err || because "summary: $(cat err)" || return
	rc cat where --where 'seq > 1' --type 7 --count 1 --raw >out 2>err || because "status $?" ||
		return
	same "$(cat out)" 11 'the record with --type' || return
	fails 1 'cat: --where txt == "x": filter, character 1: no record has a field txt: did you mean text' \
		cat where --where 'txt == "x"' || return
	fails 1 'cat: --where len ==: filter, character 7: ' cat where --where 'len ==' || return
	stop "$server"
}
run where

test_served_by_path()
{
	start publish "$tmp/own.sock" --serve --linger forever < <(seq 1 3)
	server=$bg
	until_ok rc cat "$tmp/own.sock" --count 3 || return
	stop "$server" && same "$status" 0 status || return
	[[ ! -e $tmp/own.sock ]] || because 'the socket still exists'
}
run served_by_path

# A memfd cannot wake a reader, and does not report that the writer was killed.
test_memfd_path()
{
	local fd

	open_input bymemfd || return
	for fd in "/proc/$server/fd/"*; do
		[[ $(readlink "$fd") == /memfd:* ]] &&
			rc cat "$fd" --no-follow --quiet >/dev/null 2>&1 && break
	done
	start cat "$fd" >out 2>err
	seq 1 3 >&3
	until_ok lines_are out 3 || return
	seq 4 5 >&3
	until_ok lines_are out 5 || return
	exec 3>&-
	ended "$bg" && same "$status" 0 status || return
	grep -q 'read 5 + lost 0 = published 5; .*; the writer has ended the ring$' err ||
		because "summary: $(cat err)" || return
	ended "$server"
}
run memfd_path
