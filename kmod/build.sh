#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh KHEADERS OUTDIR [MAKE-ARGUMENT...]
#
# Builds the modules in OUTDIR/kmod from copies, so that the tree stays clean. A warning is
# a failure. KHEADERS is what tests/kernel/vm/kernel.sh prints, or
# /lib/modules/$(uname -r)/build.
#
# clang and ringctl make the schema of seqring_sched.ko. If RINGCTL names no ringctl, the
# script builds one. SEQRING_SCHEMA=0 builds the module without a schema. A missing tool is
# an error, so that the module does not depend on what is installed.

set -eu
export LC_ALL=C
# The caller's flags would bring a job server that this make cannot use.
unset MAKEFLAGS MFLAGS MAKELEVEL

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

# Copies only files that differ, so that make rebuilds little. Removes files that are gone
# from the tree.
(cd "$top" && find VERSION kmod include -type f ! -name '.*' ! -name '*.sh' | sort) >"$out/.sources.new"
while read -r file; do
	cmp -s "$top/$file" "$out/$file" && continue
	mkdir -p "$(dirname "$out/$file")"
	cp "$top/$file" "$out/$file"
done <"$out/.sources.new"
if [ -f "$out/.sources" ]; then
	comm -23 "$out/.sources" "$out/.sources.new" | while read -r file; do
		rm -f "$out/$file" "$out/${file%.c}.o" "$out/${file%.c}.ko"
	done
fi
mv "$out/.sources.new" "$out/.sources"

no_schema() {
	echo "$0: $1: as root, tests/deps.sh build installs what makes the schema of" \
		"seqring_sched.ko; or SEQRING_SCHEMA=0 builds it without" >&2
	exit 1
}

# A build for another kernel may build ringctl at the same time.
find_ringctl() {
	[ -z "${RINGCTL-}" ] || return 0
	RINGCTL=$top/build/native/ringctl
	mkdir -p "$top/build"
	flock "$top/build/.ringctl.lock" make -s -C "$top" -j"$(nproc)" O=build/native SAN= \
		CFLAGS='-O2 -g' build/native/ringctl >"$out/ringctl.log" 2>&1 9>&- && return
	cat "$out/ringctl.log" >&2
	no_schema 'ringctl does not build'
}

# make_schema PRODUCER: makes PRODUCER_schema.h of PRODUCER.schema.c, below kmod/. Kbuild
# does not know that the header appears, so the object that includes it is removed.
make_schema() {
	name=${1##*/} header=$out/kmod/$1_schema.h object=$out/kmod/$1.o
	new=$out/${name}_schema.new
	rm -f "$new"
	if [ "${SEQRING_SCHEMA-1}" != 0 ]; then
		command -v clang >/dev/null || no_schema 'no clang'
		find_ringctl
		"$top/kmod/schema.sh" "$RINGCTL" "$1" "$out/${name}_schema.o" "$new" ||
			no_schema "$RINGCTL makes none"
	fi
	if [ ! -e "$new" ]; then
		[ ! -e "$header" ] || rm "$header" "$object"
	elif ! cmp -s "$new" "$header"; then
		rm -f "$object"
		mv "$new" "$header"
	fi
}
make_schema producers/sched

# With -Werror a compiler warning comes again at each try; a warning of modpost is found
# below. There is no vmlinux to take BTF from.
rc=0
make -C "$headers" M="$out/kmod" --no-print-directory -j"$(nproc)" \
	W=1 KCFLAGS=-Werror CONFIG_DEBUG_INFO_BTF_MODULES= \
	CONFIG_SECTION_MISMATCH_WARN_ONLY= modules "$@" >"$out/build.log" 2>&1 9>&- || rc=$?
cat "$out/build.log"
if [ $rc != 0 ]; then
	echo "$0: the build failed" >&2
	exit 1
fi
# Since Linux 6.13 the paths are relative to the modules' directory.
if grep -q -e 'WARNING: modpost' -e '^[^ ]*\.k\{0,1\}[cho]:.*warning:' "$out/build.log"; then
	find "$out/kmod" -name '*.o' -delete
	echo "$0: warnings count as errors" >&2
	exit 1
fi
