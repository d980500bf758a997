# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For scripts that use what `make install` has put below a directory: sourced by them.

# installed_flags ROOT LIBRARY: prints the flags that compile and link with a library.
installed_flags() {
	PKG_CONFIG_SYSROOT_DIR=$1 PKG_CONFIG_PATH=$1/usr/lib/pkgconfig \
		PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 \
		pkg-config --cflags --libs "$2"
}
