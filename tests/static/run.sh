#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [CHECK...]: what tools can say about the sources without running them:
#
#   tidy        clang-tidy and clang's analyzer on libring and tools (.clang-tidy)
#   tidy-tests  clang-tidy on bench and tests (tests.clang-tidy)
#   cppcheck    on libring, tools, bench and kmod (cppcheck.known)
#   coccinelle  the scripts of Linux 6.1 on kernel code (linux.known)
#   shared      no plain access to bytes that others map (shared.cocci, shared.known)
#   pairs       each ordering operation has a tag that docs/design.md's table has, and
#               there is none that is not behind barrier.h (bare.known)
#   clang       the kernel code with clang's warnings, W=1
#   places      no path of a machine, no host, no address of a person
#   bites       each of these reports a file made to be reported: bites.sh
#
# Or those named. Prints ok or not ok for each, details where it fails. A file *.known
# says what is reported and is right all the same, and why; an entry that nothing matches
# is a failure. STATIC_SAMPLE names a file to look at in place of the tree: for bites.sh.

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

# Files of the tree that match $1 and do not match $2; the sample, where there is one.
files() {
	if [ -n "$sample" ]; then
		echo "$sample"
	else
		grep -E "$1" "$tmp/files" | grep -vE "${2:-^$}"
	fi
}

user='^(libring|tools)/.*\.c$'
tests='^(bench|tests/(unit|native|bpf|vm/progs))/.*\.c$'
kernel='^(kmod|bench/vm/kmod)/.*\.c$'
# BPF programs and what makes BTF are for another machine; tests/fuzz is C of another kind.
not_user='\.(bpf|schema)\.c$|^bench/vm/kmod/'

# tidy_one CONFIG FILE: what the compiler is told is what the Makefile tells it.
tidy_one() {
	local config=$1 file=$2 out rc flags more=()
	flags=(-std=gnu11 -Iinclude -isystem build/native -D_GNU_SOURCE)
	case $file in
	# Where the functions stand that analyzed.h speaks for.
	libring/error.c | libring/name.c) ;;
	libring/*) flags+=(-include "$here/analyzed.h") ;;
	# What a skeleton owns, libbpf frees, which the analyzer does not see.
	tools/trace/load.c) more=(--checks=-clang-analyzer-unix.Malloc) ;;
	bench/vm/*) flags+=(-Ibench/vm -isystem /usr/include/libnl3) ;;
	bench/peers/helpers/*)
		flags+=(-Ibench/peers/helpers)
		for out in /usr/include/iceoryx/v*; do flags+=(-isystem "$out"); done
		;;
	esac
	out=$(clang-tidy --quiet --config-file="$config" "${more[@]}" "$file" -- "${flags[@]}" 2>&1)
	rc=$?
	[ "$rc" = 0 ] || printf '%s\n' "$out"
	return "$rc"
}
export -f tidy_one
export here

# One file at a time: of several, the analyzer of clang 14 takes each va_list but the
# first's for one that was never started.
tidy() { # CONFIG, files from standard input
	need clang-tidy || return 1
	# For the headers that the build makes.
	[ -n "$sample" ] || make -s -j2 tools bench-build test-build >"$tmp/make" 2>&1 ||
		{ cat "$tmp/make"; return 1; }
	# shellcheck disable=SC2016 # the inner shell's
	xargs -r -d '\n' -P 2 -n 1 bash -c 'tidy_one "$0" "$1"' "$1" >"$tmp/tidy" && return
	sed "s|$PWD/||g" "$tmp/tidy" | grep -E '(error|warning|note): ' | sort -u
	return 1
}

do_tidy() {
	files "$user" "$not_user" | tidy .clang-tidy
}

do_tidy_tests() {
	files "$tests" "$not_user" | tidy "$here/tests.clang-tidy"
}

run_cppcheck() { # OPTION..., files from standard input
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

# NAME-OF-SCRIPT FILE...: what it reports, as NAME: FILE:LINE:...
linux_cocci() {
	local script=$1 name options
	shift
	name=$(basename "$script" .cocci)
	read -r -a options < <(sed -n 's|^// Options: *||p' "$script")
	spatch --very-quiet -D report --timeout 60 --cocci-file "$script" "${options[@]}" \
		--macro-file "$here/shared.h" -I include "$@" 2>"$tmp/$name.err" >"$tmp/$name.out" ||
		{ echo "$name: failed"; sed "s/^/$name: /" "$tmp/$name.err"; }
	# Some print a patch to look at as well.
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

# A function that spatch cannot read is one that it does not look at. The texts of macros
# need be no C.
# It reads what a macro is replaced by, which need be no C; without the attributes it may end
# in an empty line.
shared_one() {
	spatch --parse-c --macro-file "$here/shared.h" "$1" 2>&1 |
		grep 'BAD:!!!!! ' | grep -vE 'BAD:!!!!! (#define |[[:space:]]*$)|SEC\("\.maps"\)' |
		sed "s|^|$1: spatch cannot read all of it: $here/shared.h: |"
	spatch --very-quiet -D report --macro-file "$here/shared.h" -I include -I kmod -I libring \
		--recursive-includes --sp-file "$here/shared.cocci" "$1" 2>&1
}
export -f shared_one

# On copies without attributes, of which spatch does not understand all.
do_shared() {
	need spatch || return 1
	local f
	files '^(include/seqring|libring|kmod)/.*\.[ch]$' '^kmod/tests/(driver|irq|payload)\.|\.schema\.c$' >"$tmp/sources"
	{ cat "$tmp/sources"; find include -name '*.h'; } | while IFS= read -r f; do
		mkdir -p "$tmp/shared/${f%/*}"
		sed -E 's/__attribute__ ?\(\(.*\)\)//' "$f" >"$tmp/shared/$f"
	done
	mkdir "$tmp/shared/tests" && ln -s "$PWD/$here" "$tmp/shared/tests/static" || return 1
	# In one piece: spatch writes the ends of its lines by themselves.
	# shellcheck disable=SC2016 # the inner shell's
	(cd "$tmp/shared" && xargs -r -d '\n' -P 2 -n 1 \
		bash -c 'out=$(shared_one "$1"); [ -z "$out" ] || printf "%s\n" "$out"' - <"$tmp/sources") |
		sort -u | unknown "$here/shared.known" >"$tmp/said"
	cat "$tmp/said"
	[ ! -s "$tmp/said" ]
}

# The tags in the code and those of the table must be the same.
do_pairs() {
	local call bare bad=0
	call='seqring_(load_acquire|store_release|fence_read|fence_write|fence_full|compiler_barrier|cmpxchg_full)\('
	files '^(include|libring|kmod)/.*\.[ch]$' '^include/seqring/barrier' >"$tmp/ordered"
	xargs -d '\n' grep -ohE "${call}[A-Za-z_]*" <"$tmp/ordered" | sed 's/.*(//' | sort -u >"$tmp/used"
	# ANNOUNCE is an RCU grace period: no operation of barrier.h has it.
	sed -n 's/^| \([A-Z]*\) | .*/\1/p' docs/design.md | grep -vx ANNOUNCE | sort >"$tmp/table"
	if comm -23 "$tmp/used" "$tmp/table" | grep .; then
		echo "... not a tag of the table of pairs in docs/design.md"
		bad=1
	fi
	if [ -z "$sample" ] && comm -13 "$tmp/used" "$tmp/table" | grep .; then
		echo "... in the table of pairs in docs/design.md, and nothing uses it"
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

# /root in a guest is the guest's own; the XML namespaces of drawings are no addresses. Of hosts
# whatever looks like one: where packages come from is for each machine to say.
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
