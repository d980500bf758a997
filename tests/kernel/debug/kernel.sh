#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh a|b: builds a kernel with run-time checks from Debian's unmodified
# linux-source-6.1, with the options of config-all and config-a or config-b. The build takes
# minutes. The cache keeps the kernel under the version of the source and a checksum of the
# option files. Prints the same assignments as tests/kernel/vm/kernel.sh.

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
key=$(grep -h '^CONFIG_' "$here/config-all" "$here/config-$1" | sha256sum | cut -c 1-12)
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

# unpack: unpacks the sources, without the files that an x86 kernel of this size does not
# compile. These files are most of the archive.
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
	# If Kconfig dropped an option, its check would be missing without a message.
	grep '^CONFIG_' .fragment | while read -r line; do
		case $line in
		*=n) ! grep -q "^${line%=n}=" .config ;;
		*) grep -qxF "$line" .config ;;
		esac || { echo "this kernel cannot have $line"; exit 1; }
	done
}

# prune: keeps the files that builds of modules need (headers, scripts, objtool) and removes
# those of the kernel itself.
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
	# A kernel without modules makes no list of symbols by itself, and our modules need one.
	[ -f Module.symvers ] || make -s -j"$(nproc)" modules || return 1
	make -s kernelrelease >"$debs_tmp/release"
	# bzImage, not vmlinux: the option that lets QEMU boot vmlinux excludes KASAN.
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
	# Older builds are not needed any more.
	rm -rf "$base/$name-"*
	mkdir -p "$debs_tmp/root/modules"
	mv "$debs_tmp/build" "$debs_tmp/bzImage" "$debs_tmp/root"
	cp "$debs_tmp/release" "$debs_tmp/root/complete"
	mv "$debs_tmp/root" "$dir"
fi
print_cached
