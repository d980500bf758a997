#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh 6.1|6.12-16k: runs the tests of the module on Debian's arm64 kernel of that name in
# a VM. Passes the lines `ok`, `not ok` and `#` of guest.sh through. Exit status: 0, or 1
# when a test failed or the kernel complained.
#
# The environment variables ROUNDS and FLOOD set how much is done.

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tests/kernel/vm/lines.sh
. tests/kernel/vm/lines.sh
series=${1-}
case $series in
6.1 | 6.12-16k) ;;
*) echo "usage: $0 6.1|6.12-16k" >&2; exit 2 ;;
esac
rounds=${ROUNDS:-300} flood=${FLOOD:-2000}
name=vm-arm64-$series log=build/log/vm-arm64-$series.console out=build/log/vm-arm64-$series.out
progs='t_map t_memory t_life t_race t_cycle t_waits t_unload t_owner t_reject t_read t_file t_stall t_watermark t_poll
	t_observe t_sched follow control'

die() {
	echo "not ok $name - $*"
	exit 1
}

mkdir -p build/log
modules=$(tests/kernel/arm64/modules.sh "$series") || die 'the modules do not build'
# shellcheck disable=SC2046,SC2086 # a list
make -s -j2 SAN=arm64 $(printf 'build/arm64/tests/kernel/vm/progs/%s ' $progs) build/arm64/ringctl \
	build/arm64/tests/unit/test_serve >build/log/arm64-make.log 2>&1 ||
	{ tail -n 20 build/log/arm64-make.log; die 'the programs do not build'; }

files=(-f tests/kernel/arm64/guest.sh -f tests/kernel/vm/guest.sh:vm_guest.sh -f tests/cli/device.sh
	-f build/arm64/ringctl -f build/arm64/tests/unit/test_serve)
for module in seqring seqring_test seqring_sched; do
	files+=(-f "$modules/$module.ko")
done
for prog in $progs; do
	files+=(-f "build/arm64/tests/kernel/vm/progs/$prog")
done

rm -rf "$out"
tests/kernel/arm64/vm.sh -o "$log" -r "$out" -k "$series" -t 900 "${files[@]}" -- \
	"set -o pipefail; export CMOCKA_MESSAGE_OUTPUT=TAP
	ROUNDS=$rounds FLOOD=$flood sh ./guest.sh 2>&1 | tee /out/lines" 2>"$log.errors"
status=$?
vm_lines "$name.kernel" $status "$log" "$out"
