# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# list, info, publish, errors, and what is written about it all. Sourced by run.sh.

test_list()
{
	rc list --json >out || because 'list of nothing' || return
	json document out 'isinstance(d, list)' || return
	serve listed --size 128K < <(seq 1 4) || return
	rc list >out || because "status $?" || return
	grep -Eq '^listed +process +1 +131072 +4 +0 +-$' out || because "$(cat out)" || return
	rc list --json >out || because "status $?" || return
	json document out '[e for e in d if e["name"] == "listed"] == [{"name": "listed",
		"kind": "process", "rings": 1, "data_size": 131072, "published": 4, "dropped": 0,
		"readers": None, "ended": False}]' || return
	stop "$server"
	rc list | grep -q '^listed'
	same $? 1 'still listed after its end'
}
run list

test_info()
{
	printf '{"fields": "\001"}\n' >schema
	serve about --size 256K --schema schema < <(seq 1 4) || return
	rc info about >out || because "status $?" || return
	grep -q '^published  4$' out && grep -q '^size       256K each$' out &&
		grep -q '^payload    at most 65512 bytes$' out && grep -q '^clock      monotonic$' out &&
		grep -q '^schema     16 bytes$' out && grep -q '^to read    4 records, ' out &&
		grep -q '^ring 0: published 4, .*dropped busy 0 too_big 0 dead 0 fault 0$' out ||
		because "$(cat out)" || return
	rc info about --json >out || because "status $?" || return
	json document out 'd["name"] == "about"' 'd["kind"] == "process"' 'd["nr_rings"] == 1' \
		'd["data_size"] == 262144' 'd["payload_max"] == 65512' 'd["clock"] == "monotonic"' \
		'd["published"] == 4' 'd["lag_records"] == 4' 'd["schema_size"] == 16' \
		'd["schema"] == "{\"fields\": \"\\x01\"}\\n"' 'd["ended"] is False' \
		'd["rings"][0]["published"] == 4' 'd["rings"][0]["head"] == 4 * 32' \
		'd["rings"][0]["dropped"] == {"busy": 0, "too_big": 0, "dead": 0, "fault": 0}' || return
	rc info about --schema | cmp -s - schema || because 'schema differs' || return
	stop "$server"
	serve bare < <(seq 1 4) || return
	fails 1 'info: bare: has no schema' info bare --schema || return
	stop "$server"
}
run info

test_publish_limits()
{
	local limit=16360

	head -c $limit /dev/zero | tr '\0' a >in
	serve longest --size 64K <in || return
	rc cat longest --no-follow --quiet --json | grep -q "\"len\":$limit," ||
		because 'longest line' || return
	stop "$server"
	{
		echo one
		echo two
		cat in
		echo a
	} >in2
	sed -i '3s/^/a/' in2
	rc publish toolong --serve --size 64K in2 >out 2>err
	same $? 1 status || return
	same "$(cat err)" "ringctl: publish: toolong: line 3 is too long (at most $limit bytes); published 2 before it" \
		message || return
	rc publish toolong --serve --size 64K --whole in2 >out 2>err
	same $? 1 status || return
	grep -q 'the input is too long (at most 16360 bytes); published 0' err ||
		because "$(cat err)" || return
	yes | tr -d '\n' | rc publish toolong --serve --size 64K 2>err
	grep -q 'line 1 is too long' err || because "endless line: $(cat err)"
}
run publish_limits

test_publish_rate()
{
	local before after

	before=$(date +%s%N)
	seq 1 100 | rc publish rate --serve --rate 100 --count 50 || because "status $?" || return
	after=$((($(date +%s%N) - before) / 1000000))
	((after >= 480 && after < 3000)) || because "50 at 100 a second took $after ms"
}
run publish_rate

test_publish_linger()
{
	local before after

	before=$(date +%s%N)
	rc publish linger --serve --linger 700ms </dev/null || because "status $?" || return
	after=$((($(date +%s%N) - before) / 1000000))
	((after >= 700 && after < 3000)) || because "took $after ms"
}
run publish_linger

test_publish_interrupted()
{
	open_input interrupted || return
	exec 3>&-
	ended "$server" && same "$status" 0 'status at the end' || return
	rm -f interrupted.in
	mkfifo interrupted.in
	exec 3<>interrupted.in
	start publish interrupted --serve <interrupted.in 2>err
	server=$bg
	until_ok served interrupted || return
	seq 1 3 >&3
	rc cat interrupted --count 3 --quiet >seen || because "status $?" || return
	kill -INT "$server"
	ended "$server" && same "$status" 1 status || return
	same "$(cat err)" 'ringctl: publish: interrupted: interrupted; published 3' message || return
	exec 3>&-
	serve interrupted < <(seq 1 3) || return
	kill -INT "$server"
	ended "$server" && same "$status" 0 'status while it lingers' || return
	[[ -z $(find "$RINGDIR" -name 'interrupted*') ]] || because 'the socket is still there'
}
run publish_interrupted

test_publish_name_taken()
{
	serve taken < <(seq 1 3) || return
	fails 1 'publish taken: ' publish taken --serve || return
	rc cat taken --no-follow --quiet >out || because 'the first one is gone' || return
	stop "$server"
}
run publish_name_taken

test_failures()
{
	fails 1 'cat nothere: there is no such ring \(ringctl list' cat nothere &&
		fails 1 'info nothere: ' info nothere &&
		fails 1 'cat /etc/passwd: ' cat /etc/passwd &&
		fails 1 'cat /nowhere/ring: ' cat /nowhere/ring &&
		fails 1 'publish: nothere: no such device \(ringctl create' publish nothere &&
		fails 1 'publish: /dev/null: not a device of seqring' publish /dev/null &&
		fails 1 'publish: /nowhere: ' publish x --serve /nowhere &&
		fails 1 'publish: --schema /nowhere: ' publish x --serve --schema /nowhere &&
		fails 1 'publish: --schema /dev/null: empty \(1 byte to' \
			publish x --serve --schema /dev/null &&
		fails 1 'publish: --schema /dev/zero: too long' publish x --serve --schema /dev/zero &&
		fails 1 'publish .bad: ' publish .bad --serve &&
		fails 1 'publish: \.: Is a directory' publish x --serve .
}
run failures

test_no_module()
{
	if [[ -e /dev/seqring-control ]]; then
		return 0
	fi
	fails 1 'create x: .*the module is not loaded' create x --size 64K &&
		fails 1 'destroy x: ' destroy x
}
run no_module

test_bad_size()
{
	local s

	for s in 0 1 65535 32K 63K; do
		fails 2 "create: --size $s: too small \(a power of two from 64K to 1G" \
			create x --size $s || return
	done
	for s in 65537 100K 3M 1000000; do
		fails 2 "create: --size $s: not a power of two \(a power" create x --size $s || return
	done
	for s in 2G 1025M 17179869184G 18446744073709551616K 1073741825; do
		fails 2 "create: --size $s: (too large|not a size) \(a power" create x --size $s ||
			return
	done
	for s in '' K 1T 1MB 0x10000 -65536 ' 65536' 65536x 1.5M; do
		fails 2 "create: --size $s: not a size \(a power" create x "--size=$s" || return
	done
	fails 2 'publish: --size 5: too small' publish x --serve --size 5 &&
		fails 2 'publish: --memfd 5K: too small' publish x --memfd 5K &&
		fails 2 'create: --size: missing \(a power' create x
}
run bad_size

test_bad_values()
{
	fails 2 'create: --clock wall: no such clock \(monotonic, coarse or none\)' create x --clock wall &&
		fails 2 'create: --mode 888: not possible \(octal' create x --mode 888 &&
		fails 2 'create: --mode 0755: not possible \(octal' create x --mode 0755 &&
		fails 2 'create: --mode 0: not possible' create x --mode 0 &&
		fails 2 'cat: --count 0: not possible \(a whole number from 1 on' cat x --count 0 &&
		fails 2 'cat: --count 1x: ' cat x --count 1x &&
		fails 2 'cat: --count -1: ' cat x --count -1 &&
		fails 2 'cat: --count 18446744073709551616: ' cat x --count 18446744073709551616 &&
		fails 2 'cat: --ring 4294967296: .*from 0 to 4294967295' cat x --ring 4294967296 &&
		fails 2 'cat: --since soon: not a time' cat x --since soon &&
		fails 2 'cat: --since seq:x: not a time' cat x --since seq:x &&
		fails 2 'cat: --since 5w: not a time' cat x --since 5w &&
		fails 2 'cat: --merge-window 5: not a duration \(whole number and unit' \
			cat x --merge-window 5 &&
		fails 2 'cat: --batch 99999999999999h: too long' cat x --batch 99999999999999h &&
		fails 2 'cat: --slow 1s: ' cat x --slow 1s &&
		fails 2 'publish: --type 65536: .*from 0 to 65535' publish x --type 65536 &&
		fails 2 'publish: --rate 0: ' publish x --rate 0 &&
		fails 2 'publish: --linger 5: not a duration' publish x --serve --linger 5
}
run bad_values

test_bad_options()
{
	local cmd

	for cmd in create destroy list info cat publish trace schema; do
		fails 2 "$cmd: --nonsense: no such option.*\(see ringctl help $cmd\)" $cmd --nonsense &&
			fails 2 "$cmd: -x: no such option" $cmd -x &&
			fails 2 "$cmd: --help: takes no value" $cmd --help=1 || return
	done
	fails 2 'cat: --since: needs a value' cat x --since &&
		fails 2 'cat: --newest: a second place to start \(one of' cat x --head --newest &&
		fails 2 'cat: --json, --raw: ' cat x --json --raw &&
		fails 2 'info: --json, --schema: ' info x --json --schema &&
		fails 2 'cat: no name: ' cat &&
		fails 2 'cat: b: one ring' cat a b &&
		fails 2 'info: no name: ' info &&
		fails 2 'create: no name: ' create --size 1M &&
		fails 2 'destroy: no name: ' destroy &&
		fails 2 'list: x: takes no name' list x &&
		fails 2 'publish: no name: ' publish &&
		fails 2 'publish: c: ' publish a b c &&
		fails 2 'publish: --size, --clock, --schema, --linger: only' publish x --size 1M &&
		fails 2 'publish: --keep-newline: only for lines' publish x --null --keep-newline &&
		fails 2 'frobnicate: no such command \(create, ' frobnicate &&
		fails 2 '--frobnicate: no such option' --frobnicate &&
		fails 2 'frobnicate: no such command' help frobnicate &&
		fails 2 'help: cat: one command' help list cat || return
	rc >out 2>err
	same $? 2 'status without a command' || return
	[[ ! -s out ]] && grep -q '^usage: ringctl COMMAND' err || because 'no usage on stderr'
}
run bad_options

test_help()
{
	local cmd

	rc --version | grep -Eqx 'ringctl [0-9]+\.[0-9]+' || because --version || return
	rc help >out && rc --help | cmp -s - out && rc -h | cmp -s - out || because help || return
	for cmd in create destroy list info cat publish trace schema; do
		grep -q "^  $cmd " out || because "help lacks $cmd" || return
		rc help $cmd >out2 || because "help $cmd" || return
		rc $cmd --help | cmp -s - out2 || because "$cmd --help is another one" || return
		rc $cmd -h | cmp -s - out2 || because "$cmd -h is another one" || return
		grep -q "^usage: ringctl $cmd" out2 && grep -q '^Examples:$' out2 ||
			because "help of $cmd has no usage, no examples" || return
		[[ -z $(awk 'length($0) > 80' out2) ]] || because "help of $cmd is too wide" || return
	done
	rc help >/dev/full 2>err
	same $? 1 'status with a full stdout'
}
run help

help_options()
{
	rc help "$1" | grep -Eo '^  --[a-z-]+' | tr -d ' ' | sort
}

manual_options()
{
	sed -n "/^\.SS $1\$/,/^\.S[SH] /p" "$tools/ringctl.8" | grep -A1 '^\.TP$' |
		sed -n 's/\\-/-/g; s/^\.BI\{0,1\} \(--[a-z-]*\).*/\1/p' | sort
}

# completed WORD...: what completes the last one
completed()
{
	bash --norc -c '
		. "$1"; shift
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_ringctl "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		[[ ${#COMPREPLY[@]} == 0 ]] || printf "%s\n" "${COMPREPLY[@]}"
	' - "$tools/ringctl.bash-completion" "$RINGCTL" "$@" 2>complete.err | sort
	[[ ! -s complete.err ]]
}

test_written_down()
{
	local cmd

	for cmd in create destroy list info cat publish trace schema; do
		[[ $(help_options $cmd | wc -l) -ge 1 ]] || because "no options of $cmd" || return
		same "$(manual_options $cmd | xargs)" "$(help_options $cmd | xargs)" "manual of $cmd" ||
			return
		same "$(completed $cmd -- | xargs)" "$(help_options $cmd | xargs)" \
			"completion of $cmd" || return
	done
	# Whatever getopt_long() takes beyond that would be undocumented.
	grep -oh '^	{ "[a-z-]*", [a-z]*_argument' "$tools"/*.c "$tools"/trace/*.c | cut -d'"' -f2 | sort -u >got
	for cmd in create destroy list info cat publish trace schema; do
		help_options $cmd
	done | sed 's/^--//' | sort -u | cmp -s - got || because 'options of the source differ'
}
run written_down

test_manual()
{
	if command -v groff >/dev/null; then
		same "$(groff -man -Tutf8 -ww -z "$tools/ringctl.8" 2>&1)" '' 'what groff says' || return
	fi
	if command -v mandoc >/dev/null; then
		same "$(mandoc -T lint -W warning "$tools/ringctl.8" 2>&1)" '' 'what mandoc says'
	fi
}
run manual

test_completion()
{
	serve completed-ring < <(seq 1 3) || return
	same "$(completed '' | xargs)" '--help --version cat create destroy help info list publish schema trace' \
		commands || return
	same "$(completed c | xargs)" 'cat create' 'commands in c' || return
	same "$(completed cat comp | xargs)" completed-ring names || return
	same "$(completed cat --json --count 5 comp | xargs)" completed-ring 'names after options' ||
		return
	same "$(completed cat completed-ring '' | xargs)" '' 'a second name' || return
	same "$(completed destroy comp | xargs)" '' 'destroy of a served ring' || return
	same "$(completed help l | xargs)" list 'help l' || return
	same "$(completed create x --clock '' | xargs)" 'coarse monotonic none' clocks || return
	touch file-to-publish
	same "$(completed publish log file-to | xargs)" file-to-publish files || return
	same "$(bash --norc -c '. "$1"; complete -p ringctl' - "$tools/ringctl.bash-completion")" \
		'complete -F _ringctl ringctl' registration || return
	stop "$server"
}
run completion
