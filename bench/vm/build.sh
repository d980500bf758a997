#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh KHEADERS DIR [MAKE-ARGUMENT...]
#
# Builds seqring_locks.ko in DIR/locks, from copies, for the kernel of the modules that
# kmod/build.sh has built in DIR before. Any warning is a failure.

set -eu
export LC_ALL=C
unset MAKEFLAGS MFLAGS MAKELEVEL

if [ $# -lt 2 ] || [ ! -f "$2/kmod/Module.symvers" ]; then
	echo "usage: $0 KHEADERS DIR [MAKE-ARGUMENT...]" >&2
	[ $# -lt 2 ] || echo "$0: no modules of kmod/build.sh in $2" >&2
	exit 2
fi
headers=$(cd "$1" && pwd -P)
out=$(cd "$2" && pwd -P)
shift 2
top=$(cd "$(dirname "$0")/../.." && pwd -P)

mkdir -p "$out/locks"
exec 9>"$out/.locks.lock"
flock 9
for file in "$top"/bench/vm/kmod/*; do
	cmp -s "$file" "$out/locks/${file##*/}" || cp "$file" "$out/locks/"
done
rc=0
make -C "$headers" M="$out/locks" --no-print-directory -j"$(nproc)" W=1 KCFLAGS=-Werror \
	CONFIG_DEBUG_INFO_BTF_MODULES= CONFIG_SECTION_MISMATCH_WARN_ONLY= \
	SEQRING_INCLUDE="$top/include" KBUILD_EXTRA_SYMBOLS="$out/kmod/Module.symvers" \
	modules "$@" >"$out/locks.log" 2>&1 9>&- || rc=$?
cat "$out/locks.log"
if [ $rc != 0 ] || grep -q 'WARNING: modpost' "$out/locks.log"; then
	find "$out/locks" -name '*.o' -delete
	echo "$0: the build failed, or warned" >&2
	exit 1
fi
