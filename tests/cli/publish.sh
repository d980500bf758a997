# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ringctl publish. Sourced by run.sh.

test_publish_limits()
{
	local limit=16360

	head -c $limit /dev/zero | tr '\0' a >in
	serve longest --size 64K <in || return
	rc cat longest --no-follow --quiet --json | grep -q "\"len\":$limit," ||
		because 'longest line' || return
	stop "$server"
	{
		echo one
		echo two
		cat in
		echo a
	} >in2
	sed -i '3s/^/a/' in2
	rc publish toolong --serve --size 64K in2 >out 2>err
	same $? 1 status || return
	same "$(cat err)" "ringctl: publish: toolong: line 3 is too long (at most $limit bytes); published 2 before it" \
		message || return
	rc publish toolong --serve --size 64K --whole in2 >out 2>err
	same $? 1 status || return
	grep -q 'the input is too long (at most 16360 bytes); published 0' err ||
		because "$(cat err)" || return
	yes | tr -d '\n' | rc publish toolong --serve --size 64K 2>err
	grep -q 'line 1 is too long' err || because "endless line: $(cat err)"
}
run publish_limits

test_publish_rate()
{
	local before after

	before=$(date +%s%N)
	seq 1 100 | rc publish rate --serve --rate 100 --count 50 || because "status $?" || return
	after=$((($(date +%s%N) - before) / 1000000))
	((after >= 480 && after < 3000)) || because "50 at 100 a second took $after ms"
}
run publish_rate

test_publish_linger()
{
	local before after

	before=$(date +%s%N)
	rc publish linger --serve --linger 700ms </dev/null || because "status $?" || return
	after=$((($(date +%s%N) - before) / 1000000))
	((after >= 700 && after < 3000)) || because "took $after ms"
}
run publish_linger

test_publish_interrupted()
{
	open_input interrupted || return
	exec 3>&-
	ended "$server" && same "$status" 0 'status at the end' || return
	rm -f interrupted.in
	mkfifo interrupted.in
	exec 3<>interrupted.in
	start publish interrupted --serve <interrupted.in 2>err
	server=$bg
	until_ok served interrupted || return
	seq 1 3 >&3
	rc cat interrupted --count 3 --quiet >seen || because "status $?" || return
	kill -INT "$server"
	ended "$server" && same "$status" 1 status || return
	same "$(cat err)" 'ringctl: publish: interrupted: interrupted; published 3' message || return
	exec 3>&-
	serve interrupted < <(seq 1 3) || return
	kill -INT "$server"
	ended "$server" && same "$status" 0 'status while it lingers' || return
	[[ -z $(find "$RINGDIR" -name 'interrupted*') ]] || because 'the socket still exists'
}
run publish_interrupted

test_publish_name_taken()
{
	serve taken < <(seq 1 3) || return
	fails 1 'publish taken: ' publish taken --serve || return
	rc cat taken --no-follow --quiet >out || because 'the first one is gone' || return
	stop "$server"
}
run publish_name_taken

test_serve_permissions()
{
	local group

	group=$(id -gn)
	(umask 077; serve open --mode 0666 --group "$group" --readers 5 --readers-per-user 2 </dev/null
		same "$(stat -c '%a %G' "$RINGDIR/open")" "666 $group" 'mode and group' &&
			stop "$server" || echo "$reason" >sub) || return
	[[ ! -e sub ]] || because "$(cat sub)" || return
	serve own </dev/null && same "$(stat -c %a "$RINGDIR/own")" 600 'the default mode' || return
	stop "$server"
	fails 2 'publish: --mode .*' publish x --serve --mode 0777 &&
		fails 2 'publish: --readers 0: ' publish x --serve --readers 0 &&
		fails 2 'publish: --group no-such-group: ' publish x --serve --group no-such-group &&
		fails 2 'publish: --size, .*--mode, .*: only for a ring of this process' publish x --mode 0600
}
run serve_permissions
