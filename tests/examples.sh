#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# examples.sh ROOT: builds the examples of README.md and of the guides against the files
# installed below ROOT, and runs them. Builds the kernel example against the headers of
# Linux 6.1.

set -eu
cd "$(dirname "$0")/.."
# shellcheck source=tests/lib/installed.sh
. tests/lib/installed.sh
root=$1
dir=$PWD/build/examples
rm -rf "$dir"
mkdir -p "$dir/kernel"

# Each fenced block becomes one file; the word after ```c tells which one.
awk -v dir="$dir" '
	/^```c kernel$/ { out = dir "/kernel/sampler.c"; next }
	/^```c$/ { out = dir "/example" ++n ".c"; next }
	/^```$/ { out = ""; next }
	out { print > out }' README.md

flags=$(installed_flags "$root" libring)
count=0
for src in "$dir"/example*.c; do
	# shellcheck disable=SC2086 # the flags are words
	gcc -Wall -Wextra -Werror -o "${src%.c}" "$src" $flags
	count=$((count + 1))
done
[ "$count" -ge 2 ]

# The writer example serves its ring; the library's own tool reads it.
RINGDIR=$dir LD_LIBRARY_PATH=$root/usr/lib "$dir/example2" &
writer=$!
sleep 0.3
RINGDIR=$dir "$root/usr/bin/ringctl" cat ticks --count 100 --quiet | tail -n 1 | grep -q .
wait $writer

# The reader of docs/reference/schema.md uses libring-bpf; its messages come from libring.
awk '/^```c reader$/ { out = 1; next } /^```$/ { out = 0 } out' docs/reference/schema.md >"$dir/reader.c"
flags=$(installed_flags "$root" libring-bpf)
# shellcheck disable=SC2086 # the flags are words
gcc -Wall -Wextra -Werror -o "$dir/reader" "$dir/reader.c" $flags
echo 'no schema, but longer than the header of one' >"$dir/no.schema"
echo | RINGDIR=$dir "$root/usr/bin/ringctl" publish described --serve --schema "$dir/no.schema" \
	--linger 3s &
writer=$!
sleep 0.3
RINGDIR=$dir LD_LIBRARY_PATH=$root/usr/lib "$dir/reader" described 2>&1 | grep -qx 'schema: not BTF'
wait $writer

# The writer of docs/guide/bpf.md builds everywhere, and runs if this kernel has BTF.
# block WORD: prints the fenced block that begins with ```c WORD.
block() { awk -v start="^\`\`\`c $1\$" '$0 ~ start { out = 1; next } /^```$/ { out = 0 } out' docs/guide/bpf.md; }
block bpf >"$dir/exits.bpf.c"
block exits.h >"$dir/exits.h"
block loader >"$dir/loader.c"
# object NAME OPTION...: compiles exits.bpf.c.
object() {
	local name=$1
	shift
	clang -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror "$@" \
		-idirafter "/usr/include/$(uname -m)-linux-gnu" -I"$root/usr/include" \
		-c "$dir/exits.bpf.c" -o "$dir/$name.bpf.o"
}
object exits
object exits-go -DSEQRING_BPF_NO_KFUNC
# shellcheck disable=SC2086 # the flags are words
gcc -Wall -Wextra -Werror -o "$dir/loader" "$dir/loader.c" $flags

# The loader in Go, with Debian's package.
mkdir "$dir/go"
awk '/^```go loader$/ { out = 1; next } /^```$/ { out = 0 } out' docs/guide/bpf.md >"$dir/go/loader.go"
[ -z "$(gofmt -l "$dir/go/loader.go")" ]
PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$root/usr/lib/pkgconfig \
	PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 \
	GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$PWD/build/go-cache \
	go build -o "$dir/go/loader" "$dir/go/loader.go"

# exits NAME LOADER...: runs a loader of exits.bpf.o for some seconds; a reader sees a process end.
exits() {
	local out=$dir/exits-$1.json writer reader
	shift
	LD_LIBRARY_PATH=$root/usr/lib "$@" &
	writer=$!
	# Until the loader has made the ring, for ten seconds at most.
	for _ in $(seq 100); do
		! "$root/usr/bin/ringctl" info exits >/dev/null 2>&1 || break
		sleep 0.1
	done
	"$root/usr/bin/ringctl" cat --json exits --quiet >"$out" &
	reader=$!
	sleep 0.2
	sh -c 'exit 3' || :
	wait $writer
	wait $reader
	grep -q '"comm":"sh"' "$out"
}

if [ -e /sys/kernel/btf/vmlinux ] && [ "$(id -u)" = 0 ]; then
	mkdir -p "$dir/bpffs"
	mount -t bpf bpf "$dir/bpffs"
	trap 'umount "$dir/bpffs"' EXIT
	export RINGBPFDIR=$dir/bpffs/rings
	exits c "$dir/loader" "$dir/exits.bpf.o" 2
	exits go "$dir/go/loader" "$dir/exits-go.bpf.o" 2s
fi

eval "$(tests/kernel/vm/kernel.sh 6.1)"
kmod/build.sh "$KHEADERS" build/kmod-6.1 CONFIG_SEQRING_TEST=m
printf 'obj-m := sampler.o\nccflags-y := -I%s/include\n' "$PWD" >"$dir/kernel/Kbuild"
make -C "$KHEADERS" M="$dir/kernel" \
	KBUILD_EXTRA_SYMBOLS="$PWD/build/kmod-6.1/kmod/Module.symvers" modules
test -f "$dir/kernel/sampler.ko"
