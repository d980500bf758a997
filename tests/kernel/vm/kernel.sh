#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh [-u] 6.1|6.12|rt|debug-a|debug-b|newest|next|riscv64
#
# Puts a kernel, its modules and its headers into the cache and prints shell
# assignments. 6.1 and 6.12 are Debian's cloud kernels of that series, rt is Debian's
# 6.1 with PREEMPT_RT, newest is the cloud kernel of Debian's unstable;
# tests/kernel/debug/kernel.sh builds debug-a and debug-b. The
# assignments are KVER (uname -r), KPKGVER, VMLINUZ, VMLINUX (unpacked, which boots
# faster; VMLINUZ if it cannot be unpacked), KMODDIR (lib/modules/KVER) and KHEADERS
# (for make -C). next, the newest of unstable and experimental (often
# a release candidate), and riscv64, unstable's kernel for that machine, have headers only. -u searches for a newer package first; without -u
# the script uses the cached package, offline.

set -eu
umask 022

debs_name=kernel.sh
# shellcheck source=tests/kernel/vm/debs.sh
. "$(dirname "$0")/debs.sh"

usage() {
	echo "usage: $0 [-u] 6.1|6.12|rt|debug-a|debug-b|newest|next|riscv64" >&2
	exit 2
}

if debs_option "$@"; then shift; fi
[ $# = 1 ] || usage
series=$1 flavour=cloud-amd64 number=$1. headers_only=
case $series in
6.1) suites='bookworm bookworm-updates bookworm-security' rename= ;;
rt) suites='bookworm bookworm-updates bookworm-security' rename='' flavour=rt-amd64 number=6.1. ;;
6.12) suites='bookworm' rename='bookworm-backports' ;;
newest) suites='bookworm' rename='sid' number='' ;;
next) suites='bookworm' rename='sid experimental' number='' headers_only=1 ;;
riscv64)
	suites='bookworm' rename='sid' flavour=riscv64 number='' headers_only=1
	debs_archs='riscv64 amd64'
	;;
debug-[ab]) exec "$(dirname "$0")/../debug/kernel.sh" "${series#debug-}" ;;
*) usage ;;
esac

base=$SEQRING_CACHE/kernel

# print_cached: prints the assignments. The cache may have moved, so all paths are made here.
print_cached() {
	dir=$base/$(readlink "$base/$series") || return 1
	[ -f "$dir/complete" ] || return 1
	kver=$(cat "$dir/complete")
	if [ -f "$dir/tools" ]; then
		newest_tools "$(cat "$dir/tools")" || return 1
	fi
	echo "KVER=$(debs_quote "$kver")"
	echo "KPKGVER=$(debs_quote "${dir##*/}")"
	echo "KHEADERS=$(debs_quote "$dir/usr/src/linux-headers-$kver")"
	[ -z "$headers_only" ] || return 0
	vmlinuz=$dir/boot/vmlinuz-$kver
	vmlinux=$dir/boot/vmlinux-$kver
	[ -f "$vmlinux" ] || vmlinux=$vmlinuz
	echo "VMLINUZ=$(debs_quote "$vmlinuz")"
	echo "VMLINUX=$(debs_quote "$vmlinux")"
	echo "KMODDIR=$(debs_quote "$dir/lib/modules/$kver")"
}

# newest_tools VERSION: makes sure that the compiler of a new kernel is in the cache.
newest_tools() {
	"$(dirname "$0")/../newest/tools.sh" "$1" >/dev/null
}

# unpack_vmlinux FILE: unpacks the kernel in $vmlinuz to FILE. The offsets are those of
# the boot protocol, Documentation/arch/x86/boot.rst. The last four bytes of the payload
# are its unpacked size.
unpack_vmlinux() {
	le32() { od -An -v -tu4 -j "$1" -N 4 "$vmlinuz" | tr -d ' '; }
	sects=$(od -An -v -tu1 -j 497 -N 1 "$vmlinuz" | tr -d ' ')
	start=$(((sects + 1) * 512 + $(le32 584)))
	len=$(($(le32 588) - 4))
	case $(od -An -v -tx1 -j "$start" -N 4 "$vmlinuz" | tr -d ' ') in
	28b52ffd) cmd=zstd ;;
	02214c18) cmd=lz4 ;;
	fd377a58) cmd=xz ;;
	1f8b08*) cmd=gzip ;;
	*) return 1 ;;
	esac
	command -v $cmd >/dev/null || return 1
	tail -c +$((start + 1)) "$vmlinuz" | head -c $len | $cmd -dcq >"$1" || return 1
	[ "$(wc -c <"$1")" = "$(le32 $((start + len)))" ]
}

# use_tools VERSION: the headers use that compiler, which lies in the cache, and its libraries.
use_tools() {
	newest_tools "$1" || debs_die "no gcc-$1 of Debian's unstable"
	echo "$1" >"$root/tools"
	tools=../../newest-tools/gcc-$1
	# shellcheck disable=SC2016 # for make
	sed -i '1i export PATH := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/../../../'"$tools"'/usr/bin):$(PATH)' \
		"$src/Makefile"
	debs_wrap "$tools/usr/lib/x86_64-linux-gnu" "$root"/usr/lib/linux-kbuild-*
}

fill() {
	debs_update "$suites" "$rename"
	meta=linux-headers-$flavour
	ver=$(debs_version "$meta" "$number")
	[ -n "$ver" ] || debs_missing "$meta $number*"
	headers=$(debs_field Depends "$meta=$ver" | grep -o "linux-headers-[^ ,]*-$flavour")
	[ -n "$headers" ] || debs_missing "$meta=$ver that names its headers"
	kver=${headers#linux-headers-}
	# The cloud kernels were the first here, so their directories have no prefix.
	place=$ver
	case $series in rt | next | riscv64) place=$series-$ver ;; esac
	! debs_have "$base" "$place" || return 0

	needs=$(debs_needs "$headers" "$ver")
	[ -n "$needs" ] || debs_missing "$headers=$ver"
	gcc=$(debs_field Depends "$headers=$ver" | sed -n 's/.*\<gcc-\([0-9]*\)-for-host.*/\1/p')
	images=
	if [ -z "$headers_only" ]; then
		# Since Linux 7.0 the image and the modules are packages of their own.
		images=$(debs_field Depends "linux-image-$kver=$ver" | tr ',' '\n' |
			sed -n "s/^ *\(linux-\(binary\|modules\)-[^ ]*\).*/\1=$ver/p")
		images=${images:-linux-image-$kver=$ver}
	fi
	# shellcheck disable=SC2086 # lists
	debs_unpack $images "$headers=$ver" $needs

	root=$debs_tmp/root
	src=$root/usr/src/linux-headers-$kver
	[ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
	vmlinuz=$root/boot/vmlinuz-$kver
	if [ -n "$images" ] && [ ! -e "$vmlinuz" ]; then
		mkdir -p "$root/boot"
		mv "$root/lib/modules/$kver/vmlinuz" "$vmlinuz"
	fi
	for file in ${images:+"$vmlinuz"} "$src/Makefile" "$src/Module.symvers"; do
		[ -f "$file" ] || debs_die "the packages of $ver have no ${file#"$root"}"
	done
	debs_headers "$kver"
	# Debian 12 knows no such package: there the compiler is the machine's.
	[ -z "$gcc" ] || [ "$rename" = bookworm-backports ] || use_tools "$gcc"

	if [ -n "$images" ]; then
		modules=$(readlink -f "$root/lib/modules")/$kver
		ln -sfnr "$src" "$modules/build"
		for dir in "$root"/usr/src/*-common*; do
			ln -sfnr "$dir" "$modules/source"
		done
		vmlinux=$root/boot/vmlinux-$kver
		unpack_vmlinux "$vmlinux" || {
			rm -f "$vmlinux"
			debs_say "cannot unpack the image (zstd, lz4 missing?): boots will be slower"
		}
	fi
	debs_keep "$base" "$root" "$kver"
}

debs_print "$base" "$series"
