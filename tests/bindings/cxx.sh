#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# libring.hpp, for each standard since C++17, by gcc and clang, and once with the sanitizers: its
# tests pass, and the programs of the guide build and run. Needs build/native/libring.a.

set -u
cd "$(dirname "$0")/../.." || exit 1
dir=build/bindings
rm -rf "$dir"
mkdir -p "$dir"
libs="build/native/libring.a $(make -s print-ZSTD_LIBS) -pthread"
rc=0

# cxx COMPILER STANDARD OUTPUT SOURCE [FLAG...]
cxx() {
	local compiler=$1 std=$2 out=$3 source=$4
	shift 4
	# shellcheck disable=SC2086 # the libraries are words
	"$compiler" "-std=c++$std" -pedantic -Wall -Wextra -Wconversion -Werror -O2 -Iinclude \
		"$@" -o "$dir/$out" "$source" $libs >"$dir/$out.log" 2>&1 && return
	echo "not ok c++ - $compiler, C++$std: $source"
	sed 's/^/# /' "$dir/$out.log" | head -n 20
	return 1
}

# run NAME ARGUMENT...: runs the tests. A program that a signal ended has printed no failure.
run() {
	local name=$1
	shift
	timeout 300 "$dir/$name" "$@" >"$dir/$name.out" 2>&1
	local code=$?
	sed "s/^\(ok\|not ok\) c++/& $name/" "$dir/$name.out"
	[ "$code" = 0 ] && return
	[ "$code" = 1 ] || echo "not ok c++ $name - ended with $code"
	return 1
}

for compiler in g++ clang++; do
	for std in 17 20; do
		out=${compiler%++}$std
		cxx "$compiler" "$std" "$out" tests/bindings/cxx.cc && run "$out" --cost || rc=1
	done
done
cxx g++ 17 asan tests/bindings/cxx.cc -g -fsanitize=address,undefined -fno-sanitize-recover=all &&
	run asan || rc=1
exit $rc
