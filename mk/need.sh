#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# need.sh PART...: checks that the compilers and libraries of these parts are there, and
# names the Debian packages of those that are not. Make calls it with CC, PKG_CONFIG, CLANG,
# BPFTOOL and PYTHON_CONFIG in the environment.

set -u
missing=

need() { # PACKAGE COMMAND...: the package, unless the command succeeds
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}

# PKG_CONFIG may begin with assignments.
library() { eval "$PKG_CONFIG --exists $1"; }
# CC may have options.
compiles() { echo '#include <stdio.h>' | $CC -E -; }

for part; do
	case $part in
	cc)
		if ! command -v "${CC%% *}" >/dev/null; then
			missing="$missing $(basename "${CC%% *}")"
		elif [ "${CC%-m32*}" != "$CC" ]; then
			need gcc-multilib compiles
		else
			need libc6-dev compiles
		fi
		# Without it, each library below would be reported as missing.
		need pkg-config command -v pkg-config
		case $missing in *pkg-config*) break ;; esac
		;;
	libbpf) need libbpf-dev library libbpf ;;
	json-c) need libjson-c-dev library json-c ;;
	seccomp) need libseccomp-dev library libseccomp ;;
	cmocka) need libcmocka-dev library cmocka ;;
	libnats) need libnats-dev library libnats ;;
	inih) need libinih-dev library inih ;;
	systemd) need libsystemd-dev library libsystemd ;;
	microhttpd) need libmicrohttpd-dev library libmicrohttpd ;;
	babeltrace2) need libbabeltrace2-dev library babeltrace2 ;;
	clang) need clang command -v "$CLANG" ;;
	bpftool) need bpftool command -v "$BPFTOOL" ;;
	python3) need python3 command -v python3 ;;
	python3-dev) need python3-dev "$PYTHON_CONFIG" --extension-suffix ;;
	debhelper)
		need dpkg-dev command -v dpkg-buildpackage
		need debhelper command -v dh
		need dh-dkms command -v dh_dkms
		need dh-python command -v dh_python3
		need python3 command -v python3
		need fakeroot command -v fakeroot
		;;
	*)
		echo "usage: $0 [cc|libbpf|json-c|seccomp|cmocka|babeltrace2|libnats|inih|systemd|microhttpd|clang|bpftool|python3|python3-dev|debhelper...]" >&2
		exit 2
		;;
	esac
done
[ -n "$missing" ] || exit 0
{
	echo "Debian packages are missing:$missing"
	echo "As root, install these:     apt-get install$missing"
	echo "or all that \`make\` needs:   tests/deps.sh build"
} >&2
exit 1
