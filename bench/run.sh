#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh full|quick|check|report: builds and runs ringbench.
#
# full    writes docs/evidence/benchmarks.md and its plots; takes minutes
# quick   prints the tables, and writes build/bench/quick.json
# check   the same; exits 1 and names each figure that falls short of its target. With
#         ALLOW_SKIPS=1, a figure that cannot be measured here does not
# report  writes docs/evidence/benchmarks.md anew from the last measurement

set -eu
cd "$(dirname "$0")/.."
out=build/bench

# Of each kind of run the last one here, or else that of the tree.
report() {
	set --
	for name in native vm-6.1 vm-6.12 vm-bpf-6.12 vm-bpf-newest; do
		for file in $out/$name.json docs/evidence/benchmarks/$name.json; do
			if [ -s "$file" ]; then
				set -- "$@" "$file"
				break
			fi
		done
	done
	[ $# -gt 0 ] || { echo "$0: nothing was measured yet: make bench" >&2; exit 1; }
	bench/report/page.py "$@" -o docs/evidence
}

case ${1:-} in
full | quick | check) ;;
report)
	tests/deps.sh bench
	report
	exit
	;;
*)
	echo "usage: $0 full|quick|check|report" >&2
	exit 2
	;;
esac

tests/deps.sh build bench
${MAKE:-make} -s -j2 bench-build tools
mkdir -p $out
case $1 in
full)
	bench/report/measure.py --json $out/native.json
	report
	;;
quick)
	bench/report/measure.py --quick --json $out/quick.json
	;;
check)
	bench/report/measure.py --quick --check ${ALLOW_SKIPS:+--allow-skips} --json $out/check.json
	;;
esac
