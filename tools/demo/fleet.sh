#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fleet.sh: two agents send records to a cluster of three servers on the loopback. One server is
# killed meanwhile. ringctl fetch writes what arrives into files, and ringctl audit adds up. Takes
# half a minute, and leaves nothing behind.

set -u
cd "$(dirname "$0")/../.." || exit 1
say() { echo "demo: $*"; }
fail() {
	say "failed: $*"
	tail -n 5 "$out"/*.log
	exit 1
}

tests/deps.sh build || exit 1
command -v nats-server >/dev/null || tests/deps.sh test || exit 1
make -s -j2 tools || exit 1
ringctl=$PWD/build/native/ringctl
ringd=$PWD/build/native/ringd
seconds=12
rate=20000
records=$((seconds * rate))
out=$(mktemp -d) || exit 1
pids=()

cleanup() {
	kill -9 "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$out"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# start NAME COMMAND...: runs it in the background; NAME.log has what it says. Sets $pid.
start() {
	local log=$out/$1.log
	shift
	"$@" >"$log" 2>&1 &
	pid=$!
	pids+=("$pid")
	disown "$pid"
}

# until_ok WHAT COMMAND...: waits until the command succeeds.
until_ok() {
	local what=$1 i
	shift
	for ((i = 0; i < 600; i++)); do
		"$@" && return
		sleep 0.1
	done
	fail "$what"
}

read -ra ports < <(python3 -c '
import socket
all = [socket.socket() for _ in range(6)]
for s in all:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in all))')
for i in 0 1 2; do
	routes+="nats://127.0.0.1:${ports[3 + i]}, "
	urls+=${urls:+,}nats://127.0.0.1:${ports[i]}
done
servers=()
for i in 0 1 2; do
	cat >"$out/node$i.conf" <<-END
		listen: "127.0.0.1:${ports[i]}"
		server_name: node$i
		jetstream { store_dir: "$out/node$i" }
		cluster { name: demo, listen: "127.0.0.1:${ports[3 + i]}", routes: [ ${routes%, } ] }
	END
	start "node$i" nats-server -c "$out/node$i.conf"
	servers+=("$pid")
done
for i in 0 1 2; do
	until_ok "node$i is ready" grep -q 'Server is ready' "$out/node$i.log"
done
until_ok 'the servers have a leader' grep -q 'JetStream cluster new metadata leader' \
	"$out"/node{0,1,2}.log
say 'three servers of NATS JetStream are one cluster; each stream has three copies'

agents=()
for name in web db; do
	export RINGDIR=$out/rings-$name
	mkdir "$RINGDIR"
	start "$name-writer" "$ringctl" publish "$name-events" --serve --size 16M --rate $rate \
		--linger forever <(seq "$records")
	start "agent-$name" "$ringd" --config /dev/null --set agent.name="$name" \
		--set agent.rings="$name-events" \
		--set agent.scan=100ms --set agent.batch_size=16K --set agent.heartbeat=1s \
		--set spool.directory="$out/spool-$name" --set nats.servers="$urls" \
		--set nats.replicas=3 --set metrics.file="$out/$name.prom" \
		--set metrics.interval=100ms
	agents+=("$pid")
done
say "two agents, web and db, follow a ring each: $rate records a second, $records in all"

start fetch "$ringctl" fetch --from "$urls" --follow "$out/fleet"
fetch=$pid
say 'ringctl fetch --follow writes what arrives into files'

# metric AGENT NAME: its value.
metric() {
	sed -n "s/^ringd_$2{agent=\"$1\"} //p" "$out/$1.prom" 2>/dev/null
}

# fetched RING: how many of its records are in the files.
fetched() {
	"$ringctl" audit "$out/fleet" 2>/dev/null | awk -v ring="$1" '$2 == ring { n = $3 } END { print n + 0 }'
}

progress() {
	printf 'demo: %-22s' "$1"
	for name in web db; do
		printf '  %s: read %7s, fetched %7s' "$name" \
			"$(metric $name read_records_total)" "$(fetched "$name-events")"
	done
	echo
}

has_begun() {
	[ "$(fetched web-events)" -gt 0 ] && [ "$(fetched db-events)" -gt 0 ]
}

all_read() {
	[ "$(metric web read_records_total)" = $records ] &&
		[ "$(metric db read_records_total)" = $records ]
}

until_ok 'records arrive' has_begun
progress 'records arrive'
sleep 2
progress 'two seconds later'
victim=$((RANDOM % 3))
kill -9 "${servers[victim]}"
progress "kill -9 of node$victim"
for ((i = 0; i < 60; i++)); do
	all_read && break
	sleep 2
	progress 'two servers are left'
done
all_read || fail 'the agents have not read all records'
for pid in "${agents[@]}"; do
	kill "$pid"
	until_ok 'an agent ends' eval "! kill -0 $pid 2>/dev/null"
done
kill "$fetch"
until_ok 'ringctl fetch ends' eval "! kill -0 $fetch 2>/dev/null"
say 'the agents and ringctl fetch are stopped; the rest of the streams:'
echo "--- ringctl fetch --from ${urls%%,*},... fleet"
(cd "$out" && "$ringctl" fetch --from "$urls" fleet) || fail 'ringctl fetch'
echo '--- ringctl audit fleet'
(cd "$out" && "$ringctl" audit fleet) || fail 'records are missing'
for name in web db; do
	[ "$(fetched $name-events)" = $records ] || fail "not all records of $name-events"
	say "$name-events: $records published, $records fetched: exact"
done
