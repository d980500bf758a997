#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# man.sh ROOT: checks the manual pages installed below ROOT: each public function has one, mandoc
# finds nothing to complain of, each reference to another page leads to one, and the examples
# build against what is installed there and run.

set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/lib/installed.sh
. tests/lib/installed.sh
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
mandoc -Tlint "$man"/man[3457]/* 2>/dev/null | grep -v 'referenced manual not found' |
	check 'mandoc finds nothing'

# Pages of section 2 are the system's, which may lack them.
grep -ho '^\.\(Xr\|Pf ( Xr\|Pq Xr\) [^ ]* [^ ]*' "$man"/man[3457]/* | sed 's/.*Xr //' | sort -u |
	while read -r name section; do
		[ "$section" = 2 ] || [ -e "$man/man${section%%[a-z]*}/$name.$section" ] ||
			case $name in opendir | sysconf) ;; *) echo "$name($section) is no page" ;; esac
	done | check 'references lead to pages'

# seqring(4) has each ioctl.
grep -o '^#define SEQRING_\(IOC\|CTL\)_[A-Z_]*' "$root/usr/include/seqring/abi.h" | cut -d ' ' -f 2 |
	grep -v '_MAGIC$\|_PATH$' | while read -r name; do
	grep -q "^\.It Dv $name\>" "$man/man4/seqring.4" || echo "seqring(4) lacks $name"
done | check 'seqring(4) has each ioctl'
for page in man4/seqring.4 man5/seqring-recording.5 man5/seqring-schema.5 man7/seqring.7 \
	man7/seqring-bpf.7; do
	[ -s "$man/$page" ] || echo "no page $page"
done | check 'each section has its pages'

flags=$(installed_flags "$root" libring)
for example in docs/man/examples/*.c; do
	name=$(basename "$example" .c)
	grep -q "^\.Sh EXAMPLES" "$man/man3/$name.3" || echo "$name(3) has no example"
	# shellcheck disable=SC2086 # the flags are words
	gcc -Wall -Wextra -Werror -o "$dir/$name" "$example" $flags || echo "$name does not build"
done 2>&1 | check 'examples build'

# The writer's ten records, read one by one and counted. The writer serves for a second, in which a
# busy machine may not run both readers, so it is asked up to five times.
export RINGDIR=$PWD/$dir LD_LIBRARY_PATH=$root/usr/lib
for _ in 1 2 3 4 5; do
	"$dir/ring_writer_create" &
	for _ in $(seq 100); do
		[ ! -S "$RINGDIR/ticks" ] || break
		sleep 0.05
	done
	sleep 3 | timeout 30 "$dir/ring_fd" ticks >"$dir/counted" 2>&1 &
	timeout 30 "$dir/ring_open" ticks >"$dir/read" 2>&1
	wait
	wrong=
	grep -qx '10: type 1, 4 bytes, 0 lost before' "$dir/read" || wrong=$(cat "$dir/read")
	grep -qx '10 records' "$dir/counted" || wrong+=$(cat "$dir/counted")
	[ -n "$wrong" ] || break
done
echo -n "$wrong" | check 'examples run'
exit $failed
