# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# Shared by the tests of ringctl. Sourced by run.sh, which sets RINGCTL, here and tmp.
#
# A test is a function test_NAME; "run NAME" runs it. A helper that fails calls because(),
# and a test returns at the first failure: "helper ... || return".

failures=0
pids=()
reason=

cleanup()
{
	local pid

	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$tmp"
}

# run NAME: runs test_NAME, which returns 77 after it has printed a skip line. If ONLY has names of
# tests, it runs these alone.
run()
{
	[[ -z ${ONLY-} || " $ONLY " == *" $1 "* ]] || return 0
	reason='failed'
	"test_$1"
	case $? in
	0) echo "ok tool-$1" ;;
	77) ;;
	*)
		echo "not ok tool-$1 - $reason"
		failures=$((failures + 1))
		;;
	esac
}

because()
{
	reason=$*
	return 1
}

# Runs ringctl in the foreground, for 60 s at most.
rc()
{
	timeout -k 5 60 "$RINGCTL" "$@"
}

# Runs ringctl in the background; its PID is $bg. A background job of a script would
# otherwise ignore SIGINT. 3 and 4 are pipes of the tests: their closing must be visible.
start()
{
	env --default-signal=INT,TERM "$RINGCTL" "$@" <&0 3>&- 4>&- &
	pids+=($!)
	bg=$!
}

# Waits for process $1; its status is $status.
ended()
{
	local i

	for ((i = 0; i < 400; i++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.05
	done
	if kill -0 "$1" 2>/dev/null; then
		kill -KILL "$1"
		because "did not end: $1"
		return
	fi
	wait "$1"
	status=$?
}

stop()
{
	kill -TERM "$1" && ended "$1"
}

# Repeats a command until it succeeds, for 20 s at most.
until_ok()
{
	local i

	for ((i = 0; i < 400; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	because "never succeeded: $*"
}

# lines_are FILE N: FILE has at least N lines
lines_are()
{
	[[ $(wc -l <"$1") -ge $2 ]]
}

asleep()
{
	local i

	for i in 1 2 3; do
		grep -q '^State:.S' "/proc/$1/status" || return
		sleep 0.02
	done
}

served()
{
	[[ -e $RINGDIR/$1 || -n $(find "$RINGDIR" -name "$1*" -type s) ]] &&
		rc cat "$1" --no-follow --quiet >/dev/null
}

# serve NAME [OPTION...] <INPUT: publishes the input and keeps serving it; PID $server
serve()
{
	cat >serve.in
	start publish "$1" --serve --linger 300s "${@:2}" <serve.in
	server=$bg
	# Its first sleep comes after the last record.
	until_ok served "$1" && until_ok asleep "$server"
}

# open_input NAME [SIZE]: serves a ring; what is written to descriptor 3 is published
open_input()
{
	rm -f "$1.in"
	mkfifo "$1.in"
	exec 3<>"$1.in"
	start publish "$1" --serve --size "${2:-64K}" <"$1.in"
	server=$bg
	until_ok served "$1"
}

# fly DIR [OPTION...]: starts a flight recorder of the ring $flown, and waits until it waits.
fly()
{
	rm -f fly.err
	start record "$flown" -o "$1" "${@:2}" 2>fly.err
	flight=$bg
	until_ok grep -q 'waiting for' fly.err
}

# landed N: N recordings were told
landed()
{
	[[ $(grep -c ': recorded ' fly.err) -ge $1 ]]
}

# same GOT WANTED WHAT
same()
{
	[[ $1 == "$2" ]] || because "${3:-it} is '$1', not '$2'"
}

# fails STATUS REGEX COMMAND...: exit status, nothing on stdout, one matching line on stderr
fails()
{
	local want=$1 regex=$2 got

	shift 2
	rc "$@" >fails.out 2>fails.err </dev/null
	got=$?
	same "$got" "$want" "status of '$*'" || return
	same "$(wc -l <fails.err)" 1 "lines of error of '$*'" || return
	[[ ! -s fails.out ]] || because "'$*' prints to stdout" || return
	grep -Eq "^ringctl: $regex" fails.err ||
		because "'$*' says '$(cat fails.err)', not '$regex'"
}

# json CHECK FILE [ARG...]: a check of check.py
json()
{
	python3 "$here/check.py" "$@" 2>json.err || because "JSON: $(tail -n 1 json.err)"
}

# compile_schema NAME <SOURCE: makes NAME.o
compile_schema()
{
	cat >"$1.c"
	clang -target bpf -g -Wall -Wextra -Werror -I"$include" \
		-idirafter "/usr/include/$(uname -m)-linux-gnu" -c "$1.c" -o "$1.o" 2>compile.err ||
		because "clang: $(head -n 3 compile.err)"
}

# The schema of the records of ringctl trace, in trace.schema.
trace_schema()
{
	[[ ! -e trace.schema ]] || return 0
	compile_schema trace <<-END || return
		#include <seqring/schema.h>
		#include "$tools/ringctl/trace/records.h"
		#define RECORD(tag, number, task, print) SEQRING_SCHEMA_TYPE(tag);
		#include "$tools/ringctl/trace/events.def"
	END
	rc schema trace.o -o trace.schema 2>err || because "schema: $(cat err)"
}
