# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# The test suites, for run.sh, which sources this file. A suite is a command that prints lines
# `ok NAME`, `not ok NAME - REASON` and `skip NAME - REASON`, and exits with 0 when no line
# says `not ok`.
#
# A function here knows $tier (check, test or long): the same suite may do more in a longer
# tier. tests/README.md says what each suite proves.

# suites: one row each. NAME|TIERS|LANE|COMMAND
#
# TIERS: c (make check), t (make test), l (make test-long).
# LANE:  first  before all others, since they need what it builds
#        second in the background, before the lanes beside and light
#        vm     in the foreground, one at a time
#        beside in the background at the lowest priority: computes, measures no time. What it
#               has not begun when the lane vm is done also runs in the foreground
#        light  in the background, too, but in make check in the foreground: its tests sleep
#               more than they compute
#        alone  after the others: its tests compare times, or load every CPU
suites() {
	cat <<-'END'
		build|ctl|first|build
		builds|tl|second|builds
		run-self|ctl|beside|tests/run-selftest.sh
		mutants-list|ctl|beside|tests/mutants/run.py --check
		cycles|ctl|beside|cycles
		style|ctl|beside|tests/static/style.sh
		model|ctl|beside|model
		bpf|ctl|light|bpf native
		unit-native|ctl|light|unit native
		bindings|tl|light|bindings
		unit-asan|ctl|light|unit asan
		unit-tsan|tl|beside|unit tsan
		litmus|tl|beside|tests/proof/litmus/run.py
		spin|tl|beside|tests/proof/spin/spin.sh
		fuzz-user|tl|beside|tests/fuzz/user.sh
		install|tl|beside|install_test
		site|tl|beside|site
		deb|tl|beside|deb
		libbpf-header|tl|beside|tests/static/libbpf_header.sh
		bench|l|beside|tests/bench/run.sh
		arm64|tl|beside|tests/kernel/arm64/user.sh
		static|tl|beside|static_checks
		newest|tl|beside|newest
		vm-self|tl|vm|vm_self
		vm-6.1|tl|vm|tests/kernel/vm/run.sh 6.1
		vm-6.12|tl|vm|vm_second 6.12
		vm-rt|tl|vm|vm_second rt
		vm-icount|tl|vm|tests/kernel/vm/icount.sh 6.1
		vm-newest|l|vm|tests/kernel/vm/run.sh newest
		vm-bpf-6.1|tl|vm|tests/kernel/vm/bpf.sh 6.1
		vm-bpf-6.12|l|vm|tests/kernel/vm/bpf.sh 6.12
		vm-bpf-newest|tl|vm|tests/kernel/vm/bpf.sh newest
		bench-vm|l|vm|bench/vm/test.sh
		vm-arm64|l|vm|vm_arm64
		debug-self-a|l|vm|tests/kernel/debug/selftest.sh a
		kunit-a|tl|vm|tests/kernel/debug/kunit.sh a
		vm-debug-a|tl|vm|vm_debug_a
		fuzz-dev|l|vm|tests/fuzz/dev.sh
		fuzz-bites|l|alone|tests/fuzz/user-bites.sh
		debug-self-b|l|vm|tests/kernel/debug/selftest.sh b
		kunit-b|l|vm|tests/kernel/debug/kunit.sh b
		vm-debug-b|l|vm|tests/kernel/vm/run.sh debug-b
		torture-native|ctl|alone|torture native
		torture-asan|tl|alone|torture asan
		torture-tsan|tl|alone|torture tsan
		wake|tl|alone|wake
		waits|tl|light|build/native/tests/stress/waits
		loops|tl|light|build/native/tests/loops/loops
		abi|tl|light|tests/abi/abi.py
		bpf-asan|tl|light|bpf asan
		bpf-torture|tl|alone|bpf_torture native 6000
		bpf-wake|tl|alone|bpf_wake
		bpf-asan-load|tl|alone|bpf_asan_load
		crowd|tl|alone|crowd
		library|tl|alone|build/native/tests/stress/library
		tool|ctl|light|tool
		tool-asan|l|light|tests/cli/run.sh build/asan/ringctl
		demo|tl|light|demo
		fleet|tl|light|fleet
		demo-fleet|tl|light|demo_fleet
		soak|l|alone|soak
		busy|l|alone|busy
		guarantees|tl|last|guarantees
		mutants-native||alone|tests/mutants/run.py --set native
		mutants-libring||alone|tests/mutants/run.py --set libring
		mutants-bpf||alone|tests/mutants/run.py --set bpf
		mutants-kmod||alone|tests/mutants/run.py --set kmod
		mutants-fleet||alone|tests/mutants/run.py --set fleet
		mutants-ringctl||alone|tests/mutants/run.py --set ringctl
		mutants-python||alone|tests/mutants/run.py --set python
		mutants-model||alone|tests/mutants/run.py --set model
		mutants-sample||alone|tests/mutants/run.py --sample 30
	END
}

# The Debian packages of each tier, as groups of tests/deps.sh: a line for the lane `first`, and one
# for the others.
dependencies() {
	echo build test
	case $tier in
	check) echo style ;;
	long) echo go rust site vm debug arm64 bench style deb deb-long ;;
	*) echo go rust site vm debug arm64 bench style deb ;;
	esac
}

# one NAME COMMAND...: prints ok or not ok for a command that has only an exit status.
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
	local rc=0
	if [ "$tier" = check ]; then
		one 'build with gcc' make -j2 lib tools san-build bpf-build || rc=1
		one 'build with asan' make -j2 SAN=asan lib unit-build || rc=1
	else
		one 'build with gcc' make -j2 lib tools test-build || rc=1
	fi
	return $rc
}

builds() {
	local rc=0
	one 'build with asan' make -j2 SAN=asan lib san-build bpf-build || rc=1
	[ "$tier" != long ] || one 'build of ringctl with asan' make -j2 SAN=asan tools || rc=1
	one 'build for 32 bits' make -j2 SAN=m32 lib test-m32 || rc=1
	one 'build of the benchmarks' make -j2 bench-build || rc=1
	one 'headers as C++' tests/static/cplusplus.sh || rc=1
	one 'build with tsan' make -j2 SAN=tsan lib san-build || rc=1
	one 'build with clang' make -j2 SAN=clang everything || rc=1
	without_screen || rc=1
	return $rc
}

# ringctl without ncurses, libmicrohttpd and libnats builds, and says what it lacks.
without_screen() {
	local dir=build/no-screen rc=0
	one 'ringctl without ncurses' make -j2 O=$dir NCURSES= HTTP= NATS= $dir/ringctl || return 1
	one 'top without ncurses says so' grep -q 'built without ncurses' \
		<<<"$(script -qec "$dir/ringctl top" /dev/null)" || rc=1
	one 'fetch without libnats says so' grep -q 'built without libnats' \
		<<<"$($dir/ringctl fetch --from nats://far out 2>&1)" || rc=1
	one 'metrics without libmicrohttpd says so' grep -q 'built without libmicrohttpd' \
		<<<"$($dir/ringctl metrics --listen 9 2>&1)" || rc=1
	return $rc
}

# A machine without libbpf, as make sees it: libring builds, and libring-bpf says what it needs.
without_libbpf() {
	local dir=build/no-libbpf
	rm -rf "$dir"
	make -j2 O="$dir" PKG_CONFIG='env PKG_CONFIG_LIBDIR=/nowhere pkg-config' "$@"
}

# README's first command, which leaves nothing mounted and no file.
demo() {
	local rc=0 dir out=build/demo.out
	dir=$(realpath "$(mktemp -d)") || return 1
	TMPDIR=$dir one 'make demo' make -s demo >"$out" 2>&1 || rc=1
	cat "$out"
	one 'make demo: three accounts that add up' test "$(grep -c ': exact$' "$out")" = 3 || rc=1
	one 'make demo leaves no mount' test "$(grep -c " $dir" /proc/self/mounts)" = 0 || rc=1
	one 'make demo leaves no file' rmdir "$dir" || rc=1
	return $rc
}

# README's examples build from what `make install` installs.
install_test() {
	local dir=build/install-test rc=0
	rm -rf "$dir"
	one 'make libring without libbpf' without_libbpf libring || rc=1
	one 'make lib without libbpf names it' grep -q 'missing: libbpf-dev$' \
		<<<"$(without_libbpf lib 2>&1)" || rc=1
	one 'make install' make install DESTDIR="$PWD/$dir" prefix=/usr || return 1
	one 'examples of README build with pkg-config' tests/examples.sh "$PWD/$dir" || rc=1
	tests/man.sh "$PWD/$dir" || rc=1
	one 'make uninstall' make uninstall DESTDIR="$PWD/$dir" prefix=/usr || rc=1
	one 'nothing is left' test -z "$(find "$dir" -type f -o -type l)" || rc=1
	return $rc
}

# The site has no broken link, fits a phone, and its search finds pages.
site() {
	local rc=0
	one 'make site' make -s site || return 1
	tests/site/links.py build/site || rc=1
	# Debian's Python has selenium.
	PYTHONDONTWRITEBYTECODE=1 timeout 900 /usr/bin/python3 tests/site/browser.py build/site || rc=1
	return $rc
}

# The Debian packages; in full also in a Debian of their own, by DKMS, and in VMs.
deb() {
	if [ "$tier" = long ]; then
		tests/deb/run.sh build lint examples reproducible dkms chroot
	else
		tests/deb/run.sh
	fi
}

# Dependencies between object files point one way. make check builds no benchmark.
cycles() {
	local rc=0 lists list
	tests/static/cycles.py --self-test || rc=1
	tests/static/cycles.py build/native/libring.a || rc=1
	tests/static/cycles.py build/native/libring-bpf.a || rc=1
	lists=('print-TOOL_OBJS' 'print-RINGD_OBJS print-FLEET_OBJS' 'print-PYTHON_OBJS')
	[ "$tier" = check ] ||
		lists+=('print-BENCH_OBJS print-CORE_OBJS' 'print-VMBENCH_OBJS print-CORE_OBJS')
	for list in "${lists[@]}"; do
		# shellcheck disable=SC2046,SC2086 # lists
		tests/static/cycles.py $(make -s $list) || rc=1
	done
	return $rc
}

# unit_one PROGRAM DIR: its output is DIR/NAME.
unit_one() {
	local status
	"$1" >"$2/${1##*/}" 2>&1 </dev/null
	status=$?
	# A signal ended it, and some of its tests have not run.
	[ "$status" -le 128 ] || echo "not ok ${1##*/} - exit status $status" >>"$2/${1##*/}"
	[ "$status" -eq 0 ]
}
export -f unit_one

# Several at a time, since most of them wait for something.
unit() {
	local san=$1 out=build/log/unit-$1.out rc=0
	rm -rf "$out"
	mkdir -p "$out"
	find "build/$san/tests/unit" -maxdepth 1 -name 'test_*' -type f ! -name '*.*' | sort |
		xargs -P 4 -I '{}' bash -c 'unit_one "$0" "$1"' '{}' "$out" || rc=1
	cat "$out"/*
	return $rc
}

# libring in other languages.
bindings() {
	local rc=0 language
	for language in cxx go python rust; do
		"tests/bindings/$language.sh" || rc=1
	done
	return $rc
}

# The protocol under full load on both cores; stress/torture.c says what each run is for.
torture() {
	local san=$1 seconds=5 t=build/$1/tests/stress/torture rc=0
	[ "$san" != native ] || seconds=8
	[ "$tier" != check ] || seconds=2
	one "torture, small ring, $san" "$t" --seconds "$seconds" --seed 1 \
		--data-size 65536 --readers 4 || rc=1
	one "torture, large ring, $san" "$t" --seconds "$seconds" --seed 2 \
		--data-size 4194304 --readers 3 || rc=1
	one "torture, where 32 bits overflow, $san" "$t" --seconds "$seconds" --seed 3 \
		--data-size 65536 --readers 3 --start-pos 4294000000 || rc=1
	return $rc
}

# The WAKE pair as a race: once with the writer's fence, once with membarrier(2).
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

# BPF writers under full load on every CPU; tests/bpf/torture.c says what each run is for.
bpf_torture() {
	local san=$1 ms=$2 t=build/$1/tests/bpf/torture rc=0 name options
	while IFS=: read -r name options; do
		# shellcheck disable=SC2086 # a list
		"$t" --ms "$ms" $options </dev/null
		case $? in
		0) echo "ok bpf torture, $name, $san" ;;
		77) ;;	# the program has printed its skip line
		*) echo "not ok bpf torture, $name, $san"; rc=1 ;;
		esac
	done <<-EOF
		small rings:
		large rings: --data-size 1048576 --object torture_preempt
		may be preempted: --preempted --object torture_preempt
		preemption stays on: --preempted --atomic --object torture_preempt
		weakly ordered: --object torture_weak
		one ring: --one-ring
		one ring, may be preempted: --one-ring --preempted --object torture_preempt
		one ring, preemption stays on: --one-ring --preempted --atomic --object torture_preempt
		where 32 bits overflow: --start-pos 4294000000
	EOF
	return $rc
}

# bpf_program PROGRAM ARGUMENT...: a program of tests/bpf; 77 means that it printed a skip line.
bpf_program() {
	"$@" || [ $? = 77 ]
}

bpf_wake() {
	local t=build/native/tests/bpf/wake rc=0 events=100000
	# With 64 readers each event wakes all of them.
	[ "$tier" = long ] || events=30000
	bpf_program "$t" --events $events || rc=1
	bpf_program "${t%/*}/sleep" || rc=1
	T_PREFIX=preempt. bpf_program "$t" --object wake_preempt --readers 1,3 single gaps race || rc=1
	T_PREFIX=idle. bpf_program "$t" --object wake_idle --readers 1,3 --events 2000 \
		--rounds 500 single gaps race || rc=1
	return $rc
}

# Every BPF object of the project that the loader accepts, for the verifier.
bpf_objects() {
	find build/native -name '*.bpf.o' ! -name refuse.bpf.o | sort
}

bpf() {
	local t=build/$1/tests/bpf rc=0 prog
	# Those that make check leaves out wait for kernels' grace periods, a minute in all.
	for prog in reject refuse cpus missed access life owner follow leftovers hostile forgotten keep \
		preempt slots bare gather $([ "$tier" = check ] || echo handover between); do
		bpf_program "$t/$prog" || rc=1
	done
	# The verifier judges objects, whatever the loader is built with.
	# shellcheck disable=SC2046 # a list
	[ "$1" = asan ] || bpf_program "$t/load" $(bpf_objects) || rc=1
	[ "$tier" != check ] || bpf_torture "$1" 500 || rc=1
	return $rc
}

bpf_asan_load() {
	local rc=0
	bpf_torture asan 2000 || rc=1
	bpf_program build/asan/tests/bpf/wake --events 2000 --rounds 20000 || rc=1
	bpf_program build/asan/tests/bpf/sleep --kills 100 || rc=1
	return $rc
}

model() {
	one 'build of the model' g++ -O2 -std=gnu++14 -w -Iinclude -Itests/proof/model \
		-o build/model tests/proof/model/model.cc -pthread || return 1
	# make check explores a quarter of the executions.
	if [ "$tier" = check ]; then build/model 5000; else build/model; fi
}

# Many readers that are slow, stopped, killed or hostile; writers that die at any point.
crowd() {
	local t=build/native/tests/stress rc=0
	"$t/crowd" || rc=1
	"$t/sleepers" || rc=1
	"$t/dies" || rc=1
	return $rc
}

# make check runs the main paths alone.
tool() {
	if [ "$tier" = check ]; then
		tests/cli/run.sh build/native/ringctl cat list publish schema
	else
		tests/cli/run.sh build/native/ringctl
	fi
}

# The agent, and who fetches its messages, against real servers. The tests wait most of the time, so
# several run at once.
fleet() {
	local kills=20 rc=0
	[ "$tier" != long ] || kills=100
	tests/fleet/agent.py --build build/native --kills $kills || rc=1
	tests/fleet/fetch.py --build build/native --kills $kills || rc=1
	return $rc
}

# A killed server costs no record, and no file is left.
demo_fleet() {
	local rc=0 dir out=build/demo-fleet.out
	dir=$(realpath "$(mktemp -d)") || return 1
	TMPDIR=$dir one 'make demo-fleet' make -s demo-fleet >"$out" 2>&1 || rc=1
	cat "$out"
	one 'make demo-fleet: two accounts that add up' test "$(grep -c ': exact$' "$out")" = 2 || rc=1
	one 'make demo-fleet leaves no file' rmdir "$dir" || rc=1
	return $rc
}

# vm.sh behaves the same on both kernels.
vm_self() {
	local kernels=6.1
	[ "$tier" != long ] || kernels='6.1 6.12'
	# shellcheck disable=SC2086 # a list
	tests/kernel/vm/selftest.sh $kernels
}

# vm_second SERIES: a kernel after the first runs what depends on the kernel: loading and
# unloading, mappings, wake-ups, interrupts, CPU hotplug, tracepoints, and all writers under load.
vm_second() {
	if [ "$tier" = long ]; then
		tests/kernel/vm/run.sh "$1"
	else
		ROUNDS=500 FLOOD=1000 CYCLES=200 UNLOADS=20 PARTS=second tests/kernel/vm/run.sh "$1"
	fi
}

# clang-tidy on the tests takes as long as all other checks, and finds little.
static_checks() {
	if [ "$tier" = long ]; then
		tests/static/run.sh
	else
		tests/static/run.sh tidy cppcheck coccinelle shared pairs clang places bites
	fi
}

# The modules build for the newest kernels; Debian keeps release candidates in experimental.
newest() {
	if [ "$tier" = long ]; then
		tests/kernel/newest/build.sh newest next riscv64
	else
		tests/kernel/newest/build.sh newest
	fi
}

vm_debug_a() {
	if [ "$tier" = long ]; then
		tests/kernel/vm/run.sh debug-a
	else
		ROUNDS=20 UNLOADS=5 PARTS=debug tests/kernel/vm/run.sh debug-a
	fi
}

# The second kernel is there for its pages of 16 KiB.
vm_arm64() {
	local rc=0
	tests/kernel/arm64/run.sh 6.1 || rc=1
	ROUNDS=${ROUNDS:-100} FLOOD=${FLOOD:-1000} tests/kernel/arm64/run.sh 6.12-16k || rc=1
	return $rc
}

# Shows that `make soak` works; a soak takes hours.
soak() {
	local rc=0 where
	for where in native vm; do
		tests/soak/soak.py $where --hours 0.0085 || rc=1
	done
	return $rc
}

# The suites that depend on time pass three times in a row while four other processes compute
# without a pause.
busy() {
	local rc=0 round name log hogs
	stress-ng --cpu 4 --quiet &
	hogs=$!
	# shellcheck disable=SC2064 # the process of now
	trap "kill $hogs 2>/dev/null" EXIT
	for round in 1 2 3; do
		for name in 'unit native' wake 'bpf native' bpf_wake crowd tool; do
			log=build/log/busy.$round.${name// /-}
			if $name >"$log" 2>&1 && grep -q '^ok ' "$log" &&
				! grep -qE '^(not ok|skip) |^ok .*# SKIP' "$log"; then
				echo "ok busy, round $round: $name"
			else
				grep -E '^(not ok|skip) |^ok .*# SKIP' "$log" | sed 's/^/# /'
				echo "not ok busy, round $round: $name"
				rc=1
			fi
		done
		kill -0 $hogs || { echo 'not ok busy - stress-ng has ended'; rc=1; }
	done
	kill $hogs
	wait $hogs 2>/dev/null
	trap - EXIT
	return $rc
}

# Each test that docs/guarantees.md names has passed. Tests of suites that only make test-long
# runs may be absent.
guarantees() {
	local later
	later=$(suites | awk -F'|' -v tier="${tier:0:1}" 'index($2, tier) == 0 { print $1 }')
	# shellcheck disable=SC2086 # a list
	tests/guarantees.py --later $later
}

# --- skips that strict mode allows ------------------------------------------

# True if this machine's kernel runs a 32-bit program.
runs_32_bit() {
	local dir status
	dir=$(mktemp -d) || return 0
	printf '.globl _start\n_start: mov $1,%%eax; xor %%ebx,%%ebx; int $0x80\n' >"$dir/p.S"
	gcc -m32 -nostdlib -static -o "$dir/p" "$dir/p.S" 2>/dev/null && { "$dir/p" 2>/dev/null; }
	status=$?
	rm -rf "$dir"
	return $status
}

lacks_32_bit() { ! runs_32_bit; }

# Where tests/cli/run.sh works.
lacks_a_disk() { [[ $(df --output=source "${TMPDIR:-/tmp}" | tail -n 1) != /dev/* ]]; }

lacks_ipv6() { ! grep -qw lo /proc/net/if_inet6 2>/dev/null; }

has_one_cpu() { [ "$(nproc)" = 1 ]; }

# Tests that a machine's own kernel may be unable to run. SUITE|TEST|PROBE|SHOWN BY: the skip is
# allowed when PROBE confirms that this kernel cannot do it, and the test after SHOWN BY,
# SUITE:TEST, has passed in the same run.
allowed_skips() {
	cat <<-'END'
		tool|tool-trace_compat_call|lacks_32_bit|vm-6.1:trace.compat
		tool|tool-trace_block|lacks_a_disk|vm-6.1:trace.block
		tool|tool-trace_tcp6|lacks_ipv6|vm-6.1:trace.tcp.::1
		tool|tool-trace_order|has_one_cpu|vm-6.1:trace.order
	END
}
