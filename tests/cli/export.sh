# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ringctl export. Sourced by run.sh.

# shellcheck source=tests/cli/every.sh
. "$here/every.sh"

# compared CHECK [ARG...]: a check of export.py, with the interpreter that has Debian's modules
compared()
{
	/usr/bin/python3 "$here/export.py" "$@" 2>compared.err ||
		because "export.py $1: $(tail -n 1 compared.err)"
}

# Makes the recording `mixed`, of two rings: each type, short and long records, types that the
# schema lacks, and losses before, between and behind. Its JSON is in mixed.json.
mixed_recording()
{
	[[ ! -e mixed.json ]] || return 0
	make_schemas && every_record >every.in || return
	cp every.in in
	publish_all mixing 1 || return
	rc record mixing -o template --duration 1ms --quiet || because 'record' || return
	stop "$server" || return
	python3 - every.in >mixed.lines <<-'EOF' || return
		import struct, sys

		every = open(sys.argv[1], "rb").read()
		payloads = [
		    (1, every), (1, every + b"more"), (2, struct.pack("=I", 5) + b'a "quoted", \n text'),
		    (2, struct.pack("=I", 6)), (2, b"abc"), (2, struct.pack("=I", 7) + b"\xff\xfe;"),
		    (3, b"\3\0ls\0-l\0a b\0"), (3, b"\0\0"), (3, b"\4\0e\xe4\0"),
		    (65535, b"\2\0.." + struct.pack("=3I", 1, 2, 2**32 - 1) + b"xyz"),
		    (65535, b"\2\0.."), (7, b"no type"), (9, b"\0\xff"),
		]
		seq = [4, 1]
		for i in range(1000):
		    ring = i % 3 % 2
		    kind, data = payloads[i % len(payloads)]
		    print(ring, seq[ring], 10**15 + i * 1000, kind, data.hex())
		    seq[ring] += 1 + (i % 97 == 5) * 7 + (i % 311 == 9) * 1000
	EOF
	python3 "$here/make_recording.py" template/0000000001.seg mixed 2 <mixed.lines ||
		because 'make_recording.py' || return
	rc cat ./mixed --json >mixed.json 2>mixed.err || because "cat: $(cat mixed.err)" || return
	same "$(wc -l <mixed.json)" 1000 'lines of JSON'
}

test_export_jsonl()
{
	mixed_recording || return
	rc export ./mixed --to jsonl -o mixed.jsonl 2>err || because "$(cat err)" || return
	cmp -s mixed.json mixed.jsonl || because 'differs from cat --json' || return
	grep -Eq "^ringctl: \./mixed: exported 1000, lost [0-9]+; $(wc -c <mixed.jsonl) bytes in mixed.jsonl\$" \
		err || because "$(cat err)" || return
	same "$(sed -n 's/.*lost \([0-9]*\);.*/\1/p' err)" \
		"$(sed -n 's/.*read 1000 + lost \([0-9]*\) .*/\1/p' mixed.err)" lost || return
	fails 1 'export: --output mixed.jsonl: exists already ' export ./mixed --to jsonl -o mixed.jsonl ||
		return
	cmp -s mixed.json mixed.jsonl || because 'it was overwritten' || return
	same "$(ls -d mixed.jsonl*)" mixed.jsonl files || return
	rc export ./mixed --to jsonl -o few --count 7 --quiet && same "$(wc -l <few)" 7 '--count' || return
	rc export ./mixed --to jsonl -o type --type 3,7 --quiet || return
	grep -E '"type":[37],' mixed.json | cut -d, -f1-5 | cmp -s - <(cut -d, -f1-5 type) ||
		because '--type'
}
run export_jsonl

test_export_csv()
{
	mixed_recording || return
	rc export ./mixed --to csv -o tables --progress 2>err || because "$(cat err)" || return
	compared tables mixed.json tables every.csv line.csv args.csv counts.csv \
		undecoded-records.csv || return
	grep -q '"a ""quoted"", ' tables/line.csv || because 'no quotes' || return
	fails 1 'export: --output tables: exists already ' export ./mixed --to csv -o tables || return
	rc export ./mixed --to csv -o one --type 3 --quiet || return
	same "$(ls one)" args.csv 'one type'
}
run export_csv

# A ring that is being written, until its writer ends, and one whose export a signal ends.
test_export_live()
{
	open_input exported 1M || return
	seq 1 3000 >&3
	start export exported --to jsonl -o from-live --quiet
	exporter=$bg
	until_ok test -e from-live.partial || return
	seq 3001 4000 >&3
	exec 3>&-
	ended "$exporter" && same "$status" 0 status || return
	json field from-live text $(seq 1 4000) || return
	ended "$server"

	serve quiet < <(seq 1 50) || return
	rc export quiet --to jsonl -o now --no-follow --quiet || return
	json field now text $(seq 1 50) || return
	start export quiet --to jsonl -o until-signal 2>err
	until_ok asleep "$bg" || return
	stop "$bg" && same "$status" 0 'status after a signal' || return
	json field until-signal text $(seq 1 50) || return
	stop "$server"
}
run export_live

# A disk that is full, or a process that is killed, leaves nothing with OUT's name.
test_export_full_disk()
{
	local format

	mixed_recording || return
	mkdir -p tiny
	# shellcheck disable=SC2016 # for the inner shell
	RINGCTL=$RINGCTL unshare -m sh -c '
		mount -t tmpfs -o size=64K none tiny || exit 77
		for format in $*; do
			timeout 60 "$RINGCTL" export ./mixed --to $format -o tiny/out 2>$format.full
			echo "$? $(ls tiny | wc -l)" >>$format.full
		done' - jsonl csv 2>/dev/null
	if [[ $? == 77 || ! -e csv.full ]]; then
		echo 'skip tool-export_full_disk - this user may not mount'
		return 77
	fi
	for format in jsonl csv; do
		same "$(cat $format.full)" \
			"ringctl: export: --output tiny/out: No space left on device
1 0" "$format on a full disk" || return
	done
	mkdir cut-off.partial
	fails 1 'export: --output cut-off: cut-off.partial is there: another export is running, or was killed' \
		export ./mixed --to csv -o cut-off || return
	[[ -d cut-off.partial && ! -e cut-off ]] || because 'it is gone'
}
run export_full_disk

test_export_folded()
{
	mixed_recording || return
	rc export ./mixed --to folded --by name,fields.n -o by 2>err || because "$(cat err)" || return
	grep -q '^ringctl: \./mixed: [1-9][0-9]* records have no such stack$' err || because "$(cat err)" ||
		return
	compared by mixed.json by || return
	compile_schema stacks <<-'EOF' || return
		#include <seqring/schema.h>

		struct sample {
			__u32 pid;
			seqring_hex64 stack[4];
		};
		enum seqring_schema { sample = 1 };
		SEQRING_SCHEMA_TYPE(sample);
	EOF
	rc schema stacks.o -o stacks.schema || because schema || return
	printf '\1\0\0\0\0\0\0\0\252\0\0\0\0\0\0\0\273\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >in
	serve stacks --schema stacks.schema --type 1 --whole <in || return
	rc export stacks --to folded --no-follow -o stacks.folded --quiet || because 'stacks' || return
	same "$(cat stacks.folded)" '0xbb;0xaa 1' 'the outermost frame first' || return
	stop "$server"
	fails 1 'export: \./mixed: no type of records has an array "stack" ' export ./mixed --to folded -o x ||
		return
	fails 1 'export: \./mixed: --by fields.none: no type of records has all of these columns' \
		export ./mixed --to folded --by fields.none -o x || return
	[[ ! -e x && ! -e x.partial ]] || because 'a rejected export left something'
}
run export_folded

# What Debian's babeltrace2 reads, compared by its Python module.
test_export_ctf()
{
	local published

	mixed_recording || return
	published=$(sed -n 's/.* = published \([0-9]*\);.*/\1/p' mixed.err)
	rc export ./mixed --to ctf -o mixed.ctf --quiet 2>err || because "$(cat err)" || return
	same "$(cd mixed.ctf && echo *)" 'metadata ring_0 ring_1' files || return
	compared ctf mixed.json mixed.ctf "$published" || return
	babeltrace2 mixed.ctf >text 2>warnings || because "babeltrace2: $(tail -n 3 warnings)" || return
	same "$(wc -l <text)" 1000 'lines of babeltrace2' || return
	same "$(sed -n 's/.*Tracer discarded \([0-9]*\) event.*/\1/p' warnings | awk '{ n += $1 } END { print n }')" \
		$((published - 1000)) 'what babeltrace2 calls discarded' || return

	# No record follows the last chunk of records, which is damaged.
	cp -r mixed damaged || return
	python3 -c '
d = bytearray(open("damaged/0000000001.seg", "rb").read())
d[-128 - 40] ^= 255
open("damaged/0000000001.seg", "wb").write(d)'
	rc cat ./damaged --json >damaged.json 2>err
	grep -q " = published $published; " err || because "$(cat err)" || return
	rc export ./damaged --to ctf -o damaged.ctf --quiet || because 'damaged' || return
	compared ctf damaged.json damaged.ctf "$published"
}
run export_ctf

# The plug-in reads a recording as babeltrace2 reads its export, losses and all.
test_export_plugin()
{
	local dir=${RINGCTL%/*} input args

	if [[ ! -e $dir/babeltrace-plugin-seqring.so ]]; then
		echo 'skip tool-export_plugin - it is not built (libbabeltrace2-dev)'
		return 77
	fi
	mixed_recording || return
	mkdir plugins && cp "$dir/babeltrace-plugin-seqring.so" plugins || return
	rc export ./mixed --to ctf -o plugged.ctf --quiet || because 'export' || return
	babeltrace2 plugged.ctf >want 2>want.err || because "babeltrace2: $(tail -n 1 want.err)" || return
	for input in params path; do
		args=(./mixed)
		[[ $input == path ]] ||
			args=(--component=source.seqring.recording '--params=inputs=["mixed"]')
		LD_LIBRARY_PATH=$dir babeltrace2 --plugin-path=plugins "${args[@]}" >out 2>err ||
			because "babeltrace2: $(tail -n 3 err)" || return
		# In place of an empty text, the reader of CTF in 2.0.4 shows that of an earlier event.
		grep -q ' n = 6, text = "" }$' out || because 'no empty text' || return
		cmp -s <(sed '/ n = 6, /s/text = .*//' out) <(sed '/ n = 6, /s/text = .*//' want) ||
			because "the text differs: $(diff out want | head -n 2)" || return
		same "$(sed -n 's/.*Tracer discarded \([0-9]*\) event.*/\1/p' err | xargs)" \
			"$(sed -n 's/.*Tracer discarded \([0-9]*\) event.*/\1/p' want.err | xargs)" losses ||
			return
	done
	for input in '"nowhere"' '"mixed", "mixed"' 5; do
		LD_LIBRARY_PATH=$dir babeltrace2 --plugin-path=plugins \
			--component=source.seqring.recording --params="inputs=[$input]" >out 2>err &&
			because "accepts inputs=[$input]"
		grep -Eq 'nowhere: .*|give the path of one recording' err || because "$(cat err)" || return
	done
}
run export_plugin

# babeltrace2 follows rings while they are written. A ring that is quiet holds the other one up for
# a moment only, and the end of both is the end of the trace.
test_export_live()
{
	local dir=${RINGCTL%/*} quiet busy viewer input

	if [[ ! -e $dir/babeltrace-plugin-seqring.so ]]; then
		echo 'skip tool-export_live - it is not built (libbabeltrace2-dev)'
		return 77
	fi
	mkdir live-plugin && cp "$dir/babeltrace-plugin-seqring.so" live-plugin || return
	serve live-quiet <<<0 || return
	quiet=$server
	open_input live-busy || return
	busy=$server
	seq 50 >&3
	LD_LIBRARY_PATH=$dir babeltrace2 --plugin-path=live-plugin --retry-duration=1000 \
		--component=q:source.seqring.ring '--params=inputs=["live-quiet"]' \
		--component=b:source.seqring.ring '--params=inputs=["live-busy"]' \
		>live.out 2>live.err 3>&- 4>&- &
	viewer=$!
	pids+=("$viewer")
	until_ok lines_are live.out 51 || return
	seq 51 100 >&3
	until_ok lines_are live.out 101 || return
	exec 3>&-
	ended "$busy" && stop "$quiet" && ended "$viewer" || return
	same "$status" 0 "status of babeltrace2, which says '$(tail -n 1 live.err)'" || return
	same "$(grep -c 'seq = ' live.out)" 101 'records' || return
	same "$(sed -n '/payload_length = 1, payload = \[ \[0\] = 0x30 /d; s/.* seq = \([0-9]*\) .*/\1/p' live.out |
		md5sum)" "$(seq 100 | md5sum)" 'order of the busy ring' || return
	for input in '"nowhere"' 5; do
		LD_LIBRARY_PATH=$dir babeltrace2 --plugin-path=live-plugin \
			--component=source.seqring.ring --params="inputs=[$input]" >live.no 2>live.err &&
			because "accepts inputs=[$input]"
		grep -Eq 'nowhere: .*|give the name or the path of one ring' live.err ||
			because "$(cat live.err)" || return
	done
}
run export_live

# decoded FILE: prints a trace of Perfetto by the project's own description of the format
decoded()
{
	protoc -I "$tools/ringctl/export" --decode=Trace perfetto.proto <"$1" 2>protoc.err ||
		because "protoc: $(head -n 1 protoc.err)"
}

test_export_perfetto()
{
	local published

	mixed_recording || return
	published=$(sed -n 's/.* = published \([0-9]*\);.*/\1/p' mixed.err)
	rc export ./mixed --to perfetto -o mixed.pftrace --quiet 2>err || because "$(cat err)" || return
	decoded mixed.pftrace >mixed.text || return
	compared perfetto mixed.json mixed.text "$published"
}
run export_perfetto

# Records as those of ringctl trace: tracks of CPUs, threads, calls and disks.
test_export_perfetto_trace()
{
	{
		echo '#include "records.h"'
		sed -n 's/^struct \([a-z46]*_[a-z]*\) {$/\1/p' "$tools/ringctl/trace/records.h" |
			grep -v trace_ | sed 's/.*/SEQRING_SCHEMA_TYPE(&);/'
	} | CPATH=$tools/ringctl/trace compile_schema records || return
	rc schema records.o -o records.schema || because schema || return
	echo x >in
	serve traced --schema records.schema --type 1 --whole <in || return
	rc record traced -o traced-template --duration 1ms --quiet || because 'record' || return
	stop "$server" || return
	python3 >traced.lines <<-'EOF' || return
		import struct

		def task(pid, tid, comm):
		    return struct.pack("=ii16s", pid, tid, comm)

		def block(disk, op):
		    return main + struct.pack("=16sIIQIiI4x", disk, 8, 0, 99, 4096, op, 0)

		idle, main = task(0, 0, b"idle"), task(10, 10, b"main")
		worker, other = task(10, 11, b"worker"), task(20, 20, b"other")
		seq = [0, 0]

		def put(ring, ts, kind, data, skip=0):
		    seq[ring] += 1 + skip
		    print(ring, seq[ring], ts, kind, data.hex())

		def switch(prev, then, state):
		    return prev + then + struct.pack("=iii", 120, 120, state)

		def returned(who, call, result, ns):
		    return who + struct.pack("=i??2xqQ", call, False, False, result, ns)

		def entered(who, call):
		    return who + struct.pack("=i?3x6Q", call, False, *range(6))

		put(0, 900, 2, worker + idle + struct.pack("=iH?x", 120, 1, False))
		put(0, 1000, 1, switch(idle, worker, 0))
		put(1, 1500, 1, switch(idle, other, 0))
		put(1, 1600, 32, entered(other, 3))
		put(0, 1700, 33, returned(worker, 0, 5, 500))
		put(0, 1800, 32, entered(worker, 1))
		put(0, 2400, 33, returned(worker, 1, -9, 600))
		put(0, 3000, 1, switch(worker, idle, 3), 40)
		put(0, 5000, 49, block(b"sda", 0) + struct.pack("=i4xQ", 0, 3000))
		put(0, 5200, 49, block(b"sda", 0) + struct.pack("=i4xQ", 0, 2700))
		put(0, 6000, 49, block(b"sda", 1) + struct.pack("=i4xQ", 0, 500))
	EOF
	python3 "$here/make_recording.py" traced-template/0000000001.seg traced 2 <traced.lines ||
		because 'make_recording.py' || return
	rc export ./traced --to perfetto -o traced.pftrace 2>err || because "$(cat err)" || return
	decoded traced.pftrace >traced.text || return
	[[ $(uname -m) != x86_64 ]] || compared perfetto_trace traced.text
}
run export_perfetto_trace

# Arrays of arrays, of structs and of bytes, by each format that has fields.
test_export_nested()
{
	compile_schema nested <<-'EOF' || return
		#include <seqring/schema.h>

		struct nested {
			__u16 grid[2][3];
			__u8 keys[2][4];
			struct {
				__u8 mac[2];
				char tag[2][4];
			} in[2];
			seqring_ip4 ips[2];
		};
		enum seqring_schema { nested = 1 };
		SEQRING_SCHEMA_TYPE(nested);
	EOF
	rc schema nested.o -o nested.schema || because schema || return
	printf '%048d' 7 >in
	serve nested --schema nested.schema --type 1 --whole <in || return
	rc record nested -o nested-tape --duration 1ms --quiet || because record || return
	stop "$server" || return
	rc cat ./nested-tape --json --quiet >nested.json || because cat || return
	rc export ./nested-tape --to csv -o nested.csv --quiet || because csv || return
	compared tables nested.json nested.csv nested.csv || return
	rc export ./nested-tape --to ctf -o nested.ctf --quiet || because ctf || return
	compared ctf nested.json nested.ctf 1 || return
	rc export ./nested-tape --to perfetto -o nested.pftrace --quiet || because perfetto || return
	decoded nested.pftrace >nested.text && compared perfetto nested.json nested.text 1
}
run export_nested

test_export_rejects()
{
	fails 2 'export: no name: name exactly one ring ' export --to csv -o x || return
	fails 2 'export: b: name exactly one ring ' export a b --to csv -o x || return
	fails 2 'export: no format \(use --to jsonl, ' export a -o x || return
	fails 2 'export: --to xml: no such format \(jsonl, ' export a --to xml -o x || return
	fails 2 'export: no output ' export a --to csv || return
	fails 2 'export: --output -: not a name ' export a --to csv -o - || return
	fails 2 'export: --by: only with --to folded' export a --to csv --by x -o x || return
	fails 2 'export: --type 70000: not a list of types' export a --to csv --type 70000 -o x || return
	fails 1 'export missing: ' export missing --to csv -o x || return
	fails 1 'export: --output none/x: No such file or directory' export ./mixed --to csv -o none/x ||
		return
	[[ ! -e x && ! -e x.partial ]] || because 'a rejected export left something'
}
run export_rejects
