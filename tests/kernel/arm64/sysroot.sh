#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# sysroot.sh [-u]: sees to it that the arm64 libraries and headers which this project
# is built with, and a static busybox, are in the cache, and prints the directory. It is
# for --sysroot and for qemu-user's -L. -u looks for newer packages first; without it
# what is cached is used, offline.

set -eu
umask 022

debs_name=sysroot.sh
debs_archs=arm64
# shellcheck source=tests/kernel/vm/debs.sh
. "$(dirname "$0")/../vm/debs.sh"

packages='libc6-dev libbpf-dev libelf-dev zlib1g-dev libjson-c-dev libseccomp-dev libcmocka-dev
	libgsl-dev libck-dev busybox-static'

base=$SEQRING_CACHE/arm64-sysroot
# Another list of packages is not to be found under this one's name.
current=$base/current-$(echo "$packages" | cksum | cut -d ' ' -f 1)
update=
case ${1-} in
'') ;;
-u) update=1 ;;
*)
	echo "usage: $0 [-u]" >&2
	exit 2
	;;
esac

print_cached() {
	dir=$base/$(readlink "$current") && [ -f "$dir/complete" ] || return 1
	echo "$dir"
}

# With all they depend on, name=version each: nothing counts as installed here.
closure() {
	# shellcheck disable=SC2086 # a list
	debs_apt apt-get install -s -q --no-install-recommends $packages 2>"$debs_tmp/solve.log" |
		sed -n 's/^Inst \([^ :]*\)[^ ]* (\([^ ]*\) .*/\1=\2/p'
}

# What a -dev package points to as /lib/... would be the machine's own.
relative_links() {
	find "$1" -type l -lname '/*' | while read -r link; do
		ln -sfnr "$1$(readlink "$link")" "$link"
	done
}

fill() {
	debs_update 'bookworm bookworm-updates bookworm-security' ''
	want=$(closure)
	[ -n "$want" ] || { cat "$debs_tmp/solve.log" >&2; debs_missing "$packages"; }
	key=$(echo "$want" | sha256sum | cut -c 1-16)
	if [ -f "$base/$key/complete" ]; then
		debs_say "$key is the newest and cached"
		return
	fi
	# shellcheck disable=SC2086 # a list
	debs_unpack $want
	root=$debs_tmp/root
	relative_links "$root"
	rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale
	echo "$want" >"$root/complete"
	rm -rf "${base:?}/$key"
	mv "$root" "$base/$key"
}

if [ -z "$update" ] && print_cached 2>/dev/null; then
	exit
fi
debs_lock "$base"
if [ -n "$update" ] || ! print_cached >/dev/null 2>&1; then
	fill
	ln -sfn "$key" "$debs_tmp/link"
	mv -T "$debs_tmp/link" "$current"
fi
print_cached
