#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# tools.sh [-u]: puts a cross compiler and QEMU for arm64 into the cache and prints shell
# assignments: CROSS (the prefix of gcc, objdump and the rest), QEMU_USER, QEMU (the
# system emulator) and QEMU_DATA (for -L). -u searches for newer packages first; without -u
# the script uses the cached packages, offline.
#
# The packages are unpacked, not installed: Debian's gcc-multilib, which builds the 32-bit
# tests, conflicts with every cross compiler. The programs run with the libraries of the
# installed gcc and qemu-system-x86. QEMU comes from backports; tests/kernel/vm/qemu.sh says
# why.

set -eu
umask 022

debs_name=tools.sh
# shellcheck source=tests/kernel/vm/debs.sh
. "$(dirname "$0")/../vm/debs.sh"

base=$SEQRING_CACHE/arm64-tools
# The name depends on this script, since a cache filled by another version may lack something.
link=current-$(cksum <"$0" | cut -d " " -f 1)
if debs_option "$@"; then shift; fi
[ $# = 0 ] || { echo "usage: $0 [-u]" >&2; exit 2; }

print_cached() {
	dir=$base/$(readlink "$base/$link") && [ -f "$dir/complete" ] || return 1
	echo "CROSS=$(debs_quote "$dir/bin/aarch64-linux-gnu-")"
	echo "QEMU_USER=$(debs_quote "$dir/usr/bin/qemu-aarch64")"
	echo "QEMU=$(debs_quote "$dir/usr/bin/qemu-system-aarch64")"
	echo "QEMU_DATA=$(debs_quote "$dir/usr/share/qemu")"
}

# versions NAME...: prints NAME=VERSION of each package, with its newest version.
versions() {
	for name; do
		ver=$(debs_version "$name" '')
		[ -n "$ver" ] || debs_missing "$name"
		echo "$name=$ver"
	done
}

fill() {
	compiler='gcc-12-aarch64-linux-gnu cpp-12-aarch64-linux-gnu binutils-aarch64-linux-gnu
		libgcc-12-dev-arm64-cross'
	debs_update bookworm ''
	# shellcheck disable=SC2086 # a list
	compiler=$(versions $compiler)
	# shellcheck disable=SC2086 # a list
	debs_unpack $compiler
	rm -rf "$debs_tmp/sources.d" "$debs_tmp/state" "$debs_tmp/debs"
	debs_update bookworm bookworm-backports
	qemu=$(versions qemu-system-arm qemu-system-data qemu-user)
	# shellcheck disable=SC2086 # a list
	debs_unpack $qemu
	root=$debs_tmp/root
	rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale
	find "$root/usr/bin" -name 'qemu-*' ! -name qemu-aarch64 \
		! -name qemu-system-aarch64 -delete
	# Each tool has two names, with the version and without. The wrapper sets the path of
	# binutils' libraries, which gcc passes on to the assembler and the linker.
	mkdir "$root/bin"
	cat >"$root/bin/run" <<-'EOF'
		#!/bin/sh
		dir=${0%/bin/*}
		name=$dir/usr/bin/${0##*/}
		[ -e "$name" ] || name=$name-12
		export LD_LIBRARY_PATH="$dir/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
		exec "$name" "$@"
	EOF
	chmod +x "$root/bin/run"
	for file in "$root"/usr/bin/aarch64-linux-gnu-*; do
		name=${file##*/}
		ln -s run "$root/bin/$name"
		[ "$name" = "${name%-12}" ] || ln -s run "$root/bin/${name%-12}"
	done
	for file in bin/aarch64-linux-gnu-gcc bin/aarch64-linux-gnu-objdump \
		usr/bin/qemu-aarch64 usr/bin/qemu-system-aarch64; do
		"$root/$file" --version >"$debs_tmp/version.log" 2>&1 || {
			cat "$debs_tmp/version.log" >&2
			debs_die "${file##*/} does not run here: are the libraries of gcc-12 and" \
				"qemu-system-x86 installed (tests/deps.sh arm64)?"
		}
	done
	debs_place=$(echo "$compiler $qemu $link" | sha256sum | cut -c 1-16)
	debs_keep "$base" "$root" "$compiler $qemu"
}

debs_print "$base" "$link"
