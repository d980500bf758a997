#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run-selftest.sh: shows with planted suites that run.sh never counts a failure as passed, and
# that strict mode allows a skip only with proof.

set -u
cd "$(dirname "$0")/.." || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

cat >"$tmp/suites" <<'END'
suites() {
	cat <<-'ROWS'
		good|t|first|good
		tap|t|beside|tap
		bad|t|beside|bad
		makes|t|second|makes
		needs|t|beside|needs
		needs_too|t|light|needs
		early_skip|t|light|says skip i - reason
		late_proof|t|alone|says ok late
		quiet_failure|t|vm|quiet_failure
		empty|t|vm|true
		proof|t|vm|says ok seen
		skips|t|alone|says skip e - reason
		may_skip|t|alone|says skip f - reason
		unproved|t|alone|says skip g - reason
		can_do_it|t|alone|says skip h - reason
	ROWS
}
says() { echo "$*"; }
good() { printf 'ok a\nok b\n'; }
tap() { printf 'ok 1 - a\nok 2 - b # SKIP\n'; }
bad() { printf 'not ok c\n# the reason\nok j\n# its time\n' && return 1; }
makes() { sleep 1 && touch "$SEQRING_LOGS/made" && says ok made; }
needs() { [ -e "$SEQRING_LOGS/made" ] && says ok needed; }
quiet_failure() { says ok d && return 3; }
dependencies() { :; }
yes_it_cannot() { return 0; }
no_it_can() { return 1; }
allowed_skips() {
	cat <<-'ROWS'
		may_skip|f|yes_it_cannot|proof:seen
		unproved|g|yes_it_cannot|proof:unseen
		can_do_it|h|no_it_can|proof:seen
		early_skip|i|yes_it_cannot|late_proof:late
	ROWS
}
END

# expect NAME STRICT LAST-LINE SUITE...
expect() {
	local name=$1 strict=$2 want=$3 got status=0 wanted=0
	shift 3
	SEQRING_STRICT=$strict SEQRING_SUITES=$tmp/suites SEQRING_LOGS=$tmp/logs \
		tests/run.sh "$@" >"$tmp/out" 2>&1 || status=$?
	got=$(tail -n 1 "$tmp/out")
	[[ $want == *' 0 failed'* ]] || wanted=1
	if [ "$got" = "$want" ] && [ "$status" = "$wanted" ]; then
		echo "ok run.sh: $name"
	else
		echo "not ok run.sh: $name - '$got', status $status, wanted '$want', status $wanted"
		sed 's/^/# /' "$tmp/out"
		failed=1
	fi
}

expect 'counts what passed' 0 '3 passed, 0 failed, 1 skipped' good tap
expect 'counts a failed test' 0 '3 passed, 1 failed, 0 skipped' good bad
if [ "$(tail -n 3 "$tmp/out" | head -n 2)" = $'bad: not ok c\nbad: # the reason' ]; then
	echo 'ok run.sh: names a failed test, and why, once more at the end'
else
	echo 'not ok run.sh: names a failed test, and why, once more at the end'
	failed=1
fi
expect 'takes an exit status for a failure' 0 '1 passed, 1 failed, 0 skipped' quiet_failure
expect 'takes a suite without a test for a failure' 0 '0 passed, 1 failed, 0 skipped' empty
expect 'counts a skipped test' 0 '0 passed, 0 failed, 1 skipped' skips
expect 'strict: a skip fails' 1 '0 passed, 1 failed, 0 skipped' skips
expect 'strict: an allowed skip with proof' 1 '1 passed, 0 failed, 1 skipped' proof may_skip
expect 'strict: an allowed skip without proof fails' 1 '1 passed, 1 failed, 0 skipped' \
	proof unproved
expect 'strict: a skip of what the machine can do fails' 1 '1 passed, 1 failed, 0 skipped' \
	proof can_do_it
expect 'strict: a skip that a later suite proves' 1 '1 passed, 0 failed, 1 skipped' \
	early_skip late_proof
expect 'builds come before the suites in the background' 0 '3 passed, 0 failed, 0 skipped' \
	needs needs_too makes
rm -rf "$tmp/logs"
expect 'strict: proof from no run fails' 1 '0 passed, 1 failed, 0 skipped' may_skip
# The list of allowed skips names tests that some script skips.
# shellcheck source=tests/suites.sh
while IFS='|' read -r _ test _; do
	if grep -rqF "skip $test - " tests; then
		echo "ok run.sh: a script skips $test"
	else
		echo "not ok run.sh: a script skips $test - no script prints a skip of that name"
		failed=1
	fi
done < <(. tests/suites.sh && allowed_skips)
expect 'all suites, each once' 0 '10 passed, 3 failed, 6 skipped'
exit $failed
