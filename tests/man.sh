#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# man.sh ROOT: checks the manual pages installed below ROOT: each public function has one, mandoc
# finds nothing to complain of, each reference to another page leads to one, and the examples
# build against what is installed there and run.

set -u
cd "$(dirname "$0")/.." || exit 1
root=$1
man=$root/usr/share/man
dir=build/man-test
failed=0
rm -rf "$dir"
mkdir -p "$dir"

# check NAME: reads what is wrong; nothing is right.
check() {
	local wrong
	wrong=$(cat)
	if [ -z "$wrong" ]; then
		echo "ok man: $1"
	else
		echo "# ${wrong//$'\n'/$'\n'# }"
		echo "not ok man: $1 - $(wc -l <<<"$wrong") lines above"
		failed=1
	fi
}

# Of each library the functions that it exports.
for library in libring libring-bpf; do
	nm -D --defined-only "$root/usr/lib/$library.so" | awk '$2 == "T" { sub("@.*", "", $3); print $3 }' |
		grep '^ring_' >"$dir/$library"
	while read -r name; do
		[ -e "$man/man3/$name.3" ] || echo "$name() has no page"
	done <"$dir/$library" | check "$library: each function has a page"
	[ -s "$dir/$library" ] || echo "$library exports nothing" | check "$library"
done

# References are checked below: mandoc would need an index of all pages of the machine.
mandoc -Tlint "$man"/man[37]/* 2>/dev/null | grep -v 'referenced manual not found' |
	check 'mandoc finds nothing'

# Pages of section 2 are the system's, which may lack them.
grep -ho '^\.\(Xr\|Pf ( Xr\) [^ ]* [^ ]*' "$man"/man[37]/* | sed 's/.*Xr //' | sort -u |
	while read -r name section; do
		[ "$section" = 2 ] || [ -e "$man/man${section%%[a-z]*}/$name.$section" ] ||
			case $name in opendir | sysconf) ;; *) echo "$name($section) is no page" ;; esac
	done | check 'references lead to pages'

flags=$(PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$root/usr/lib/pkgconfig \
	PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 \
	pkg-config --cflags --libs libring)
for example in docs/man/examples/*.c; do
	name=$(basename "$example" .c)
	grep -q "^\.Sh EXAMPLES" "$man/man3/$name.3" || echo "$name(3) has no example"
	# shellcheck disable=SC2086 # the flags are words
	gcc -Wall -Wextra -Werror -o "$dir/$name" "$example" $flags || echo "$name does not build"
done 2>&1 | check 'examples build'

# The writer's ten records, read one by one and counted.
export RINGDIR=$PWD/$dir LD_LIBRARY_PATH=$root/usr/lib
{
	"$dir/ring_writer_create" &
	sleep 0.3
	sleep 3 | timeout 30 "$dir/ring_fd" ticks >"$dir/counted" &
	timeout 30 "$dir/ring_open" ticks >"$dir/read"
	wait
	grep -qx '10: type 1, 4 bytes, 0 lost before' "$dir/read" || cat "$dir/read"
	grep -qx '10 records' "$dir/counted" || cat "$dir/counted"
} 2>&1 | check 'examples run'
exit $failed
