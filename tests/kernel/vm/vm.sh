#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vm.sh -k SERIES [OPTION...] -- COMMAND...
#
# Boots the kernel that kernel.sh knows by that name in QEMU, with an initramfs of busybox and
# the given files. Runs COMMAND with sh in the VM's /root and exits with its status.
# A COMMAND of one word is shell text; several words are a command and its arguments.
#
#  -s CPUS      number of CPUs (2)
#  -m MEGABYTES size of memory (1024)
#  -t SECONDS   time limit of the whole run (600)
#  -f SRC[:DST] copy a file or a directory into the VM, and the shared libraries of
#               each ELF program. DST is relative to /root, which is in PATH; the
#               default is the name of SRC. May be repeated.
#  -r DIR       copy the files that COMMAND leaves in /out to DIR (small files)
#  -o LOGFILE   write the console's output to LOGFILE
#  -a WORDS     add words to the kernel's command line
#  -i           let the VM's clock count instructions, one nanosecond each: exact, but
#               slow, and one CPU runs at a time
#  -q           do not show the console
#
# Exit status, besides COMMAND's: 99 the kernel complained (see splat.sh),
# 124 timeout, 125 the VM did not run, or it ended without a result of COMMAND.

set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 125
# shellcheck source=tests/kernel/vm/common.sh
. "$here/common.sh"

series='' cpus=2 memory=1024 limit=600 log='' out='' extra='' quiet='' icount='' files=()
while getopts k:s:m:t:f:r:o:a:iq opt; do
	case $opt in
	k) series=$OPTARG ;;
	s) cpus=$OPTARG ;;
	m) memory=$OPTARG ;;
	t) limit=$OPTARG ;;
	f) files+=("$OPTARG") ;;
	r) out=$OPTARG ;;
	o) log=$OPTARG ;;
	a) extra=$OPTARG ;;
	i) icount=1 ;;
	q) quiet=1 ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
if [ -z "$series" ] || [ $# = 0 ]; then usage; fi

for cmd in busybox cpio ldd; do
	command -v $cmd >/dev/null || die "no $cmd: run tests/deps.sh vm"
done
vars=$("$here/kernel.sh" "$series") || die "no kernel $series"
eval "$vars"
vars=$("$here/qemu.sh") || die "no QEMU"
eval "$vars"

vm_begin

# libs FILE...: copies the libraries of the ELF programs among the files. Each library
# keeps its path on the host, so that rpaths and the loader's cache stay valid. The
# loader lists the libraries; ldd_by_hand does if the host's kernel cannot run the
# program (a 32-bit one, for example).
declare -A have=() dirs=()
libs() {
	local f lib list magic
	for f; do
		[[ -f $f && ! -L $f && $f != *.ko ]] || continue
		IFS= read -r -N 4 magic <"$f" 2>/dev/null
		[ "$magic" = $'\x7fELF' ] || continue
		if ! list=$(ldd "$f" 2>/dev/null); then
			list=$(ldd_by_hand "$f") || return 1
		fi
		if [[ $list == *"not found"* ]]; then
			grep 'not found' <<<"$list" >&2
			say "libraries of $f are missing"
			return 1
		fi
		while read -r lib; do
			[ -z "${have[$lib]-}" ] || continue
			have[$lib]=1
			mkdir -p "$root${lib%/*}" && cp -L "$lib" "$root$lib" || return 1
			case ${lib%/*} in
			/lib | /lib/*-linux-gnu | /lib64 | /lib32 | /usr/lib | \
				/usr/lib/*-linux-gnu | /usr/lib32) ;;
			*) dirs[${lib%/*}]=1 ;;
			esac
		done < <(sed -n 's/^[^/]*\(\/.*\) (0x[0-9a-f]*)$/\1/p' <<<"$list")
	done
}
# ldd_by_hand PROGRAM: lists the libraries in the format of ldd, by the ELF headers.
ldd_by_hand() {
	local todo=("$1") seen=' ' f lib dir path bits
	path=$(LC_ALL=C readelf -l "$1" 2>/dev/null |
		sed -n 's/.*program interpreter: \(.*\)\].*/\1/p')
	[ -n "$path" ] || return 0	# static
	[ -f "$path" ] || { say "$1 needs $path, which this machine does not have"; return 1; }
	echo "$path (0x0)"
	bits=$(elf_class "$1")
	while [ ${#todo[@]} -gt 0 ]; do
		f=${todo[0]}
		todo=("${todo[@]:1}")
		while read -r lib; do
			[[ $seen != *" $lib "* ]] || continue
			seen+="$lib "
			[ "$lib" != "${path##*/}" ] || continue
			for dir in ${LD_LIBRARY_PATH:+${LD_LIBRARY_PATH//:/ }} /lib32 /usr/lib32 \
				/lib/*-linux-gnu /usr/lib/*-linux-gnu /lib /usr/lib ''; do
				[ -f "$dir/$lib" ] && [ "$(elf_class "$dir/$lib")" = "$bits" ] &&
					break
			done
			if [ -z "$dir" ]; then
				echo "$lib => not found"
			else
				echo "$lib => $dir/$lib (0x0)"
				todo+=("$dir/$lib")
			fi
		done < <(LC_ALL=C readelf -d "$f" |
			sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p')
	done
}

elf_class() { od -An -tx1 -j 4 -N 1 "$1"; }

quote() { printf "'%s' " "${1//\'/\'\\\'\'}"; }

build_initramfs() {
	vm_root "$(command -v busybox)" && cp "$here/init" "$root/init" &&
		chmod 755 "$root/init" || return 1

	local spec src dst
	for spec in ${files[@]+"${files[@]}"}; do
		src=$spec dst=
		if [ ! -e "$src" ]; then
			src=${spec%%:*}
			[ "$src" = "$spec" ] || dst=${spec#*:}
		fi
		[ -e "$src" ] || { say "no file $src"; return 1; }
		[[ $dst = /* ]] || dst=/root/$dst
		[[ $dst != */ ]] || dst+=$(basename "$src")
		if [ -d "$src" ]; then
			mkdir -p "$root$dst" && cp -a "$src/." "$root$dst" || return 1
			local each=()
			readarray -d '' each < <(find "$src" -type f -print0)
			libs ${each[@]+"${each[@]}"} || return 1
		else
			mkdir -p "$root${dst%/*}" && cp -L "$src" "$root$dst" || return 1
			libs "$(readlink -f "$src")" || return 1
		fi
	done
	if [ ${#have[@]} -gt 0 ]; then
		cp /etc/ld.so.cache "$root/etc" 2>/dev/null
		(IFS=:; echo "${!dirs[*]}") >"$root/vm/libpath"
	fi

	if [ $# = 1 ]; then
		printf '%s\n' "$1"
	else
		for word; do quote "$word"; done
		echo
	fi >"$root/vm/command"
	vm_pack
}

build_initramfs "$@" || die "no initramfs"
rm -rf "$root"

# The words of the second line make the boot faster; tsc=reliable also lets each read of
# the clock avoid an emulated device. There is no keyboard, and its driver has a data race.
cmdline="console=ttyS0 quiet printk.time=1 panic=-1 oops=panic log_buf_len=4M"
cmdline+=" tsc=reliable no_timer_check cryptomgr.notests mitigations=off i8042.nokbd i8042.noaux"
# init starts KCSAN if the kernel has it. On each CPU, KCSAN watches one access in 300, not
# one in 4000.
cmdline+=" kcsan.early_enable=0 kcsan.skip_watch=300"
cmdline+=" $extra"
if [ -n "$icount" ]; then
	QEMU_ACCEL=tcg,thread=single
	cmdline+=" tsc_early_khz=1000000"
fi

mkfifo "$tmp/console" "$tmp/monitor.in" "$tmp/monitor.out" || die "no pipe"

# run_vm: runs the VM to its end. QEMU is in the background, so that a signal to this script
# ends it at once.
run_vm() {
	if [ -n "$quiet" ]; then
		stdbuf -oL tr -d '\r' <"$tmp/console" >>"$log" &
	else
		stdbuf -o0 tr -d '\r' <"$tmp/console" | tee -a "$log" &
	fi
	console_pid=$!
	timeout -k 5 "$limit" "$QEMU" ${QEMU_DATA:+-L "$QEMU_DATA"} \
		-accel "$QEMU_ACCEL" ${icount:+-icount shift=0} -cpu "$QEMU_CPU" -smp "$cpus" \
		-m "$memory" -nodefaults -no-user-config -no-reboot -display none \
		-chardev stdio,id=console,signal=off -serial chardev:console \
		-chardev file,id=result,path="$tmp/result" -serial chardev:result \
		-chardev pipe,id=monitor,path="$tmp/monitor" -mon chardev=monitor \
		-kernel "$VMLINUX" -initrd "$tmp/initramfs" -append "$cmdline" \
		</dev/null >"$tmp/console" 2>"$tmp/errors" &
	qemu_pid=$!
	watch $qemu_pid &
	wait "$qemu_pid"
	rc=$?
	qemu_pid=
	wait "$console_pid"
}

# watch PID: kills QEMU if the console stays empty for $boot_limit seconds, and tells run_vm's
# caller to try again: on a busy host an emulated CPU may fail to come up, even before there is
# a console. If the VM does not end, records the state of its CPUs just before the time limit.
watch() {
	local begin=$SECONDS
	while sleep 0.5 && kill -0 "$1" 2>/dev/null; do
		if [ ! -s "$log" ] && [ $((SECONDS - begin)) -ge $boot_limit ]; then
			touch "$tmp/no_boot"
			kill "$1"
		elif [ $((SECONDS - begin)) -ge $((limit - 4)) ]; then
			show_cpus >"$tmp/cpus"
			return
		fi
	done
}

# show_cpus: prints the state of the CPUs twice; the difference shows which of them still run.
show_cpus() {
	for _ in 1 2; do
		printf '%s\n' 'info registers -a' 'info lapic 0' 'info lapic 1' >"$tmp/monitor.in"
		timeout 1 cat "$tmp/monitor.out" | tr -d '\r' |
			grep -aE '^(CPU#|[RE]IP=|dumping|Timer|IRR|ISR)'
	done
}

boot_limit=100
# A kernel with sanitizers takes minutes on a busy host.
[[ $series != debug-* ]] || boot_limit=300
for try in 1 2 3; do
	rm -f "$tmp/no_boot"
	run_vm
	[ -e "$tmp/no_boot" ] || break
	say "nothing came from the VM for $boot_limit s, try $try"
done

# Without -q the console was shown already.
vm_end "$rc" "$quiet"
