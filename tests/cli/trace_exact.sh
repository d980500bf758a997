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
	trace 3 tcp --json --pid "$child" || return
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
