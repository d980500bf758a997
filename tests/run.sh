#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [SUITE...]: all the tests, or those named. A suite prints lines `ok ...`,
# `not ok ...` and `skip ...` (or TAP's `ok ... # SKIP`), which are counted; all it
# says is kept in build/log/. The last line is `N passed, N failed, N skipped`.
#
# SEQRING_STRICT=1 turns a skip into a failure: for machines where nothing may be
# missing.

set -u
cd "$(dirname "$0")/.." || exit 1
mkdir -p build/log
passed=0 failed=0 skipped=0
strict=${SEQRING_STRICT:-0}

# Runs a command as a suite. Its exit status must agree with what it printed.
suite() {
	local name=$1 log=build/log/$1.log start=$SECONDS ok bad skip status
	shift
	printf '== %s\n' "$name"
	CMOCKA_MESSAGE_OUTPUT=TAP "$@" >"$log" 2>&1 </dev/null
	status=$?
	skip=$(grep -cE '^(skip |ok .*# SKIP)' "$log")
	ok=$(grep -E '^ok ' "$log" | grep -vc '# SKIP')
	bad=$(grep -cE '^not ok ' "$log")
	grep -E '^(not ok |skip |ok .*# SKIP)' "$log" | sed 's/^/   /'
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
		echo "   not ok $name - exit status $status"
		bad=1
	elif [ "$((ok + bad + skip))" -eq 0 ]; then
		echo "   not ok $name - it ran no test"
		bad=1
	fi
	if [ "$strict" = 1 ] && [ "$skip" -gt 0 ]; then
		echo "   not ok $name - $skip skipped, and nothing may be skipped here"
		bad=$((bad + skip))
		skip=0
	fi
	[ "$bad" -eq 0 ] || { echo "   ... the end of $log:"; tail -n 40 "$log" | sed 's/^/   | /'; }
	printf '   %d passed, %d failed, %d skipped, %d s\n' "$ok" "$bad" "$skip" \
		$((SECONDS - start))
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

# Says ok or not ok for a command that only has an exit status.
one() {
	local name=$1
	shift
	if "$@"; then
		echo "ok $name"
	else
		echo "not ok $name - exit status $?: $*"
		return 1
	fi
}

build() {
	local san rc=0
	one 'build with gcc' make -j2 all || rc=1
	one 'build with clang' make -j2 SAN=clang all || rc=1
	for san in asan tsan; do
		one "build with $san" make -j2 SAN=$san lib test-build || rc=1
	done
	one 'build for 32 bits' make -j2 SAN=m32 lib test-m32 || rc=1
	return $rc
}

# What `make install` puts down is enough to build README's examples.
install_test() {
	local dir=build/install-test rc=0
	rm -rf "$dir"
	one 'make install' make install DESTDIR="$PWD/$dir" prefix=/usr || return 1
	one 'examples of README build with pkg-config' tests/examples.sh "$PWD/$dir" || rc=1
	one 'make uninstall' make uninstall DESTDIR="$PWD/$dir" prefix=/usr || rc=1
	one 'nothing is left' test -z "$(find "$dir" -type f -o -type l)" || rc=1
	return $rc
}

unit() {
	local san=$1 t rc=0
	for t in build/"$san"/tests/unit/test_*; do
		[ -x "$t" ] && [ ! -d "$t" ] || continue
		"$t" || rc=1
	done
	return $rc
}

# The protocol flat out on both cores; what each run is for stands in torture.c.
torture() {
	local san=$1 seconds=$2 t=build/$1/tests/stress/torture rc=0
	one "torture, small ring, $san" "$t" --seconds "$seconds" --seed 1 \
		--data-size 65536 --readers 4 || rc=1
	one "torture, large ring, $san" "$t" --seconds "$seconds" --seed 2 \
		--data-size 4194304 --readers 3 || rc=1
	one "torture, where 32 bits overflow, $san" "$t" --seconds "$seconds" --seed 3 \
		--data-size 65536 --readers 3 --start-pos 4294000000 || rc=1
	return $rc
}

# The WAKE pair as a race; with the writer's fence, and with membarrier(2) instead.
wake() {
	local t=build/native/tests/stress/wake rc=0
	one 'no wake-up is lost' "$t" || rc=1
	"$t" --light 40000
	case $? in
	0) echo 'ok no wake-up is lost with membarrier' ;;
	77) echo 'skip no wake-up is lost with membarrier - this kernel has none' ;;
	*) echo 'not ok no wake-up is lost with membarrier'; rc=1 ;;
	esac
	return $rc
}

# BPF writers flat out on every CPU; what each run is for stands in tests/bpf/torture.c.
bpf_torture() {
	local san=$1 ms=$2 t=build/$1/tests/bpf/torture rc=0 name options
	while IFS=: read -r name options; do
		# shellcheck disable=SC2086 # a list
		"$t" --ms "$ms" $options </dev/null
		case $? in
		0) echo "ok bpf torture, $name, $san" ;;
		77) ;;	# it said skip
		*) echo "not ok bpf torture, $name, $san"; rc=1 ;;
		esac
	done <<-EOF
		small rings:
		large rings: --data-size 1048576 --object torture_preempt
		may be preempted: --preempted --object torture_preempt
		weakly ordered: --object torture_weak
		one ring: --one-ring
		one ring, may be preempted: --one-ring --preempted --object torture_preempt
		where 32 bits overflow: --start-pos 4294000000
	EOF
	return $rc
}

# PROGRAM ARGUMENT...: one of tests/bpf that prints its own lines, or says skip.
bpf_program() {
	"$@" || [ $? = 77 ]
}

bpf_wake() {
	local t=build/native/tests/bpf/wake rc=0
	bpf_program "$t" || rc=1
	bpf_program "${t%/*}/sleep" || rc=1
	T_PREFIX=preempt. bpf_program "$t" --object wake_preempt --readers 1,3 single gaps race || rc=1
	T_PREFIX=calm. bpf_program "$t" --object wake_calm --readers 1,3 --events 2000 \
		--rounds 500 single gaps race || rc=1
	return $rc
}

bpf() {
	local t=build/$1/tests/bpf rc=0 prog
	for prog in reject access life hostile; do
		bpf_program "$t/$prog" || rc=1
	done
	bpf_program "$t/load" build/native/{tests/bpf,tools/trace,bench/bpf}/*.bpf.o || rc=1
	return $rc
}

bpf_asan() {
	local rc=0
	bpf asan || rc=1
	bpf_torture asan 2000 || rc=1
	bpf_program build/asan/tests/bpf/wake --events 2000 --rounds 20000 || rc=1
	bpf_program build/asan/tests/bpf/sleep --kills 100 || rc=1
	return $rc
}

model() {
	one 'build of the model' g++ -O2 -std=gnu++14 -w -Iinclude -Itests/model \
		-o build/model tests/proof/model/model.cc -pthread || return 1
	build/model
}

# Many readers that are slow, stopped, killed or hostile; writers that die anywhere.
crowd() {
	local t=build/native/tests/stress rc=0
	"$t/crowd" || rc=1
	"$t/dies" || rc=1
	return $rc
}

# The second is there for its pages of 16 KiB.
vm_arm64() {
	local rc=0
	tests/kernel/arm64/run.sh 6.1 || rc=1
	ROUNDS=${ROUNDS:-100} FLOOD=${FLOOD:-1000} tests/kernel/arm64/run.sh 6.12-16k || rc=1
	return $rc
}

# That `make soak` works, not a soak.
soak() {
	local rc=0 where
	for where in native vm; do
		tests/soak/soak.py $where --hours 0.0085 || rc=1
	done
	return $rc
}

# What the VMs leave of the processors is for these, which only compute. What is timed
# comes when they are done.
beside="litmus model spin style static"
all="build vm-self vm-6.1 vm-6.12 vm-bpf-6.1 vm-bpf-6.12 vm-rt vm-arm64 vm-debug-b debug-self-b
kunit-b debug-self-a kunit-a vm-debug-a fuzz-dev beside unit-native unit-asan unit-tsan
torture-native torture-asan torture-tsan wake bpf bpf-torture bpf-wake bpf-asan crowd fuzz-user
arm64 tool install bench bench-vm soak mutants-list guarantees"
# Longer ones, which are run by themselves.
by_hand="mutants-native mutants-libring mutants-bpf mutants-kmod mutants-model"

run() {
	case $1 in
	build) suite build build ;;
	unit-*) suite "$1" unit "${1#unit-}" ;;
	torture-native) suite "$1" torture native 8 ;;
	torture-*) suite "$1" torture "${1#torture-}" 5 ;;
	wake) suite wake wake ;;
	bpf) suite bpf bpf native ;;
	bpf-torture) suite bpf-torture bpf_torture native 6000 ;;
	bpf-wake) suite bpf-wake bpf_wake ;;
	bpf-asan) suite bpf-asan bpf_asan ;;
	model) suite model model ;;
	litmus) suite litmus tests/proof/litmus/run.py ;;
	spin) suite spin tests/proof/spin/spin.sh ;;
	mutants-list) suite mutants-list tests/mutants/run.py --check ;;
	mutants-*) suite "$1" tests/mutants/run.py --set "${1#mutants-}" ;;
	tool) suite tool tests/cli/run.sh build/native/ringctl ;;
	install) suite install install_test ;;
	bench) suite bench tests/bench/run.sh ;;
	bench-vm) suite bench-vm bench/vm/test.sh ;;
	soak) suite soak soak ;;
	style) suite style tests/static/style.sh ;;
	static) suite static tests/static/run.sh ;;
	fuzz-dev) suite fuzz-dev tests/fuzz/dev.sh ;;
	fuzz-user) suite fuzz-user tests/fuzz/user.sh ;;
	crowd) suite crowd crowd ;;
	debug-self-[ab]) suite "$1" tests/kernel/debug/selftest.sh "${1#debug-self-}" ;;
	kunit-[ab]) suite "$1" tests/kernel/debug/kunit.sh "${1#kunit-}" ;;
	arm64) suite arm64 tests/kernel/arm64/user.sh ;;
	vm-arm64) suite vm-arm64 vm_arm64 ;;
	vm-self) suite vm-self tests/kernel/vm/selftest.sh ;;
	beside) beside ;;
	guarantees) suite guarantees tests/guarantees.py ;;
	vm-bpf-*) suite "$1" tests/kernel/vm/bpf.sh "${1#vm-bpf-}" ;;
	vm-*) suite "$1" tests/kernel/vm/run.sh "${1#vm-}" ;;
	*) echo "run.sh: no suite '$1'; there are: $all $by_hand" >&2; exit 2 ;;
	esac
}

# In the background, at the lowest priority, one after the other; what they say is shown when
# they are joined.
fork() {
	rm -f build/log/beside.counts
	(
		renice -n 19 $BASHPID >/dev/null
		for s in $beside; do
			run "$s"
		done
		echo "$passed $failed $skipped" >build/log/beside.counts
	) >build/log/beside.out 2>&1 &
	forked=$!
}

join() {
	local more
	wait "$forked"
	cat build/log/beside.out
	read -r -a more <build/log/beside.counts || more=(0 1 0)
	passed=$((passed + more[0])) failed=$((failed + more[1])) skipped=$((skipped + more[2]))
	forked=''
}

# Whatever of them has not been begun, is now.
beside() {
	local s
	if [ -n "$forked" ]; then
		join
		return
	fi
	for s in $beside; do
		run "$s"
	done
}

forked=''
if [ $# = 0 ]; then
	# shellcheck disable=SC2086 # a list
	set -- $all
fi
tests/deps.sh build test vm debug arm64 bench style || exit 1
# The debug kernels take minutes to build, which are there while other suites sleep: one
# after the other, since those suites measure, and before what is run beside them, for which
# nobody waits so soon.
kernels=''
case " $* " in *-b\ *) kernels=b ;; esac
case " $* " in *-a\ * | *" fuzz-dev "*) kernels+=' a' ;; esac
for k in $kernels; do
	nice -n 10 tests/kernel/debug/kernel.sh "$k" >"build/log/kernel-$k.log" 2>&1
done &
for s; do
	run "$s"
	case "$s $*" in build*" beside "*) fork ;; esac
done
echo "$passed passed, $failed failed, $skipped skipped" | tee build/log/summary
[ "$failed" -eq 0 ]
