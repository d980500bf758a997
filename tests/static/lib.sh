# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the scripts that check sources: the lists of files, and how an outcome is said.
# From the top of the tree. Sets $tmp, $cache, and $failed when a check fails.

# shellcheck disable=SC2034 # $cache is for who includes this
cache=${SEQRING_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/seqring}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

# All files of the tree, what git ignores left out.
all_files() {
	if [ -e .git ]; then
		git ls-files -co --exclude-standard
	else
		find . -path ./build -prune -o -type f -print | sed 's|^\./||'
	fi | while IFS= read -r f; do
		if [ -f "$f" ]; then printf '%s\n' "$f"; fi
	done | sort
}

# NAME COMMAND...: ok when the command succeeds, else what it printed.
check() {
	local name=$1
	shift
	if "$@" >"$tmp/out" 2>&1 </dev/null; then
		echo "ok $name"
	else
		echo "not ok $name - $(wc -l <"$tmp/out") lines:"
		sed 's/^/# /' "$tmp/out"
		failed=1
	fi
}

need() {
	command -v "$1" >/dev/null || { echo "no $1: run tests/deps.sh style"; return 1; }
}

# Sets $linux_scripts: what is needed here of scripts/ of Linux, out of Debian's big
# archive. It takes long to get, so it is kept.
find_linux_scripts() {
	local version tar new
	version=$(dpkg-query -W -f='${Version}' linux-source-6.1 2>/dev/null)
	linux_scripts=$cache/linux-scripts/${version:-none}
	[ ! -e "$linux_scripts" ] || return 0
	tar=/usr/src/linux-source-6.1.tar.xz
	if [ -z "$version" ] || [ ! -f "$tar" ]; then
		echo "no $tar: run tests/deps.sh style"
		return 1
	fi
	mkdir -p "$cache/linux-scripts" || return 1
	# Another run may have put it there by now.
	new=$(mktemp -d "$cache/linux-scripts/.tmp.XXXXXX") || return 1
	if ! tar -C "$new" -xJf "$tar" --strip-components=2 \
		linux-source-6.1/scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch,coccinelle} ||
		! chmod 755 "$new" || ! mv -T "$new" "$linux_scripts" 2>/dev/null; then
		rm -rf "$new"
	fi
	[ -e "$linux_scripts" ]
}

# Reports on standard input, less those that the list in file $1 knows. A line of it is a
# pattern (grep -E), then two blanks or more and why. One that matches nothing is reported:
# what it was about is gone.
unknown() {
	local list=$1 pattern
	cat >"$tmp/reports"
	cp "$tmp/reports" "$tmp/left"
	while IFS= read -r pattern; do
		if [ -z "${STATIC_SAMPLE-}" ] && ! grep -qE -e "$pattern" "$tmp/reports"; then
			echo "$list: nothing is reported that matches $pattern"
		fi
		grep -vE -e "$pattern" "$tmp/left" >"$tmp/left.new"
		mv "$tmp/left.new" "$tmp/left"
	done < <(sed -n 's/^\([^#].*[^ ]\)  \+[^ ].*$/\1/p' "$list" | sed 's/ *$//')
	cat "$tmp/left"
}
