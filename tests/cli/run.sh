#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh RINGCTL: tests ringctl over rings that "publish --serve" makes.
# Prints "ok NAME" or "not ok NAME - reason"; exit status 1 when one failed.
# Needs bash, coreutils, python3 (for JSON) and groff (for the man page).

set -u
if [[ $# != 1 || ! -x $1 ]]; then
	echo "usage: $0 RINGCTL" >&2
	exit 2
fi
RINGCTL=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
# shellcheck disable=SC2034 # for the parts
tools=$(realpath "$here/../../tools")
tmp=$(mktemp -d)
export RINGDIR=$tmp/rings
mkdir "$RINGDIR"
cd "$tmp" || exit 2
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
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# In the foreground, and never for ever.
rc()
{
	timeout -k 5 60 "$RINGCTL" "$@"
}

# In the background; a background job of a script would ignore SIGINT otherwise.
# 3 and 4 are ends of pipes whose closing is to be noticed.
start()
{
	env --default-signal=INT,TERM "$RINGCTL" "$@" <&0 3>&- 4>&- &
	pids+=($!)
	bg=$!
}

because()
{
	reason=$*
	return 1
}

# Waits at most 20 s for a command to succeed.
until_ok()
{
	local i

	for ((i = 0; i < 400; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	because "never came true: $*"
}

lines_are()
{
	[[ $(wc -l <"$1") -ge $2 ]]
}

served()
{
	[[ -e $RINGDIR/$1 || -n $(find "$RINGDIR" -name "$1*" -type s) ]] &&
		rc cat "$1" --no-follow --quiet >/dev/null
}

# serve NAME [OPTION...] <INPUT: publishes it and stays
serve()
{
	cat >serve.in
	start publish "$1" --serve --linger 300s "${@:2}" <serve.in
	server=$bg
	# It sleeps for the first time when all is published.
	until_ok served "$1" && until_ok asleep "$server"
}

asleep()
{
	local i

	for i in 1 2 3; do
		grep -q '^State:.S' "/proc/$1/status" || return
		sleep 0.02
	done
}

# Waits for process $1, status in $status.
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
	# shellcheck disable=SC2034 # for the parts
	status=$?
}

stop()
{
	kill -TERM "$1" && ended "$1"
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

json()
{
	python3 "$here/check.py" "$@" 2>json.err || because "JSON: $(tail -n 1 json.err)"
}

# run NAME: runs test_NAME
run()
{
	reason='failed'
	if "test_$1"; then
		echo "ok tool-$1"
	else
		echo "not ok tool-$1 - $reason"
		failures=$((failures + 1))
	fi
}

for part in "$here"/part-*.sh; do
	# shellcheck source=/dev/null
	. "$part"
done

exit $((failures > 0))
