#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [--check | --test | --long | SUITE...]: runs the suites of a tier (suites.sh), or
# those named, and prints a table of suites at the end. Lines `ok`, `not ok` and `skip` (or
# TAP's `ok ... # SKIP`) are counted; build/log/ keeps the whole output of each suite. The
# last line is `N passed, N failed, N skipped`.
#
# SEQRING_STRICT=1 turns a skip into a failure, unless suites.sh allows it. run-selftest.sh
# sets SEQRING_SUITES and SEQRING_LOGS, which replace suites.sh and build/log.

set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/suites.sh
. "${SEQRING_SUITES:-tests/suites.sh}"
logs=${SEQRING_LOGS:-build/log}
mkdir -p "$logs"
results=$logs/results
strict=${SEQRING_STRICT:-0}

usage() {
	{
		sed -n '4,/^$/s/^# \{0,1\}//p' "$0"
		echo "suites: $(suites | cut -d '|' -f 1 | tr '\n' ' ')"
	} >&2
	exit 2
}

# cpu_time FILE: the CPU seconds in the output of `times`.
cpu_time() {
	awk '{ for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); sum += 60 * t[1] + t[2] } }
		END { printf "%d", sum }' "$1"
}

# allowed SUITE LINE: whether strict mode allows this skip line.
allowed() {
	local suite=$1 line=$2 s test probe shown
	while IFS='|' read -r s test probe shown; do
		if [ "$s" = "$suite" ] && [[ $line == "skip $test - "* ]] && $probe; then
			if grep -qxF "ok ${shown#*:}" "$logs/${shown%%:*}.log" 2>/dev/null; then
				echo "   allowed: $test cannot be tested by this kernel; ${shown/:/ } has passed"
				return 0
			fi
			echo "   $test is allowed to be skipped only after ${shown/:/ } has passed"
		fi
	done < <(allowed_skips)
	return 1
}

# failures LOG: the lines that say `not ok`, each with the comments that follow it.
failures() {
	awk '/^not ok / { print; n = 4; next } /^# / && n-- > 0 { print; next } { n = 0 }' "$1"
}

# suite NAME COMMAND...: its exit status must agree with what it printed.
suite() {
	local name=$1 log=$logs/$1.log start=$SECONDS ok bad skip status
	shift
	printf '== %s\n' "$name"
	# In a shell of its own, which knows the CPU time of this suite alone.
	(
		CMOCKA_MESSAGE_OUTPUT=TAP "$@" >"$log" 2>&1 </dev/null
		status=$?
		times >"$logs/times.$name"
		exit $status
	)
	status=$?
	skip=$(grep -cE '^(skip |ok .*# SKIP)' "$log")
	ok=$(grep -E '^ok ' "$log" | grep -vc '# SKIP')
	bad=$(grep -cE '^not ok ' "$log")
	grep -E '^(not ok |skip |ok .*# SKIP)' "$log" | sed 's/^/   /'
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
		echo "   not ok $name - exit status $status"
		bad=1
	elif [ "$((ok + bad + skip))" -eq 0 ]; then
		echo "   not ok $name - it ran no test"
		bad=1
	fi
	if [ "$bad" -ne 0 ]; then
		echo "   ... the end of $log:"
		tail -n 40 "$log" | sed 's/^/   | /'
		{
			failures "$log" | grep . || echo "not ok $name - see above"
		} | sed "s/^/$name: /" >>"$results.failed"
	fi
	printf '   %d passed, %d failed, %d skipped, %d s\n' "$ok" "$bad" "$skip" \
		$((SECONDS - start))
	echo "$name $ok $bad $skip $((SECONDS - start)) $(cpu_time "$logs/times.$name")" >>"$results"
	rm -f "$logs/times.$name"
}

# Strict mode, after all suites, since the proof of a skip may be in any of them: counts each skip
# that is not allowed as a failure.
judge_skips() {
	local name ok bad skip rest line
	while read -r name ok bad skip rest; do
		[ "$skip" = 0 ] || while IFS= read -r line; do
			allowed "$name" "$line" && continue
			echo "$name: not ok - skipped, and nothing may be skipped here: $line" >>"$results.failed"
			bad=$((bad + 1)) skip=$((skip - 1))
		done < <(grep -E '^(skip |ok .*# SKIP)' "$logs/$name.log")
		echo "$name $ok $bad $skip $rest" >>"$results.judged"
	done <"$results"
	mv "$results.judged" "$results"
}

# row NAME: the fields of its row in $tiers, $lane and $command.
row() {
	local line
	line=$(suites | grep -m 1 "^$1|") || return 1
	IFS='|' read -r _ tiers lane command <<<"$line"
}

run() {
	local tiers lane command
	row "$1"
	# shellcheck disable=SC2086 # a list
	suite "$1" $command
}

# run_lane LANE: the chosen suites of that lane that nobody has begun, in the table's order.
run_lane() {
	# shellcheck disable=SC2034 # row sets all fields
	local s tiers lane command
	for s in $chosen; do
		row "$s"
		[ "$lane" = "$1" ] && mkdir "$begun/$s" 2>/dev/null && run "$s"
	done
	return 0
}

# Waits until the lane `second` is done.
wait_for_builds() {
	until [ -e "$begun/done" ]; do sleep 1; done
}

# The kernels of kernel/debug take minutes to build: begin at once, beside everything.
build_debug_kernels() {
	local k kernels=''
	case " $chosen " in *-a\ * | *" fuzz-dev "*) kernels=a ;; esac
	case " $chosen " in *-b\ *) kernels+=' b' ;; esac
	for k in $kernels; do
		nice -n 10 tests/kernel/debug/kernel.sh "$k" >"$logs/kernel-$k.log" 2>&1
	done
}

table() {
	echo
	sort -k 5,5nr "$results" | awk '
		BEGIN { printf "%-16s %7s %7s %8s %9s\n", "suite", "tests", "failed", "seconds", "CPU s" }
		{ printf "%-16s %7d %7d %8d %9d\n", $1, $2 + $3 + $4, $3, $5, $6
		  tests += $2 + $3 + $4; failed += $3; cpu += $6 }
		END { printf "%-16s %7d %7d %8d %9d\n", "all", tests, failed, seconds, cpu }' \
		seconds=$SECONDS -
	# Once more, where they are found at once.
	cat "$results.failed"
	awk '{ ok += $2; bad += $3; skip += $4 }
		END { printf "%d passed, %d failed, %d skipped\n", ok, bad, skip; exit bad != 0 }' \
		"$results" | tee "$logs/summary"
	return "${PIPESTATUS[0]}"
}

tier=test chosen=''
case ${1-} in
--check | --test | --long)
	tier=${1#--}
	[ $# = 1 ] || usage
	;;
-*) usage ;;
'') ;;
*)
	for s; do
		row "$s" || { echo "run.sh: no suite '$s'" >&2; usage; }
		chosen+=" $s"
	done
	;;
esac
if [ -z "$chosen" ]; then
	chosen=$(suites | awk -F'|' -v tier="${tier:0:1}" 'index($2, tier) { print $1 }')
	chosen=${chosen//$'\n'/ }
	# No test of an earlier run counts for this one.
	rm -f "$logs"/*.log
fi

begun=$logs/begun
rm -rf "$begun" "$results".*
mkdir "$begun"
: >"$results"
: >"$results.failed"
{ read -r now; read -r later; } < <(dependencies)
# shellcheck disable=SC2086 # lists
{
	[ -z "$now" ] || tests/deps.sh $now || exit 1
	[ -z "$later" ] || tests/deps.sh $later >"$logs/deps.out" 2>&1 &
}
deps=$!
run_lane first
[ -z "$later" ] || wait "$deps" || { cat "$logs/deps.out"; exit 1; }
build_debug_kernels &
(
	renice -n 19 $BASHPID >/dev/null
	run_lane second
	: >"$begun/done"
	run_lane beside
) >"$logs/beside.out" 2>&1 &
beside=$!
light=''
# make check is for a developer who waits: its suites run beside each other.
if [ "$tier" != check ]; then
	(
		renice -n 5 $BASHPID >/dev/null
		wait_for_builds
		run_lane light
	) >"$logs/light.out" 2>&1 &
	light=$!
fi
run_lane vm
if [ "$tier" = check ]; then
	run_lane light >"$logs/light.out" 2>&1 &
	light=$!
	run_lane light
	wait "$light"
	cat "$logs/light.out"
	run_lane alone
else
	wait_for_builds
	run_lane beside
	wait "$light"
	cat "$logs/light.out"
fi
wait "$beside"
cat "$logs/beside.out"
run_lane alone
run_lane last
[ "$strict" != 1 ] || judge_skips
table
