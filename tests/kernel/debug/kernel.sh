#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh a|b: a kernel that looks for mistakes, from Debian's linux-source-6.1 as it is,
# with the options of config-all and config-a or config-b. Built once, in minutes, and kept
# in the cache by the version of the source and by what stands in these files. Prints what
# tests/kernel/vm/kernel.sh prints.

set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
debs_name=debug/kernel.sh
# shellcheck source=tests/kernel/vm/debs.sh
. "$here/../vm/debs.sh"

case ${1-} in
a | b) ;;
*) echo "usage: $0 a|b" >&2; exit 2 ;;
esac
letter=$1 name=debug-$1
source=linux-source-6.1
base=$SEQRING_CACHE/kernel
version=$(dpkg-query -W -f='${Version}' $source 2>/dev/null) ||
	debs_die "no $source: run tests/deps.sh debug"
key=$(cat "$here/config-all" "$here/config-$1" | sha256sum | cut -c 1-12)
dir=$base/$name-$version-$key

print_cached() {
	kver=$(cat "$dir/complete") || return 1
	echo "KVER=$(debs_quote "$kver")"
	echo "KPKGVER=$(debs_quote "${dir##*/}")"
	echo "VMLINUZ=$(debs_quote "$dir/bzImage")"
	echo "VMLINUX=$(debs_quote "$dir/bzImage")"
	echo "KMODDIR=$(debs_quote "$dir/modules")"
	echo "KHEADERS=$(debs_quote "$dir/build")"
}

# What no x86 kernel of this size compiles is most of the archive.
unpack() {
	tar -C "$debs_tmp" -xf /usr/src/$source.tar.xz --wildcards \
		--exclude='*/Documentation/*/*.rst' --exclude='*/arch/[!xu]*/*.[chS]' \
		--exclude='*/arch/[!xu]*/*.dts*' --exclude='*/drivers/gpu/*.[ch]' \
		--exclude='*/drivers/net/*/*.[ch]' --exclude='*/drivers/media/*.[ch]' \
		--exclude='*/drivers/staging/*.[ch]' --exclude='*/drivers/scsi/*.[ch]' \
		--exclude='*/drivers/infiniband/*.[ch]' --exclude='*/sound/*.[ch]' \
		--exclude='*/tools/testing/*' --exclude='*/tools/perf/*'
	mv "$debs_tmp/$source" "$debs_tmp/build"
}

configure() {
	make -s tinyconfig
	cat "$here/config-all" "$here/config-$letter" >.fragment
	scripts/kconfig/merge_config.sh -m .config .fragment
	make -s olddefconfig
	# An option that Kconfig leaves out would be a test that is not made.
	grep '^CONFIG_' .fragment | while read -r line; do
		case $line in
		*=n) ! grep -q "^${line%=n}=" .config ;;
		*) grep -qxF "$line" .config ;;
		esac || { echo "this kernel cannot have $line"; exit 1; }
	done
}

# For modules: headers, scripts, the objtool; not what the kernel itself was made of.
prune() {
	find . -name '*.o' ! -path './scripts/*' ! -path './tools/objtool/*' -delete
	find . -name '*.a' -delete
	find . \( -name '*.cmd' -o -name '.*.d' \) ! -path './scripts/*' -delete
	find . -name '*.c' ! -path './scripts/*' ! -path './tools/*' ! -path './include/*' -delete
	rm -rf drivers sound fs net crypto Documentation samples security/selinux vmlinux .tmp_*
}

build() {
	cd "$debs_tmp/build"
	configure || return 1
	make -s -j"$(nproc)" bzImage modules_prepare || return 1
	# Without modules of its own the kernel has no list of symbols for ours.
	[ -f Module.symvers ] || make -s -j"$(nproc)" modules || return 1
	make -s kernelrelease >"$debs_tmp/release"
	# Not vmlinux: what QEMU needs to boot that does not go together with KASAN.
	cp arch/x86/boot/bzImage "$debs_tmp/" || return 1
	prune
}

if print_cached 2>/dev/null; then
	exit
fi
debs_lock "$base/$name"
if ! print_cached >/dev/null 2>&1; then
	for cmd in flex bison bc make gcc xz; do
		command -v $cmd >/dev/null || debs_die "no $cmd: run tests/deps.sh debug"
	done
	debs_say "building $name, which takes minutes"
	unpack || debs_die "cannot unpack $source: is the disk full?"
	(build) >"$base/$name/log" 2>&1 || {
		tail -n 30 "$base/$name/log" >&2
		debs_die "$name does not build, see $base/$name/log"
	}
	cd /
	# Older ones are of no more use.
	rm -rf "$base/$name-"*
	mkdir -p "$debs_tmp/root/modules"
	mv "$debs_tmp/build" "$debs_tmp/bzImage" "$debs_tmp/root"
	cp "$debs_tmp/release" "$debs_tmp/root/complete"
	mv "$debs_tmp/root" "$dir"
fi
print_cached
