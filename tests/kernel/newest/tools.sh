#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# tools.sh [-u] VERSION: puts gcc of that major version, for x86-64 and riscv64, from Debian's
# unstable into the cache and prints its directory. Headers of the newest kernels name the
# compiler of the kernel, and their configuration has options that an older one does not know.
# usr/bin in that directory is for PATH; its programs have names with a prefix. They run with
# the libraries of their own release, which lie beside them. -u searches for a newer package
# first; without -u the script uses the cached packages, offline.

set -eu
umask 022

debs_name=tools.sh
# shellcheck source=tests/kernel/vm/debs.sh
. "$(dirname "$0")/../vm/debs.sh"

if debs_option "$@"; then shift; fi
case $#-${1-} in
1-[1-9] | 1-[1-9][0-9]) ;;
*)
	echo "usage: $0 [-u] VERSION" >&2
	exit 2
	;;
esac
version=$1
base=$SEQRING_CACHE/newest-tools

print_cached() {
	[ -f "$base/gcc-$version/complete" ] || return 1
	echo "$base/gcc-$version"
}

fill() {
	debs_update bookworm sid
	want=$(debs_closure "gcc-$version-x86-64-linux-gnu" "gcc-$version-riscv64-linux-gnu" \
		libelf1t64 | grep -v 'san[0-9]*[-=]')
	! debs_have "$base" "$(echo "$want" | sha256sum | cut -c 1-16)" || return 0
	# shellcheck disable=SC2086 # a list
	debs_unpack $want
	root=$debs_tmp/root
	rm -rf "${root:?}/usr/share" "$root"/usr/bin/*lto-dump* "$root"/usr/libexec/gcc/*/*/lto1
	debs_wrap usr/lib/x86_64-linux-gnu "$root/usr/bin" "$root/usr/libexec" \
		"$root/usr/riscv64-linux-gnu/bin"
	for arch in x86_64 riscv64; do
		echo 'int f(void) { return 0; }' >"$debs_tmp/f.c"
		"$root/usr/bin/$arch-linux-gnu-gcc-$version" -c -o "$debs_tmp/f.o" "$debs_tmp/f.c" &&
			"$root/usr/bin/$arch-linux-gnu-ld" -r -o "$debs_tmp/g.o" "$debs_tmp/f.o" ||
			debs_die "gcc-$version for $arch does not run here"
	done
	debs_keep "$base" "$root" "$want"
}

debs_print "$base" "gcc-$version"
