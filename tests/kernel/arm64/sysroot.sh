#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# sysroot.sh [-u]: puts the arm64 libraries and headers that builds of this project need,
# and a static busybox, into the cache and prints the directory. The directory is for
# --sysroot and for qemu-user's -L. -u searches for newer packages first; without -u the
# script uses the cached packages, offline.

set -eu
umask 022

debs_name=sysroot.sh
debs_archs=arm64
# shellcheck source=tests/kernel/vm/debs.sh
. "$(dirname "$0")/../vm/debs.sh"

packages='libc6-dev libbpf-dev libelf-dev zlib1g-dev libjson-c-dev libseccomp-dev libcmocka-dev
	libck-dev libevent-dev libuv1-dev libsystemd-dev busybox-static'

base=$SEQRING_CACHE/arm64-sysroot
# The name depends on the list of packages, so that a changed list does not find an old
# directory.
current=current-$(echo "$packages" | cksum | cut -d ' ' -f 1)
if debs_option "$@"; then shift; fi
[ $# = 0 ] || { echo "usage: $0 [-u]" >&2; exit 2; }

print_cached() {
	dir=$base/$(readlink "$base/$current") && [ -f "$dir/complete" ] || return 1
	echo "$dir"
}

# relative_links DIR: makes absolute links relative. An absolute /lib/... of a -dev package
# would lead to the host's library.
relative_links() {
	find "$1" -type l -lname '/*' | while read -r link; do
		ln -sfnr "$1$(readlink "$link")" "$link"
	done
}

fill() {
	debs_update 'bookworm bookworm-updates bookworm-security' ''
	# shellcheck disable=SC2086 # a list
	want=$(debs_closure $packages)
	! debs_have "$base" "$(echo "$want" | sha256sum | cut -c 1-16)" || return 0
	# shellcheck disable=SC2086 # a list
	debs_unpack $want
	root=$debs_tmp/root
	relative_links "$root"
	rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale
	debs_keep "$base" "$root" "$want"
}

debs_print "$base" "$current"
