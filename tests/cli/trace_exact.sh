# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# What the events of ringctl trace say, exactly. Sourced by trace.sh.

# What a followed process does while it ends is its own: it closes its sockets then.
test_trace_closes_at_exit()
{
	cat >closer.py <<-'END'
		import os, socket
		s = socket.socket()
		s.bind(("127.0.0.1", 0))
		s.listen(1)
		c = socket.socket()
		c.connect(s.getsockname())
		d, _ = s.accept()
		print(os.getpid(), s.getsockname()[1], flush=True)
		os._exit(0)
	END
	rc trace tcp --json --output out -- python3 closer.py >said 2>err || because "$(cat err)" ||
		return
	read -r pid port <said
	seen closed_all "$pid" "$port" || return

	child python3 closer.py
	trace 4 tcp --json --pid "$child" || return
	let_go
	until_ok grep -q '"old_state":"TCP_LISTEN","new_state":"TCP_CLOSE"' out || return
	kill -INT "$tracer" 2>/dev/null
	ended "$tracer" && adds_up err || return
	seen closed_all "$child" "$(sed -n 's/.*"TCP_LISTEN".*"local_port":\([0-9]*\).*/\1/p' out | head -n 1)"
}

# Threads that end at once: each end is seen, and one of them is the last of its process.
test_trace_last_thread()
{
	cat >threads.c <<-'END'
		#define _GNU_SOURCE
		#include <pthread.h>
		#include <sched.h>
		#include <stdatomic.h>
		#include <stdlib.h>
		#include <sys/syscall.h>
		#include <sys/wait.h>
		#include <unistd.h>

		static _Atomic int ready;

		static void *end(void *cpu)
		{
			cpu_set_t set;
			int i;

			CPU_ZERO(&set);
			CPU_SET((long)cpu, &set);
			sched_setaffinity(0, sizeof(set), &set);
			ready++;
			for (i = 0; ready < 2; i++)
				if (i > 20000)
					sched_yield();
			syscall(SYS_exit, 0);
			return NULL;
		}

		int main(int argc, char **argv)
		{
			int i, runs = argc > 1 ? atoi(argv[1]) : 1;
			pthread_t thread;

			for (i = 0; i < runs; i++) {
				if (!fork()) {
					pthread_create(&thread, NULL, end, (void *)1);
					end(NULL);
				}
				wait(NULL);
			}
			return 0;
		}
	END
	gcc -O2 -pthread -o threads threads.c 2>compile.err || because "gcc: $(cat compile.err)" ||
		return
	rc trace process:exit --json --size 16M --output out -- ./threads 500 2>err ||
		because "$(cat err)" || return
	adds_up err && seen last_threads 500
}

# Interrupted, restarted and refused calls, and the return from a signal handler.
test_trace_odd_calls()
{
	cat >odd.c <<-'END'
		#include <errno.h>
		#include <seccomp.h>
		#include <signal.h>
		#include <sys/syscall.h>
		#include <sys/time.h>
		#include <unistd.h>

		static void handle(int signal)
		{
			(void)signal;
		}

		int main(void)
		{
			struct itimerval soon = { .it_value.tv_usec = 20000 };
			struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
			scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
			int fd[2];
			char c;

			if (!filter || pipe(fd) || sigaction(SIGALRM, &action, NULL))
				return 1;
			setitimer(ITIMER_REAL, &soon, NULL);
			pause();
			if (!fork()) {
				usleep(100000);
				return write(fd[1], "x", 1) != 1;
			}
			setitimer(ITIMER_REAL, &soon, NULL);
			if (read(fd[0], &c, 1) != 1 ||
			    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(getppid), 0) ||
			    seccomp_load(filter))
				return 1;
			syscall(SYS_getppid);
			syscall(SYS_getpid);
			return 0;
		}
	END
	gcc -O2 -o odd odd.c -lseccomp 2>compile.err || because "gcc: $(cat compile.err)" || return
	rc trace syscalls --json --output out -- ./odd 2>err || because "status $?: $(cat err)" || return
	seen odd_calls || return
	rc trace syscalls:exit --output out -- ./odd 2>err || because "$(cat err)" || return
	grep -Eq ' pause = -ERESTARTNOHAND after ' out && grep -Eq ' read = -ERESTARTSYS after ' out &&
		grep -q ' rt_sigreturn to the interrupted code after ' out &&
		grep -q ' getppid = -EPERM (refused by seccomp)$' out &&
		! grep -q ' getpid .*seccomp' out && ! grep -Eq ' call [0-9-]' out ||
		because "text: $(grep -E ' (pause|read|getpp?id|call|rt_sigreturn) ' out)" || return
	# A call that is left out leaves no call without a number.
	rc trace syscalls:exit --call '!rt_sigreturn' --output out -- ./odd 2>err ||
		because "$(cat err)" || return
	! grep -Eq ' (call |rt_sigreturn)' out || because "$(grep -E ' (call |rt_sigreturn)' out)" ||
		return
	# The only call that is wanted is refused.
	rc trace syscalls:exit --call getppid --output out -- ./odd 2>err || because "$(cat err)" ||
		return
	same "$(grep -c ' getppid = -EPERM (refused by seccomp)$' out)" 1 'refused calls alone'
}

# Who ends a connection, and how: both sides of each kind of end.
test_trace_tcp_ends()
{
	cat >ends.py <<-'END'
		import os, socket, struct, time

		def listen():
		    s = socket.socket()
		    s.bind(("127.0.0.1", 0))
		    s.listen(4)
		    return s

		def connect(s, what):
		    print(what, s.getsockname()[1], flush=True)
		    c = socket.socket()
		    c.connect(s.getsockname())
		    return c

		def end(*sockets):
		    for s in sockets:
		        s.close()
		        time.sleep(0.01)

		print("netns", os.stat("/proc/self/ns/net").st_ino)
		print("pid", os.getpid())
		s = listen()
		c = connect(s, "server")
		end(s.accept()[0], c, s)
		s = listen()
		c = connect(s, "linger")
		d, _ = s.accept()
		c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		end(c, d, s)
		s = listen()
		c = connect(s, "unread")
		d, _ = s.accept()
		d.send(b"x")
		time.sleep(0.01)
		end(c, d, s)
		s = listen()
		c = connect(s, "unaccepted")
		end(s, c)
		s = listen()
		port = s.getsockname()
		end(s)
		print("refused", port[1])
		try:
		    socket.socket().connect(port)
		except ConnectionRefusedError:
		    pass
	END
	rc trace tcp --json --output out -- python3 ends.py >said 2>err || because "$(cat err)" ||
		return
	adds_up err && seen tcp_ends said || return
	rc trace tcp --output out -- python3 ends.py >said 2>err || because "$(cat err)" || return
	grep -Eq ' 127\.0\.0\.1:unassigned -> .* CLOSE -> SYN_SENT by call netns [0-9]+$' out &&
		grep -Eq ' ESTABLISHED -> CLOSE by reset \(ECONNRESET\) after [0-9.]+ .s netns [0-9]+$' out ||
		because "text: $(head -n 5 out)"
}

# One word cannot be taken for two, for another word, or for what trace itself says.
# shellcheck disable=SC1003,SC2016 # for the shell that is traced
test_trace_quoting()
{
	rc trace process:exec --output out -- sh -c 'cp /bin/true "it'\''s here"; cp /bin/true ./a:
		"./it'\''s here" "a '\''b'\'' c" "a" "'\''" "\\'\''" "..." "(x)" "" ppid 1 "$(printf "\377")"
		./a: x' 2>err || because "$(cat err)" || return
	grep -Fq "'./it\\'s here': './it\\'s here' 'a \\'b\\' c' a '\\'' '\\\\\\'' ... '(x)' '' ppid 1 \\xff (ppid " \
		out || because "$(grep here out)" || return
	grep -q " 'it\\\\'s here'/[0-9]* *process:exec " out || because "task: $(grep here out)"
}

# A file name that is cut, and one that just fits.
test_trace_file_name()
{
	local deep long

	deep=$(printf 'd%.0s' {1..250})
	mkdir -p "$deep/$deep"
	# The name has 511 characters, then 512.
	long=./$deep/$deep/$(printf 'f%.0s' {1..7})
	cp /bin/true "$long"
	cp /bin/true "${long}f"
	same "${#long}" 511 'length of the name' || return
	rc trace process:exec --json --output out -- "$long" 2>err || because "$(cat err)" || return
	seen long_file 511 whole || return
	rc trace process:exec --json --output out -- "${long}f" 2>err || because "$(cat err)" || return
	seen long_file 511 cut || return
	rc trace process:exec --full --output out -- "${long}f" 2>err || because "$(cat err)" || return
	grep -Eq 'f \(the file name is longer\): \./d.*f \(ppid [0-9]+, uid 0\)$' out ||
		because "text: $(tail -c 100 out)"
}

# JSON of trace and of cat is the same, and has the form of docs/reference/json.md.
test_trace_json()
{
	local names

	names='import sys
for name in (b"\xff\t\n", b"\"\\\t"):
    if not __import__("os").fork():
        open("/proc/self/comm", "wb").write(name)
        sys.exit(0)
    __import__("os").wait()'
	rc trace process tcp syscalls:exit --call openat --size 16M --pin form 2>err || because "$(cat err)" || return
	python3 -c "$names" || return
	/bin/true $'a\nb\\' "$(printf '\344\377')" 'end of test'
	cat no-such-file 2>err
	connect AF_INET 127.0.0.1 >err
	start trace --from form --json >out 2>err
	tracer=$bg
	start cat form --json --merge-window 10ms >out1 2>err1
	until_ok grep -q 'end of test' out && until_ok grep -q 'end of test' out1 || return
	rc destroy form || return
	ended "$tracer" && same "$status" 0 'status of trace' && ended "$bg" || return
	seen agrees out1 'end of test' || return
	json valid out "$docs/reference/json.schema.json" &&
		json valid out1 "$docs/reference/json.schema.json" || return
	grep -q '"call_name":"openat","error_name":"ENOENT"}$' out || because 'no names'
}

# Prints the thread of process $1 that is not its first one.
second_thread()
{
	find "/proc/$1/task" -mindepth 1 -maxdepth 1 ! -name "$1" -printf '%f\n' | grep .
}

# Numbers that are no process are refused, each with its reason.
test_trace_no_process()
{
	local pid tid

	sleep 0 &
	pid=$!
	wait "$pid"
	fails 1 "trace: --pid $pid: there is no such process" trace sched --pid "1,$pid" || return
	fails 1 "trace: --pid $pid: there is no such process" trace sched --pid "!$pid" || return
	child python3 -c 'import threading, time
threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
time.sleep(300)'
	touch go
	until_ok second_thread "$child" || return
	tid=$(second_thread "$child")
	fails 1 "trace: --pid $tid: this is a thread of process $child \\(use --pid $child;" \
		trace sched --pid "$tid" || return
	kill -KILL "$child"
	wait "$child" 2>/dev/null
	return 0
}

# A list may come in parts, and its names may have commas.
test_trace_lists()
{
	local one odd=$'!x\\'

	child /bin/true
	one=$child
	child /bin/sleep 0
	trace 4 process --json --pid "$one" --pid "$child" --pid "$one" || return
	let_go
	wait "$one"
	ended "$tracer" && same "$status" 0 status && adds_up err || return
	seen only pid "$one" "$child" && seen some pid "$one" && seen some pid "$child" || return

	cp /bin/true 'a,b!'
	cp /bin/true "$odd"
	trace 1 process:exec --json --comm 'a\,b!' --comm "\\!x\\\\" || return
	'./a,b!'
	"./$odd"
	/bin/true
	sleep 0.1
	stop_trace && seen only comm 'a,b!' "$odd" && seen some comm 'a,b!' && seen some comm "$odd"
}

# The trace ends with the last of the processes, and with --children with their last descendant.
test_trace_end_of_processes()
{
	local one

	child /bin/sleep 300
	one=$child
	child sh -c '(sleep 0.3; exec /bin/true last) & exit'
	trace 4 process --json --pid "$one,$child" || return
	let_go
	sleep 0.2
	kill -0 "$tracer" 2>/dev/null || because 'ended before its last process' || return
	kill -TERM "$one"
	ended "$tracer" && same "$status" 0 status && adds_up err || return

	child sh -c '(sleep 0.3; exec /bin/true last) & exit'
	trace 4 process --json --pid "$child" --children || return
	let_go
	ended "$tracer" && same "$status" 0 'status with --children' && adds_up err || return
	seen last_command /bin/true /bin/true last
}

# A reader of an existing ring counts what was dropped since it began.
test_trace_drops_since()
{
	local before

	if (($(nproc) < 2)); then
		echo 'skip tool-trace_drops_since - there is only one CPU'
		return 77
	fi
	rc trace syscalls --one-ring --pin dropped 2>err || because "$(cat err)" || return
	taskset -c 0 dd if=/dev/zero of=/dev/null bs=1 count=50000 2>/dev/null &
	taskset -c 1 dd if=/dev/zero of=/dev/null bs=1 count=50000 2>/dev/null
	wait $!
	# Nothing is published nor dropped from now on.
	rc trace process:exec --comm none --one-ring --pin dropped --continue 2>err ||
		because "$(cat err)" || return
	before=$(rc info dropped --json | sed -n 's/^  "dropped": *\([0-9]*\),$/\1/p')
	((before > 0)) || because 'nothing was dropped' || return
	rc trace --from dropped --count 1 --per-ring >out 2>err || because "status $?" || return
	grep -Eq 'read 1 \+ lost [0-9]+ .*; dropped 0$' err || because "$(cat err), after $before" ||
		return
	# The same holds of a recording.
	rc record dropped -o undropped --duration 1ms --quiet || because "record: status $?" || return
	rc trace --from ./undropped >out 2>err || because "of a recording: status $?" || return
	grep -Eq 'read [0-9]+ \+ lost [0-9]+ .*; dropped 0$' err || because "$(cat err)" || return
	rc destroy dropped
}

# Text and JSON of ringctl info name what the ring has.
test_trace_info()
{
	rc trace process:exec --comm none --pin named 2>err || because "$(cat err)" || return
	rc info named >out && rc info named --json >out1 || return
	rc destroy named || return
	grep -q '^kind       bpf (BPF programs write it)$' out &&
		grep -q '^features   announce: ' out && ! grep -q 'unknown to' out ||
		because "$(grep -E '^(kind|features)' out)" || return
	json document out1 'd["kind"] == "bpf"' 'd["features"] == ["announce", "slots"]'
}
