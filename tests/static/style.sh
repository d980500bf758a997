#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# style.sh [CHECK...]: runs the checks named, or all: spdx, version, links, length,
# clang-format, checkpatch, shellcheck and sparse. Prints ok or not ok for each, with details
# of a failure.

# shellcheck disable=SC2317 # the checks are called by name
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/static/lib.sh
. tests/static/lib.sh

# Kernel code; the model is C++; the rest is C of user space.
is_kernel='^(kmod/|bench/vm/kmod/|include/(seqring|linux)/|tests/kernel/vm/warn/|tests/kernel/debug/planted/)'
is_other='^tests/proof/model/'

# The checks that do not apply to single headers of the module, to the headers for both kernel and user
# space, and to user space. All checks apply to the rest of the kernel code.
in_compat=(
	LINUX_VERSION_CODE	# compat.h is the place for version checks
	CONSTANT_COMPARISON	# misreads such a check: the constant is on the right
)
in_clock=(
	MULTISTATEMENT_MACRO_USE_DO_WHILE	# the macro is a case of a switch
	TRAILING_SEMICOLON
)
in_trace=(
	OPEN_ENDED_LINE		# the layout of all headers of trace events
	PARENTHESIS_ALIGNMENT
)
in_abi=(
	BIT_MACRO		# user space includes these too, without BIT()
	CAMELCASE		# _Static_assert
	COMPLEX_MACRO		# seqring_inline is a list of words that begin a function
	PREFER_KERNEL_TYPES	# uint32_t, in the part for user space
	LINE_SPACING		# the assertion of a size belongs to its struct
	MACRO_ARG_REUSE		# sizeof and typeof evaluate nothing
	MEMORY_BARRIER		# barrier.h defines barriers; their uses have the comments
	NEW_TYPEDEFS		# schema.h consists of typedefs
	PREFER_DEFINED_ATTRIBUTE_MACRO
)
in_bpf=(
	"${in_abi[@]}"
	VOLATILE		# BPF programs have no READ_ONCE()
	SPACING			# takes the * of a cast with volatile for a product
	MACRO_ARG_PRECEDENCE	# the argument is a name, and part of other names
)
in_user=(
	PREFER_KERNEL_TYPES	# uint32_t and the like are C's own
	CAMELCASE		# so are PRIu64, _Static_assert, _Thread_local
	STATIC_CONST		# does not know _Thread_local
	BIT_MACRO		# user space does not have these macros of the kernel:
	ARRAY_SIZE
	PREFER_DEFINED_ATTRIBUTE_MACRO
	PREFER_FALLTHROUGH
	AVOID_EXTERNS		# takes a member with aligned() for a function
	EMBEDDED_FUNCTION_NAME	# a word of a message may also be the name of a function
	MACRO_ARG_REUSE		# the macros of tests, on constants and names
	ARCH_DEFINES		# the bench reads the processor's counters
	VOLATILE		# tests force loads and stores with it
	PARENTHESIS_ALIGNMENT	# clang-format has the last word on layout
	OPEN_ENDED_LINE
	SPLIT_STRING		# messages of the library are whole sentences
	LINE_SPACING		# takes a declaration with _Alignas for a statement
	TABSTOP			# clang-format indents statement expressions
	COMPLEX_MACRO		# tables of tests have macros for runs of arguments
	MACRO_WITH_FLOW_CONTROL	# a list of checks, each of which returns
	TRAILING_SEMICOLON	# an entry of a table of macros expands to statements,
	MULTISTATEMENT_MACRO_USE_DO_WHILE # and is never the body of an if
	MACRO_ARG_PRECEDENCE	# an argument of a macro is the name of a member
	REPEATED_WORD		# "enum how how", "mount -t bpf bpf"
	ENOSYS			# the error of bpf(2) on a kernel that does not have it
)

not_in_shell=(
	SC2015	# A && B || C: only where B cannot fail
	SC2016	# a variable in single quotes is text for another shell
	SC2317	# unreachable code: "$@" names the functions to call
)

all_files >"$tmp/files"
grep -E '\.[ch]$' "$tmp/files" | grep -vE "$is_other" >"$tmp/c"
grep -E "$is_kernel" "$tmp/c" >"$tmp/kernel"
grep -vE "$is_kernel" "$tmp/c" >"$tmp/user"

# run_checkpatch IGNORED-TYPES: checks the files named on standard input. A file that has passed
# is remembered in the cache by its content, since checkpatch takes minutes for all of them.
# Runs in a directory of links, since checkpatch leaves a cache where it runs.
run_checkpatch() {
	local ignored=$1 passed=$cache/checkpatch f key
	mkdir -p "$passed" || return 1
	while IFS= read -r f; do
		key=$({ echo "$ignored"; cat "$checkpatch" "$f"; } | sha256sum)
		[ -e "$passed/${key%% *}" ] || echo "${key%% *} $f"
	done >"$tmp/unchecked"
	(cd "$tmp/tree" && cut -d ' ' -f 2- "$tmp/unchecked" |
		xargs -r -d '\n' -P 2 -n 8 perl "$checkpatch" --strict --no-tree --root=. \
			--terse --show-types --no-summary ${ignored:+--ignore "$ignored"} -f \
			>"$tmp/reports")
	cat "$tmp/reports"
	while read -r key f; do
		grep -qF "$f:" "$tmp/reports" || touch "$passed/$key"
	done <"$tmp/unchecked"
	[ ! -s "$tmp/reports" ]
}

join() { local IFS=,; echo "$*"; }

do_checkpatch() {
	if ! need perl || ! find_linux_scripts; then return 1; fi
	local checkpatch=$linux_scripts/checkpatch.pl rc=0
	mkdir "$tmp/tree" && ln -s "$PWD"/* "$tmp/tree" || return 1
	grep -vE '^(kmod/(compat|clock|trace)\.h|include/)' "$tmp/kernel" | run_checkpatch '' || rc=1
	grep -E '^kmod/clock\.h' "$tmp/kernel" | run_checkpatch "$(join "${in_clock[@]}")" || rc=1
	grep -E '^kmod/trace\.h' "$tmp/kernel" | run_checkpatch "$(join "${in_trace[@]}")" || rc=1
	grep -E '^kmod/compat\.h' "$tmp/kernel" | run_checkpatch "$(join "${in_compat[@]}")" || rc=1
	grep -E '^include/' "$tmp/kernel" | grep -v bpf | run_checkpatch "$(join "${in_abi[@]}")" || rc=1
	grep -E '^include/.*bpf' "$tmp/kernel" | run_checkpatch "$(join "${in_bpf[@]}")" || rc=1
	run_checkpatch "$(join "${in_user[@]}")" <"$tmp/user" || rc=1
	return "$rc"
}

# do_clang_format: leaves out the public headers; their columns are aligned by hand.
do_clang_format() {
	need clang-format || return 1
	grep -v '^include/' "$tmp/user" |
		xargs -r -d '\n' clang-format --style=file --dry-run --Werror --ferror-limit=5 \
		2>"$tmp/format" && return
	sed -n 's/^\([^:]*:[0-9]*\):[0-9]*: error: .*/\1: not as clang-format -i writes it/p' \
		"$tmp/format" | uniq
	grep -q ': error: ' "$tmp/format" || cat "$tmp/format"
	return 1
}

do_sparse() {
	[ -d kmod ] || return 0
	need sparse || return 1
	local vars
	vars=$(tests/kernel/vm/kernel.sh 6.1) || return 1
	eval "$vars"
	kmod/build.sh "$KHEADERS" build/sparse C=2 KCFLAGS= CF=-D__CHECK_ENDIAN__ \
		CONFIG_SEQRING_TEST=m >"$tmp/sparse" 2>&1 &&
		bench/vm/build.sh "$KHEADERS" build/sparse C=2 KCFLAGS= CF=-D__CHECK_ENDIAN__ \
			>>"$tmp/sparse" 2>&1 && return
	grep -E 'warning:|error:|Error ' "$tmp/sparse" || cat "$tmp/sparse"
	return 1
}

do_shellcheck() {
	need shellcheck || return 1
	local rc=0 opts
	opts=(-f gcc -e "$(join "${not_in_shell[@]}")")
	{
		grep '\.sh$' "$tmp/files"
		grep -v '\.sh$' "$tmp/files" |
			xargs -r -d '\n' grep -lE -m 1 '^#!(/usr)?/bin/(env )?(ba)?sh\b'
	} | sort -u | xargs -r -d '\n' shellcheck -x "${opts[@]}" || rc=1
	# busybox is unknown to shellcheck; its ash is close to dash.
	grep '^tests/' "$tmp/files" | xargs -r -d '\n' grep -l -m 1 '^#!/bin/busybox sh' |
		xargs -r -d '\n' shellcheck -s dash "${opts[@]}" || rc=1
	return "$rc"
}

do_spdx() {
	local f bad=0
	while IFS= read -r f; do
		sed -n 1,2p "$f" | grep -qF 'SPDX-License-Identifier: ' ||
			{ echo "$f: no SPDX line at the top"; bad=1; }
	done < <(grep -E '\.([chS]|cc|sh|py|pl|awk|mk|map)$|(^|/)(Makefile|Kbuild)$' "$tmp/files")
	return "$bad"
}

do_length() {
	local f n bad=0
	while IFS= read -r f; do
		n=$(wc -l <"$f")
		[ "$n" -le 650 ] || { echo "$f: $n lines, at most 650 are allowed"; bad=1; }
	done < <(grep '\.c$' "$tmp/files")
	return "$bad"
}

# do_version: checks that the constants of libring.h, the changelogs and the version maps agree
# with the file VERSION.
do_version() {
	local version header minor bad=0
	version=$(cat VERSION)
	minor=${version%.*}
	header=$(cat include/libring.h include/libring/*.h |
		sed -n 's/^#define LIBRING_VERSION_[A-Z]* \([0-9]*\)$/\1/p' | xargs | tr ' ' .)
	[ "$header" = "$version" ] ||
		{ echo "include/libring.h: LIBRING_VERSION_* is $header, VERSION is $version"; bad=1; }
	grep -q "^## \[$version\]" CHANGELOG.md || { echo "CHANGELOG.md: no section for $version"; bad=1; }
	sed -n '1s/^seqring (\(.*\)) .*/\1/p' debian/changelog | grep -qxF "$version" ||
		{ echo "debian/changelog: its first entry is not $version"; bad=1; }
	grep -q "^LIBRING_$minor {" libring/libring.map || { echo "libring.map: no LIBRING_$minor"; bad=1; }
	grep -q "^LIBRING_BPF_$minor {" libring/bpf/libring-bpf.map ||
		{ echo "libring-bpf.map: no LIBRING_BPF_$minor"; bad=1; }
	return "$bad"
}

# do_links: checks that each relative link of a page and each mention of docs/NAME.md leads
# to a file.
do_links() {
	local page link bad=0
	while read -r page link; do
		[ -e "$(dirname "$page")/$link" ] || { echo "$page: no file for the link $link"; bad=1; }
	done < <(grep '\.md$' "$tmp/files" | xargs -r -d '\n' grep -oHE '\]\([^)#]+' |
		grep -v '://' | sed 's/:](/ /')
	while IFS=: read -r page link; do
		[ -e "$link" ] || { echo "$page: no file $link"; bad=1; }
	done < <(grep -vE '^docs/(benchmarks|evidence|guide)/.*svg$' "$tmp/files" |
		xargs -r -d '\n' grep -oHE '\bdocs/[a-z/-]+\.md\b')
	return "$bad"
}

[ $# -gt 0 ] || set -- spdx version links length shellcheck clang-format checkpatch sparse
for name; do
	case $name in
	checkpatch | clang-format | sparse | shellcheck | spdx | version | links | length)
		check "$name" "do_${name//-/_}"
		;;
	*)
		echo "style.sh: no check '$name'" >&2
		exit 2
		;;
	esac
done
exit $failed
