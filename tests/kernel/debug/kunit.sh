#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kunit.sh a|b: runs seqring_kunit.ko on that debug kernel. The environment variable RECORDS
# sets how many records each writer publishes.

set -u
cd "$(dirname "$0")/../../.." || exit 1
series=debug-$1
log=build/log/kunit-$1.console out=build/log/kunit-$1.out
records=${RECORDS:-20000}

die() {
	echo "not ok kunit-$1 - $2"
	exit 1
}

mkdir -p build/log
kernel=$(tests/kernel/vm/kernel.sh "$series") || die "$1" 'no kernel'
eval "$kernel"
kmod/build.sh "$KHEADERS" "build/kmod-$series" CONFIG_SEQRING_TEST=m CONFIG_SEQRING_KUNIT=m \
	>build/log/kmod-"$series".log 2>&1 ||
	{ tail -n 20 build/log/kmod-"$series".log; die "$1" 'the modules do not build'; }

# The module's results are KTAP lines among the kernel's messages.
rm -rf "$out"
tests/kernel/vm/vm.sh -q -o "$log" -r "$out" -k "$series" -t 900 -a 'nowatchdog kasan_multi_shot' \
	-f "build/kmod-$series/kmod/seqring.ko" -f "build/kmod-$series/kmod/seqring_kunit.ko" -- \
	"insmod seqring.ko && insmod seqring_kunit.ko records=$records
	dmesg >/out/dmesg; rmmod seqring_kunit && rmmod seqring" 2>"$log.errors"
status=$?
sed -n 's/^\[[^]]*\] *\(\[[^]]*\]\)\{0,1\} \{4,\}\(\(not \)\{0,1\}ok\) [0-9]* -* *\([a-z_]*\)$/\2 kunit.'"$1"'.\4/p' \
	"$out/dmesg" 2>/dev/null >"$out/lines"
sed -n 's/^\[[^]]*\] *# \(.*\)/# \1/p' "$out/dmesg" 2>/dev/null
cat "$out/lines"
bad=0
grep -q '^not ok' "$out/lines" && bad=1
same=$(grep -c '^\s*KUNIT_CASE(' kmod/tests/kunit.c)
if [ "$(grep -c . "$out/lines")" != "$same" ]; then
	echo "not ok kunit.$1.all - not all of the $same tests ran"
	bad=1
fi
if [ $status != 0 ]; then
	sed 's/^/# /' "$log.errors" | head -n 80
	echo "not ok kunit.$1.kernel - status $status, see $log"
	bad=1
else
	echo "ok kunit.$1.kernel"
fi
exit $bad
