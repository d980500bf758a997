# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Puts Debian packages into a cache without installing them; sourced by the scripts that
# fill a cache. The apt state is private, so they need neither root nor backports among the
# system's own sources. apt's configuration (proxy, credentials, keys) stays in force. The
# script sets $debs_name, which starts every message. $debs_archs may name the
# architectures to search; a package name without an architecture means the first.
#
# A script that fills a directory of the cache begins with debs_option and ends with
# debs_print; its fill() uses debs_have and debs_keep.

: "${debs_name:?}"
SEQRING_CACHE=${SEQRING_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/seqring}
debs_tmp='' debs_newer='' debs_place=''

debs_say() { echo "$debs_name: $*" >&2; }
debs_die() { debs_say "$@"; exit 1; }

# debs_option ARG...: succeeds if the first argument is -u, which the caller then shifts away:
# the script shall search for newer packages.
debs_option() {
	[ "${1-}" = -u ] || return 1
	debs_newer=1
}

debs_quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

# debs_lock DIR: locks the directory and makes $debs_tmp in it. The caller renames
# $debs_tmp when it is complete. The lock allows to remove what killed runs have left.
debs_lock() {
	for debs_cmd in apt-get apt-cache dpkg dpkg-deb flock; do
		command -v "$debs_cmd" >/dev/null ||
			debs_die "no $debs_cmd here: this needs a Debian system"
	done
	[ "$(dpkg --print-architecture)" = amd64 ] ||
		debs_die "this needs an amd64 system"
	mkdir -p "$1"
	exec 9>"$1/.lock"
	if ! flock -n 9; then
		debs_say "waiting for another run that fills $1"
		flock 9
	fi
	rm -rf "$1"/.tmp.*
	debs_tmp=$(mktemp -d "$1/.tmp.XXXXXX")
	chmod 755 "$debs_tmp"
	trap 'rm -rf "$debs_tmp"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# debs_print BASE LINK: prints what the script offers. The script's print_cached prints it from
# the link BASE/LINK, or fails. If it fails, or with -u, the script's fill puts a directory into
# BASE, and this function makes the link to it.
debs_print() {
	if [ -z "$debs_newer" ] && print_cached 2>/dev/null; then
		return
	fi
	debs_lock "$1"
	# Another run may have filled the cache meanwhile.
	if [ -n "$debs_newer" ] || ! print_cached >/dev/null 2>&1; then
		fill
		ln -sfn "$debs_place" "$debs_tmp/link"
		mv -T "$debs_tmp/link" "$1/$2"
	fi
	print_cached
}

# debs_have BASE PLACE: succeeds if the directory BASE/PLACE is complete, so that fill is done.
debs_have() {
	debs_place=$2
	[ -f "$1/$2/complete" ] || return 1
	debs_say "$2 is the newest and cached"
}

# debs_keep BASE DIR TEXT: moves the complete directory DIR to the place that debs_have named.
# TEXT is what its file `complete` says.
debs_keep() {
	echo "$3" >"$2/complete"
	rm -rf "${1:?}/${debs_place:?}"
	mv "$2" "$1/$debs_place"
}

# debs_sources SUITES RENAME: copies the machine's sources that have one of the suites to
# $debs_tmp/sources.d. If RENAME is not empty, its names replace the suite's. Stanzas stay
# whole, since they may contain a key.
debs_sources() {
	for debs_file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -f "$debs_file" ] || continue
		awk -v want=" $1 " -v to="$2" '
		$1 == "deb" {
			s = 2
			if ($s ~ /^\[/) {
				while ($s !~ /\]$/ && s < NF)
					s++
				s++
			}
			s++	# past the URI
			if (!index(want, " " $s " "))
				next
			n = split(to, name)
			for (i = 1; i <= n; i++) {
				$s = name[i]
				print
			}
			if (!n)
				print
		}' "$debs_file" >>"$debs_tmp/sources.d/derived.list"
	done
	for debs_file in /etc/apt/sources.list.d/*.sources; do
		[ -f "$debs_file" ] || continue
		awk -v want=" $1 " -v to="$2" '
		function flush(  i, n, w, keep) {
			n = split(suites, w, /[ \t]+/)
			for (i = 1; i <= n; i++)
				if (w[i] != "" && index(want, " " w[i] " "))
					keep = keep " " w[i]
			if (keep != "" && on && deb)
				print "Types: deb\nSuites:" (to != "" ? " " to : keep) "\n" rest
			suites = rest = field = ""
			on = 1
			deb = 0
		}
		BEGIN { on = 1 }
		/^[ \t]*$/ { flush(); next }
		/^#/ { next }
		/^[^ \t]/ { field = tolower($0); sub(/:.*/, "", field) }
		field == "types" { if ((" " $0 " ") ~ /[ \t]deb[ \t]/) deb = 1; next }
		field == "enabled" { if (tolower($2) == "no") on = 0; next }
		field == "suites" { sub(/^[^ \t]*:/, ""); suites = suites " " $0; next }
		{ rest = rest $0 "\n" }
		END { flush() }' "$debs_file" >>"$debs_tmp/sources.d/derived.sources"
	done
	[ -n "$(cat "$debs_tmp"/sources.d/derived.* 2>/dev/null)" ]
}

# debs_apt COMMAND ARG...: runs apt-get or apt-cache in the private state.
debs_apt() {
	debs_cmd=$1
	shift
	for debs_arch in ${debs_archs-}; do
		set -- -o APT::Architectures::="$debs_arch" "$@"
	done
	LC_ALL=C "$debs_cmd" ${debs_archs:+-o APT::Architecture="${debs_archs%% *}"} \
		-o Dir::State="$debs_tmp/state" \
		-o Dir::State::status="$debs_tmp/state/status" \
		-o Dir::Cache="$debs_tmp/cache" \
		-o Dir::Etc::sourcelist=/dev/null \
		-o Dir::Etc::sourceparts="$debs_tmp/sources.d" \
		-o Dir::Etc::preferences=/dev/null \
		-o Dir::Etc::preferencesparts="$debs_tmp/preferences.d" \
		-o APT::Sandbox::User=root \
		-o Acquire::Languages=none \
		-o Acquire::Retries=3 "$@"
}

# debs_update SUITES RENAME: fetches the lists of packages. A failing source (a third
# party's, without such a suite) must not stop the others; the log is for debs_missing.
debs_update() {
	mkdir -p "$debs_tmp/state/lists/partial" "$debs_tmp/cache/archives/partial" \
		"$debs_tmp/sources.d" "$debs_tmp/preferences.d" "$debs_tmp/debs"
	: >"$debs_tmp/state/status"
	debs_sources "$1" "$2" ||
		debs_die "no source for any of '$1' in /etc/apt/sources.list or" \
			"/etc/apt/sources.list.d (*.list, *.sources)"
	debs_say "apt-get update for ${2:-$1} (private state)"
	debs_apt apt-get update >"$debs_tmp/update.log" 2>&1 || :
}

# debs_missing WORD...: ends the script because something was not found.
debs_missing() {
	debs_say "$* not found; apt-get update said:"
	tail -n 20 "$debs_tmp/update.log" >&2
	exit 1
}

# debs_version PACKAGE PREFIX: prints the newest version that starts with the prefix.
debs_version() {
	debs_apt apt-cache madison "$1" 2>/dev/null |
		awk -v p="$2" '{ gsub(/ /, "", $3) } index($3, p) == 1 { print $3; exit }'
}

# debs_field FIELD PACKAGE=VERSION: prints a field of a package.
debs_field() {
	debs_apt apt-cache show --no-all-versions "$2" 2>/dev/null |
		sed -n "s/^$1: //p" | head -n 1
}

# debs_closure PACKAGE...: prints NAME=VERSION of the packages and of all that they depend on. In
# the private state no package counts as installed.
debs_closure() {
	debs_apt apt-get install -s -q --no-install-recommends "$@" 2>"$debs_tmp/solve.log" |
		sed -n 's/^Inst \([^ :]*\)[^ ]* (\([^ ]*\) .*/\1=\2/p' >"$debs_tmp/closure"
	[ -s "$debs_tmp/closure" ] || { cat "$debs_tmp/solve.log" >&2; debs_missing "$@"; }
	cat "$debs_tmp/closure"
}

# debs_needs HEADERS VERSION: prints the other packages that these kernel headers need. The
# programs of linux-kbuild run on this machine, so they are amd64, and the newest version is
# right: while an archive takes in an update of the kernel, the headers' version may be gone.
debs_needs() {
	debs_field Depends "$1=$2" | tr ',' '\n' |
		sed -n -e "s/^ *\(linux-headers-[^ ]*-common[^ ]*\).*/\1=$2/p" \
			-e 's/^ *\(linux-kbuild-[^ ]*\).*/\1:amd64/p'
}

# debs_unpack PACKAGE=VERSION...: downloads the packages and unpacks them into $debs_tmp/root.
debs_unpack() {
	debs_say "downloading $*"
	(cd "$debs_tmp/debs" && debs_apt apt-get download "$@") \
		>"$debs_tmp/download.log" 2>&1 || {
		debs_say "apt-get download $* failed:"
		tail -n 20 "$debs_tmp/download.log" >&2
		exit 1
	}
	mkdir -p "$debs_tmp/root"
	for debs_file in "$debs_tmp"/debs/*.deb; do
		dpkg -x "$debs_file" "$debs_tmp/root" ||
			debs_die "cannot unpack ${debs_file##*/}: is the disk full?"
	done
}

# debs_headers KVER: makes the unpacked headers of that kernel independent of where they are, so
# that the cache may be moved or restored elsewhere.
debs_headers() {
	debs_root=$debs_tmp/root
	debs_src=$debs_root/usr/src/linux-headers-$1
	# Since Linux 7.0 the Makefile also names its own directory.
	# shellcheck disable=SC2016 # for make
	sed -i -e 's|^include /usr/src/|include $(dir $(lastword $(MAKEFILE_LIST)))../|' \
		-e 's|^KBUILD_OUTPUT=.*|KBUILD_OUTPUT := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))|' \
		"$debs_src/Makefile"
	if grep -rIlE '/usr/(src|lib)/linux-(headers|kbuild)' "$debs_root/usr" >&2; then
		debs_die "these files still name absolute paths of the headers"
	fi
	# This vmlinux contains only BTF. Without it a build of modules needs no pahole.
	rm -f "$debs_src/vmlinux"
	rm -rf "${debs_root:?}/usr/share"
}

# debs_wrap LIBRARIES DIR...: lets programs of a newer Debian run here. Each program below the
# directories, which are in $debs_tmp/root, that does not find its libraries becomes a script
# that runs it with the loader and the libraries in LIBRARIES, a path from $debs_tmp/root.
debs_wrap() {
	ln -s "$1" "$debs_tmp/root/.libs"
	shift
	find "$@" -type f -perm -100 >"$debs_tmp/programs"
	while read -r debs_file; do
		LC_ALL=C ldd "$debs_file" 2>&1 | grep -q 'not found' || continue
		mv "$debs_file" "$debs_file.elf"
		# A compiler finds its parts by the name that it was called by.
		cat >"$debs_file" <<-'EOF'
			#!/bin/sh
			up=${0%/*}
			while [ ! -e "$up/.libs" ]; do up=$up/..; done
			exec "$up/.libs/ld-linux-x86-64.so.2" --argv0 "$0" --library-path \
				"$up/.libs:/usr/lib/x86_64-linux-gnu" "$(readlink -f "$0").elf" "$@"
		EOF
		chmod 755 "$debs_file"
	done <"$debs_tmp/programs"
}
