#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vm.sh -k 6.1|6.12-16k [OPTION...] -- COMMAND
#
# Does for arm64 what tests/kernel/vm/vm.sh does, with kernel.sh and tools.sh: boots that
# kernel in QEMU, with an initramfs of busybox, the given files and the shared libraries of
# each ELF program. Runs COMMAND, shell text, in the VM's /root and exits with its status.
#
#  -s CPUS      number of CPUs (2)
#  -m MEGABYTES size of memory (1024)
#  -t SECONDS   time limit of the whole run (600)
#  -f SRC[:DST] copy a file into the VM. DST is relative to /root, which is in PATH; the
#               default is the name of SRC. May be repeated.
#  -r DIR       copy the files that COMMAND leaves in /out to DIR
#  -o LOGFILE   write the console's output to LOGFILE
#
# Exit status, besides COMMAND's: 99 the kernel complained (see tests/kernel/vm/splat.sh), 124
# timeout, 125 the VM did not run, or it ended without a result of COMMAND.

set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 125
# shellcheck source=tests/kernel/vm/common.sh
. "$here/../vm/common.sh"

series='' cpus=2 memory=1024 limit=600 log='' out='' files=()
while getopts k:s:m:t:f:r:o: opt; do
	case $opt in
	k) series=$OPTARG ;;
	s) cpus=$OPTARG ;;
	m) memory=$OPTARG ;;
	t) limit=$OPTARG ;;
	f) files+=("$OPTARG") ;;
	r) out=$OPTARG ;;
	o) log=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
if [ -z "$series" ] || [ $# != 1 ]; then usage; fi

vars=$("$here/kernel.sh" "$series") || die "no kernel $series"
eval "$vars"
vars=$("$here/tools.sh") || die "no QEMU"
eval "$vars"
sysroot=$("$here/sysroot.sh") || die "no busybox"

vm_begin

# libs PROGRAM: copies the libraries of the program, and theirs, from the sysroot.
libs() {
	local lib from
	while read -r lib; do
		[ ! -e "$root/lib/$lib" ] || continue
		for from in "$sysroot"/{,usr/}lib/aarch64-linux-gnu/"$lib" "$sysroot/lib/$lib" ''; do
			[ ! -f "$from" ] || break
		done
		[ -n "$from" ] || { say "$1 needs $lib, which the sysroot does not have"; return 1; }
		cp -L "$from" "$root/lib/$lib" && libs "$from" || return 1
	done < <(LC_ALL=C readelf -dl "$1" 2>/dev/null | sed -n -e 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' \
		-e 's|.*program interpreter: /lib/\(.*\)\].*|\1|p')
}

build_initramfs() {
	local spec src dst
	vm_root "$sysroot/bin/busybox" || return 1
	# The serial ports of this machine have other names.
	sed 's|/dev/ttyS1|/dev/ttyAMA1|' "$here/../vm/init" >"$root/init" &&
		grep -q ttyAMA1 "$root/init" && chmod 755 "$root/init" || return 1
	for spec in ${files[@]+"${files[@]}"}; do
		src=${spec%%:*} dst=
		[ "$src" = "$spec" ] || dst=${spec#*:}
		dst=$root/root/${dst:-${src##*/}}
		mkdir -p "${dst%/*}" && cp -L "$src" "$dst" || return 1
		[[ $src == *.ko ]] || libs "$src" || return 1
	done
	printf '%s\n' "$1" >"$root/vm/command"
	vm_pack
}

build_initramfs "$1" || die "no initramfs"
rm -rf "$root"

cmdline="console=ttyAMA0 quiet printk.time=1 panic=-1 oops=panic log_buf_len=4M"
cmdline+=" cryptomgr.notests mitigations=off"
mkfifo "$tmp/console" || die "no pipe"
tr -d '\r' <"$tmp/console" >>"$log" &
console_pid=$!
# The architecture's own algorithm of pointer authentication would cost the emulator most of
# its time. QEMU is in the background, so that a signal to this script ends it at once.
timeout -k 5 "$limit" "$QEMU" -L "$QEMU_DATA" -M virt,gic-version=3 \
	-accel tcg,thread=multi -cpu "${QEMU_CPU:-max,pauth-impdef=on}" -smp "$cpus" -m "$memory" \
	-nodefaults -no-user-config -no-reboot -display none \
	-chardev stdio,id=console,signal=off -serial chardev:console \
	-chardev file,id=result,path="$tmp/result" -serial chardev:result \
	-kernel "$KIMAGE" -initrd "$tmp/initramfs" -append "$cmdline" \
	</dev/null >"$tmp/console" 2>"$tmp/errors" &
qemu_pid=$!
wait "$qemu_pid"
rc=$?
qemu_pid=
wait "$console_pid"

vm_end "$rc" show
