#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# libbpf_header.sh [-u]: a program may include the newest libbpf's header and libring's.
# libbpf 1.3 and later have a struct ring of their own; its ring__consume() is one
# underscore from ring_consume(). So a reader is no struct ring: a wrong pointer must not
# compile. Takes libbpf-dev from Debian's unstable into the cache, where it is used
# offline afterwards; -u looks for a newer one. Prints ok or not ok for each case.

set -u
cd "$(dirname "$0")/../.." || exit 1
umask 022

debs_name=libbpf_header.sh
# shellcheck source=tests/kernel/vm/debs.sh
. tests/kernel/vm/debs.sh

base=$SEQRING_CACHE/libbpf-newest
current=$base/current
if debs_option "$@"; then shift; fi
[ $# = 0 ] || { echo "usage: $0 [-u]" >&2; exit 2; }

print_cached() { [ -f "$current/complete" ] && cat "$current/complete"; }

fill() {
	debs_update bookworm sid
	version=$(debs_version libbpf-dev '')
	[ -n "$version" ] || debs_missing libbpf-dev
	! debs_have "$base" "$(echo "$version" | tr -c 'A-Za-z0-9.+~\n-' _)" || return 0
	debs_unpack "libbpf-dev=$version"
	debs_keep "$base" "$debs_tmp/root" "$version"
}

# The lock and $debs_tmp are given back when the subshell ends.
version=$(set -e; debs_print "$base" current)
rc=$?
if [ $rc != 0 ]; then
	echo "not ok libbpf header - no libbpf-dev of Debian's unstable"
	exit 1
fi

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

# Before the reader had a name of its own.
mkdir -p "$tmp/before" "$tmp/complete"
cp -r include/. "$tmp/before/"
cp -r include/. "$tmp/complete/"
sed -i 's/\bring_reader\b/ring/g' "$tmp"/before/libring.h "$tmp"/before/libring/*.h
sed -i 's/^struct ring_reader;/struct ring { int ours; };/' "$tmp"/complete/libring/reader.h

# source NAME CODE...: a C file, and the same as C++.
source_of() {
	local name=$1
	shift
	{
		printf '#include <%s>\n' bpf/libbpf.h libring.h libring/bpf.h libring/schema.h
		printf '%s\n' "$@"
	} >"$tmp/$name.c"
	cp "$tmp/$name.c" "$tmp/$name.cc"
}

compile() { # INCLUDE-DIRECTORY SOURCE
	local cc=("${CC:-gcc}" -std=gnu11 -Werror=incompatible-pointer-types)
	[[ $2 = *.c ]] || cc=("${CXX:-g++}" -std=gnu++17)
	"${cc[@]}" -Wall -Wextra -Werror -I"$1" -isystem "$current/usr/include" \
		-fsyntax-only "$2" >"$tmp/out" 2>&1
}

report() { # OUTCOME-OF-COMMAND WHAT
	if [ "$1" = 0 ]; then
		echo "ok libbpf header - $2"
	else
		echo "not ok libbpf header - $2"
		sed 's/^/# /' "$tmp/out" | head -n 20
		failed=1
	fi
}

accepted() { # INCLUDE-DIRECTORY SOURCE WHAT
	compile "$1" "$tmp/$2"
	report $? "$3"
}

rejected() { # INCLUDE-DIRECTORY SOURCE TEXT-OF-THE-ERROR WHAT
	! compile "$1" "$tmp/$2" && grep -qE "$3" "$tmp/out"
	report $? "$4"
}

source_of both 'struct pair { struct ring_reader *r; struct ring *libbpf; };' \
	'int both(struct pair *p, struct ring_record *rec);' \
	'int both(struct pair *p, struct ring_record *rec)' \
	'{ return ring_read(p->r, rec, NULL, 0) + ring__consume(p->libbpf); }'
source_of own 'struct ring { int x; };' 'int own(struct ring *r);' \
	'int own(struct ring *r) { return r->x; }'
source_of to_libbpf 'int wrong(struct READER *r);' \
	'int wrong(struct READER *r) { return ring__consume(r); }'
source_of to_libring 'int wrong(struct ring *r, struct ring_record *rec);' \
	'int wrong(struct ring *r, struct ring_record *rec) { return ring_read(r, rec, NULL, 0); }'
sed 's/READER/ring/' "$tmp/to_libbpf.c" >"$tmp/before.c"
sed 's/READER/ring/' "$tmp/to_libbpf.cc" >"$tmp/before.cc"
sed -i 's/READER/ring_reader/' "$tmp"/to_libbpf.{c,cc}

grep -q '^struct ring;' "$current/usr/include/bpf/libbpf.h"
report $? "libbpf $version has a struct ring"
pointer="incompatible pointer type|cannot convert"
for lang in c cc; do
	accepted include both.$lang "both headers, $lang"
	accepted include own.$lang "both headers and a struct ring of the program, $lang"
	rejected include to_libbpf.$lang "$pointer" "libbpf does not take a reader, $lang"
	rejected include to_libring.$lang "$pointer" "libring does not take libbpf's ring, $lang"
	# The cases above can fail.
	accepted "$tmp/before" before.$lang "with the old name, libbpf takes a reader, $lang"
	accepted "$tmp/before" to_libring.$lang "with the old name, libring takes libbpf's ring, $lang"
	rejected "$tmp/complete" own.$lang 'redefinition of .*ring' \
		"with a struct ring of libring's own, the program's is rejected, $lang"
done
exit "$failed"
