#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The Rust crates, with Debian's toolchain and the libraries of this tree: their form, their lints,
# the layout of each struct as the C compiler has it, and their tests on live rings. Needs
# build/native.

set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
dir=$root/build/bindings/rust
mkdir -p "$dir"
# Debian's tools, whatever else is installed. Nothing is fetched, or written outside build.
PATH=/usr/bin:/bin
export CARGO_HOME=$root/build/cargo CARGO_TARGET_DIR=$dir CARGO_NET_OFFLINE=true
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
export LIBRING_LIB_DIR=$root/build/native LD_LIBRARY_PATH=$root/build/native
unset RUSTUP_TOOLCHAIN RUSTFLAGS
rc=0

# try NAME COMMAND...
try() {
	local name=$1
	shift
	if "$@" >"$dir/$name.log" 2>&1; then
		echo "ok rust $name"
	else
		echo "not ok rust $name - exit status $?: $*"
		tail -n 20 "$dir/$name.log" | sed 's/^/# /'
		rc=1
	fi
}

# The structs and constants that examples/layout.rs prints, as C has them.
layout() {
	local name
	cargo run --quiet --locked --example layout >"$dir/layout.rust" || return
	{
		printf '#include <stddef.h>\n#include <stdio.h>\n#include <libring.h>\n'
		printf '#define SHOW(name, value) printf("%%s %%zu\\n", name, (size_t)(value))\n'
		printf 'int main(void)\n{\n'
		while read -r name _; do
			case $name in
			*.*) printf 'SHOW("%s", offsetof(struct %s, %s));\n' "$name" "${name%.*}" "${name#*.}" ;;
			RING_*) printf 'SHOW("%s", %s);\n' "$name" "$name" ;;
			*) printf 'SHOW("%s", sizeof(struct %s));\n' "$name" "$name" ;;
			esac
		done <"$dir/layout.rust"
		printf 'return 0;\n}\n'
	} >"$dir/layout.c"
	gcc -Wall -Werror -I"$root/include" -o "$dir/layout" "$dir/layout.c" || return
	"$dir/layout" >"$dir/layout.c.out"
	[ "$(wc -l <"$dir/layout.rust")" -gt 80 ] && diff "$dir/layout.c.out" "$dir/layout.rust"
}

# A reader gets what ringctl publishes, and the end.
example() {
	local rings=$dir/rings server
	rm -rf "$rings"
	mkdir "$rings"
	export RINGDIR=$rings
	seq 1 1000 | "$root/build/native/ringctl" publish ticks --serve --size 1M --linger 1s 2>"$dir/publish.log" &
	server=$!
	for _ in $(seq 1000); do
		[ ! -S "$rings/ticks" ] || break
		sleep 0.02
	done
	timeout 60 cargo run --quiet --locked --example read -- ticks >"$dir/read" || return
	wait "$server" || return
	tail -n 1 "$dir/read" | grep -qx 'ring 0: record 1000, type 0, 4 bytes, 0 lost before it'
}

# tests NAME FLAG...: each test is a line.
tests() {
	local name=$1 code
	shift
	timeout 600 cargo test --locked "$@" >"$dir/$name.log" 2>&1
	code=$?
	sed -n "s/^test \(.*[^ ]\) \.\.\. ok$/ok rust $name \1/p
		s/^test \(.*[^ ]\) \.\.\. FAILED$/not ok rust $name \1/p
		s/^test \(.*[^ ]\) \.\.\. ignored$/not ok rust $name \1 - it was skipped/p
		s/^\(.* ns a record\)$/# \1/p" "$dir/$name.log"
	if [ "$code" != 0 ] || ! grep -q '^test .* ok$' "$dir/$name.log"; then
		grep -q 'FAILED$' "$dir/$name.log" || echo "not ok rust $name - cargo test ended with $code"
		tail -n 20 "$dir/$name.log" | sed 's/^/# /'
		rc=1
	fi
}

cd libring/rust || exit 1
# shellcheck disable=SC2046 # names of files
try rustfmt rustfmt --check --edition 2021 $(find . -name '*.rs')
try clippy cargo clippy --locked --all-targets -- -D warnings
cd libring-sys && try layout layout && cd ..
tests debug
try example example
tests release --release --test live
tests rate --release --test rate -- --nocapture
exit $rc
