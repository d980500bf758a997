#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [CHECK...]: runs all static checks of the sources, or those named:
#
#   tidy        clang-tidy and clang's analyzer on libring and tools (.clang-tidy)
#   tidy-tests  clang-tidy on bench and tests (tests.clang-tidy)
#   cppcheck    on libring, tools, bench and kmod (cppcheck.known)
#   coccinelle  the scripts of Linux 6.1 on kernel code (linux.known)
#   shared      no plain access to bytes that others map (shared.cocci, shared.known)
#   pairs       each ordering operation has a tag of the table in docs/design.md, and
#               goes through barrier.h (bare.known)
#   clang       the kernel code with clang's warnings, W=1
#   places      no path of a machine, no host, no person's address
#   bites       each of these checks reports a file with a defect: bites.sh
#
# Prints ok or not ok for each check, with details of a failure. A file *.known lists
# reports about correct code, each with the reason; an entry that matches no report is a
# failure. STATIC_SAMPLE names a file to check instead of the tree; bites.sh uses it.

# shellcheck disable=SC2317 # the checks are called by name
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/static/lib.sh
. tests/static/lib.sh
here=tests/static
sample=${STATIC_SAMPLE-}

if [ -n "$sample" ]; then
	echo "$sample" >"$tmp/files"
else
	all_files >"$tmp/files"
fi

# files REGEX [REGEX]: prints the files of the tree that match the first regex and not the
# second, or only the sample if there is one.
files() {
	if [ -n "$sample" ]; then
		echo "$sample"
	else
		grep -E "$1" "$tmp/files" | grep -vE "${2:-^$}"
	fi
}

user='^(libring|tools)/.*\.c$'
tests='^(bench|tests/(abi|unit|stress|bpf|cli|fleet|kernel/vm/progs))/.*\.c$'
kernel='^(kmod|bench/vm/kmod)/.*\.c$'
# BPF programs, and sources that are compiled only for their BTF, have another target. tests/fuzz
# is left out.
not_user='\.(bpf|schema)\.c$|^bench/vm/kmod/'

# The headers of Python, for its module. A string: the shells below have no array of this one.
python=$(/usr/bin/python3-config --includes 2>/dev/null | sed 's/-I/-isystem /g')
export python

# tidy_one CONFIG FILE: runs clang-tidy with the Makefile's compiler options.
tidy_one() {
	local config=$1 file=$2 out rc flags more=()
	flags=(-std=gnu11 -Iinclude -isystem build/native -D_GNU_SOURCE)
	case $file in
	# These files define the functions that analyzed.h wraps.
	libring/base/error.c | libring/base/names.c) ;;
	libring/python/*)
		read -ra more <<<"$python"
		flags+=("${more[@]}")
		more=()
		;;
	libring/*) flags+=(-include "$here/analyzed.h") ;;
	# libbpf frees what a skeleton owns; the analyzer cannot see that.
	tools/ringctl/trace/load.c) more=(--checks=-clang-analyzer-unix.Malloc) ;;
	bench/vm/*) flags+=(-Ibench/vm -isystem /usr/include/libnl3) ;;
	bench/peers/helpers/*)
		flags+=(-Ibench/peers/helpers)
		for out in /usr/include/iceoryx/v*; do flags+=(-isystem "$out"); done
		;;
	esac
	# What a signal ended, such as the kernel short of memory, has found nothing: once more.
	for _ in 1 2; do
		out=$(clang-tidy --quiet --config-file="$config" "${more[@]}" "$file" \
			-- "${flags[@]}" 2>&1)
		rc=$?
		[ "$rc" -gt 128 ] || break
	done
	[ "$rc" = 0 ] && return
	printf '%s\n' "$out"
	# clang-tidy ends with 1 for what it reports.
	[ "$rc" = 1 ] || echo "$file: error: clang-tidy ended with $rc"
	return 1
}
export -f tidy_one
export here

# tidy CONFIG: checks the files named on standard input, one at a time. Given several files,
# the analyzer of clang 14 takes each va_list except the first file's for uninitialized.
tidy() {
	need clang-tidy || return 1
	# The build makes headers that the files include.
	[ -n "$sample" ] || make -s -j2 tools bench-build test-build >"$tmp/make" 2>&1 ||
		{ cat "$tmp/make"; echo "make failed"; return 1; }
	# shellcheck disable=SC2016 # the inner shell's
	xargs -r -d '\n' -P 2 -n 1 bash -c 'tidy_one "$0" "$1"' "$1" >"$tmp/tidy" && return
	sed "s|$PWD/||g" "$tmp/tidy" | grep -E '(error|warning|note): ' | sort -u | grep . ||
		tail -n 20 "$tmp/tidy"
	return 1
}

do_tidy() {
	files "$user" "$not_user" | tidy .clang-tidy
}

do_tidy_tests() {
	files "$tests" "$not_user" | tidy "$here/tests.clang-tidy"
}

# run_cppcheck OPTION...: checks the files named on standard input.
run_cppcheck() {
	xargs -r -d '\n' cppcheck -j2 --std=c11 --quiet --library=posix \
		--enable=warning,performance,portability --max-configs=1 \
		--suppress=unmatchedSuppression --error-exitcode=1 -Iinclude \
		--include="$here/cppcheck.h" -D__linux__ -D__x86_64__ -D__SIZEOF_POINTER__=8 \
		-D__BYTE_ORDER__=1234 -D__ORDER_LITTLE_ENDIAN__=1234 -U__cplusplus -U__bpf__ \
		-USEQRING_BARRIER_BACKEND -USEQRING_SPLIT_LOADS \
		--template='{file}:{line}: {id}: {message}' "$@" 2>&1
}

do_cppcheck() {
	need cppcheck || return 1
	{
		files '^(libring|tools|bench)/.*\.c$' "$not_user" | run_cppcheck -D_GNU_SOURCE -U__KERNEL__
		[ -n "$sample" ] || files "$kernel" '\.schema\.c$' | run_cppcheck -D__KERNEL__ -DCONFIG_64BIT
	} | sort -u | unknown "$here/cppcheck.known" >"$tmp/cppcheck"
	cat "$tmp/cppcheck"
	[ ! -s "$tmp/cppcheck" ]
}

# linux_cocci SCRIPT FILE...: prints the script's reports as NAME: FILE:LINE:...
linux_cocci() {
	local script=$1 name options
	shift
	name=$(basename "$script" .cocci)
	read -r -a options < <(sed -n 's|^// Options: *||p' "$script")
	spatch --very-quiet -D report --timeout 60 --cocci-file "$script" "${options[@]}" \
		--macro-file "$here/shared.h" -I include "$@" 2>"$tmp/$name.err" >"$tmp/$name.out" ||
		{ echo "$name: failed"; sed "s/^/$name: /" "$tmp/$name.err"; }
	# Some scripts also print a patch.
	grep -E '^[^ +@-][^ ]*:[0-9]+' "$tmp/$name.out" | sed "s/^/$name: /"
}
export -f linux_cocci

do_coccinelle() {
	if ! need spatch || ! find_linux_scripts; then return 1; fi
	export tmp
	files "$kernel|^kmod/.*\.h$" '\.schema\.c$' >"$tmp/kernel"
	# check_bq27xxx_data is about one driver's tables; badzero needs OCaml's compiler, and
	# sparse says the same (Using plain integer as NULL pointer).
	# shellcheck disable=SC2016 # the inner shell's
	find "$linux_scripts/coccinelle" -name '*.cocci' \
		! -name check_bq27xxx_data.cocci ! -name badzero.cocci | sort |
		xargs -r -d '\n' -P 2 -n 1 bash -c 'linux_cocci "$1" $(cat "$0")' "$tmp/kernel" |
		sort -u | unknown "$here/linux.known" >"$tmp/coccinelle"
	cat "$tmp/coccinelle"
	[ ! -s "$tmp/coccinelle" ]
}

# shared_one FILE: checks one file. Reports code that spatch cannot parse, since it does not
# check a function that it cannot parse. Texts of macros are not reported: they need not be
# C, and may end in an empty line once the attributes are removed.
shared_one() {
	spatch --parse-c --macro-file "$here/shared.h" "$1" 2>&1 |
		grep 'BAD:!!!!! ' | grep -vE 'BAD:!!!!! (#define |[[:space:]]*$)|SEC\("\.maps"\)' |
		sed "s|^|$1: spatch cannot read all of it: $here/shared.h: |"
	spatch --very-quiet -D report --macro-file "$here/shared.h" -I include -I kmod -I libring \
		--recursive-includes --sp-file "$here/shared.cocci" "$1" 2>&1
}
export -f shared_one

# do_shared: checks copies without attributes, since spatch does not understand all of them.
do_shared() {
	need spatch || return 1
	local f
	files '^(include/seqring|libring|kmod)/.*\.[ch]$' '^kmod/tests/(driver|irq|payload)\.|\.schema\.c$|/(clocks|flexible)\.h$' >"$tmp/sources"
	{ cat "$tmp/sources"; find include -name '*.h'; } | while IFS= read -r f; do
		mkdir -p "$tmp/shared/${f%/*}"
		sed -E 's/__attribute__ ?\(\(.*\)\)//' "$f" >"$tmp/shared/$f"
	done
	mkdir "$tmp/shared/tests" && ln -s "$PWD/$here" "$tmp/shared/tests/static" || return 1
	# The output of a file is printed at once: spatch writes the ends of its lines separately.
	# shellcheck disable=SC2016 # the inner shell's
	(cd "$tmp/shared" && xargs -r -d '\n' -P 2 -n 1 \
		bash -c 'out=$(shared_one "$1"); [ -z "$out" ] || printf "%s\n" "$out"' - <"$tmp/sources") |
		sort -u | unknown "$here/shared.known" >"$tmp/said"
	cat "$tmp/said"
	[ ! -s "$tmp/said" ]
}

# do_pairs: checks that the tags in the code are those of the table.
do_pairs() {
	local call bare bad=0
	call='seqring_(load_acquire|store_release|fence_read|fence_write|fence_full|compiler_barrier|cmpxchg_full)\('
	files '^(include|libring|kmod)/.*\.[ch]$' '^include/seqring/barrier' >"$tmp/ordered"
	xargs -d '\n' grep -ohE "${call}[A-Za-z_]*" <"$tmp/ordered" | sed 's/.*(//' | sort -u >"$tmp/used"
	# ANNOUNCE is an RCU grace period: no operation of barrier.h has it.
	sed -n 's/^| \([A-Z]*\) | .*/\1/p' docs/design.md | grep -vx ANNOUNCE | sort -u >"$tmp/table"
	if comm -23 "$tmp/used" "$tmp/table" | grep .; then
		echo "... the table of pairs in docs/design.md has no such tag"
		bad=1
	fi
	if [ -z "$sample" ] && comm -13 "$tmp/used" "$tmp/table" | grep .; then
		echo "... the table of pairs in docs/design.md has the tag, but nothing uses it"
		bad=1
	fi
	bare='\b(smp_[a-z_]*mb[a-z_]*|smp_load_acquire|smp_store_release|barrier|rmb|wmb|mb|__atomic_\w+|__sync_\w+|atomic_thread_fence|try_cmpxchg\w*|cmpxchg\w*|xchg\w*|mfence|lfence|sfence) *\(|memory_order_|stdatomic\.h'
	xargs -d '\n' grep -HE "$bare" <"$tmp/ordered" | grep -vE '^[^:]*:[[:space:]]*/?\*' |
		unknown "$here/bare.known" >"$tmp/bare"
	cat "$tmp/bare"
	[ "$bad" = 0 ] && [ ! -s "$tmp/bare" ]
}

do_clang() {
	need clang || return 1
	local vars
	vars=$(tests/kernel/vm/kernel.sh 6.1) || return 1
	eval "$vars"
	kmod/build.sh "$KHEADERS" build/kmod-clang CC="$PWD/$here/clang-kernel.sh" objtool=true \
		CONFIG_SEQRING_TEST=m >"$tmp/clang" 2>&1 &&
		bench/vm/build.sh "$KHEADERS" build/kmod-clang CC="$PWD/$here/clang-kernel.sh" \
			objtool=true >>"$tmp/clang" 2>&1 && return
	grep -E 'warning:|error:|Error ' "$tmp/clang" || cat "$tmp/clang"
	return 1
}

# do_places: reports paths, hosts and addresses. /root does not count, since it is the guest's
# own directory in scripts for a VM. Everything that looks like a host's name counts: each
# machine itself configures where packages come from.
do_places() {
	files '' '^LICENSES/|^tests/static/(run|bites)\.sh$|^tests/static/places\.known$' | xargs -d '\n' grep -nIE -e '/(home|work|Users)/[A-Za-z]' \
		-e '\b[a-z0-9-]+(\.[a-z0-9-]+)*\.(org|net|com)\b|\b[a-z0-9-]{3,}\.io\b|\b(registry|proxy)\.[a-z]' \
		-e 'https?://' \
		-e '[A-Za-z0-9._%+-]+@[a-z0-9-]+(\.[a-z]+)*\.(org|com|net|de|io|dev)\b' \
		-e '^ *(Signed-off|Reviewed|Co-authored)-by:' -e 'MODULE_AUTHOR|@author' \
		-e 'Copyright \(?[cC(©]' | unknown "$here/places.known" >"$tmp/places"
	cat "$tmp/places"
	[ ! -s "$tmp/places" ]
}

do_bites() {
	"$here/bites.sh"
}

[ $# -gt 0 ] || set -- tidy tidy-tests cppcheck coccinelle shared pairs clang places bites
for name; do
	case $name in
	tidy | tidy-tests | cppcheck | coccinelle | shared | pairs | clang | places | bites)
		check "$name" "do_${name//-/_}"
		;;
	*)
		echo "run.sh: no check '$name'" >&2
		exit 2
		;;
	esac
done
exit $failed
