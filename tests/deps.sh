#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# deps.sh [build|test|vm|debug|arm64|bench|style...]: installs the Debian packages that these parts
# of the project need, all parts by default. Does nothing, and needs neither root
# nor a network, where they are there.

# shellcheck disable=SC2086 # lists of packages are split
set -eu

packages() {
	case $1 in
	# clang makes BTF: the schemas of records, and BPF programs.
	build) echo gcc libc6-dev make pkg-config libjson-c-dev libbpf-dev libseccomp-dev clang bpftool ;;
	# gcc-multilib is for the 32-bit reader, relacy-dev checks the memory model, the rest
	# from stress-ng on fuzzes: the devices, and what reads shared memory (libFuzzer).
	test)
		echo gcc-multilib g++ relacy-dev spin libcmocka-dev bash-completion python3 procps \
			stress-ng trinity libclang-rt-14-dev
		;;
	# libelf1 and libssl3 are for the programs that build modules; zstd and lz4
	# unpack kernels; qemu-system-x86 also has the libraries for a newer QEMU.
	vm)
		echo qemu-system-x86 busybox-static cpio kmod procps xz-utils zstd lz4 \
			gcc-12 libc6-dev make binutils libelf1 libssl3
		;;
	# What a kernel is built with; see tests/kernel/debug.
	debug) echo linux-source-6.1 xz-utils gcc make flex bison bc libelf-dev ;;
	# The compiler and the libraries for arm64 are fetched by tests/kernel/arm64, not installed.
	arm64)
		echo pkg-config clang bpftool python3
		packages vm
		;;
	# libnl is one of the alternatives to the module; gnuplot draws. The others are
	# alternatives to a ring in user space.
	bench)
		echo libnl-genl-3-dev gnuplot-nox python3 \
			libck-dev libiceoryx-binding-c-dev iceoryx \
			liblttng-ust-dev lttng-tools babeltrace2
		;;
	# linux-source has checkpatch.pl and scripts for coccinelle.
	style)
		echo linux-source-6.1 xz-utils perl clang clang-format clang-tidy cppcheck \
			coccinelle sparse shellcheck git
		packages vm
		;;
	*)
		echo "usage: $0 [build|test|vm|debug|arm64|bench|style...]" >&2
		exit 2
		;;
	esac
}

[ $# -gt 0 ] || set -- build test vm debug arm64 bench style
want=
for group; do
	names=$(packages "$group")
	want="$want $names"
done

command -v dpkg-query >/dev/null || {
	echo "$0: not a Debian system; needed are, by Debian's names:" $want >&2
	exit 1
}
have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $want 2>/dev/null |
	sed -n 's/^installed //p') || :
missing=
for name in $want; do
	case "
$have
$missing" in
	*"
$name
"*) ;;
	*) missing="$missing$name
" ;;
	esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "$0: run this as root, or: apt-get install" $missing >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
install() {
	apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 $missing
}
echo "$0: installing" $missing
# Lists may be absent, or so old that what they name has gone.
if ! log=$(install 2>&1); then
	apt-get update -q || :
	install
else
	printf '%s\n' "$log" | tail -n 3
fi
