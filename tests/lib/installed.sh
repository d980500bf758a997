# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For scripts that use what `make install`, or Debian's packages, have put below a directory: sourced
# by them. Packages use the library directories of Debian's multiarch.

# installed_libraries ROOT: prints the directory of the libraries.
installed_libraries() {
	local lib
	for lib in "$1/usr/lib" "$1/usr/lib/$(uname -m)-linux-gnu"; do
		[ ! -e "$lib/libring.so" ] || echo "$lib"
	done
}

# installed_flags ROOT LIBRARY: prints the flags that compile and link with a library.
installed_flags() {
	PKG_CONFIG_SYSROOT_DIR=$1 PKG_CONFIG_PATH=$(installed_libraries "$1")/pkgconfig \
		PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 \
		pkg-config --cflags --libs "$2"
}
