# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Lists files and reports outcomes, for the scripts that check sources; sourced, from the top
# of the tree. Sets $tmp and $cache, and $failed when a check fails.

# shellcheck disable=SC2034 # the scripts that source this use $cache
cache=${SEQRING_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/seqring}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

# all_files: prints all files of the tree that git does not ignore.
all_files() {
	if [ -e .git ]; then
		git ls-files -co --exclude-standard
	else
		find . -path ./build -prune -o -type f -print | sed 's|^\./||'
	fi | while IFS= read -r f; do
		if [ -f "$f" ]; then printf '%s\n' "$f"; fi
	done | sort
}

# check NAME COMMAND...: reports ok when the command succeeds, else what it printed.
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

# need COMMAND: reports a command that is not installed.
need() {
	command -v "$1" >/dev/null || { echo "no $1: run tests/deps.sh style"; return 1; }
}

# find_linux_scripts: sets $linux_scripts to the files of Linux's scripts/ that the checks
# need. Unpacking Debian's large archive takes long, so the cache keeps them.
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
	# Another run may have put the directory there in the meantime.
	new=$(mktemp -d "$cache/linux-scripts/.tmp.XXXXXX") || return 1
	if ! tar -C "$new" -xJf "$tar" --strip-components=2 \
		linux-source-6.1/scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch,coccinelle} ||
		! chmod 755 "$new" || ! mv -T "$new" "$linux_scripts" 2>/dev/null; then
		rm -rf "$new"
	fi
	[ -e "$linux_scripts" ]
}

# unknown LIST: prints the reports on standard input that the list does not know. A line of
# the list is a pattern (grep -E), two blanks or more, and the reason. Reports a line that
# matches nothing, since its subject is gone.
unknown() {
	local list=$1 pattern
	cat >"$tmp/reports"
	cp "$tmp/reports" "$tmp/left"
	while IFS= read -r pattern; do
		if [ -z "${STATIC_SAMPLE-}" ] && ! grep -qE -e "$pattern" "$tmp/reports"; then
			echo "$list: no report matches $pattern"
		fi
		grep -vE -e "$pattern" "$tmp/left" >"$tmp/left.new"
		mv "$tmp/left.new" "$tmp/left"
	done < <(sed -n 's/^\([^#].*[^ ]\)  \+[^ ].*$/\1/p' "$list" | sed 's/ *$//')
	cat "$tmp/left"
}
