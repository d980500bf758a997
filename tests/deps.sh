#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# deps.sh [build|test|go|vm|debug|arm64|bench|style|deb|deb-long...]: installs the Debian packages that these
# parts of the project need (default: all parts). If all are installed, does nothing and needs
# neither root nor a network.

# shellcheck disable=SC2086 # lists of packages are split
set -eu

# packages PART: prints the packages of a part.
packages() {
	case $1 in
	# clang makes the BTF of records' schemas, and BPF programs. python3 makes manual pages, and
	# python3-dev is for the Python module.
	build)
		echo gcc libc6-dev make pkg-config libjson-c-dev libbpf-dev libseccomp-dev libzstd-dev \
			libncurses-dev clang bpftool python3 python3-dev libnats-dev libinih-dev libsystemd-dev \
			libmicrohttpd-dev
		;;
	# gcc-multilib is for the 32-bit reader, and relacy-dev for the memory model. stress-ng and
	# trinity fuzz the devices; libclang-rt has libFuzzer, for code that reads shared memory.
	# babeltrace2, python3-bt2 and protoc read what ringctl export writes.
	# libevent, libuv and libsystemd are event loops that wait for a ring. mandoc checks manual pages,
	# zstd recordings. tmux is a terminal for ringctl top. nats-server and openssl are for the tests of the agent.
	test)
		echo gcc-multilib g++ relacy-dev spin libcmocka-dev bash-completion python3 \
			python3-jsonschema python3-prometheus-client procps stress-ng trinity libclang-rt-14-dev libevent-dev \
			libuv1-dev libsystemd-dev mandoc babeltrace2 python3-bt2 libbabeltrace2-dev \
			protobuf-compiler zstd tmux nats-server openssl
		;;
	# A loader of BPF programs that is not libbpf, in the guide.
	go) echo golang-go golang-github-cilium-ebpf-dev ;;
	# What makes the site, and what looks at it.
	site) echo mkdocs libjs-jquery mandoc chromium chromium-driver python3-selenium ;;
	rust) echo rustc cargo rustfmt rust-clippy ;;
	# libelf1 and libssl3 are for the programs that build modules. zstd and lz4
	# unpack kernels. qemu-system-x86 also provides the libraries for a newer QEMU.
	vm)
		echo qemu-system-x86 busybox-static cpio kmod procps xz-utils zstd lz4 \
			gcc-12 libc6-dev make binutils libelf1 libssl3
		;;
	# The tools that build a kernel; see tests/kernel/debug.
	debug) echo linux-source-6.1 xz-utils gcc make flex bison bc libelf-dev ;;
	# tests/kernel/arm64 fetches the compiler and the libraries for arm64 without installing them.
	arm64)
		echo pkg-config clang bpftool python3
		packages vm
		;;
	# The bench compares the module with netlink, by libnl. gnuplot draws. The rest are user
	# space's alternatives to a ring, and to recording one.
	bench)
		echo libnl-genl-3-dev gnuplot-nox python3 \
			libck-dev libiceoryx-binding-c-dev iceoryx \
			liblttng-ust-dev lttng-tools babeltrace2 linux-perf trace-cmd
		;;
	# What builds the Debian packages, and what checks them.
	deb) echo dpkg-dev debhelper dh-dkms dh-python dkms fakeroot lintian blhc ;;
	# piuparts and autopkgtest install packages in a Debian of their own, which debootstrap makes.
	deb-long) echo piuparts autopkgtest debootstrap ;;
	# linux-source has checkpatch.pl and scripts for coccinelle.
	style)
		echo linux-source-6.1 xz-utils perl clang clang-format clang-tidy cppcheck \
			coccinelle sparse shellcheck git
		packages vm
		;;
	*)
		echo "usage: $0 [build|test|go|vm|debug|arm64|bench|style|deb|deb-long...]" >&2
		exit 2
		;;
	esac
}

[ $# -gt 0 ] || set -- build test go vm debug arm64 bench style deb
want=
for group; do
	names=$(packages "$group")
	want="$want $names"
done

command -v dpkg-query >/dev/null || {
	echo "$0: this is not a Debian system; it needs these packages (Debian's names):" $want >&2
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
# The lists of packages may be absent, or so old that the archive no longer has what they name.
if ! log=$(install 2>&1); then
	apt-get update -q || :
	install
else
	printf '%s\n' "$log" | tail -n 3
fi
