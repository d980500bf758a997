#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bpf.sh [-j JSON] 6.12|newest
#
# What publishing from a BPF program costs on Debian's kernel of that series (newest: of unstable),
# in a VM with a clock that counts instructions. Writes an evaluated run
# (build/bench/vm-bpf-SERIES.json).

set -u
cd "$(dirname "$0")/../.." || exit 1
json=''
while getopts j: opt; do
	case $opt in
	j) json=$OPTARG ;;
	*) sed -n '4p' "$0" >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
series=${1-}
case $series in
6.12 | newest) ;;
*) echo "usage: $0 [-j JSON] 6.12|newest" >&2; exit 2 ;;
esac
json=${json:-build/bench/vm-bpf-$series.json}
dir=build/bench/vm-bpf-$series

die() {
	echo "bpf.sh: $*" >&2
	exit 1
}

tests/deps.sh build vm bench || exit 1
rm -rf "$dir"
mkdir -p "$dir" "$(dirname "$json")"
make -s -j2 build/native/ringbench >"$dir/build.log" 2>&1 ||
	{ tail -n 20 "$dir/build.log" >&2; die 'it does not build'; }
tests/kernel/vm/vm.sh -q -i -t 600 -k "$series" -o "$dir/console.log" -r "$dir" \
	-f build/native/ringbench -- './ringbench --counted --json /out/counted.jsonl' ||
	die "exit status $?, see $dir/console.log"
bench/report/evaluate.py "$dir/counted.jsonl" "$json" || die 'it wrote no results'
bench/report/page.py --print "$json"
