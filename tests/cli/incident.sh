# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# A flight recorder on real events of the kernel. Sourced by trace.sh.

# limited COMMAND...: runs a command with 16 MiB of memory. Return: 77: this user may not limit it.
limited()
{
	local group v1=/sys/fs/cgroup/memory/flight.$$ v2=/sys/fs/cgroup/flight.$$ status

	if mkdir "$v1" 2>/dev/null && echo 16M >"$v1/memory.limit_in_bytes" 2>/dev/null; then
		group=$v1
		echo 16M 2>/dev/null >"$v1/memory.memsw.limit_in_bytes"
	elif mkdir "$v2" 2>/dev/null && echo 16M 2>/dev/null >"$v2/memory.max"; then
		group=$v2
		echo 0 2>/dev/null >"$v2/memory.swap.max"
	else
		rmdir "$v1" "$v2" 2>/dev/null
		return 77
	fi
	# shellcheck disable=SC2016 # for the inner shell
	bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' - "$group" "$@" >/dev/null 2>&1
	status=$?
	until_ok rmdir "$group"
	return $status
}

# told FIRST LAST: in a recording a line that matches FIRST comes before one that matches LAST. Other
# incidents of this machine may have made recordings of their own.
told()
{
	local dir

	for dir in incidents/*/; do
		rc trace --from "./$dir" --quiet >incident.out 2>/dev/null || continue
		awk -v first="$1" -v last="$2" '$0 ~ first { began = 1 } began && $0 ~ last { found = 1 }
			END { exit !found }' incident.out && return
	done
	return 1
}

# shellcheck disable=SC2034 # fly() reads $flown
test_trace_incident()
{
	rc trace process tcp --pin blackbox --size 4M 2>err || because "$(cat err)" || return
	flown=blackbox
	# Other processes of this machine may be killed, too.
	fly incidents --flight 1m --after 200ms --trigger \
		'type == process_exit && signal == 9 && task.comm in {"victim", "hungry"}' \
		--trigger 'tcp.cause == TCP_BY_RESET' || return
	cp "$(command -v bash)" victim
	./victim -c 'kill -KILL $$' 2>/dev/null
	until_ok told 'victim/.*process:exec' 'victim/.*process:exit +killed by SIGKILL' || return

	python3 - <<-'END' || because "status $? of the reset" || return
		import socket, struct
		open("/proc/self/comm", "w").write("resetting")
		listener = socket.create_server(("127.0.0.1", 0))
		there = socket.create_connection(listener.getsockname())
		here, _ = listener.accept()
		here.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		here.close()
	END
	until_ok told 'resetting/.*tcp:state .*SYN_SENT' 'tcp:state .* by reset' || return

	# Out of memory, where this user may limit it.
	cp victim hungry
	# shellcheck disable=SC2016 # for the inner shell
	limited ./hungry -c 'x=$(head -c 200M /dev/zero | tr "\0" x); exit 0'
	if [[ $? != 77 ]]; then
		until_ok told 'hungry/.*process:exec' 'hungry/.*process:exit +killed by SIGKILL' ||
			return
	fi
	stop "$flight" || return
	same "$status" 0 'status of the flight recorder' || return
	grep -q ', lost 0$' fly.err || because "$(cat fly.err)" || return
	rc destroy blackbox
}
