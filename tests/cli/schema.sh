# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Schemas that clang compiles, and records that ringctl cat decodes by them. Sourced by run.sh.

# shellcheck source=tests/cli/every.sh
. "$here/every.sh"

test_schema_file()
{
	make_schemas || return
	rc schema all.o >out 2>err || because "$(cat err)" || return
	grep -q '^struct every {$' out && grep -q "$(printf '^\tunion {$')" out &&
		grep -q "$(printf '^\tseqring_strings argv\\[0\\];$')" out &&
		grep -q "$(printf '^\tBLUE = -7,$')" out &&
		grep -q "$(printf '^\tcounts = 65535,$')" out || because "$(cat out)" || return
	# A schema is a valid source, too, and nothing gets lost.
	rc schema all.schema | cmp -s - out || because 'the schema prints differently' || return
	rc schema all.schema -o again 2>err && cmp -s all.schema again ||
		because "a schema of a schema differs: $(cat err)" || return
	rc schema all.o -o - | cmp -s - all.schema || because '-o -' || return
	rc schema all.o --c-array bytes -o array.h || because '--c-array' || return
	printf '#include "array.h"\n#include <stdio.h>\nint main(void)\n{\n\treturn fwrite(bytes, 1, sizeof(bytes), stdout) != sizeof(bytes);\n}\n' >array.c
	clang -Wall -Werror -o array array.c && ./array | cmp -s - all.schema ||
		because 'the C array differs' || return
	rc schema all.o --json >out || because '--json' || return
	json document out '[(t["type"], t["name"], t["min_len"], t["open_ended"]) for t in d["types"]
		] == [(1, "every", 224, False), (2, "line", 4, True), (3, "args", 2, True),
		(65535, "counts", 4, True)]' \
		'[f["name"] for f in d["types"][1]["fields"]] == ["n", "text"]' \
		'd["types"][2]["fields"][1]["element"][0]["kind"] == "text"'
}
run schema_file

test_every_field()
{
	make_schemas && every_record >in || return
	publish_all every 1 || return
	rc cat every --no-follow --quiet --json >out || because "status $?" || return
	json document out 'list(d) == ["seq", "ring", "ts_ns", "type", "len", "lost", "name", "fields"]' \
		'd["name"] == "every" and d["type"] == 1 and d["len"] == 224' \
		'd["fields"] == {
		"s8": -1, "u8": 255, "s16": -32768, "u16": 65535, "s32": -2**31, "u32": 2**32 - 1,
		"s64": -2**63, "u64": 2**64 - 1, "s128": -3, "u128": 2**127 + 5,
		"yes": True, "letter": "R", "color": "BLUE", "no_color": 9,
		"three": 5, "five": -16, "forty": 2**40 - 2, "flag": True,
		"single": 0.1, "twice": -1e300, "self": "0xffff888000000000", "comm": "two words",
		"mac": "dead00beef01", "numbers": [1, 2, 2**32 - 1],
		"names": ["one", {"hex": b"""zw\xff\xc3"\n\\\t""".hex()}],
		"at": {"x": 1, "y": -2}, "way": [{"x": 3, "y": 4}, {"x": 5, "y": 6}],
		"u": {"word": 65543, "halves": {"x": 7, "y": 1}}, "hidden": 77,
		"h8": "0xab", "h64": "0x8000000000000000", "ip4": "127.0.0.1", "ip6": "2001:db8::1" }' ||
		return
	json valid out "$docs/reference/json.schema.json" || return
	rc cat every --no-follow --quiet >out || because "status $?" || return
	sed -E 's/ [0-9]+\.[0-9]{9} / TIME /' out >out2
	{
		printf '[0] 1 TIME every s8=-1 u8=255 s16=-32768 u16=65535 s32=-2147483648'
		printf ' u32=4294967295 s64=-9223372036854775808 u64=18446744073709551615 s128=-3'
		printf ' u128=170141183460469231731687303715884105733 yes=true letter=R color=BLUE'
		printf ' no_color=9 three=5 five=-16 forty=1099511627774 flag=true single=0.1'
		printf ' twice=-1e+300 self=0xffff888000000000 comm="two words" mac=dead00beef01'
		# shellcheck disable=SC2028
		echo ' numbers=[1,2,4294967295] names=[one,"zw\xff\xc3\"\n\\\t"] at={x=1 y=-2}' \
			'way=[{x=3 y=4},{x=5 y=6}] u={word=65543 halves={x=7 y=1}} hidden=77 h8=0xab' \
			'h64=0x8000000000000000 ip4=127.0.0.1 ip6=2001:db8::1'
	} >want
	cmp -s out2 want || because "$(diff out2 want | head -n 3)" || return
	stop "$server"
}
run every_field

test_open_ended()
{
	local long

	make_schemas || return
	long=$(printf '%070d' 7)
	printf '\5\0\0\0%s\0left out' "$long" >in
	publish_all open 2 || return
	rc cat open --no-follow --quiet --json >out || because "status $?" || return
	json document out "d['fields'] == {'n': 5, 'text': '$long'}" '"extra" not in d' || return
	rc cat open --no-follow --quiet | grep -q " line n=5 text=0\{64\}\.\.\.\$" ||
		because 'not cut' || return
	rc cat open --no-follow --quiet --full | grep -q " line n=5 text=$long\$" || because '--full' ||
		return
	stop "$server"

	printf '\3\0ls\0-l\0a b\0' >in
	publish_all open 3 || return
	rc cat open --no-follow --quiet --json >out || because "status $?" || return
	json document out 'd["fields"] == {"n": 3, "argv": ["ls", "-l", "a b"]}' || return
	rc cat open --no-follow --quiet | grep -q ' args n=3 argv=\[ls,-l,"a b"\]$' ||
		because "$(rc cat open --no-follow --quiet)" || return
	stop "$server"

	# Whole elements, and a rest that is no element.
	{
		printf '\2\0..'
		yes 'abc' | head -n 20
		printf xyz
	} >in
	publish_all open 65535 || return
	rc cat open --no-follow --quiet --json >out || because "status $?" || return
	json document out 'd["fields"]["counts"] == [0x0a636261] * 20' 'd["extra"] == "78797a"' || return
	rc cat open --no-follow --quiet >out
	grep -q ' counts n=2 counts=\[\(174285409,\)\{16\}\.\.\.\] extra=78797a$' out ||
		because "$(cat out)" || return
	rc cat open --no-follow --quiet --full | grep -q '=\[174285409\(,174285409\)\{19\}\] extra' ||
		because '--full' || return
	stop "$server"
}
run open_ended

test_not_decoded()
{
	make_schemas || return
	printf 'abc' >in
	publish_all short 2 || return
	rc cat short --no-follow --quiet --json >out || because "status $?" || return
	json document out '"fields" not in d' 'd["hex"] == "616263"' 'd["text"] == "abc"' \
		'd["error"] == "3 bytes are too few for line, which needs at least 4"' || return
	rc cat short --no-follow --quiet |
		grep -q '^\[0\] 1 [0-9.]* 2 3  (3 bytes are too few for line, which needs at least 4)  616263 | abc$' ||
		because "$(rc cat short --no-follow --quiet)" || return
	stop "$server"

	publish_all unknown 7 || return
	rc cat unknown --no-follow --quiet --json >out || because "status $?" || return
	json document out 'd["text"] == "abc"' 'd["error"] == "the schema has no type 7"' || return
	stop "$server"

	printf '\1\0\0\0abc' >in
	publish_all forced 2 || return
	rc cat forced --no-follow --quiet --json --no-schema >out || because "status $?" || return
	json document out 'd["text"] == "\x01\x00\x00\x00abc"' '"fields" not in d' '"error" not in d' ||
		return
	rc cat forced --no-follow --quiet --no-schema | grep -q ' 2 7  01000000616263 | ' ||
		because '--no-schema' || return
	rc cat forced --no-follow --quiet --raw | cmp -s - in || because '--raw' || return
	stop "$server"

	# A producer can set any bytes as the schema.
	echo 'fields: a, b, c' >other.schema
	serve other --schema other.schema <in || return
	rc cat other --no-follow --json >out 2>err || because "status $?" || return
	grep -q '^ringctl: other: schema: .*; payloads are printed undecoded$' err ||
		because "$(cat err)" || return
	json document out '"error" not in d' 'd["len"] == 7' || return
	rc info other | grep -q '^types      unknown: schema: ' || because "$(rc info other)" || return
	stop "$server"
}
run not_decoded

# A schema that shows 8 bytes in a quarter of a million ways, each with a long name.
test_truncated()
{
	local long what i
	local -a limit=(--no-follow --quiet)

	printf -v long '%0100d' 0
	{
		printf '#include <seqring/schema.h>\nunion u0 {'
		for i in {1..8}; do printf '__u64 m%s%s;' "$i" "$long"; done
		echo '};'
		for what in {1..5}; do
			printf 'union u%s {' "$what"
			for i in {1..8}; do printf 'union u%s m%s;' $((what - 1)) "$i"; done
			echo '};'
		done
		echo 'struct bomb { union u5 u; };'
		echo 'enum seqring_schema { bomb = 1 }; SEQRING_SCHEMA_TYPE(bomb);'
	} | compile_schema bomb || return
	rc schema bomb.o -o bomb.schema 2>err || because "schema: $(cat err)" || return
	printf '12345678' >in
	serve bomb --schema bomb.schema --type 1 --whole <in || return
	for what in '' --full --json; do
		rc cat bomb "${limit[@]}" ${what:+"$what"} >out || because "status $?" || return
		(($(wc -c <out) < 67000 && $(wc -c <out) > 60000)) ||
			because "$(wc -c <out) bytes of output" || return
		grep -q 'truncated' out || because "$what: not marked" || return
	done
	json document out 'd["truncated"] is True' 'len(d["fields"]["u"]) > 0' '"extra" not in d' || return
	rc cat bomb "${limit[@]}" | grep -q ' truncated$' || because 'the text is not marked' || return
	stop "$server"
}
run truncated

test_schema_of_ring()
{
	make_schemas || return
	publish_all shown 2 <in || return
	rc schema shown >out 2>err || because "$(cat err)" || return
	rc schema all.o | cmp -s - out || because 'the schema of the ring differs' || return
	rc schema shown -o copy && cmp -s copy all.schema || because 'the copy differs' || return
	rc info shown --schema | cmp -s - all.schema || because 'info --schema' || return
	rc info shown >out || because "status $?" || return
	grep -q '^type       every = 1, 224 bytes$' out &&
		grep -q '^type       args = 3, 2 bytes or more$' out &&
		grep -q '^type       counts = 65535, 4 bytes or more$' out || because "$(cat out)" || return
	rc info shown --json >out || because "status $?" || return
	json document out '[t["name"] for t in d["types"]] == ["every", "line", "args", "counts"]' \
		'"schema" not in d' || return
	stop "$server"
	serve bare <in || return
	fails 1 'schema: bare: the ring has no schema' schema bare || return
	stop "$server"
}
run schema_of_ring

# The example of docs/reference/schema.md.
test_schema_example()
{
	sed -n '/^```c schema$/,/^```$/p' "$here/../../docs/reference/schema.md" | grep -v '^```' >example.txt
	compile_schema conn <example.txt || return
	rc schema conn.o -o conn.schema 2>err || because "$(cat err)" || return
	printf '\177\0\0\1\12\0\0\2\273\1\5\0\1\0\0\0' >in
	serve conn --schema conn.schema --type 1 --whole <in || return
	rc cat conn --no-follow --quiet --json >out || because "status $?" || return
	json document out 'd["fields"] == {"from": "127.0.0.1", "to": "10.0.0.2", "port": 443,
		"flags": 5, "reserved": 0, "state": "CONN_UP"}' || return
	stop "$server"
}
run schema_example

test_schema_failures()
{
	compile_schema no_enum <<<'int x;' || return
	printf '#include <seqring/schema.h>\nstruct a { int x; };\nenum seqring_schema { a, b };\n%s\n' \
		'SEQRING_SCHEMA_TYPE(a);' | compile_schema no_struct || return
	echo 'int main(void) { return 0; }' | compile_schema no_btf || return
	gcc -c no_btf.c -o no_btf.o
	make_schemas || return
	head -c 100 all.schema >cut.schema
	fails 1 'schema: nothere: neither a ring nor a file with BTF' schema nothere &&
		fails 1 'schema: all\.c: neither a ring nor a file with BTF' schema all.c &&
		fails 1 'schema: no_enum\.o: there is no enum seqring_schema' schema no_enum.o &&
		fails 1 'schema: no_struct\.o: enum seqring_schema has b, but there is no struct b' \
			schema no_struct.o &&
		fails 1 'schema: no_btf\.o: has no BTF' schema no_btf.o &&
		fails 1 'schema: cut\.schema: ' schema cut.schema &&
		fails 1 'schema: /nowhere/x: ' schema all.o -o /nowhere/x &&
		fails 2 'schema: no name: name exactly one file or ring' schema &&
		fails 2 'schema: b: name exactly one file or ring' schema a b &&
		fails 2 'schema: --c-array 1a: not the name' schema all.o --c-array 1a &&
		fails 2 'schema: --c-array a-b: not the name' schema all.o --c-array a-b &&
		fails 2 'schema: --json, --c-array: contradict' schema all.o --json --c-array a || return
	# A full device stays, a half-written file is removed.
	fails 1 'schema: /dev/full: No space' schema all.o -o /dev/full || return
	[[ -c /dev/full ]] || because '/dev/full is gone' || return
	rc schema all.o >/dev/full 2>err
	same $? 1 'status with standard output full' || return
	(trap '' XFSZ && ulimit -f 1 && rc schema all.o --c-array a -o half 2>err)
	same $? 1 'status when a file has its limit' || return
	[[ ! -e half ]] || because 'half a schema is left'
}
run schema_failures
