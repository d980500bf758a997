#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# examples.sh ROOT [PART...]: builds the examples of README.md and of the guides against the files
# installed below ROOT, and runs them. The parts are: readme cxx gopackage schema python bpf go
# driver; default: all.
#
# driver builds README's driver against a kernel of tests/kernel/vm/kernel.sh, SERIES or 6.1. SEQRING
# names the directory with the headers and symbols of the installed module, or is `default`: the
# Makefile finds it. Without SEQRING, the part installs the modules by the tree's own modules_install,
# below build/.

set -eu
cd "$(dirname "$0")/.."
# shellcheck source=tests/lib/installed.sh
. tests/lib/installed.sh
root=$1
shift
[ $# -gt 0 ] || set -- readme cxx gopackage schema python bpf go driver
lib=$(installed_libraries "$root")
dir=$PWD/build/examples
rm -rf "$dir"
mkdir -p "$dir"
ringctl=$root/usr/bin/ringctl
# shellcheck disable=SC2016 # of the page that reads it
fence='```'

# block PAGE LANGUAGE WORD: prints the fenced block of a page that begins with this line.
block() {
	awk -v start="$fence$2 $3" -v end="$fence" '$0 == start { out = 1; next } $0 == end { out = 0 } out' \
		"$1" >"$dir/block"
	[ -s "$dir/block" ] || { echo "$1: no block $2 $3" >&2; return 1; }
	cat "$dir/block"
}

# cc_with LIBRARY SOURCE...: builds a program, named as its first source.
cc_with() {
	local flags
	flags=$(installed_flags "$root" "$1")
	shift
	# shellcheck disable=SC2086 # the flags are words
	gcc -Wall -Wextra -Werror -o "${1%.c}" "$@" $flags
}

# wait_for_socket NAME: until a process that was just started serves the ring.
wait_for_socket() {
	for _ in $(seq 1000); do
		[ ! -S "$dir/$1" ] || return 0
		sleep 0.02
	done
	echo "nobody serves $1" >&2
	return 1
}

# Every block of README with a word is one of those that are built below.
known=$(printf '%s\n' 'c bpf' 'c driver' 'c reader' 'c writer' 'make driver' 'sh operator')
found=$(sed -n "s/^$fence\(..*\)/\1/p" README.md | LC_ALL=C sort)
[ "$found" = "$known" ] || { echo "README.md has other blocks than this script: $found" >&2; exit 1; }

readme() {
	local writer
	block README.md c reader >"$dir/reader.c"
	block README.md c writer >"$dir/writer.c"
	cc_with libring "$dir/reader.c"
	cc_with libring "$dir/writer.c"
	# The writer serves a thousand records. The reader gets those that are published once it is there,
	# then the end. The operator's commands work meanwhile.
	export RINGDIR=$dir LD_LIBRARY_PATH=$lib
	"$dir/writer" &
	writer=$!
	wait_for_socket ticks
	"$dir/reader" ticks >"$dir/read" 2>"$dir/read.err" &
	reader=$!
	"$ringctl" cat ticks --count 100 --quiet | tail -n 1 | grep -q .
	"$ringctl" info ticks >/dev/null
	wait $writer
	wait $reader
	tail -n 1 "$dir/read" | grep -qx 'cpu 0: record 1000, type 1, 8 bytes, 0 lost before it'
	operator
}

# Each command that the operator types is one that ringctl has.
operator() {
	block README.md sh operator >"$dir/operator.sh"
	grep -o 'ringctl [a-z]*' "$dir/operator.sh" | sort -u | while read -r _ command; do
		"$ringctl" help "$command" >/dev/null
	done
	# Those that need nothing but a ring.
	"$dir/writer" &
	wait_for_socket ticks
	(
		cd "$dir"
		PATH=$root/usr/bin:$PATH
		eval "$(grep '^ringctl list' operator.sh)" | grep -q '^ticks '
		eval "$(grep '^ringctl info' operator.sh)" | grep -q '^published '
		timeout 60 sh -c "$(grep '^ringctl cat' operator.sh)" | grep -q .
		wait
		"$dir/writer" &
		wait_for_socket ticks
		eval "$(grep '^ringctl record' operator.sh | sed 's/;.*//')"
		ringctl cat ./today --no-follow --quiet | grep -q .
		wait
	)
	wait
}

# reads_all PROGRAM: the reader gets what README's writer publishes, and its end.
reads_all() {
	local writer reader
	block README.md c writer >"$dir/writer.c"
	cc_with libring "$dir/writer.c"
	export RINGDIR=$dir LD_LIBRARY_PATH=$lib
	"$dir/writer" &
	writer=$!
	wait_for_socket ticks
	"$1" ticks >"$1.out" &
	reader=$!
	wait $writer
	wait $reader
	tail -n 1 "$1.out" | grep -qx 'ring 0: record 1000, type 1, 8 bytes, 0 lost before it'
}

# The reader in C++ of docs/guide/languages.md.
cxx() {
	local flags
	block docs/guide/languages.md cpp reader >"$dir/reader.cc"
	flags=$(installed_flags "$root" libring)
	# shellcheck disable=SC2086 # the flags are words
	g++ -std=c++17 -Wall -Wextra -Werror -o "$dir/reader-cxx" "$dir/reader.cc" $flags
	reads_all "$dir/reader-cxx"
	if "$dir/reader-cxx" nothing 2>"$dir/read-cxx.err"; then
		return 1
	fi
	grep -q nothing "$dir/read-cxx.err"
}

# The reader in Go of docs/guide/languages.md.
gopackage() {
	mkdir "$dir/gopackage"
	block docs/guide/languages.md go reader >"$dir/gopackage/main.go"
	[ -z "$(gofmt -l "$dir/gopackage/main.go")" ]
	CGO_CFLAGS="-O2 -I$root/usr/include" CGO_LDFLAGS="-L$lib" GO111MODULE=off GOENV=off \
		GOPATH=$root/usr/share/gocode GOCACHE=$PWD/build/go-cache \
		command go build -o "$dir/reader-go" "$dir/gopackage/main.go"
	reads_all "$dir/reader-go"
}

# The reader of docs/reference/schema.md uses libring-bpf; its messages come from libring.
schema() {
	local writer
	block docs/reference/schema.md c reader >"$dir/named.c"
	cc_with libring-bpf "$dir/named.c"
	echo 'no schema, but longer than the header of one' >"$dir/no.schema"
	echo | RINGDIR=$dir "$ringctl" publish described --serve --schema "$dir/no.schema" --linger 3s &
	writer=$!
	wait_for_socket described
	RINGDIR=$dir LD_LIBRARY_PATH=$lib "$dir/named" described 2>&1 | grep -qx 'schema: not BTF'
	wait $writer
}

# The writer and the readers of docs/guide/python.md, each with all records of the ring.
python() {
	local what pids=()
	export RINGDIR=$dir LD_LIBRARY_PATH=$lib PYTHONDONTWRITEBYTECODE=1
	export PYTHONPATH=$root/usr/lib/python3/dist-packages
	for what in writer reader batch async; do
		block docs/guide/python.md python "$what" | sed 's/"sched"/"ticks"/' >"$dir/$what.py"
	done
	/usr/bin/python3 "$dir/writer.py" &
	pids+=($!)
	wait_for_socket ticks
	for what in reader batch async; do
		timeout 60 /usr/bin/python3 "$dir/$what.py" >"$dir/python-$what" &
		pids+=($!)
	done
	for what in "${pids[@]}"; do wait "$what"; done
	tail -n 1 "$dir/python-reader" | grep -qx '1000 [0-9]* 0 None None'
	grep -qx '499500 True' "$dir/python-batch"
	[ "$(wc -l <"$dir/python-async")" = 1000 ]
}

# object NAME [OPTION...]: compiles NAME.bpf.c to NAME.bpf.o.
object() {
	local name=$1
	shift
	clang -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror "$@" \
		-idirafter "/usr/include/$(uname -m)-linux-gnu" -I"$root/usr/include" \
		-c "$dir/$name.bpf.c" -o "$dir/$name.bpf.o"
}

can_bpf() { [ -e /sys/kernel/btf/vmlinux ] && [ "$(id -u)" = 0 ]; }

# Rings of BPF programs in a bpffs of this test.
own_bpffs() {
	[ ! -d "$dir/bpffs" ] || return 0
	mkdir "$dir/bpffs"
	mount -t bpf bpf "$dir/bpffs"
	trap 'umount "$dir/bpffs"' EXIT
	export RINGBPFDIR=$dir/bpffs/rings
}

# exits NAME LOADER...: runs a loader for some seconds. A reader sees a process end: its name is
# in the record if the program has the guide's schema.
exits() {
	local out=$dir/exits-$1.json writer reader want=$2
	shift 2
	LD_LIBRARY_PATH=$lib "$@" &
	writer=$!
	# Until the loader has made the ring, for ten seconds at most.
	for _ in $(seq 100); do
		! "$ringctl" info exits >/dev/null 2>&1 || break
		sleep 0.1
	done
	"$ringctl" cat --json exits --quiet >"$out" &
	reader=$!
	sleep 0.2
	sh -c 'exit 3' || :
	wait $writer
	wait $reader
	grep -q "$want" "$out"
}

# The writer of docs/guide/bpf.md builds everywhere, and runs if this kernel has BTF. README's is
# another program for the same loader.
bpf() {
	block docs/guide/bpf.md c bpf >"$dir/exits.bpf.c"
	block docs/guide/bpf.md c exits.h >"$dir/exits.h"
	block docs/guide/bpf.md c loader >"$dir/loader.c"
	block README.md c bpf >"$dir/readme.bpf.c"
	object exits
	object readme
	cc_with libring-bpf "$dir/loader.c"
	can_bpf || return 0
	own_bpffs
	exits c '"comm":"sh"' "$dir/loader" "$dir/exits.bpf.o" 2
	exits readme '"type":1' "$dir/loader" "$dir/readme.bpf.o" 2
	rests
}

# sleeps PROGRAM: starts a reader and prints how often it slept in a second.
sleeps() {
	LD_LIBRARY_PATH=$lib "$1" self >/dev/null 2>&1 &
	local reader=$!
	sleep 1
	sed -n 's/^voluntary_ctxt_switches:\t//p' "/proc/$reader/status"
	kill "$reader"
	wait "$reader" || :
}

# On a ring with the scheduler's events each wake-up of a reader is an event. README's reader sleeps
# far less often than one without watermarks, on the same ring.
rests() {
	local with without tracer
	block README.md c reader | sed 's/&opts, &r/NULL, \&r/' >"$dir/restless.c"
	sed -i '/opts = {/,/};/d' "$dir/restless.c"
	block README.md c reader >"$dir/reader.c"
	cc_with libring "$dir/reader.c"
	cc_with libring "$dir/restless.c"
	"$ringctl" trace sched --name self --self --quiet >/dev/null &
	tracer=$!
	for _ in $(seq 100); do
		! "$ringctl" info self >/dev/null 2>&1 || break
		sleep 0.1
	done
	# Up to three times, since other work may keep one of them from running.
	for _ in 1 2 3; do
		with=$(sleeps "$dir/reader")
		without=$(sleeps "$dir/restless")
		echo "# in a second README's reader slept $with times, one without watermarks $without"
		[ $((4 * with)) -ge "$without" ] || break
	done
	kill $tracer
	wait $tracer || :
	[ $((4 * with)) -lt "$without" ]
}

# The loader in Go, with Debian's package.
go() {
	mkdir "$dir/go"
	block docs/guide/bpf.md go loader >"$dir/go/loader.go"
	[ -z "$(gofmt -l "$dir/go/loader.go")" ]
	PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$lib/pkgconfig \
		PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 \
		GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$PWD/build/go-cache \
		command go build -o "$dir/go/loader" "$dir/go/loader.go"
	block docs/guide/bpf.md c bpf >"$dir/exits-go.bpf.c"
	block docs/guide/bpf.md c exits.h >"$dir/exits.h"
	object exits-go -DSEQRING_BPF_NO_KFUNC
	can_bpf || return 0
	own_bpffs
	exits go '"comm":"sh"' "$dir/go/loader" "$dir/exits-go.bpf.o" 2s
}

# README's Makefile takes nothing but what is installed.
driver() {
	local KHEADERS KVER
	eval "$(tests/kernel/vm/kernel.sh "${SERIES:-6.1}")"
	if [ -z "${SEQRING-}" ]; then
		kmod/build.sh "$KHEADERS" build/kmod-6.1 CONFIG_SEQRING_TEST=m
		rm -rf build/modules
		INSTALL_MOD_PATH=$PWD/build/modules kmod/install.sh "$KHEADERS" build/kmod-6.1
		SEQRING=$PWD/build/modules/lib/modules/$KVER/updates/seqring
	fi
	mkdir "$dir/driver"
	block README.md c driver >"$dir/driver/sampler.c"
	block README.md make driver >"$dir/driver/Makefile"
	if [ "$SEQRING" = default ]; then
		env -u SEQRING make -C "$dir/driver" KVER="$KVER"
	else
		make -C "$dir/driver" KDIR="$KHEADERS" SEQRING="$SEQRING"
	fi
	test -f "$dir/driver/sampler.ko"
}

for part; do
	"$part"
	echo "# $part: done"
done
