# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Puts Debian packages into a cache without installing them; sourced by the scripts that
# fill a cache. The apt state is private, so they need neither root nor backports among the
# system's own sources. apt's configuration (proxy, credentials, keys) stays in force. The
# script sets $debs_name, which starts every message. $debs_archs may name the
# architectures to search; a package name without an architecture means the first.

: "${debs_name:?}"
SEQRING_CACHE=${SEQRING_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/seqring}
debs_tmp=

debs_say() { echo "$debs_name: $*" >&2; }
debs_die() { debs_say "$@"; exit 1; }

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

# debs_sources SUITES RENAME: copies the machine's sources that have one of the suites to
# $debs_tmp/sources.d. If RENAME is not empty, it replaces the suite's name. Stanzas stay
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
			if (to != "")
				$s = to
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
