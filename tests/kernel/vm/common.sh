# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# Functions that the vm.sh of each architecture shares; sourced. vm.sh sets limit, log and out
# from its options, then calls vm_begin.

say() { echo "vm.sh: $*" >&2; }
die() { say "CANNOT RUN THE VM: $*"; exit 125; }
usage() { sed -n '4,/^$/s/^#\( \|$\)//p' "$0" >&2; exit 125; }

# shellcheck disable=SC2317 # the trap reaches it
vm_cleanup() {
	[ -z "$qemu_pid" ] || { kill "$qemu_pid" && wait "$qemu_pid"; } 2>/dev/null
	[ -z "$tmp" ] || rm -rf "$tmp"
}

# vm_begin: makes the directory $tmp and empties the log; $root, in $tmp, is for the initramfs.
# When the script ends, also by a signal, a trap kills $qemu_pid and removes $tmp.
vm_begin() {
	qemu_pid=''
	tmp=$(mktemp -d) || die "no temporary directory"
	trap vm_cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	root=$tmp/root
	log=${log:-$tmp/log}
	: >"$log" || die "cannot write $log"
}

# vm_root BUSYBOX: fills $root with the files of every initramfs.
vm_root() {
	mkdir -p "$root"/{bin,sbin,lib,etc,dev,proc,sys,tmp,root,run,out,vm,usr,var} &&
		ln -s ../bin "$root/usr/bin" && ln -s ../bin "$root/usr/sbin" &&
		cp "$1" "$root/bin/busybox" || return 1
	printf '%s\n' root:x:0:0::/root:/bin/sh user:x:1000:1000::/tmp:/bin/sh \
		nobody:x:65534:65534::/:/bin/sh >"$root/etc/passwd"
	printf '%s\n' root:x:0: user:x:1000: nogroup:x:65534: >"$root/etc/group"
}

# vm_pack: packs $root into $tmp/initramfs.
vm_pack() {
	(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$tmp/initramfs" &&
		[ -s "$tmp/initramfs" ]
}

# vm_end RC SHOW: evaluates the files that QEMU left and ends the script. RC is QEMU's exit
# status. If there is no result and SHOW is not empty, prints the end of the log.
vm_end() {
	local rc=$1 show=$2 status='' splat='' f
	mkdir "$tmp/got"
	if tar -C "$tmp/got" -xf "$tmp/result" 2>"$tmp/tar" && [ -s "$tmp/got/vm/status" ]; then
		read -r status <"$tmp/got/vm/status"
	fi

	# On the console COMMAND's output may cut the kernel's lines; the dmesg has them whole.
	for f in "$tmp/got/vm/dmesg" "$log"; do
		[ -f "$f" ] || continue
		"${BASH_SOURCE[0]%/*}/splat.sh" "$f" >"$tmp/splat" || { splat=1; break; }
	done
	if [ -n "$splat" ]; then
		say "THE KERNEL COMPLAINED:"
		cat "$tmp/splat" >&2
	fi

	if [ -n "$out" ]; then
		mkdir -p "$out" || die "cannot make $out"
		[ ! -d "$tmp/got/out" ] || cp -a "$tmp/got/out/." "$out"
	fi

	if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
		say "timeout: not done after $limit s"
		[ ! -f "$tmp/cpus" ] || { say "its CPUs:"; cat "$tmp/cpus"; } >&2
		exit 124
	elif [ -n "$splat" ]; then
		exit 99
	elif [ -z "$status" ]; then
		[ -z "$show" ] || tail -n 20 "$log" >&2
		cat "$tmp/errors" >&2
		die "it ended without a result (QEMU's exit status $rc)"
	fi
	exit "$status"
}
