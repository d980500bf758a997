#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bpf.sh RINGCTL: the demo with BPF, as root. Three readers read events of the running
# kernel at once, and the accounts of all three must add up. Leaves nothing behind.

set -u
ringctl=$1
seconds=6
out=$(mktemp -d) || exit 1
# ringctl mounts a BPF file system here and pins the ring in it.
mkdir "$out/bpf"
export RINGBPFDIR=$out/bpf/rings
pids=()

cleanup() {
	kill "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
	umount "$RINGBPFDIR" 2>/dev/null
	rm -rf "$out"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# Processes that start, switch and end, to make events.
load() {
	while :; do
		/bin/true | /bin/cat
	done
}

echo "--- ringctl trace sched process --name demo --size 64K --duration ${seconds}s"
echo "--- publishes events of the scheduler and of processes to a ring of 64 KiB per CPU, and"
echo "--- is the first reader of these rings; here is a line every 150 ms"
"$ringctl" trace sched process --name demo --size 64K --duration ${seconds}s 2>"$out/first" |
	awk -v kinds='sched:switch sched:wakeup process:fork process:exec process:exit' '
		BEGIN { nr = split(kinds, kind, " ") }
		/ lost / || ($1 >= next_time && $4 == kind[i % nr + 1]) {
			print substr($0, 1, 110)
			fflush()
			next_time = $1 + 0.15
			i++
		}' &
first=$!
pids+=("$first")
tries=0
until "$ringctl" info demo >/dev/null 2>&1; do
	((++tries < 100)) && kill -0 "$first" 2>/dev/null || { cat "$out/first" >&2; exit 1; }
	sleep 0.05
done
"$ringctl" cat demo --json >"$out/events.json" 2>"$out/second" &
second=$!
"$ringctl" cat demo --slow 2000 >/dev/null 2>"$out/slow" &
slow=$!
pids+=("$second" "$slow")
echo "--- two more readers: one writes JSON to a file, one sleeps for 2 ms after each event"
sleep 0.2
for _ in 1 2; do
	load 2>/dev/null &
	pids+=("$!")
done
sleep 2
"$ringctl" list

bad=0
for pid in $first $second $slow; do
	wait "$pid" || bad=1
done
echo "--- the writer has ended; one event of each kind, as the second reader got it"
for kind in switch wakeup fork exec exit; do
	grep -m 1 "\"name\":\"[a-z]*_$kind\"" "$out/events.json"
done | sed 's/^.*"name":/{..."name":/; s/^\(.\{150\}\).*/\1.../'

# account NAME FILE: prints the account; fails if it does not add up
account() {
	awk -v name="$1" '/: read [0-9]+ \+ lost [0-9]+ .* published [0-9]+/ {
		sub(/^ringctl: [a-z]*: /, "")
		split($0, n, /[^0-9]+/)
		for (i = n[1] == "" ? 2 : 1; !(i in n); i++)
			;
		right = n[i] + n[i + 1] == n[i + 2] && n[i + 2] > 0
		printf "%-7s read %7d + lost %7d = published %7d: %s\n", name, n[i], n[i + 1],
			n[i + 2], right ? "exact" : "WRONG"
	}
	END { exit !right }' "$2" || { cat "$2"; return 1; }
}
echo "--- the account of each reader, since its start"
account first "$out/first" || bad=1
account second "$out/second" || bad=1
account slow "$out/slow" || bad=1
exit $bad
