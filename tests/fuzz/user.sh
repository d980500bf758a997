#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# user.sh [--build|--coverage] [TARGET...]: runs libFuzzer on code that reads memory which
# other processes write, and on code that parses untrusted input. The targets are
#
#	reader   reader.h on a control area and a data area with arbitrary, changing contents
#	libring  libring on descriptors that are a ring, almost a ring, or no ring
#	schema   a ring's schema and its records, in libring-bpf and in ringctl's output
#	filter   any text as a filter, and any bytes as records that it judges
#	records  any bytes as records of ringctl trace and of the scheduler's producer
#	recording  any bytes as the files of a recording, most of them with the right CRCs
#	fleet    any bytes as a message of an agent, most of them with the right checksums
#	args     the arguments of ringctl trace
#
# --build only builds the targets. --coverage reports the coverage of the last run's inputs
# instead of fuzzing (needs llvm-14).
#
# FUZZ_SECONDS is the time for each target (20). FUZZ_NO_MAKE means that ringctl is already
# built. The seed is fixed. An input that fails is kept in build/fuzz/user/found;
# build/fuzz/user/TARGET FILE runs it again.

set -u
cd "$(dirname "$0")/../.." || exit 1
out=$PWD/build/fuzz/user
seconds=${FUZZ_SECONDS:-20}
mode=
case ${1-} in
--build | --coverage)
	mode=${1#--}
	shift
	;;
esac
[ $# -gt 0 ] || set -- reader libring schema filter records recording fleet args

flags="-g -O1 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wmissing-prototypes
-Wstrict-prototypes -Wshadow -fno-sanitize-recover=all -Itests/fuzz -Iinclude -Ibuild/native
${FUZZ_CFLAGS-}"
san=-fsanitize=fuzzer,address,undefined
backend='-DSEQRING_BARRIER_BACKEND="user_backend.h"'
[ "$mode" != coverage ] || flags="$flags -fprofile-instr-generate -fcoverage-mapping"
trace=build/native/tools/ringctl/trace/bpf/trace.bpf.o
# user-bites.sh fuzzes a tree that has no Makefile, and hands this on.
zstd=${FUZZ_ZSTD_LIBS-$(make -s print-ZSTD_LIBS)}
libs="build/native/fleet.a build/native/libring.a $(pkg-config --libs libbpf json-c libseccomp \
	ncursesw libmicrohttpd libnats) $zstd"
mkdir -p "$out/found"

# others NAME...: prints ringctl's objects except those named, which the target itself compiles.
others() {
	local f name
	for f in build/native/tools/{lib,nats,ringctl,ringctl/{audit,export,fetch,flight,top,trace,watch}}/*.o; do
		name=$(basename "$f" .o)
		# Those of the plug-in.
		[[ $name != *.pic ]] || continue
		# Those of a ringctl that was built without some library.
		[[ $name != *without ]] || continue
		# Two files have this name; the targets have that of tools/lib.
		[ "$f" != build/native/tools/ringctl/record.o ] || name=ringctl/record
		case " $* " in
		*" $name "*) ;;
		*) echo "$f" ;;
		esac
	done
}

build() {
	local t=$1
	# shellcheck disable=SC2046,SC2086 # lists
	case $t in
	reader) set -- "$backend" ;;
	libring) set -- "$backend" -Wl,--wrap=mmap,--wrap=munmap libring/{base,filter,reader,backend,writer,device,open}/*.c ;;
	schema)
		set -- -Dmain=ringctl_main -Wno-missing-prototypes libring/{bpf,schema}/*.c \
			tools/lib/{decode,decode_json,decode_text,json,json_text,out,record,text,value}.c \
			tools/ringctl/main.c \
			$(others decode decode_json decode_text json json_text out record text value main) build/native/libring.a $libs
		;;
	filter)
		clang -target bpf -g -O2 -Iinclude -c tests/fuzz/user_seed.schema.c -o "$out/filter.o" &&
			build/native/ringctl schema "$out/filter.o" -o "$out/filter.schema" || return
		set -- "-DFILTER_SCHEMA=\"$out/filter.schema\"" libring/filter/*.c libring/{bpf,schema}/*.c \
			build/native/libring.a $libs
		;;
	records)
		build/native/ringctl schema "$trace" -o "$out/trace.schema" || return
		set -- -Dmain=ringctl_main -Wno-missing-prototypes "-DTRACE_SCHEMA=\"$out/trace.schema\"" \
			tools/lib/{decode,decode_json,decode_text,json,json_text,out,record,text,value}.c \
			tools/ringctl/trace/{names,print_json,print_record,print_text}.c tools/ringctl/main.c \
			$(others decode decode_json decode_text json json_text out record text value main \
				names print_json print_record print_text) \
			build/native/libring-bpf.a build/native/libring.a $libs
		;;
	recording)
		# shellcheck disable=SC2046 # lists
		set -- libring/{base,filter,reader,backend,writer,device,open}/*.c \
			$zstd $([ -z "$zstd" ] || echo -DLIBRING_ZSTD)
		;;
	# writer.c writes only.
	fleet) set -- tools/fleet/[!w]*.c libring/base/{crc32c,error,names}.c ;;
	args)
		set -- -Dmain=ringctl_main -Wno-missing-prototypes tools/lib/parse.c tools/ringctl/main.c \
			tools/ringctl/trace/{events,filter,kernel,names,options}.c \
			$(others parse main events filter kernel names options) \
			build/native/libring-bpf.a build/native/libring.a $libs
		;;
	*)
		echo "user.sh: no target '$t'" >&2
		return 2
		;;
	esac
	# shellcheck disable=SC2086 # lists
	clang $flags $san -o "$out/$t" tests/fuzz/user_fuzz.c "tests/fuzz/user_$t.c" "$@"
}

# seeds TARGET: makes the inputs to start from. An input of reader or libring makes its own
# ring; the schemas are those of the tree.
seeds() {
	local t=$1 dir=$out/seeds/$1
	rm -rf "$dir"
	mkdir -p "$dir"
	python3 tests/fuzz/user_seeds.py "$t" "$dir"
}

fuzz() {
	local t=$1 log=$out/$1.log corpus=$out/corpus/$1 runs=0 inputs try len=1024 mask=0
	rm -rf "$corpus"
	mkdir -p "$corpus"
	seeds "$t" || return
	# A schema is long. ringctl reports each wrong option, so its output is closed.
	[ "$t" != schema ] || len=8192
	[ "$t" != recording ] || len=16384
	[ "$t" != args ] || mask=3
	# schedwatch prints to standard output.
	[ "$t" != records ] || mask=1
	# Steps bound each call; the time limit is for code that makes no steps.
	# A busy machine runs few inputs in the time: up to three times more, until it is 1000.
	for try in 1 2 3 4; do
		if ! "$out/$t" -seed="$try" -max_total_time="$seconds" -timeout=300 \
			-rss_limit_mb=2048 -max_len=$len -print_final_stats=1 -close_fd_mask=$mask \
			-artifact_prefix="$out/found/$t-" "$corpus" "$out/seeds/$t" >"$log" 2>&1; then
			echo "not ok fuzz $t - $(grep -aE '^fuzz:|ERROR: |runtime error' "$log" | head -n 1)"
			tail -n 30 "$log" | sed 's/^/# /'
			return 1
		fi
		runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$log")))
		inputs=$(find "$corpus" -type f | wc -l)
		# A corpus of little more than the seeds means that the target ignores its input.
		if [ "$runs" -ge 1000 ] && [ "$inputs" -ge 20 ]; then
			break
		elif [ "$try" = 4 ]; then
			echo "not ok fuzz $t - only $inputs new inputs in $runs runs of $try times $seconds s"
			return 1
		fi
	done
	echo "ok fuzz $t"
	echo "# $t: $runs runs, $(grep -aoE 'cov: [0-9]+ ft: [0-9]+' "$log" | tail -n 1)"
}

coverage() {
	local t=$1 files=include/seqring/reader.h
	case $t in
	libring) files="include/seqring/reader.h libring" ;;
	schema) files="libring/schema tools/lib" ;;
	filter) files="libring/filter libring/schema" ;;
	recording) files=libring/backend ;;
	fleet) files=tools/fleet ;;
	records) files="tools/ringctl/trace tools/demo tools/lib" ;;
	args) files="tools/lib/parse.c tools/ringctl/trace" ;;
	esac
	LLVM_PROFILE_FILE=$out/$t.raw "$out/$t" -runs=0 "$out/corpus/$t" "$out/seeds/$t" \
		>/dev/null 2>&1
	llvm-profdata-14 merge -o "$out/$t.prof" "$out/$t.raw"
	# shellcheck disable=SC2086 # a list
	llvm-cov-14 report "$out/$t" -instr-profile="$out/$t.prof" $files
}

[ -n "${FUZZ_NO_MAKE-}" ] || make -s -j2 tools >"$out/make.log" 2>&1 || { cat "$out/make.log"; exit 1; }
rc=0
built=()
for t; do
	if build "$t"; then
		built+=("$t")
	else
		echo "not ok fuzz $t - it does not build"
		rc=1
	fi
done
set -- "${built[@]}"
[ "$mode" != build ] || exit $rc
running=0
for t; do
	if [ "$mode" = coverage ]; then
		coverage "$t"
		continue
	fi
	fuzz "$t" &
	running=$((running + 1))
	if [ $running = 2 ]; then
		wait -n || rc=1
		running=1
	fi
done
wait
exit $rc
