#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# user.sh: builds everything for arm64, runs the tests that qemu-user can run, and checks
# the fences in the compiled code (barriers.py). Prints ok and not ok lines. The exit status
# is 1 when a test failed. SECONDS_EACH sets how long each torture runs.
#
# qemu-user translates arm64 instructions to x86 ones and keeps the fences. So these tests
# show that the compiled code works and that arm64's system calls and layouts are as
# expected. They do not show how a processor reorders; barriers.py and tests/proof/model
# cover that.
#
# qemu-user has no bpf(2), so nothing of tests/bpf runs here.

set -u
cd "$(dirname "$0")/../../.." || exit 1
seconds=${SECONDS_EACH:-4}
o=build/arm64
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

# PROGRAM TEST REASON: tests that qemu-user makes fail or skip. They run in the VM
# (guest.sh), except those of zstd.
not_here='
test_serve test_bad_greetings qemu-user keeps surplus descriptors of a message open
test_owner test_by_pid qemu-user shows a process another start time of its own
test_owner test_pidfd qemu-user shows a process another start time of its own
test_kind test_doorbells_without_proc it lacks io_setup(2), which finds an eventfd without /proc
test_resident test_prefault page faults, mincore(2) and memory locks are those of qemu-user itself
test_resident test_one_ring page faults, mincore(2) and memory locks are those of qemu-user itself
test_resident test_lock page faults, mincore(2) and memory locks are those of qemu-user itself
test_resident test_limit page faults, mincore(2) and memory locks are those of qemu-user itself
test_seccomp test_wait_looks_again qemu-user passes no filter of system calls on
test_seccomp test_wait_any_looks_again qemu-user passes no filter of system calls on
test_seccomp test_fd_looks_again qemu-user passes no filter of system calls on
test_seccomp test_adopt_uses_a_fence qemu-user passes no filter of system calls on
test_seccomp test_create_uses_a_fence qemu-user passes no filter of system calls on
test_bpf_rights test_lacks_both it has no bpf(2), so nothing tells which right is missing
test_bpf_rights test_lacks_perfmon it has no bpf(2), so nothing tells which right is missing
test_bpf_rights test_lacks_bpf it has no bpf(2), so nothing tells which right is missing
test_bpf_rights test_lacks_call it has no bpf(2), so nothing tells which right is missing
test_bpf_rights test_lacks_nothing it has no bpf(2), so nothing tells which right is missing
test_record_zstd test_a_compressed_recording_reads_as_the_ring the libraries for arm64 have no libzstd; test_record_no_zstd runs
test_record_zstd test_noise_is_not_compressed the libraries for arm64 have no libzstd; test_record_no_zstd runs
test_record_zstd test_hostile_frames_are_lost the libraries for arm64 have no libzstd; test_record_no_zstd runs
test_wake_thread test_published_while_waking it lacks io_setup(2), by which the thread wakes readers
test_wake_thread test_published_while_waking_with_a_fence it lacks io_setup(2), by which the thread wakes readers
'

not_ok() {
	echo "not ok $1 - $2"
	failed=1
}

mkdir -p build/log
if make -j2 SAN=arm64 everything >build/log/arm64-make.log 2>&1; then
	echo "ok build for arm64"
else
	tail -n 20 build/log/arm64-make.log
	not_ok 'build for arm64' 'see build/log/arm64-make.log'
	exit 1
fi
vars=$(tests/kernel/arm64/tools.sh) && sysroot=$(tests/kernel/arm64/sysroot.sh) ||
	{ not_ok arm64.tools 'no QEMU'; exit 1; }
eval "$vars"

arm64() { timeout 300 "$QEMU_USER" -L "$sysroot" "$@" </dev/null; }

# excused PROGRAM TEST: prints why the test is not judged here, or nothing if it is.
excused() {
	printf '%s' "$not_here" | while read -r program test reason; do
		if [ "$1 $2" = "$program $test" ]; then
			echo "$reason"
		fi
	done
}

# unit NAME: runs a unit test and passes its lines on.
unit() {
	local name=$1 status line test why bad=0
	CMOCKA_MESSAGE_OUTPUT=TAP arm64 "$o/tests/unit/$name" >"$tmp/out" 2>&1
	status=$?
	while IFS= read -r line; do
		case $line in
		'ok '* | '# '* | [0-9]*..*) echo "$line" ;;
		'not ok '*)
			test=${line##* }
			why=$(excused "$name" "$test")
			if [ -n "$why" ]; then
				echo "# $name $test: not judged here: $why"
			else
				echo "$line"
				failed=1
			fi
			bad=1
			;;
		esac
	done <"$tmp/out"
	# The program may have ended before its last test.
	if [ "$(grep -cE '^(not )?ok ' "$tmp/out")" != "$(sed -n 's/^1\.\.//p' "$tmp/out")" ]; then
		not_ok "$name" "status $status, not all of its tests: $(tail -n 1 "$tmp/out")"
	elif [ $status != 0 ] && [ $bad = 0 ]; then
		not_ok "$name" "status $status"
	fi
}

# run NAME PROGRAM ARG...: reports ok when the program succeeds.
run() {
	local name=$1
	shift
	if arm64 "$@" >"$tmp/out" 2>&1; then
		sed 's/^\([^#]\)/# \1/' "$tmp/out"
		echo "ok $name"
	else
		not_ok "$name" "status $?: $(tail -n 1 "$tmp/out")"
	fi
}

for program in "$o"/tests/unit/test_*; do
	[[ $program == *.* ]] || unit "${program##*/}"
done
torture=$o/tests/stress/torture
run 'torture, small ring, arm64' "$torture" --seconds "$seconds" --seed 1 \
	--data-size 65536 --readers 4
run 'torture, large ring, arm64' "$torture" --seconds "$seconds" --seed 2 \
	--data-size 4194304 --readers 3
run 'torture, where 32 bits overflow, arm64' "$torture" --seconds "$seconds" --seed 3 \
	--data-size 65536 --readers 3 --start-pos 4294000000
run 'no wake-up is lost, arm64' "$o/tests/stress/wake"
run 'no wake-up is lost with membarrier, arm64' "$o/tests/stress/wake" --light 40000
tests/kernel/arm64/barriers.py || failed=1
exit $failed
