#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# doc.sh: docs/guide/from-locks.md shows code of the programs that run, word for word: each of
# its blocks that names a file must stand in that file, with nothing left out.

set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0 blocks=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

awk -v dir="$tmp" '
	/^```c / { out = dir "/" ++n; print $2 > (out ".file"); next }
	/^```$/ { out = ""; next }
	out { print > out }' docs/guide/from-locks.md
for block in "$tmp"/*.file; do
	[ -f "$block" ] || continue
	blocks=$((blocks + 1))
	file=$(cat "$block")
	if [ ! -f "$file" ]; then
		echo "# there is no $file"
		bad=1
	elif [[ $(cat "$file") != *"$(cat "${block%.file}")"* ]]; then
		echo "# this is not in $file:"
		sed 's/^/#   /' "${block%.file}"
		bad=1
	fi
done
[ $blocks -ge 6 ] || { echo "# $blocks blocks of code are too few"; bad=1; }
exit $bad
