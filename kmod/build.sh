#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh KHEADERS OUTDIR [MAKE-ARGUMENT...]
#
# Builds the modules in OUTDIR/kmod, from copies, so that the tree stays clean.
# Any warning is a failure. KHEADERS is what tests/vm/kernel.sh prints, or
# /lib/modules/$(uname -r)/build.

set -eu
export LC_ALL=C

if [ $# -lt 2 ] || [ ! -d "$1" ]; then
	echo "usage: $0 KHEADERS OUTDIR [MAKE-ARGUMENT...]" >&2
	[ $# -lt 2 ] || echo "$0: no directory $1" >&2
	exit 2
fi
headers=$(cd "$1" && pwd -P)
mkdir -p "$2"
out=$(cd "$2" && pwd -P)
shift 2
top=$(cd "$(dirname "$0")/.." && pwd -P)

exec 9>"$out/.lock"
flock 9

# Only what differs is copied, for make's sake; what has gone from the tree goes
# from the copy as well.
(cd "$top" && find kmod include -type f ! -name '.*' ! -name '*.sh' | sort) >"$out/.sources.new"
while read -r file; do
	cmp -s "$top/$file" "$out/$file" && continue
	mkdir -p "$out/${file%/*}"
	cp "$top/$file" "$out/$file"
done <"$out/.sources.new"
if [ -f "$out/.sources" ]; then
	comm -23 "$out/.sources" "$out/.sources.new" | while read -r file; do
		rm -f "$out/$file" "$out/${file%.c}.o" "$out/${file%.c}.ko"
	done
fi
mv "$out/.sources.new" "$out/.sources"

# -Werror makes the compiler's warnings come again at each try; modpost's are
# looked for below. There is no vmlinux to take BTF from. The caller's MAKEFLAGS
# would bring along a job server that is not ours.
unset MAKEFLAGS MFLAGS MAKELEVEL
rc=0
make -C "$headers" M="$out/kmod" --no-print-directory -j"$(nproc)" \
	W=1 KCFLAGS=-Werror CONFIG_DEBUG_INFO_BTF_MODULES= \
	CONFIG_SECTION_MISMATCH_WARN_ONLY= modules "$@" >"$out/build.log" 2>&1 9>&- || rc=$?
cat "$out/build.log"
if [ $rc != 0 ]; then
	echo "$0: the build failed" >&2
	exit 1
fi
if grep -q -e 'WARNING: modpost' -e "^$out/.*warning:" "$out/build.log"; then
	find "$out/kmod" -name '*.o' -delete
	echo "$0: warnings count as errors" >&2
	exit 1
fi
