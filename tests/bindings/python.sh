#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The Python module of this tree: its tests, also with the sanitizers in its C, and its rate beside C's.
# Builds what it needs.

set -u
cd "$(dirname "$0")/../.." || exit 1
rc=0

if make -s bench-python; then
	echo 'ok python benchmark'
else
	echo 'not ok python benchmark - exit status of make bench-python'
	rc=1
fi
for san in native asan; do
	if ! make -s -j2 SAN="${san#native}" python "build/$san/tests/abi/writer"; then
		echo "not ok python build, $san - make failed"
		rc=1
		continue
	fi
	tests/bindings/python.py --build "build/$san" | sed "s/^\(\(not \)\?ok python\)-/\1-$san-/"
	[ "${PIPESTATUS[0]}" = 0 ] || rc=1
done
exit $rc
