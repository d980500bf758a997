# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# --help, the manual page and the bash completion. Sourced by run.sh.

test_help()
{
	local cmd

	[ "$(rc --version)" = "ringctl $(cat "$here/../../VERSION")" ] || because --version || return
	rc help >out && rc --help | cmp -s - out && rc -h | cmp -s - out || because help || return
	for cmd in create destroy list info cat publish trace schema record replay export stat top metrics fetch audit doctor; do
		grep -q "^  $cmd " out || because "help lacks $cmd" || return
		rc help $cmd >out2 || because "help $cmd" || return
		rc $cmd --help | cmp -s - out2 || because "$cmd --help differs" || return
		rc $cmd -h | cmp -s - out2 || because "$cmd -h differs" || return
		grep -q "^usage: ringctl $cmd" out2 && grep -q '^Examples:$' out2 ||
			because "help of $cmd has no usage, no examples" || return
		[[ -z $(awk 'length($0) > 80' out2) ]] || because "help of $cmd is too wide" || return
	done
	rc help >/dev/full 2>err
	same $? 1 'status with a full stdout'
}
run help

help_options()
{
	rc help "$1" | grep -Eo '^  --[a-z-]+' | tr -d ' ' | sort
}

manual_options()
{
	sed -n "/^\.SS $1\$/,/^\.S[SH] /p" "$tools/ringctl/ringctl.8" | grep -A1 '^\.TP$' |
		sed -n 's/\\-/-/g; s/^\.BI\{0,1\} \(--[a-z-]*\).*/\1/p' | sort
}

# completed WORD...: prints the completions of the last word
completed()
{
	bash --norc -c '
		. "$1"; shift
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_ringctl "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		[[ ${#COMPREPLY[@]} == 0 ]] || printf "%s\n" "${COMPREPLY[@]}"
	' - "$tools/ringctl/ringctl.bash-completion" "$RINGCTL" "$@" 2>complete.err | sort
	[[ ! -s complete.err ]]
}

test_documented_options()
{
	local cmd

	for cmd in create destroy list info cat publish trace schema record replay export stat top metrics fetch audit doctor; do
		[[ $(help_options $cmd | wc -l) -ge 1 ]] || because "no options of $cmd" || return
		same "$(manual_options $cmd | xargs)" "$(help_options $cmd | xargs)" "manual of $cmd" ||
			return
		same "$(completed $cmd -- | xargs)" "$(help_options $cmd | xargs)" \
			"completion of $cmd" || return
	done
	# getopt_long() takes no option that is not documented.
	grep -roh --include='*.[ch]' '^	{ "[a-z-]*", [a-z]*_argument' "$tools/ringctl" | cut -d'"' -f2 |
		sort -u >got
	for cmd in create destroy list info cat publish trace schema record replay export stat top metrics fetch audit doctor; do
		help_options $cmd
	done | sed 's/^--//' | sort -u | cmp -s - got || because 'options of the source differ'
}
run documented_options

test_documented_events()
{
	local event group

	rc help trace | sed -En 's/^  ([a-z]+:[a-z]+) .*/\1/p' >events
	[[ $(wc -l <events) -ge 10 ]] || because "--help has only $(xargs <events)" || return
	sed -n '/^\.SS trace$/,/^\.SS /p' "$tools/ringctl/ringctl.8" | grep '^\.BR* [a-z]*:' |
		grep -o '[a-z]*:[a-z]*' | cmp -s - events ||
		because 'the manual has other events than --help' || return
	same "$(completed trace '' | xargs)" "$(sed 's/:.*//' events | cat - <(echo all) | sort -u | xargs)" \
		groups || return
	while IFS=: read -r group event; do
		completed trace "$group" : | grep -qx "$event" || because "$group: lacks $event" ||
			return
		same "$(completed trace "$group" : "${event:0:4}" | xargs)" "$event" \
			"$group:${event:0:4}" || return
	done <events
}
run documented_events

test_manual()
{
	if command -v groff >/dev/null; then
		same "$(groff -man -Tutf8 -ww -z "$tools/ringctl/ringctl.8" 2>&1)" '' 'what groff says' || return
	fi
	if command -v mandoc >/dev/null; then
		same "$(mandoc -T lint -W warning "$tools/ringctl/ringctl.8" 2>&1)" '' 'what mandoc says'
	fi
}
run manual

test_completion()
{
	serve completed-ring < <(seq 1 3) || return
	same "$(completed '' | xargs)" '--help --version audit cat create destroy doctor export fetch help info list metrics publish record replay schema stat top trace' \
		commands || return
	same "$(completed c | xargs)" 'cat create' 'commands in c' || return
	same "$(completed cat comp | xargs)" completed-ring names || return
	same "$(completed cat --json --count 5 comp | xargs)" completed-ring 'names after options' ||
		return
	same "$(completed cat completed-ring '' | xargs)" '' 'a second name' || return
	same "$(completed destroy comp | xargs)" '' 'destroy of a served ring' || return
	same "$(completed help l | xargs)" list 'help l' || return
	same "$(completed export x --to '' | xargs)" 'csv ctf folded jsonl perfetto' formats || return
	same "$(completed stat --interval 1s comp | xargs)" completed-ring 'names for stat' || return
	same "$(completed top --sort overrun comp | xargs)" completed-ring 'names for top' || return
	same "$(completed top --sort d | xargs)" dropped 'columns of top' || return
	same "$(completed metrics --format '' | xargs)" 'openmetrics prometheus' 'formats of metrics' || return
	same "$(completed create x --clock '' | xargs)" 'boottime coarse monotonic none' clocks || return
	mkdir directory-to-audit
	same "$(completed audit directory-to | xargs)" directory-to-audit directories || return
	same "$(completed fetch --from nats://far directory-to | xargs)" directory-to-audit 'directories of fetch' || return
	touch file-to-publish
	same "$(completed publish log file-to | xargs)" file-to-publish files || return
	same "$(bash --norc -c '. "$1"; complete -p ringctl' - "$tools/ringctl/ringctl.bash-completion")" \
		'complete -F _ringctl ringctl' registration || return
	stop "$server"
}
run completion
