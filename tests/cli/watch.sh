# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ringctl stat and ringctl metrics. Sourced by run.sh.

# sums FILE: the sums of the intervals in lines of JSON, and the last one's end
sums()
{
	python3 - "$1" <<-'EOF'
		import json, sys

		lines = [json.loads(line) for line in open(sys.argv[1])]
		for line in lines:
		    assert line["name"] == lines[0]["name"] and line["interval_ns"] > 0, line
		    # A record of 8 bytes takes 32, and the ring has 64 KiB.
		    if line["published"]:
		        lap = 65536 / line["bytes"] * line["interval_ns"]
		        assert abs(line["overrun_ns"] - lap) <= 1, line
		    else:
		        assert line["overrun_ns"] is None and not line["bytes"], line
		times = [line["realtime_ns"] for line in lines]
		assert times == sorted(times), times
		print(sum(line["published"] for line in lines), sum(line["bytes"] for line in lines),
		      sum(sum(line["dropped"].values()) for line in lines),
		      [line["ended"] for line in lines].index(True) == len(lines) - 1)
	EOF
}

# Each record that is published while stat runs is in one of its intervals.
test_stat_sums()
{
	local i

	open_input stat-sums || return
	start stat stat-sums --interval 20ms --json >stat.out 2>stat.err
	until_ok lines_are stat.out 2 || return
	for ((i = 0; i < 10; i++)); do
		seq -f '%08.0f' 200 >&3
		sleep 03
	done
	exec 3>&-
	ended "$bg" && same "$status" 0 "status; $(cat stat.err)" || return
	same "$(sums stat.out 2>&1)" '2000 64000 0 True' 'sums of published, bytes, dropped; the end' || return
	ended "$server"
}
run stat_sums

test_stat_text()
{
	serve stat-one <<<one && serve stat-two <<<two || return
	rc stat stat-one stat-two --interval 10ms --count 3 >out 2>err || because "$(cat err)" || return
	same "$(wc -l <out)" 7 'lines' || return
	same "$(head -n 1 out | xargs)" 'NAME RECORDS/s BYTES/s DROPPED WAKEUPS OVERRUN' header || return
	same "$(sed 1d out | xargs -n 6 | sort | uniq -c | xargs)" \
		'3 stat-one 0 0 0 0 - 3 stat-two 0 0 0 0 -' 'lines of idle rings'
}
run stat_text

# A server that is killed ends no ring, and stat notices it all the same.
test_stat_killed()
{
	serve stat-killed <<<one || return
	start stat stat-killed --interval 20ms >stat.out 2>stat.err
	until_ok lines_are stat.out 3 || return
	kill -KILL "$server" && ended "$bg" && same "$status" 0 "status; $(cat stat.err)" || return
	tail -n 1 stat.out | grep -q ' ended$' || because "the last line is '$(tail -n 1 stat.out)'"
}
run stat_killed

test_stat_interrupted()
{
	serve stat-interrupted <<<one || return
	start stat stat-interrupted --interval 1h >stat.out 2>stat.err
	until_ok asleep "$bg" || return
	kill -INT "$bg" && ended "$bg" && same "$status" 0 "status; $(cat stat.err)"
}
run stat_interrupted

test_stat_errors()
{
	serve stat-errors <<<one || return
	fails 2 'stat: no name: name the rings' stat || return
	fails 1 'stat no-such-ring: there is no such ring' stat no-such-ring || return
	fails 1 'stat no-such-ring: there is no such ring' stat stat-errors no-such-ring || return
	fails 2 'stat: --interval 9ms: not allowed \(10ms to 1h\)' stat stat-errors --interval 9ms || return
	fails 2 'stat: --interval 61m: not allowed \(10ms to 1h\)' stat stat-errors --interval 61m || return
	fails 2 'stat: --interval 1: not a duration' stat stat-errors --interval 1 || return
	fails 2 'stat: --count 0: ' stat stat-errors --count 0 || return
	rc record stat-errors -o stat-recording --duration 1ms --quiet || because 'record' || return
	fails 1 'stat: \./stat-recording: it is a recording' stat ./stat-recording || return
	rc stat stat-errors --interval 10ms --count 2 >/dev/full 2>err
	same "$?" 1 'status with a full disk' && grep -q 'standard output: ' err
}
run stat_errors

# parsed FORMAT FILE: the values as the client library of Prometheus reads them
parsed()
{
	/usr/bin/python3 - "$1" "$2" <<-'EOF'
		import sys

		import prometheus_client.openmetrics.parser as openmetrics
		import prometheus_client.parser as prometheus

		parser = {"openmetrics": openmetrics, "prometheus": prometheus}[sys.argv[1]]
		for family in parser.text_string_to_metric_families(open(sys.argv[2]).read()):
		    assert family.documentation.endswith("."), family
		    for s in family.samples:
		        print(s.name, family.type, *(f"{k}={v}" for k, v in s.labels.items()), int(s.value))
	EOF
}

test_metrics()
{
	local format

	serve metrics-ring < <(seq -f '%08.0f' 123) || return
	for format in prometheus openmetrics; do
		rc metrics metrics-ring no-such-ring --format $format >metrics.$format 2>err ||
			because "$(cat err)" || return
		parsed $format metrics.$format >parsed.$format 2>err || because "$format: $(tail -n 1 err)" ||
			return
	done
	cmp -s parsed.prometheus parsed.openmetrics ||
		because "the formats differ: $(diff parsed.prometheus parsed.openmetrics | head -n 2)" || return
	same "$(grep -v _dropped_ parsed.openmetrics | xargs -d '\n' -n 1 | sort | xargs)" \
		"seqring_ended gauge ring=metrics-ring 0 \
seqring_published_bytes_total counter ring=metrics-ring index=0 3936 \
seqring_published_records_total counter ring=metrics-ring index=0 123 \
seqring_reader_wakeups_total counter ring=metrics-ring index=0 0 \
seqring_size_bytes gauge ring=metrics-ring 1048576 \
seqring_up gauge ring=metrics-ring 1 \
seqring_up gauge ring=no-such-ring 0" values || return
	same "$(sed -n 's/^seqring_dropped_records_total.*cause=\(.*\) 0$/\1/p' parsed.openmetrics | xargs)" \
		'busy too_big dead fault handover superseded abandoned' causes || return
	rc metrics >out 2>err && grep -qx 'seqring_up{ring="metrics-ring"} 1' out || because 'all rings' || return
	# A path is a name, too, and may have any character.
	ln -s "$RINGDIR/metrics-ring" 'a "quoted\name' || return
	rc metrics './a "quoted\name' >out 2>err || because "$(cat err)" || return
	parsed prometheus out >parsed.path &&
		grep -qF 'seqring_published_records_total counter ring=./a "quoted\name index=0 123' parsed.path ||
		because "$(grep published_records_total out)"
}
run metrics

# A reader of the file sees it whole, however often it is replaced.
test_metrics_file()
{
	local i lines

	serve metrics-file <<<one || return
	mkdir -p metrics.d && rc metrics metrics-file --output metrics.d/rings.prom || because 'output' || return
	lines=$(wc -l <metrics.d/rings.prom)
	same "$(stat -c %a metrics.d/rings.prom)" 644 mode || return
	start metrics metrics-file --output metrics.d/rings.prom --interval 10ms 2>metrics.err
	for ((i = 0; i < 200; i++)); do
		same "$(wc -l <metrics.d/rings.prom)" "$lines" 'lines of the file' || return
	done
	rm metrics.d/rings.prom
	until_ok test -s metrics.d/rings.prom || return
	stop "$bg" && same "$status" 0 "status; $(cat metrics.err)" || return
	same "$(ls metrics.d)" rings.prom 'files that are left'
}
run metrics_file

# Nobody reads the standard output of a command that writes a file.
test_metrics_sleeps()
{
	serve metrics-sleeps <<<one || return
	start metrics metrics-sleeps --output sleeps.prom --interval 1h > >(true) 2>metrics.err
	until_ok test -s sleeps.prom && until_ok asleep "$bg" || return
	stop "$bg" && same "$status" 0 "status; $(cat metrics.err)"
}
run metrics_sleeps

test_metrics_errors()
{
	fails 2 'metrics: --format xml: no such format \(prometheus or openmetrics\)' metrics --format xml || return
	fails 2 'metrics: --interval: only with --output' metrics --interval 1s || return
	fails 2 'metrics: --interval 1ms: not allowed' metrics --output x --interval 1ms || return
	fails 1 'metrics: no-such-dir/x: No such file' metrics --output no-such-dir/x || return
	mkdir metrics-dir || return
	fails 1 'metrics: metrics-dir: Is a directory' metrics --output metrics-dir || return
	same "$(find . -maxdepth 1 -name 'metrics-dir.*')" '' 'files that are left' || return
	rc metrics >/dev/full 2>err
	same "$?" 1 'status with a full disk'
}
run metrics_errors

# http_get PORT ACCEPT FILE [PATH [METHOD [HOST]]]: prints status and type, and writes the text
http_get()
{
	python3 - "$@" <<-'EOF'
		import sys, urllib.error, urllib.request

		port, accept, file, path, method, host = (sys.argv[1:] + ["/metrics", "GET", "127.0.0.1"][len(sys.argv) - 4:])[:6]
		request = urllib.request.Request(f"http://{host}:{port}{path}", method=method)
		if accept:
		    request.add_header("Accept", accept)
		try:
		    answer = urllib.request.urlopen(request, timeout=60)
		except urllib.error.HTTPError as e:
		    answer = e
		open(file, "wb").write(answer.read())
		print(answer.status, answer.headers["Content-Type"])
	EOF
}

free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# listening ADDRESS PORT HOST: starts metrics on a port, until it answers
listening()
{
	start metrics metrics-http --listen "$1" 2>listen.err
	until_ok http_get "$2" '' listen.text /metrics GET "$3" || because "$(cat listen.err)"
}

test_metrics_listen()
{
	local port prometheus='200 text/plain; version=0.0.4; charset=utf-8'
	local openmetrics='200 application/openmetrics-text; version=1.0.0; charset=utf-8'
	local accept

	serve metrics-http < <(seq -f '%08.0f' 123) && port=$(free_port) || return
	listening "$port" "$port" 127.0.0.1 || return
	# Both formats are those of standard output.
	same "$(http_get "$port" '' http.text)" "$prometheus" 'answer' || return
	rc metrics metrics-http | cmp -s - http.text || because 'the text differs' || return
	accept='application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75'
	same "$(http_get "$port" "$accept,text/plain;version=0.0.4;q=0.5,*/*;q=0.1" http.text)" "$openmetrics" \
		'answer to Prometheus' || return
	rc metrics metrics-http --format openmetrics | cmp -s - http.text || because 'OpenMetrics differs' ||
		return
	parsed openmetrics http.text >parsed.http || because 'OpenMetrics' || return
	grep -qx 'seqring_published_records_total counter ring=metrics-http index=0 123' parsed.http ||
		because "$(cat parsed.http)" || return
	for accept in 'text/plain' '*/*' 'application/openmetrics-text;q=0' 'application/openmetrics-textile' \
		'text/plain, application/openmetrics-text; q=0.9'; do
		same "$(http_get "$port" "$accept" http.text)" "$prometheus" "answer to $accept" || return
	done
	for accept in 'Application/OpenMetrics-Text' 'text/html , application/openmetrics-text; q=0.2' \
		'text/plain;q=0.5,application/openmetrics-text;version=1.0.0;q=0.5'; do
		same "$(http_get "$port" "$accept" http.text)" "$openmetrics" "answer to $accept" || return
	done
	same "$(http_get "$port" '' http.text /other)" '404 text/plain; charset=utf-8' 'another path' || return
	same "$(cat http.text)" 'only /metrics is here' 'what it says' || return
	same "$(http_get "$port" '' http.text /metrics POST)" '405 text/plain; charset=utf-8' 'another method' ||
		return
	fails 1 "metrics: --listen $port: Address already in use" metrics --listen "$port" || return
	# Nobody but the loopback is served.
	same "$(awk -v port="$(printf ':%04X' "$port")" '$4 == "0A" && index($2, port) { print $2 }' \
		/proc/net/tcp /proc/net/tcp6)" "0100007F:$(printf '%04X' "$port")" 'address' || return
	stop "$bg" && same "$status" 0 "status; $(cat listen.err)" || return
	listening "[::1]:$port" "$port" '[::1]' || return
	kill -INT "$bg" && ended "$bg" && same "$status" 0 "status; $(cat listen.err)"
}
run metrics_listen

one_is_stuck()
{
	rc metrics metrics-stuck metrics-free >out 2>err && [[ $(grep '^seqring_up' out | xargs) == \
		'seqring_up{ring=metrics-stuck} 0 seqring_up{ring=metrics-free} 1' ]]
}

# A process that does not answer costs two seconds, and its ring alone is missing.
test_metrics_stuck()
{
	local stuck got

	serve metrics-stuck <<<one && stuck=$server && serve metrics-free <<<one || return
	kill -STOP "$stuck" || return
	# The other one has two seconds. On a busy machine that may be too short.
	until_ok one_is_stuck
	got=$?
	kill -KILL "$stuck" && ended "$stuck" || return
	same "$got" 0 "what is up: $(grep '^seqring_up' out | xargs); until_ok"
}
run metrics_stuck

test_listen_errors()
{
	local where

	for where in x '' :5 127.0.0.1 localhost:9 ::1:9 '[::1]' '[::1:9' '127.0.0.1:9 ' 127.1:9 -1; do
		fails 2 'metrics: --listen .*: not an address \(PORT, 127\.0\.0\.1:PORT or \[::1\]:PORT\)' \
			metrics --listen "$where" || return
	done
	for where in 0 65536 127.0.0.1:0 '[::1]:99999999999999999999'; do
		fails 2 'metrics: --listen .*: no(t an address| such port)' metrics --listen "$where" || return
	done
	for where in 0.0.0.0:9 '[::]:9' 10.0.0.1:9 128.0.0.1:9 '[::ffff:127.0.0.1]:9'; do
		fails 2 'metrics: --listen .*: not the loopback: ' metrics --listen "$where" || return
	done
	fails 2 'metrics: --listen, --output: contradict' metrics --listen 9 --output x || return
	fails 2 'metrics: --format: not with --listen' metrics --listen 9 --format openmetrics || return
	fails 2 'metrics: --interval: only with --output' metrics --listen 9 --interval 1s
}
run listen_errors
