#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# modules.sh 6.1|6.12-16k: builds the modules for that kernel (see kernel.sh) and prints
# the directory they are in.

set -eu
cd "$(dirname "$0")/../../.."
series=${1:?a kernel}
log=build/log/kmod-arm64-$series.log
mkdir -p build/log
vars=$(tests/kernel/arm64/kernel.sh "$series" && tests/kernel/arm64/tools.sh)
eval "$vars"
# barriers.py needs the line of each instruction; see SAN=arm64 in the Makefile.
PATH=${CROSS%/*}:$PATH kmod/build.sh "$KHEADERS" "build/kmod-arm64-$series" ARCH=arm64 \
	CROSS_COMPILE=aarch64-linux-gnu- KCFLAGS='-Werror -gdwarf-4' CONFIG_SEQRING_TEST=m \
	>"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
echo "build/kmod-arm64-$series/kmod"
