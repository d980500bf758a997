#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# selftest.sh [6.1|6.12...]: checks that vm.sh and splat.sh report what happened.
# Above all, they must never report a failure as a pass.

# shellcheck disable=SC2016 # for the shell in the VM
set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

ok() { echo "ok $1"; }
not_ok() {
	echo "not ok $1 - $2"
	failed=1
}

# vm NAME EXPECTED-STATUS VM.SH-ARGUMENT...: runs vm.sh and checks its exit status.
vm() {
	local name=$1 want=$2 got=0
	shift 2
	"$here/vm.sh" -q -o "$tmp/log" "$@" 2>"$tmp/err" || got=$?
	if [ $got = "$want" ]; then
		ok "$name"
	else
		not_ok "$name" "exit status $got instead of $want"
		tail -n 15 "$tmp/log" "$tmp/err" | sed 's/^/# /'
		return 1
	fi
}

# splat NAME EXPECTED-STATUS LOG-LINE: runs splat.sh on the line and checks its exit status.
splat() {
	local got=0
	printf '%s\n' "$3" >"$tmp/lines"
	"$here/splat.sh" "$tmp/lines" >"$tmp/found" || got=$?
	if [ $got != "$2" ]; then
		not_ok "splat: $1" "exit status $got instead of $2"
	elif [ $got = 1 ] && ! grep -qF -- "$3" "$tmp/found"; then
		not_ok "splat: $1" "the line is not shown"
	else
		ok "splat: $1"
	fi
}

splat "warning" 1 '[    3.1] x[    3.123456] WARNING: CPU: 1 PID: 9 at a.c:1 f+0x1/0x2 [m]'
splat "lockdep" 1 '[    3.123456] WARNING: possible circular locking dependency detected'
splat "lockdep's end" 1 '[    3.123456] INFO: lockdep is turned off.'
splat "null pointer" 1 '[   13.123456] BUG: kernel NULL pointer dereference, address: 0000000000000000'
splat "oops" 1 '[   13.123456] Oops: 0000 [#1] PREEMPT SMP NOPTI'
splat "int3" 1 '[   13.123456] int3: 0000 [#1] PREEMPT SMP NOPTI'
splat "kernel fault" 1 '[   13.123456] general protection fault, probably for non-canonical address 0x1: 0000 [#1]'
splat "trace" 1 '[   13.123456] Call Trace:'
splat "panic" 1 '[   13.123456] Kernel panic - not syncing: Fatal exception'
splat "kasan" 1 '[   13.123456] BUG: KASAN: slab-out-of-bounds in f+0x1/0x2 [m]'
splat "ubsan" 1 '[   13.123456] UBSAN: array-index-out-of-bounds in a.c:1:2'
splat "rcu stall" 1 '[   33.123456] rcu: INFO: rcu_preempt self-detected stall on CPU'
splat "soft lockup" 1 '[   33.123456] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [a:1]'
splat "hung task" 1 '[  243.123456] INFO: task a:1 blocked for more than 120 seconds.'
splat "atomic" 1 '[   13.123456] BUG: scheduling while atomic: a/1/0x00000002'
splat "refcount" 1 '[   13.123456] refcount_t: underflow; use-after-free.'
splat "leak" 1 '[   13.123456] kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)'
splat "allocation" 1 '[   13.123456] insmod: page allocation failure: order:10, mode:0xcc0'
splat "slab" 1 '[   13.123456] BUG kmalloc-64 (Tainted: G           O): Poison overwritten'
splat "with a caller" 1 '[   13.123456][  T123] list_del corruption. next->prev should be 1'
splat "user's fault" 0 '[   13.123456] traps: a[1] general protection fault ip:1 sp:2 error:0 in a[1+1]'
splat "user's crash" 0 '[   13.123456] a[1]: segfault at 0 ip 1 sp 2 error 4 in a[1+1]'
splat "taint" 0 '[   13.123456] m: loading out-of-tree module taints kernel.'
splat "signature" 0 '[   13.123456] m: module verification failed: signature and/or required key missing - tainting kernel'
splat "injected failures" 0 "[   13.123456] t_fault: failures are injected
[   14.123456] Call Trace:
[   14.133456]  ? lockdep_hardirqs_on+0x7e/0x100
[   14.223456] kmemleak: 6 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
[   15.123456] t_fault: no more failures"
splat "oops of an injected failure" 1 "[   13.123456] t_fault: failures are injected
[   14.123456] BUG: kernel NULL pointer dereference, address: 0000000000000000"
splat "trace after injected failures" 1 "[   13.123456] t_fault: failures are injected
[   15.123456] t_fault: no more failures
[   14.123456] Call Trace:"

# race NAME EXPECTED-STATUS FIRST-STACK SECOND-STACK [MORE]: runs splat.sh on a race of two
# accesses. A stack is a list of functions; [NAME] behind a function means that module.
race() {
	local rule='[    3.123456] ==========' lines access stack call
	lines="$rule"$'\n[    3.123456] BUG: KCSAN: data-race in f / g'
	access='read to 0xffff88803c21e12c of 4 bytes by task 9 on cpu 0:'
	for stack in "$3" "$4"; do
		lines+=$'\n'"[    3.123456] $access"
		access='write to 0xffff88803c21e12c of 4 bytes by interrupt on cpu 1:'
		for call in $stack; do
			lines+=$'\n'"[    3.123456]  ${call%%[*}+0x3a/0x150"
			[ "$call" = "${call%%[*}" ] || lines+=" [${call#*[}"
		done
	done
	splat "race $1" "$2" "$lines"$'\n'"$rule${5-}"
}

race "of the kernel" 0 'do_sys_poll x64_sys_poll' 'pollwake wake_up wake[seqring]'
race "of a module" 1 'f[seqring] g' 'h i'
race "of a module and the kernel" 1 'do_sys_poll x64_sys_poll' 'f[m_2] g'
race "by a module's call" 1 'bin2hex f[seqring]' 'bin2hex x'
race "without a stack" 1 'f g' ''
race "and more" 1 'f g' 'h i' $'\n[    3.123456] WARNING: CPU: 1 PID: 9 at a.c:1 f+0x1/0x2 [m]'
splat "race with a truncated report" 1 '[    3.123456] =====
[    3.123456] BUG: KCSAN: data-race in f / g
[    3.123456] read to 0xffff88803c21e12c of 4 bytes by task 9 on cpu 0:
[    3.123456]  f+0x3a/0x150'
splat "race with an empty report" 1 '[    3.123456] =====
[    3.123456] BUG: KCSAN: data-race in f / g
[    3.123456] ====='

splat "user's words" 0 'ok 3 WARNING: BUG: Oops Call Trace'

[ $# -gt 0 ] || set -- 6.1 6.12
for k; do
	if ! vars=$("$here/kernel.sh" "$k"); then
		not_ok "$k: kernel" "kernel.sh failed"
		continue
	fi
	eval "$vars"
	mkdir "$tmp/$k" && cp "$here"/warn/* "$tmp/$k"
	if ! make -C "$KHEADERS" M="$tmp/$k" CONFIG_DEBUG_INFO_BTF_MODULES= modules \
		>"$tmp/make" 2>&1; then
		not_ok "$k: build" "make failed"
		sed 's/^/# /' "$tmp/make"
		continue
	fi
	vm "$k: pass" 0 -k "$k" -- true
	vm "$k: loaded module that warns" 99 -k "$k" -f "$tmp/$k/warn.ko" -- insmod warn.ko
	grep -q 'warn_init' "$tmp/err" || not_ok "$k: warning shown" "it is not in the output"
	vm "$k: panic" 99 -k "$k" -- 'echo c >/proc/sysrq-trigger'
done

# The rest does not depend on the kernel.
k=$1
vm "status" 7 -k "$k" -- 'exit 7'
vm "killed" 137 -k "$k" -- 'kill -9 $$'
vm "timeout" 124 -k "$k" -t 15 -- sleep 1000
vm "ended by itself" 125 -k "$k" -- 'poweroff -f; sleep 100'
vm "no such kernel" 125 -k 5.99 -- true
vm "no such file" 125 -k "$k" -f "$tmp/none" -- true
vm "QEMU fails" 125 -k "$k" -m none -- true

mkdir -p "$tmp/dir/sub" && echo text >"$tmp/dir/sub/file name"
vm "files, arguments and results" 0 -k "$k" -f "$tmp/dir" -f /usr/bin/sort:/opt/ -f "$0:self" \
	-r "$tmp/out/new" -- sh -c 'set -ex
		[ "$(cat "$1")" = text ] && [ "$2" = "it'\''s" ]
		[ "$(printf "2\n1\n" | /opt/sort | head -n 1)" = 1 ]
		[ -s self ] && [ -c /dev/null ] && [ -d /proc/1 ] && [ -d /sys/module ]
		grep -q " /dev/shm " /proc/mounts; grep -q " /dev/pts " /proc/mounts
		ping -c 1 127.0.0.1; [ "$(nproc)" = 2 ]
		echo out >/out/result; head -c 300000 /dev/urandom >/out/large
		md5sum /out/large >/out/sum' sh 'dir/sub/file name' "it's"
if [ "$(cat "$tmp/out/new/result" 2>/dev/null)" = out ] &&
	[ "$(md5sum <"$tmp/out/new/large")" = "$(cut -d' ' -f1 "$tmp/out/new/sum")  -" ]; then
	ok "results"
else
	not_ok "results" "the files in /out did not arrive"
fi

vm "words are not a complaint" 0 -k "$k" -- 'echo "WARNING: BUG: Oops Call Trace:"'
vm "cpus and command line" 0 -k "$k" -s 1 -m 512 -a 'seqring_a=b' -- \
	'[ "$(nproc)" = 1 ] && grep -w seqring_a=b /proc/cmdline'

echo 'int main(void) { return 5; }' >"$tmp/m32.c"
if gcc -m32 -o "$tmp/m32" "$tmp/m32.c" 2>/dev/null; then
	vm "32-bit program" 5 -k "$k" -f "$tmp/m32" -- ./m32
else
	echo "# no 32-bit compiler: the test of a 32-bit program is left out"
fi

"$here/vm.sh" -k "$k" -q -- sleep 1000 2>/dev/null &
pid=$!
child=
for _ in $(seq 300); do
	child=$(pgrep -P "$pid" timeout) && break
	sleep 0.1
done
kill "$pid"
wait "$pid"
if [ -n "$child" ] && ! kill -0 "$child" 2>/dev/null; then
	ok "killing vm.sh ends QEMU"
else
	not_ok "killing vm.sh ends QEMU" "QEMU did not start, or it still runs"
fi

exit $failed
