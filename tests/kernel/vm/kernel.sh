#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh [-u] 6.1|6.12|rt|debug-a|debug-b
#
# Puts a kernel, its modules and its headers into the cache and prints shell
# assignments. 6.1 and 6.12 are Debian's cloud kernels of that series, rt is Debian's
# 6.1 with PREEMPT_RT; tests/kernel/debug/kernel.sh builds debug-a and debug-b. The
# assignments are KVER (uname -r), KPKGVER, VMLINUZ, VMLINUX (unpacked, which boots
# faster; VMLINUZ if it cannot be unpacked), KMODDIR (lib/modules/KVER) and KHEADERS
# (for make -C). -u searches for a newer package first; without -u the script uses the
# cached package, offline.

set -eu
umask 022

debs_name=kernel.sh
# shellcheck source=tests/kernel/vm/debs.sh
. "$(dirname "$0")/debs.sh"

usage() {
	echo "usage: $0 [-u] 6.1|6.12|rt|debug-a|debug-b" >&2
	exit 2
}

update=
while getopts u opt; do
	case $opt in
	u) update=1 ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# = 1 ] || usage
series=$1 flavour=cloud number=$1
case $series in
6.1) suites='bookworm bookworm-updates bookworm-security' rename= ;;
rt) suites='bookworm bookworm-updates bookworm-security' rename='' flavour=rt number=6.1 ;;
6.12) suites='bookworm' rename='bookworm-backports' ;;
debug-[ab]) exec "$(dirname "$0")/../debug/kernel.sh" "${series#debug-}" ;;
*) usage ;;
esac

base=$SEQRING_CACHE/kernel

# print_cached: prints the assignments. The cache may have moved, so all paths are made here.
print_cached() {
	dir=$base/$(readlink "$base/$series") || return 1
	[ -f "$dir/complete" ] || return 1
	kver=$(cat "$dir/complete")
	vmlinuz=$dir/boot/vmlinuz-$kver
	vmlinux=$dir/boot/vmlinux-$kver
	[ -f "$vmlinux" ] || vmlinux=$vmlinuz
	echo "KVER=$(debs_quote "$kver")"
	echo "KPKGVER=$(debs_quote "${dir##*/}")"
	echo "VMLINUZ=$(debs_quote "$vmlinuz")"
	echo "VMLINUX=$(debs_quote "$vmlinux")"
	echo "KMODDIR=$(debs_quote "$dir/lib/modules/$kver")"
	echo "KHEADERS=$(debs_quote "$dir/usr/src/linux-headers-$kver")"
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

fill() {
	debs_update "$suites" "$rename"
	meta=linux-image-$flavour-amd64
	ver=$(debs_version "$meta" "$number.")
	[ -n "$ver" ] || debs_missing "$meta $number.*"
	image=$(debs_field Depends "$meta=$ver")
	image=${image%%[ ,]*}
	kver=${image#linux-image-}
	# The cloud kernels were the first here, so their directories have no prefix.
	place=$ver
	[ "$flavour" = cloud ] || place=$flavour-$ver
	if [ -f "$base/$place/complete" ]; then
		debs_say "$ver is the newest and cached"
		return
	fi

	headers=linux-headers-$kver
	needs=$(debs_needs "$headers" "$ver")
	[ -n "$needs" ] || debs_missing "$headers=$ver"
	# shellcheck disable=SC2086 # a list
	debs_unpack "$image=$ver" "$headers=$ver" $needs

	root=$debs_tmp/root
	src=$root/usr/src/linux-headers-$kver
	vmlinuz=$root/boot/vmlinuz-$kver
	for file in "$vmlinuz" "$src/Makefile" "$src/Module.symvers"; do
		[ -f "$file" ] || debs_die "the packages of $ver have no ${file#"$root"}"
	done

	# Relative paths, so that the cache may be moved or restored elsewhere.
	# shellcheck disable=SC2016 # for make
	sed -i 's|^include /usr/src/|include $(dir $(lastword $(MAKEFILE_LIST)))../|' \
		"$src/Makefile"
	ln -sfn "../../../usr/src/linux-headers-$kver" "$root/lib/modules/$kver/build"
	for dir in "$root"/usr/src/*-common*; do
		ln -sfn "../../../usr/src/${dir##*/}" "$root/lib/modules/$kver/source"
	done
	if grep -rIlE '/usr/(src|lib)/linux-(headers|kbuild)' "$root/usr" >&2; then
		debs_die "these files still name absolute paths of the headers"
	fi

	# This vmlinux contains only BTF. Without it a build of modules needs no pahole.
	rm -f "$src/vmlinux"
	rm -rf "${root:?}/usr/share"
	vmlinux=$root/boot/vmlinux-$kver
	unpack_vmlinux "$vmlinux" || {
		rm -f "$vmlinux"
		debs_say "cannot unpack the image (zstd, lz4 missing?): boots will be slower"
	}

	echo "$kver" >"$root/complete"
	rm -rf "${base:?}/$place"
	mv "$root" "$base/$place"
}

if [ -z "$update" ] && print_cached 2>/dev/null; then
	exit
fi
debs_lock "$base"
if [ -n "$update" ] || ! print_cached >/dev/null 2>&1; then
	fill
	ln -sfn "$place" "$debs_tmp/link"
	mv -T "$debs_tmp/link" "$base/$series"
fi
print_cached
