#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh [-u] 6.1|6.12-16k
#
# Does for arm64 what tests/kernel/vm/kernel.sh does. 6.1 is Debian's cloud kernel, with pages
# of 4 KiB; 6.12-16k is the kernel of bookworm-backports with pages of 16 KiB. Prints KVER,
# KPKGVER, KIMAGE (for QEMU), KMODDIR and KHEADERS. KHEADERS is for a cross build: its
# programs run on this machine.

set -eu
umask 022

debs_name=kernel.sh
debs_archs='arm64 amd64'
# shellcheck source=tests/kernel/vm/debs.sh
. "$(dirname "$0")/../vm/debs.sh"

usage() {
	echo "usage: $0 [-u] 6.1|6.12-16k" >&2
	exit 2
}

if debs_option "$@"; then shift; fi
[ $# = 1 ] || usage
series=$1
case $series in
6.1) meta=linux-image-cloud-arm64 suites='bookworm bookworm-updates bookworm-security' rename= ;;
6.12-16k) meta=linux-image-arm64-16k suites=bookworm rename=bookworm-backports ;;
*) usage ;;
esac

base=$SEQRING_CACHE/arm64-kernel

# print_cached: prints the assignments. The cache may have moved, so all paths are made here.
print_cached() {
	dir=$base/$(readlink "$base/$series") || return 1
	[ -f "$dir/complete" ] || return 1
	kver=$(cat "$dir/complete")
	echo "KVER=$(debs_quote "$kver")"
	echo "KPKGVER=$(debs_quote "${dir##*/}")"
	echo "KIMAGE=$(debs_quote "$dir/boot/Image")"
	echo "KMODDIR=$(debs_quote "$dir/lib/modules/$kver")"
	echo "KHEADERS=$(debs_quote "$dir/usr/src/linux-headers-$kver")"
}

# unpack_image VMLINUZ IMAGE: unpacks the kernel. VMLINUZ is a gzip file, an EFI program that
# unpacks itself, or not packed. The header of an EFI program has the payload's offset, its
# length and the method.
unpack_image() {
	le32() { od -An -v -tu4 -j "$2" -N 4 "$1" | tr -d ' '; }
	case $(od -An -v -tx1 -N 8 "$1" | tr -d ' ') in
	1f8b*) gzip -dc <"$1" >"$2" ;;
	4d5a????7a696d67)
		method=$(dd if="$1" bs=1 skip=24 count=8 2>/dev/null | tr -d '\0')
		case $method in
		gzip | xz | lzma) ;;
		zstd*) method=zstd ;;
		*) debs_die "$1 is packed with '$method'" ;;
		esac
		command -v "$method" >/dev/null || debs_die "no $method: run tests/deps.sh vm"
		tail -c +$(($(le32 "$1" 8) + 1)) "$1" | head -c "$(le32 "$1" 12)" |
			"$method" -dcq >"$2" 2>/dev/null || :
		;;
	*) cp "$1" "$2" ;;
	esac
	# Documentation/arm64/booting.rst: the magic at 56 is "ARM\x64".
	[ "$(od -An -v -tx1 -j 56 -N 4 "$2" | tr -d ' ')" = 41524d64 ] ||
		debs_die "${1##*/} is no image of an arm64 kernel"
}

fill() {
	debs_update "$suites" "$rename"
	ver=$(debs_version $meta "${series%-*}.")
	[ -n "$ver" ] || debs_missing "$meta ${series%-*}.*"
	image=$(debs_field Depends "$meta=$ver")
	image=${image%%[ ,]*}
	kver=${image#linux-image-}
	! debs_have "$base" "$ver" || return 0

	headers=linux-headers-$kver
	needs=$(debs_needs "$headers" "$ver")
	[ -n "$needs" ] || debs_missing "$headers=$ver"
	# shellcheck disable=SC2086 # a list
	debs_unpack "$image=$ver" "$headers=$ver" $needs

	root=$debs_tmp/root
	src=$root/usr/src/linux-headers-$kver
	for file in "$root/boot/vmlinuz-$kver" "$src/Makefile" "$src/Module.symvers"; do
		[ -f "$file" ] || debs_die "the packages of $ver have no ${file#"$root"}"
	done
	debs_headers "$kver"
	ln -sfn "../../../usr/src/linux-headers-$kver" "$root/lib/modules/$kver/build"
	unpack_image "$root/boot/vmlinuz-$kver" "$root/boot/Image"
	# The tests need only one of the modules: loop.ko, for a disk.
	rm -f "$root/boot/vmlinuz-$kver"
	find "$root/lib/modules" -name '*.ko*' ! -name 'loop.ko*' -delete
	debs_keep "$base" "$root" "$kver"
}

debs_print "$base" "$series"
