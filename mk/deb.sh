#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# deb.sh [DIRECTORY]: builds the Debian packages and the source package in DIRECTORY, which is
# build/deb unless given. Builds them from the source archive, so that the tree stays clean, and
# so that they never depend on a file that the archive lacks.
#
# DIRECTORY/build.log is the log of the build.

set -eu
export LC_ALL=C
# The caller's flags would bring a job server that this make cannot use.
unset MAKEFLAGS MFLAGS MAKELEVEL
top=$(cd "$(dirname "$0")/.." && pwd -P)
out=${1:-$top/build/deb}
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd -P)
"$top/mk/dist.sh" "$out"

name=seqring-$(cat "$top/VERSION")
tar -C "$out" -xzf "$out/$name.tar.gz"
cd "$out/$name"
if ! dpkg-buildpackage -us -uc -F -j"$(nproc)" >"$out/build.log" 2>&1; then
	tail -n 40 "$out/build.log" >&2
	echo "$0: dpkg-buildpackage failed; its log is $out/build.log" >&2
	exit 1
fi
rm -rf "${out:?}/$name"
echo "packages in $out:"
cd "$out"
ls -- *.deb
