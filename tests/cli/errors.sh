# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Error messages for wrong usage and for what does not exist. Sourced by run.sh.

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
		fails 1 'publish: --schema /dev/null: empty \(1 to [0-9]+ bytes' \
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
	fails 2 'create: --clock wall: no such clock \(monotonic, coarse, boottime or none\)' create x --clock wall &&
		fails 2 'create: --mode 888: not allowed \(octal' create x --mode 888 &&
		fails 2 'create: --mode 0755: not allowed \(octal' create x --mode 0755 &&
		fails 2 'create: --mode 0: not allowed' create x --mode 0 &&
		fails 2 'create: --owner no-such-user: no such user' create x --owner no-such-user &&
		fails 2 'create: --owner 4294967295: no such user' create x --owner 4294967295 &&
		fails 2 'create: --owner : no such user' create x --owner '' &&
		fails 2 'create: --group no-such-group: no such group' create x --group no-such-group &&
		fails 2 'create: --group 1x: no such group' create x --group 1x &&
		fails 2 'cat: --count 0: not allowed \(a whole number, at least 1\)' cat x --count 0 &&
		fails 2 'cat: --count 1x: ' cat x --count 1x &&
		fails 2 'cat: --count -1: ' cat x --count -1 &&
		fails 2 'cat: --count 18446744073709551616: ' cat x --count 18446744073709551616 &&
		fails 2 'cat: --ring 4294967296: .*from 0 to 4294967295' cat x --ring 4294967296 &&
		fails 2 'cat: --type 65536: not a list of types \(whole numbers from 0 to 65535' \
			cat x --type 65536 &&
		fails 2 'cat: --type 1,: not a list of types' cat x --type 1, &&
		fails 2 'cat: --type x: not a list of types' cat x --type x &&
		fails 2 'cat: --since soon: not a time' cat x --since soon &&
		fails 2 'cat: --since seq:x: not a time' cat x --since seq:x &&
		fails 2 'cat: --since 5w: not a time' cat x --since 5w &&
		fails 2 'cat: --merge-window 5: not a duration \(a whole number and ns, us, ms, s, m or h\)' \
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
		fails 2 'cat: --newest: the start is already given \(use only one of' cat x --head --newest &&
		fails 2 'cat: --json, --raw: ' cat x --json --raw &&
		fails 2 'info: --json, --schema: ' info x --json --schema &&
		fails 2 'cat: no name: ' cat &&
		fails 2 'cat: b: name exactly one ring' cat a b &&
		fails 2 'info: no name: ' info &&
		fails 2 'create: no name: ' create --size 1M &&
		fails 2 'destroy: no name: ' destroy &&
		fails 2 'list: x: takes no name' list x &&
		fails 2 'publish: no name: ' publish &&
		fails 2 'publish: c: ' publish a b c &&
		fails 2 'publish: --size, --clock, --schema, --mode, --group, --readers, --readers-per-user, --linger: only' \
			publish x --size 1M &&
		fails 2 'publish: --keep-newline: only for lines' publish x --null --keep-newline &&
		fails 2 'frobnicate: no such command \(create, ' frobnicate &&
		fails 2 '--frobnicate: no such option' --frobnicate &&
		fails 2 'frobnicate: no such command' help frobnicate &&
		fails 2 'help: cat: name only one command' help list cat || return
	rc >out 2>err
	same $? 2 'status without a command' || return
	[[ ! -s out ]] && grep -q '^usage: ringctl COMMAND' err || because 'no usage on stderr'
}
run bad_options
