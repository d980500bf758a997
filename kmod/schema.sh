#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# schema.sh RINGCTL PRODUCER OBJECT HEADER: makes HEADER, an array with the schema of a producer,
# from PRODUCER.schema.c, below kmod/. Needs clang. OBJECT is a file that the script may write.

set -eu
ringctl=$1 producer=$2 object=$3 header=$4
top=$(cd "$(dirname "$0")/.." && pwd -P)
name=${producer##*/}
# Paths of the machine do not get into the header. Debian has asm/types.h in the last directory.
clang -target bpf -g -Wall -Werror -I"$top/include" -ffile-prefix-map="$top=." \
	-idirafter "/usr/include/$(uname -m)-linux-gnu" -c "$top/kmod/$producer.schema.c" -o "$object"
"$ringctl" schema "$object" --c-array "${name}_schema" --output "$header"
