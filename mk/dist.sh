#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# dist.sh DIRECTORY: writes the source archive seqring-VERSION.tar.gz to DIRECTORY. It has the files
# of the tree as they are now, without what git ignores. The archive depends on the files alone: its
# times are those of the newest entry in debian/changelog, or SOURCE_DATE_EPOCH.

set -eu
export LC_ALL=C
[ $# = 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
cd "$(dirname "$0")/.."
name=seqring-$(cat VERSION)
mkdir -p "$1"

# A source archive has no .git. Other checks also work there.
list() {
	if [ -e .git ]; then
		git ls-files -co --exclude-standard
	else
		find . '(' -path ./build -o -name __pycache__ ')' -prune -o ! -type d -print | sed 's|^\./||'
	fi
}
list | sort | while IFS= read -r file; do
	# git also lists files that have been removed.
	[ ! -e "$file" ] || printf '%s\n' "$file"
done >"$1/.files"

epoch=${SOURCE_DATE_EPOCH-}
if [ -z "$epoch" ]; then
	date=$(sed -n 's/^ -- .*>  //p' debian/changelog | head -n 1)
	epoch=$(date -d "$date" +%s)
fi
tar --format=ustar --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r,go-w,a-s \
	--mtime="@$epoch" --transform="s|^|$name/|S" --no-recursion -T "$1/.files" -cf - |
	gzip -n -9 >"$1/$name.tar.gz.tmp"
mv "$1/$name.tar.gz.tmp" "$1/$name.tar.gz"
rm "$1/.files"
