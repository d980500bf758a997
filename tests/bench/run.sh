#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh: the samples of ringbench, their evaluation and page by bench/report, and the
# verdict on missed targets. Correctness only: figures measured here, beside other programs,
# mean nothing, and no target of speed fails this.

set -u
cd "$(dirname "$0")/../.." || exit 1
bench=build/native/ringbench
measure=bench/report/measure.py
page=bench/report/page.py
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

# NAME STATUS WORDS COMMAND...: it exits with that status, and prints these words somewhere.
# Its output is in $tmp/said until the next one.
expect() {
	local name=$1 status=$2 words=$3 got
	shift 3
	"$@" >"$tmp/says" 2>&1 </dev/null
	got=$?
	mv "$tmp/says" "$tmp/said"
	if [ "$got" -eq "$status" ] &&
		{ [ -z "$words" ] || grep -qF -e "$words" "$tmp/said"; }; then
		echo "ok $name"
		return
	fi
	echo "not ok $name - exit status $got, wanted $status and '$words': $*"
	tail -n 20 "$tmp/said" | sed 's/^/# /'
	failed=1
}

# True if each file is there, and not empty.
filled() {
	local f
	for f; do
		[ -s "$f" ] || { echo "$f is not there, or empty"; return 1; }
	done
}

tests/bench/report.py || failed=1

# A whole quick run, whatever its verdict on speed.
start=$SECONDS
expect 'a quick run checks what it measures' 0 target $measure --quick --json "$tmp/quick.json"
echo "# a quick run took $((SECONDS - start)) s"
expect 'each sample is a line of JSON' 0 'samples of' \
	tests/bench/samples.py build/native/ringbench "$tmp/quick.jsonl"
expect 'its report is made' 0 benchmarks.md $page "$tmp/quick.json" -o "$tmp/pages"
expect 'its page and plots are there' 0 '' \
	filled "$tmp/pages/benchmarks.md" "$tmp"/pages/benchmarks/quick-latency{,-sleep}.svg
for part in $($bench --list); do
	expect "section of $part is there, or says why not" 0 '' \
		grep -qE "^#.*\`$part|SKIPPED|^- \`$part" "$tmp/pages/benchmarks.md"
done

# The check: no machine meets its targets a million times over, and each by far less.
short=("$measure" --quick --only writer --check)
expect 'a target is missed' 1 'falls short: writer: cost of a 32-byte record' \
	"${short[@]}" --margin 1e6 --json "$tmp/missed.json" -- --rounds 1
expect 'it was measured again first' 0 'writer is measured again' cat "$tmp/said"
expect 'twice' 0 'measured again, 2 of at most 2 times' cat "$tmp/said"
expect 'the file says so, too' 1 'falls short: writer: cost of a 32-byte record' \
	$page --check "$tmp/missed.json"
expect 'all targets are met' 0 'met' "${short[@]}" --margin 1e-6 --json "$tmp/met.json" \
	-- --rounds 1
expect 'the file says so, too' 0 '' $page --check "$tmp/met.json"

# Without privileges there is no BPF.
cp $bench "$tmp/ringbench" && chmod 755 "$tmp" "$tmp/ringbench"
plain=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$tmp/ringbench")
printf '#!/bin/sh\nexec %s "$@"\n' "${plain[*]}" >"$tmp/unprivileged"
chmod 755 "$tmp/unprivileged"
: >"$tmp/bpf.jsonl" && chmod 666 "$tmp/bpf.jsonl"
bpf=("$measure" --bench "$tmp/unprivileged" --quick --only bpf --check --json "$tmp/bpf.json")
if [ "$(id -u)" = 0 ] && [ "$(sysctl -n kernel.unprivileged_bpf_disabled 2>/dev/null)" != 0 ] &&
	"${plain[@]}" --list >/dev/null 2>&1; then
	expect 'what is skipped counts as missed' 1 'not measured: bpf: SKIPPED' "${bpf[@]}"
	expect 'unless that is allowed' 0 'not measured: bpf: SKIPPED' "${bpf[@]}" --allow-skips
else
	echo 'skip what is skipped counts as missed - cannot run without privileges here'
fi

expect 'refused: no such part' 3 "'nosuch'" $bench --only writer,nosuch
expect 'refused by measure.py: no such part' 3 "'nosuch'" \
	$measure --only writer,nosuch --json "$tmp/no.json"
expect 'refused: rounds that are no number' 3 "'many'" $bench --rounds many
expect 'refused: no rounds' 3 "'0'" $bench --rounds 0
expect 'refused: a ring of an odd size' 3 'power of two' $bench --ring-size 100000
expect 'refused: one core' 3 "'1,1'" $bench --cpus 1,1
expect 'refused: an argument' 3 'usage:' $bench writer
expect 'refused: an unknown option' 3 'usage:' $bench --check
expect 'refused: a part without the clock that it needs' 3 "'stall'" \
	build/native/vmbench --only stall
expect 'help' 0 'one JSON object a line' $bench --help
expect 'refused: a margin that is no number' 2 "'much'" $measure --margin much
expect 'refused: a margin of nothing' 2 "'0'" $measure --margin 0
for program in $bench $measure; do
	expect "refused by ${program##*/}: a file that cannot be" 3 'cannot write' \
		"$program" --quick --only writer --json "$tmp/no/such/directory"
done
expect 'refused: no such way to run' 2 'usage:' bench/run.sh fast

# The page in the tree is what the files beside it give.
if compgen -G 'docs/evidence/benchmarks/*.json' >/dev/null; then
	files=()
	for name in native vm-6.1 vm-6.12; do
		[ -f docs/evidence/benchmarks/$name.json ] && files+=("docs/evidence/benchmarks/$name.json")
	done
	expect 'docs/evidence/benchmarks can be made anew' 0 benchmarks.md \
		$page "${files[@]}" -o "$tmp/again"
	expect 'docs/evidence/benchmarks.md is what that gives' 0 '' \
		diff -u docs/evidence/benchmarks.md "$tmp/again/benchmarks.md"
	expect 'and it has all its files' 0 '' diff <(ls docs/evidence/benchmarks) <(ls "$tmp/again/benchmarks")
else
	echo 'not ok docs/evidence/benchmarks - there is none: make bench'
	failed=1
fi
exit $failed
