# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ringctl trace on the running kernel. Sourced by run.sh.

mkdir "$tmp/bpf"
export RINGBPFDIR=$tmp/bpf/rings
trap 'umount -l "$RINGBPFDIR" 2>/dev/null; cleanup' EXIT

# The events that these tests know; trace.py reads them, too.
export TRACE_EVENTS='sched:switch sched:wakeup process:fork process:exec process:exit
syscalls:enter syscalls:exit block:issue block:complete tcp:state'

# Usage: these tests need no BPF.

test_trace_usage()
{
	fails 2 'trace: no event: name events .*--list' trace &&
		fails 2 'trace: nonsense: no such event \(sched:switch, .*tcp:state; groups: sched, process, syscalls, block, tcp, all\)' \
			trace nonsense &&
		fails 2 'trace: sched:: no such event' trace sched: &&
		fails 2 'trace: sched:swit: no such event' trace sched:swit &&
		fails 2 'trace: sche: no such event' trace sche &&
		fails 2 'trace: sched: an event is not possible with --list' trace --list sched &&
		fails 2 'trace: sched: an event is not possible with --from' trace --from x sched &&
		fails 2 'trace: --pid: needs a value' trace sched --pid &&
		fails 2 'trace: --nothing: no such option' trace sched --nothing &&
		fails 2 'trace: --self: takes no value' trace sched --self=1
}
run trace_usage

test_trace_rejects_filters()
{
	local s

	for s in '' ',' '1,' ',1' '1,,2' x -1 1x 2147483648 18446744073709551616 '!' '!1,' '1,!2' ' 1'; do
		fails 2 "trace: --pid .*: not a list of process IDs \(1234" \
			trace sched "--pid=$s" || return
	done
	fails 2 'trace: --pid !2: .* contradict each other' trace sched --pid 1 --pid '!2' || return
	fails 2 'trace: --pid: too many \(at most 1024\)' \
		trace sched --pid "$(seq -s, 1 1025)" || return
	for s in '' ',' 'bash,' ',bash' 'bash,,cat' '!' '!bash,' $'bash\\'; do
		fails 2 "trace: --comm .*: not a list of command names \(1 to 15" \
			trace sched "--comm=$s" || return
	done
	fails 2 'trace: --comm a,sixteen_letters_: a name is too long \(.* 15 .*: use sixteen_letters\)' \
		trace sched --comm a,sixteen_letters_ || return
	fails 2 'trace: --comm cat: .* contradict each other' trace sched --comm '!bash' --comm cat ||
		return
	fails 2 'trace: --comm: too many \(at most 64\)' \
		trace sched --comm "$(seq -s, 1 65)" || return
	for s in '' ',' 'read,' ',read' '!'; do
		fails 2 "trace: --call .*: not a list of system calls \(openat" \
			trace syscalls "--call=$s" || return
	done
	for s in opena 1024 -1 read,no_such_call 'read write'; do
		fails 2 "trace: --call .*: this machine has no such system call \(a name such as openat, or .*1023" \
			trace syscalls "--call=$s" || return
	done
	fails 2 'trace: --call !read: .* contradict each other' \
		trace syscalls --call write --call '!read' &&
		fails 2 'trace: --call: selects system calls' trace sched process --call read
}
run trace_rejects_filters

test_trace_rejects_values()
{
	fails 2 'trace: --count 0: not allowed' trace sched --count 0 &&
		fails 2 'trace: --count many: not allowed' trace sched --count many &&
		fails 2 'trace: --duration 0: too short' trace sched --duration 0 &&
		fails 2 'trace: --duration 5: not a duration' trace sched --duration 5 &&
		fails 2 'trace: --merge-window x: not a duration' trace sched --merge-window x &&
		fails 2 'trace: --size 32K: too small' trace sched --size 32K &&
		fails 2 'trace: --size 96K: not a power of two' trace sched --size 96K &&
		fails 2 'trace: --size 512M: too large \(.*256M' trace sched --size 512M &&
		fails 2 'trace: --size 2G: too large' trace sched --size 2G &&
		fails 2 'trace: --clock wall: no such clock' trace sched --clock wall &&
		fails 2 'trace: --mode 0777: not allowed' trace sched --name x --mode 0777
}
run trace_rejects_values

test_trace_rejects_combinations()
{
	fails 2 'trace: --json: not possible with --list' trace --list --json &&
		fails 2 'trace: --pid: not possible with --from, which only reads' \
			trace --from x --pid 1 &&
		fails 2 'trace: --size: not possible with --from' trace --from x --size 1M &&
		fails 2 'trace: --pin: not possible with --from' trace --from x --pin y &&
		fails 2 'trace: --json: not possible with --pin, which prints nothing' \
			trace sched --pin x --json &&
		fails 2 'trace: --count: not possible with --pin' trace sched --pin x --count 1 &&
		fails 2 'trace: --duration: not possible with --pin' trace sched --pin x --duration 1s &&
		fails 2 'trace: --name: not possible with --pin' trace sched --pin x --name y &&
		fails 2 'trace: --where: not possible with --pin' trace sched --pin x --where seq &&
		fails 2 'trace: --per-ring: not possible with --where' \
			trace sched --where seq --per-ring &&
		fails 2 'trace: --continue: needs a name' trace sched --continue &&
		fails 2 'trace: --mode: needs a name' trace sched --mode 0644 &&
		fails 2 'trace: --full: not possible with --json, which is always full' trace process --json --full &&
		fails 2 'trace: --children: needs the parents' trace process --children &&
		fails 2 'trace: --children: needs the parents' \
			trace process --pid '!1' --children &&
		fails 2 'trace: --children: not possible with --from' trace --from x --children &&
		fails 2 'trace: --output: not possible with --pin' trace process --pin x --output y &&
		fails 2 'trace: --: no command' trace process -- &&
		fails 2 'trace: true: a command is not possible with --pid' \
			trace process --pid 1 -- true &&
		fails 2 'trace: true: a command is not possible with --pin' \
			trace process --pin x -- true &&
		fails 2 'trace: true: a command is not possible with --list' trace --list -- true &&
		fails 2 'trace: true: a command is not possible with --from' trace --from x -- true &&
		fails 2 'trace: no event' trace -- true &&
		fails 1 'trace: --output /none/x: No such file' trace process --output /none/x
}
run trace_rejects_combinations

# Refusals, which are the same with and without BPF.
test_trace_unsupported()
{
	local old=(setarch --uname-2.6)

	setpriv --bounding-set=-all --inh-caps=-all "$RINGCTL" trace sched 2>err >out
	same $? 1 'status without rights' || return
	grep -q '^ringctl: trace: not allowed to use BPF: be root, or have CAP_BPF' err ||
		because "without rights: $(cat err)" || return
	"${old[@]}" "$RINGCTL" trace sched 2>err >out
	same $? 1 'status on an old kernel' || return
	grep -q '^ringctl: trace: Linux 2\.6\.[^ ]* is too old: .* need 5\.15' err ||
		because "old kernel: $(cat err)" || return
	[[ -e /sys/kernel/btf/vmlinux ]] || return 0
	unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' - \
		"$RINGCTL" trace sched 2>err >out
	same $? 1 'status without BTF' || return
	grep -q '^ringctl: trace: .*CONFIG_DEBUG_INFO_BTF' err || because "no BTF: $(cat err)" || return
	unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' - \
		"$RINGCTL" trace --list 2>>err >out
	same $? 1 'status of --list without BTF' || return
	! grep -q 'No such process' err || because "no BTF: $(cat err)"
}
run trace_unsupported

test_trace_from_others()
{
	fails 1 'trace no-such-ring: there is no such ring' trace --from no-such-ring || return
	serve others < <(seq 1 3) || return
	fails 1 'trace: others: the records are not those of this ringctl trace \(ringctl cat' \
		trace --from others || return
	stop "$server"
	# Type 1 is one of ours, but these records are different.
	compile_schema other <<-END || return
		#include <seqring/schema.h>
		enum seqring_schema { sched_switch = 1 };
		struct sched_switch { __u32 what; };
		SEQRING_SCHEMA_TYPE(sched_switch);
	END
	rc schema other.o -o other.schema 2>err || because "schema: $(cat err)" || return
	serve others2 --schema other.schema --type 1 < <(seq 1 3) || because "$(cat err)" || return
	fails 1 'trace: others2: the records are not those' trace --from others2 || return
	stop "$server"
}
run trace_from_others

# Records of the right types, whose writer stores the byte 0xff in each flag, enum and length.
test_trace_from_hostile()
{
	local type types=0

	trace_schema || return
	head -c 400 /dev/zero | tr '\0' '\377' >ones
	while read -r type; do
		serve "hostile$type" --schema trace.schema --type "$type" --whole <ones || return
		rc trace --from "hostile$type" --count 1 >out 2>err ||
			because "type $type: status $?, $(cat err)" || return
		same "$(wc -l <out)" 1 "lines of type $type" || return
		rc trace --from "hostile$type" --count 1 --json >out 2>err ||
			because "type $type in JSON: status $?, $(cat err)" || return
		json document out 'd["event"] != "other"' || return
		stop "$server"
		types=$((types + 1))
	done < <(rc schema trace.schema --json | python3 -c \
		'import json, sys; [print(t["type"]) for t in json.load(sys.stdin)["types"]]')
	((types > 10)) || because "only $types types"
}
run trace_from_hostile

# Events: these tests need BPF.

# True if this machine can trace; prints a skip if not.
can_trace()
{
	rc trace sched:switch --duration 1ms >/dev/null 2>err && return
	# Any other failure is one of the tests'.
	grep -qE 'no BPF|no type information|too old|not allowed' err || return 0
	sed -n 's/^ringctl: trace: \(.*\)$/skip tool-trace - \1/p' err
	return 1
}

# attached PID N: the process has attached N programs, or more on an older kernel
attached()
{
	[[ $(cat /proc/"$1"/fdinfo/* 2>/dev/null | grep -c '^link_type:') -ge "$2" ]]
}

# trace PROGRAMS ARG...: runs ringctl trace in the background, PID $tracer, and waits until
# that many programs are attached
trace()
{
	start trace "${@:2}" >out 2>err
	tracer=$bg
	until_ok attached "$tracer" "$1" || because "trace ${*:2}: $(cat err)"
}

# adds_up FILE: it is one line, an account in which read + lost = published
adds_up()
{
	same "$(wc -l <"$1")" 1 'lines of account' || return
	awk '/^ringctl: [a-z0-9]+: read [0-9]+ \+ lost [0-9]+ = published [0-9]+; dropped [0-9]+/ {
		ok = $4 + $7 == $10 + 0 } END { exit !ok }' "$1" || because "account: $(cat "$1")"
}

# Ends the trace, unless the processes that it traces have ended; its account must add up.
stop_trace()
{
	kill -INT "$tracer" 2>/dev/null
	ended "$tracer" && same "$status" 0 'status of trace' || return
	adds_up err
}

seen()
{
	python3 "$here/trace.py" "$1" out "${@:2}" 2>json.err ||
		because "$1: $(tail -n 1 json.err | cut -c1-600)"
}

# child COMMAND...: a process, PID $child, that becomes COMMAND at let_go
child()
{
	rm -f go
	# shellcheck disable=SC2016 # for the other shell
	env --default-signal bash -c 'while [[ ! -e go ]]; do sleep 0.02; done; exec "$@"' \
		- "$@" >/dev/null 2>&1 &
	child=$!
	pids+=("$child")
}

let_go()
{
	touch go
	wait "$child"
	child_status=$?
}

test_trace_list()
{
	local e

	rc trace --list >out 2>err || because "$(cat err)" || return
	[[ ! -s err ]] || because "it says $(cat err)" || return
	same "$(sed 1d out | cut -d" " -f1 | xargs)" "$(xargs <<<"$TRACE_EVENTS")" events || return
	for e in $TRACE_EVENTS; do
		grep -Eq "^$e +yes " out || because "$e: $(grep "^$e" out)" || return
	done
}

test_trace_process()
{
	child /bin/sh -c 'exit 7' '' 'two words' 'ä'
	trace 4 process --json --pid "$child" || return
	let_go
	same "$child_status" 7 'status of the child' || return
	until_ok grep -q '"process:exit".*"pid":'"$child" out || return
	stop_trace || return
	seen process "$child" 7 0 /bin/sh /bin/sh -c 'exit 7' '' 'two words' 'ä'
}

test_trace_killed_process()
{
	child /bin/sleep 300
	trace 4 process --json --pid "$child" || return
	touch go
	until_ok grep -q '"process:exec".*"pid":'"$child" out || return
	kill -USR1 "$child"
	wait "$child" 2>/dev/null
	stop_trace && seen process "$child" 0 10 /bin/sleep /bin/sleep 300 || return

	child /bin/sleep 300
	trace 4 process --pid "$child" || return
	touch go
	until_ok grep -q 'process:exec .*/bin/sleep: /bin/sleep 300 (ppid' out || return
	kill -TERM "$child"
	wait "$child" 2>/dev/null
	stop_trace || return
	grep -Eq "^[0-9]+\.[0-9]{6} \[[0-9]+\] sleep/$child +process:exit +killed by SIGTERM after [0-9]" \
		out || because "$(grep "/$child" out)"
}

test_trace_many_arguments()
{
	local long i args=()

	long=$(printf 'x%.0s' {1..99})
	for ((i = 0; i < 100; i++)); do
		args+=("$long")
	done
	child /bin/true "${args[@]}"
	trace 3 process:exec --json --pid "$child" || return
	let_go
	until_ok grep -q '"/bin/true"' out || return
	stop_trace && seen truncated "$child" $((10 + 100 * 100)) || return

	child /bin/true "${args[@]}"
	trace 3 process:exec --pid "$child" || return
	let_go
	until_ok grep -q '/bin/true:' out || return
	stop_trace || return
	grep -q ' (--full shows more) (cut; the arguments have 10010 bytes) (ppid [0-9]*, uid 0)$' out ||
		because "text: $(cut -c1-300 out)" || return

	child /bin/true "${args[@]}"
	trace 3 process:exec --full --pid "$child" || return
	let_go
	until_ok grep -q '/bin/true:' out || return
	stop_trace || return
	[[ $(grep -o "$long" out | wc -l) -ge 30 ]] || because "--full has only $(wc -c <out) bytes"
}

test_trace_thread()
{
	child python3 -c 'import threading
t = threading.Thread(target=lambda: None)
t.start()
t.join()'
	trace 3 process --json --comm python3 || return
	let_go
	until_ok grep -q '"is_thread":true' out || return
	stop_trace && seen thread "$child"
}

test_trace_sched()
{
	child perl -e 'select(undef, undef, undef, 0.01) for 1 .. 20'
	trace 5 sched --json --pid "$child" || return
	let_go
	sleep 0.1
	stop_trace && seen sched "$child" perl && seen events sched:switch sched:wakeup
}

test_trace_syscalls()
{
	child dd if=/dev/zero of=/dev/null bs=1234 count=5
	trace 4 syscalls --json --pid "$child" --comm dd --call write || return
	let_go
	until_ok grep -q '"result":1234' out || return
	stop_trace && seen writes "$child" 1234 5 || return

	# The same call by its number.
	[[ $(uname -m) == x86_64 ]] || return 0
	child dd if=/dev/zero of=/dev/null bs=1234 count=5
	trace 4 syscalls --json --pid "$child" --comm dd --call 1 || return
	let_go
	until_ok grep -q '"result":1234' out || return
	stop_trace && seen writes "$child" 1234 5
}

test_trace_syscall_results()
{
	child cat no-such-file
	trace 4 syscalls:exit --json --pid "$child" || return
	let_go
	until_ok grep -q '"error_name":"ENOENT"' out || return
	stop_trace && seen events syscalls:exit && seen failed_open "$child" ENOENT || return

	child cat no-such-file
	trace 4 syscalls --pid "$child" --comm cat --call '!read,mmap,close' || return
	let_go
	until_ok grep -q 'openat = -ENOENT after' out || return
	stop_trace || return
	grep -Eq "\[[0-9]+\] cat/$child +syscalls:enter openat\(0xffffff9c, 0x" out ||
		because "no openat: $(head -n 3 out)" || return
	! grep -qE ' (read|mmap|close)[(=]' out || because 'calls that were not wanted' || return

	child cat /dev/null
	trace 3 syscalls:enter --json --pid "$child" --comm cat --call '!read,close' || return
	let_go
	until_ok grep -q exit_group out || return
	stop_trace && seen events syscalls:enter && seen calls_without "$child" read close
}

# getpid() is call 20 of the 32-bit table and call 39 of the other one.
test_trace_compat_call()
{
	printf '.globl _start\n_start: mov $20,%%eax; int $0x80; mov $1,%%eax; int $0x80\n' >c32.S
	if ! gcc -m32 -nostdlib -static -o c32 c32.S 2>/dev/null; then
		because 'no 32-bit program can be built: run tests/deps.sh test'
		return
	fi
	./c32
	(($? <= 1)) || { echo 'skip tool-trace_compat_call - this kernel runs no 32-bit programs'; return 77; }
	child ./c32
	trace 4 syscalls --json --pid "$child" --comm c32 --call getpid || return
	let_go
	until_ok grep -q '"syscalls:exit"' out || return
	stop_trace && seen compat "$child"
}

test_trace_block()
{
	local source

	source=$(df --output=source . | tail -n 1)
	if [[ $source != /dev/* ]]; then
		echo "skip tool-trace_block - $PWD is on $source, which is not a disk"
		return 77
	fi
	trace 2 block --json || return
	dd if=/dev/zero of=direct bs=64K count=4 oflag=direct conv=fsync 2>/dev/null ||
		because 'no direct I/O here' || return
	until_ok grep -q '"block:complete".*"dd"' out || return
	stop_trace && seen block dd BLOCK_WRITE 65536 && seen events block:issue block:complete || return

	# Latency and task need no block:issue event.
	trace 2 block:complete --comm dd || return
	dd if=direct of=/dev/null bs=64K count=4 iflag=direct 2>/dev/null
	until_ok grep -q 'block:complete' out || return
	stop_trace || return
	grep -Eq '\] dd/[0-9]+ +block:complete [a-z0-9]+ read 65536 bytes at sector [0-9]+.* after ' \
		out || because "$(cat out)"
}

# connect FAMILY ADDRESS: a process connects to itself; prints its PID and the port
connect()
{
	python3 - "$1" "$2" <<-'END'
		import os, socket, sys, time
		family = getattr(socket, sys.argv[1])
		s = socket.socket(family)
		s.bind((sys.argv[2], 0))
		s.listen(1)
		c = socket.socket(family)
		c.connect(s.getsockname())
		d, _ = s.accept()
		print(os.getpid(), s.getsockname()[1])
		c.close()
		time.sleep(0.02)
		d.close()
		s.close()
	END
}

trace_connection()
{
	local family=$1 address=$2 pid port

	trace 2 tcp --json || return
	read -r pid port < <(connect "$family" "$address")
	until_ok grep -q '"new_state":"TCP_CLOSE"' out || return
	sleep 0.05
	stop_trace && seen tcp "$pid" "$address" "$port" && seen events tcp:state
}

test_trace_tcp4()
{
	trace_connection AF_INET 127.0.0.1
}

test_trace_tcp6()
{
	if ! grep -qw lo /proc/net/if_inet6 2>/dev/null; then
		echo 'skip tool-trace_tcp6 - this kernel has no ::1'
		return 77
	fi
	trace_connection AF_INET6 ::1
}

# Filters, and when the trace ends.

# Starts programs all the time, until end_busy.
make_busy()
{
	(while :; do /bin/true; done) &
	busy=$!
	pids+=("$busy")
}

end_busy()
{
	kill -KILL "$busy"
	wait "$busy" 2>/dev/null
	return 0
}

test_trace_only_and_all_but()
{
	local other

	# Two similar processes, of which one is listed.
	child bash -c 'for ((i = 0; i < 5; i++)); do sleep 0.01; done'
	bash -c 'while :; do sleep 0.01; done' &
	other=$!
	pids+=("$other")
	trace 9 sched process syscalls --json --pid "$child" || return
	let_go
	stop_trace && seen only pid "$child" && seen some pid "$child" || return

	trace 8 sched process syscalls --json --comm sleep,true || return
	sleep 0.1
	stop_trace && seen only comm sleep true && seen some comm sleep || return

	trace 9 sched process syscalls --json --pid "!$other,0" || return
	/bin/true
	sleep 0.1
	stop_trace && seen without pid "$other" 0 && seen some comm sleep || return

	trace 8 sched process syscalls --json --comm '!bash,sleep' || return
	/bin/true
	sleep 0.1
	kill -KILL "$other"
	wait "$other" 2>/dev/null
	stop_trace && seen without comm bash sleep && seen some comm true
}

no_process()
{
	! pgrep -f "$1"
}

# A command and its descendants are traced until it ends, and no other process.
test_trace_command()
{
	local pid

	make_busy
	rc trace process syscalls:exit --json --output out -- \
		sh -c 'echo $$; sh -c "/bin/true a; exit 3"; (sleep 0.05; /bin/true b)' >said 2>err
	same $? 0 status || return
	adds_up err || return
	same "$(wc -l <said)" 1 'lines of the command itself' || return
	pid=$(cat said)
	seen family "$pid" '/bin/true a' '/bin/true b' 'sleep 0.05' || return

	# The end of the trace ends the command.
	rc trace process --count 3 --quiet -- sh -c 'true & true & wait; exec sleep 300' >out 2>err
	same $? 0 'status with --count' && same "$(wc -l <out)" 3 events || return
	end_busy
	until_ok no_process '^sleep 300$' || return
	fails 1 'trace: no-such-command: cannot be run: No such file' \
		trace process -- no-such-command || return
	# The command has the default signal handling.
	rc trace process --json --quiet -- sh -c 'kill -TERM $$' >out
	same $? 143 'status with the signal of the command' || return
	seen last_signal 15
}

# The command's exit status is handed on, unless the trace failed.
test_trace_command_status()
{
	rc trace process --quiet -- sh -c 'exit 7' >out 2>err
	same $? 7 'status of the command' || return
	rc trace process --quiet -- sh -c 'kill -KILL $$' >out 2>err
	same $? 137 'status of a killed command' || return
	rc trace process --quiet -- true >/dev/full 2>err
	same $? 1 'status of a trace that failed'
}

# A signal reaches all processes of the command, and only them.
test_trace_command_group()
{
	local sig

	for sig in TERM INT HUP; do
		start trace process --quiet -- sh -c 'sleep 301 | sleep 302' >out 2>err
		until_ok pgrep -f '^sleep 302$' >/dev/null || return
		kill -s $sig "$bg" && ended "$bg" || return
		same "$status" 0 "status after $sig" || return
		until_ok no_process '^sleep 30[12]$' || return
	done
}

# The command reads the terminal that ringctl was given.
test_trace_command_terminal()
{
	# shellcheck disable=SC2016 # for the command's shell
	timeout -k 5 60 script -qec "$RINGCTL trace process --quiet --output out -- \
		sh -c 'read line; echo \"got \$line\"'; echo after" /dev/null <<<hello >said 2>err
	grep -q '^got hello' said && grep -q '^after' said || because "on a terminal: $(cat said)"
}

# What was ignored at the start stays ignored, as nohup(1) wants it.
test_trace_ignored_signal()
{
	(trap '' HUP; exec "$RINGCTL" trace process --quiet --output out) &
	bg=$!
	pids+=("$bg")
	until_ok grep -q . out || return
	kill -HUP "$bg"
	sleep 0.3
	! grep -q '^State:.*zombie' "/proc/$bg/status" || because 'SIGHUP ended it' || return
	stop "$bg" && same "$status" 0 status
}

test_trace_output()
{
	echo old >kept
	fails 1 'trace: no-such-command: cannot be run' \
		trace process --output kept -- no-such-command || return
	same "$(cat kept)" old 'a file after a failed start' || return
	fails 1 'trace: .*cannot be run' trace process --output new -- no-such-command || return
	[ ! -e new ] || because 'a failed start leaves a new file' || return
	rc trace process --quiet --output kept -- /bin/true once || return
	grep -q '/bin/true once' kept && ! grep -q old kept ||
		because "the file after a trace: $(cat kept)" || return
	rc trace process --quiet --output - -- /bin/true twice >out || return
	grep -q '/bin/true twice' out || because '--output - is not standard output' || return
	[ ! -e ./- ] || because '--output - made a file' || return
	fails 1 'trace: --output /no/dir: No such file' trace process --output /no/dir
}

# Nobody reads the FIFO: a signal ends ringctl.
test_trace_output_fifo()
{
	mkfifo fifo
	start trace process --output fifo
	sleep 0.3
	stop "$bg" && same "$status" 143 status
}

test_trace_clocks()
{
	local clock

	for clock in coarse boottime none; do
		rc trace process --quiet --clock $clock -- /bin/true "$clock" >out 2>err
		same $? 0 "status with --clock $clock: $(cat err)" || return
		grep -q "/bin/true $clock" out || because "nothing with --clock $clock" || return
	done
	fails 2 'trace: --merge-window: needs --clock monotonic' \
		trace process --clock coarse --merge-window 1ms
}

test_trace_children()
{
	child sh -c '(/bin/true one; sh -c "/bin/true two; true")'
	trace 4 process --json --pid "$child" --children || return
	let_go
	until_ok grep -q '"two"' out || return
	sleep 0.1
	stop_trace && seen family "$child" '/bin/true one' '/bin/true two'
}

# start_as PID COMMAND...: starts it with that PID as soon as nobody has it, and waits for its
# end. clone3() takes the number on every kernel that can trace.
start_as()
{
	python3 - "$@" <<-'END'
		import ctypes, errno, os, signal, struct, sys, time
		CLONE3 = 435
		pid = ctypes.c_int(int(sys.argv[1]))
		words = [0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(pid), 1]
		args = struct.pack("10Q", *words)
		libc = ctypes.CDLL(None, use_errno=True)
		for _ in range(500):
		    made = libc.syscall(CLONE3, args, len(args))
		    if made == 0:
		        os.execv(sys.argv[2], sys.argv[2:])
		    if made > 0:
		        sys.exit(os.waitstatus_to_exitcode(os.waitpid(made, 0)[1]))
		    if ctypes.get_errno() != errno.EEXIST:
		        break
		    time.sleep(0.01)
		sys.exit(f"clone3: {os.strerror(ctypes.get_errno())}")
	END
}

# A process that gets the PID of a followed one that has ended is not followed.
test_trace_reused_pid()
{
	local pid said

	child sh -c '/bin/true inner & wait; exec sleep 300'
	trace 4 process --json --pid "$child" --children || return
	touch go
	until_ok grep -q '"sleep","300"' out || return
	pid=$(seen pid_of inner) || return
	said=$(start_as "$pid" /bin/true outer 2>&1) || because "PID $pid was not reused: $said" || return
	kill -KILL "$child"
	wait "$child" 2>/dev/null
	stop_trace || return
	! grep -q outer out || because "followed $pid beyond its end"
}

test_trace_groups()
{
	make_busy
	rc trace process --json --duration 300ms --quiet >out || because 'process' || return
	seen events process:fork process:exec process:exit || return
	rc trace sched:switch process:fork --json --duration 300ms --quiet >out || return
	seen events sched:switch process:fork || return
	trace 12 all --json || return
	sleep 0.2
	connect AF_INET 127.0.0.1 >/dev/null
	stop_trace || return
	end_busy
	seen some comm true || return
	(($(nproc) < 2)) || seen in_order
}

test_trace_count()
{
	make_busy
	rc trace sched --count 25 >out 2>err || because "status $?" || return
	same "$(wc -l <out)" 25 events || return
	grep -Eq '^ringctl: trace: read 25 \+ lost 0 (\+ unread [0-9]+ )?= published [0-9]+; dropped' err ||
		because "$(cat err)" || return
	rc trace sched --count 3 --quiet --per-ring >out 2>err || because "status $?" || return
	[[ ! -s err ]] || because "--quiet says $(cat err)" || return
	rc trace sched --duration 300ms --per-ring >out 2>err || because "status $?" || return
	end_busy
	# The accounts of the CPUs add up to the total.
	awk '/: cpu [0-9]+: read/ { gsub(",|;", ""); read += $6; all += $10; n++ }
		/ = published / { gsub(";", ""); ok = n && $4 == read && $10 == all }
		END { exit !ok }' err || because "$(cat err)"
}

# All events are published, and the account of those that are left out is exact.
test_trace_where()
{
	local where='type == process_exit && status == 7 && task.comm ~ "s?"'

	rc trace process --where "$where" -- sh -c '(exit 6); exit 7' >out 2>err
	same $? 7 'status of the command' || return
	same "$(grep -c 'process:exit.*status 7 ' out) $(wc -l <out)" '1 1' events || return
	grep -Eq '^ringctl: trace: read 1 \+ lost 0 \+ filtered [1-9][0-9]* = published' err ||
		because "$(cat err)" || return
	fails 1 'trace: --where task.comn == 1: filter, character 6: no record has a field comn: did you mean comm' \
		trace process --where 'task.comn == 1' --duration 1s
}

test_trace_duration()
{
	local before after

	before=$(date +%s%N)
	rc trace process --duration 700ms >/dev/null 2>&1 || because "status $?" || return
	after=$((($(date +%s%N) - before) / 1000000))
	((after >= 700 && after < 8000)) || because "took $after ms"
}

test_trace_verbose()
{
	rc trace sched --duration 1ms --verbose >out 2>err || because "$(cat err)" || return
	grep -q '^libbpf: ' err || because "it says only $(cat err)" || return
	rc trace sched --duration 1ms >out 2>err || because "$(cat err)" || return
	same "$(wc -l <err)" 1 'lines without --verbose'
}

test_trace_signals()
{
	local signal

	for signal in INT TERM HUP; do
		trace 3 sched || return
		sleep 0.1
		kill "-$signal" "$tracer"
		ended "$tracer" && same "$status" 0 "status after $signal" || return
		grep -Eq 'read ([0-9]+) \+ lost 0 = published \1; dropped' err ||
			because "$signal: $(cat err)" || return
	done
	# The reader of its output ends.
	rc trace sched 2>err | head -n 1 >out
	same "${PIPESTATUS[*]}" '0 0' status || return
	[[ ! -s err ]] || because "said $(cat err)"
}

test_trace_order()
{
	local cpu=()

	if (($(nproc) < 2)); then
		echo 'skip tool-trace_order - there is only one CPU'
		return 77
	fi
	taskset -c 0 bash -c 'while :; do /bin/true; done' &
	cpu+=("$!")
	taskset -c 1 bash -c 'while :; do /bin/true; done' &
	cpu+=("$!")
	pids+=("${cpu[@]}")
	trace 3 sched --json --merge-window 50ms || return
	sleep 0.5
	stop_trace || return
	kill -KILL "${cpu[@]}"
	wait "${cpu[@]}" 2>/dev/null
	! grep -q late err || because "$(cat err)" || return
	seen in_order
}

# The kernel's clock counts, not that of ringctl's time namespace: otherwise an event is held back
# for ever, or never.
test_trace_time_namespace()
{
	local shift clock since

	if ! unshare --time --fork true 2>/dev/null; then
		echo 'skip tool-trace_time_namespace - no time namespace can be made'
		return 77
	fi
	for shift in 1000000 -$(($(cut -d. -f1 /proc/uptime) / 2)); do
		for clock in monotonic coarse; do
			since=$(python3 -c 'import time; print(time.monotonic_ns())')
			timeout -k 5 60 unshare --time --fork --monotonic="$shift" "$RINGCTL" trace \
				process:exec --clock $clock --json --count 1 -- true >out 2>err ||
				because "shifted by $shift: $(cat err)" || return
			seen since "$since" || return
		done
	done
}

test_trace_clock_and_one_ring()
{
	make_busy
	trace 3 sched --json --clock none || return
	sleep 0.1
	kill -INT "$tracer"
	ended "$tracer" && same "$status" 0 status && seen no_times || return
	trace 3 sched --clock none || return
	sleep 0.1
	kill -INT "$tracer"
	ended "$tracer"
	grep -Evq '^(\[[0-9]+\] |-- cpu)' out && because "a time: $(grep -v '^\[' out | head -n 1)" &&
		return
	trace 3 sched --json --one-ring --name onering --size 64K || return
	rc info onering --json >one.info || return
	sleep 0.1
	kill -INT "$tracer"
	ended "$tracer" && same "$status" 0 status || return
	end_busy
	grep -q '"nr_rings": *1,' one.info && grep -q '"data_size": *65536,' one.info ||
		because "$(cat one.info)" || return
	# One ring for all CPUs does not tell the CPU.
	seen no_cpu
}

# Events that concern only ringctl are shown with --self and not without it.
test_trace_self()
{
	trace 12 all --json || return
	sleep 0.6
	stop_trace && seen without_own "$tracer" || return
	trace 12 all --json --self || return
	sleep 0.6
	stop_trace && seen some pid "$tracer" && ! seen without_own "$tracer"
}

# A reader that is stopped for a while loses events, and reports each gap in place.
test_trace_loss()
{
	local read lost

	mkfifo loss.pipe
	exec 4<>loss.pipe
	start trace syscalls:enter --json --size 64K >loss.pipe 2>err
	tracer=$bg
	until_ok attached "$tracer" 1 || return
	dd if=/dev/zero of=/dev/null bs=1 count=20000 2>/dev/null
	cat <loss.pipe >out 4>&- &
	reader=$!
	exec 4>&-
	until_ok lines_are out 100 || return
	kill -INT "$tracer"
	ended "$tracer" && same "$status" 0 status || return
	wait "$reader"
	seen total >counts || return
	python3 "$here/trace.py" total out >counts
	read -r read lost <counts
	((lost > 10000)) || because "lost only $lost" || return
	grep -q "read $read + lost $lost = published $((read + lost)); dropped" err ||
		because "read $read, lost $lost: $(cat err)"
}

# Rings with names.

account_of()
{
	grep -Eq "^ringctl: $2: read ([0-9]+) \\+ lost 0 = published \\1;" "$1" ||
		because "account of $1: $(cat "$1")"
}

test_trace_pin()
{
	local readers=() i

	rc trace process --pin pinned >out 2>err || because "$(cat err)" || return
	[[ ! -s out ]] || because 'prints to stdout' || return
	grep -q 'pinned continues .*ringctl destroy pinned' err || because "$(cat err)" || return
	rc list >out && grep -Eq '^pinned +bpf ' out || because "list: $(cat out)" || return
	rc info pinned >out && grep -q '^type .*process_exec = 17' out || because "info" || return
	grep -Eq '^missed     [0-9]+$' out || because "info: $(cat out)" || return
	rc info pinned --json >out && json document out 'd["missed"] >= 0' || return

	start trace --from pinned --json >out 2>err0
	readers+=("$bg")
	start cat pinned --json >out1 2>err1
	readers+=("$bg")
	start trace --from pinned >out2 2>err2
	readers+=("$bg")
	child /bin/true through the pin
	let_go
	for i in out out1 out2; do
		until_ok grep -q 'through' "$i" || because "$i has no such event" || return
	done

	# The name is taken.
	fails 1 'trace: pinned: .*name exists already \(ringctl destroy ends it, --continue' \
		trace process --pin pinned || return
	fails 1 'trace: pinned: .*name exists already' trace process --name pinned || return
	fails 1 'trace: pinned: .*another shape' \
		trace process --pin pinned --continue --size 64K || return

	# Others take the ring over: its readers stay and get the events of both.
	rc trace process sched --pin pinned --continue 2>err || because "$(cat err)" || return
	child /bin/true after the change
	let_go
	for i in out out1 out2; do
		until_ok grep -q 'change' "$i" || because "$i: nothing after --continue" || return
	done
	until_ok grep -q sched:switch out2 || return

	rc destroy pinned || because 'destroy fails' || return
	for i in "${readers[@]}"; do
		ended "$i" && same "$status" 0 'status of a reader' || return
	done
	account_of err0 pinned && account_of err1 pinned && account_of err2 pinned || return
	same "$(sed 's/;.*//' err0 err1 err2 | sort -u | wc -l)" 1 'different accounts' || return
	# Its readers cause no events.
	seen last_run "$child" /bin/true /bin/true after the change || return
	! grep -q '"process:e.*"task":{[^}]*"comm":"ringctl"' out ||
		because "$(grep -m 1 '"comm":"ringctl"' out)" || return
	rc list >out && ! grep -q pinned out || because 'still listed' || return
	fails 1 'destroy pinned: there is neither a device nor a ring of BPF programs of this name' destroy pinned &&
		fails 1 'trace pinned: there is no such ring' trace --from pinned &&
		fails 1 'destroy bad/name: bad name' destroy bad/name
}

test_trace_name()
{
	trace 3 process --name live --json || return
	fails 1 "trace: live: process $tracer writes a ring of that name" \
		trace process --name live || return
	fails 1 "destroy live: process $tracer writes a ring of that name" destroy live || return
	start trace --from live >out1 2>err1
	reader=$bg
	child /bin/true for two
	let_go
	until_ok grep -q '"two"' out && until_ok grep -q 'true for two' out1 || return
	stop_trace && account_of err live || return
	ended "$reader" && same "$status" 0 'status of the reader' && account_of err1 live || return
	rc list >out && ! grep -q live out || because 'still listed'
}

# After SIGKILL its readers see the end, and the name is free again.
test_trace_sigkill()
{
	trace 3 process --name killed || return
	start cat killed --json >out1 2>err1
	reader=$bg
	child /bin/true before
	let_go
	until_ok grep -q before out1 || return
	kill -KILL "$tracer"
	wait "$tracer" 2>/dev/null
	ended "$reader" && same "$status" 0 'status of the reader' || return
	grep -q 'the writer is gone, and did not end the ring$' err1 || because "$(cat err1)" || return
	trace 3 process --json --name killed || return
	child /bin/true afterwards
	let_go
	until_ok grep -q afterwards out || return
	stop_trace && account_of err killed && ! grep -q '"before"' out || because 'old events'
}

test_trace_mode()
{
	rc trace process --pin open --mode 0644 2>err || because "$(cat err)" || return
	same "$(stat -c %a "$RINGBPFDIR/open/wait")" 644 mode || return
	rc destroy open
}

test_trace_no_bpffs()
{
	RINGBPFDIR=/proc/none/rings fails 1 'trace: cannot create /proc/none/rings .*BPF file system' \
		trace process --pin x &&
		fails 1 'trace: bad name \.x' trace process --pin .x &&
		fails 1 'trace: bad name a/b' trace process --name a/b
}

# shellcheck source=tests/cli/trace_exact.sh
. "$here/trace_exact.sh"
# shellcheck source=tests/cli/incident.sh
. "$here/incident.sh"

if can_trace; then
	for t in list process killed_process many_arguments thread sched syscalls syscall_results \
		compat_call block tcp4 tcp6 only_and_all_but command command_status command_group \
		command_terminal ignored_signal output output_fifo clocks children reused_pid groups \
		count where duration verbose signals order time_namespace clock_and_one_ring self loss pin \
		name sigkill mode \
		no_bpffs closes_at_exit last_thread odd_calls tcp_ends quoting file_name json no_process lists end_of_processes drops_since info \
		incident; do
		run "trace_$t"
	done
fi
