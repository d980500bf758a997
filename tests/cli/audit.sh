# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ringctl audit, on the files of a real agent. Sourced by run.sh.

# agent_files NAME DIR: starts an agent that writes the records of a ring into DIR, in many batches
agent_files()
{
	"${RINGCTL%/*}/ringd" --set agent.rings="$1" --set agent.name=audited --set sink.type=file \
		--set sink.directory="$2" --set agent.batch_size=4K \
		--set spool.directory="$2.spool" >agent.out 2>&1 3>&- 4>&- &
	pids+=($!)
	bg=$!
}

audited()
{
	rc audit "$1" >audit.out 2>audit.err
}

ring_ended()
{
	audited "$1" && grep -q " ended$" audit.out
}

test_audit()
{
	local agent

	if [[ ! -x ${RINGCTL%/*}/ringd ]]; then
		echo 'skip tool-audit - ringd is not built (libnats-dev)'
		return 77
	fi
	open_input audited 1M || return
	agent_files audited messages
	agent=$bg
	until_ok grep -q 'audited is followed' agent.out || return
	seq -f '%08.0f' 4000 >&3
	exec 3>&-
	ended "$server" && until_ok ring_ended messages || return
	same "$(tail -n 1 audit.out | sed 's/^[0-9a-f]* //' | xargs)" 'audited 4000 0 0 4000 0 ended' account || return
	rc audit messages --json >audit.json || because "status $? of --json" || return
	python3 - <<-'EOF' 2>err || because "$(tail -n 1 err)" || return
		import json

		a = json.load(open("audit.json"))
		(ring,) = a["rings"]
		assert a["damaged"] == 0 and a["messages"] > 4, a
		assert ring["read"] == ring["published"] == 4000 and ring["end"] == "ended", ring
		assert ring["missing"] == 0 and ring["gaps"] == [] and not sum(ring["lost"].values()), ring
		assert len(ring["host"]) == len(ring["boot"]) == 32 and ring["name"] == "audited", ring
	EOF
	stop "$agent" || return
	# The same messages again change nothing; those of a part have gaps.
	rc audit messages messages >out && same "$(md5sum <out)" "$(md5sum <audit.out)" 'messages twice'
}
run audit

test_audit_gaps()
{
	[[ -x ${RINGCTL%/*}/ringd ]] || { echo 'skip tool-audit_gaps - ringd is not built (libnats-dev)'; return 77; }
	cp -r messages damaged-messages && python3 - <<-'EOF' || return
		import glob

		path = sorted(glob.glob("damaged-messages/*.fleet"))[0]
		data = bytearray(open(path, "rb").read())
		# Bytes of the body of the second batch.
		kinds, at = [], 0
		while at < len(data):
		    body = int.from_bytes(data[at + 240 : at + 244], "little")
		    kind = int.from_bytes(data[at + 10 : at + 12], "little")
		    if kind == 1:
		        kinds.append((at, data[at + 112 : at + 128]))
		    at += 256 + (body + 7) // 8 * 8
		at, seqs = kinds[1]
		data[at + 300] ^= 1
		open(path, "wb").write(data)
		first, last = (int.from_bytes(seqs[i : i + 8], "little") for i in (0, 8))
		open("gap", "w").write(f"missing: {first} to {last}\n")
		open("missing", "w").write(f"{last - first + 1}\n")
	EOF
	audited damaged-messages
	same "$?" 1 'status with a damaged message' || return
	grep -q "^ringctl: audit: damaged-messages/0000000001.fleet: at byte [0-9]*: " audit.err ||
		because "it says '$(cat audit.err)'" || return
	grep -qF "$(cat gap)" audit.out || because "no '$(cat gap)' in: $(cat audit.out)" || return
	same "$(awk '$2 == "audited" { print $3 + $5, $5 }' audit.out)" "4000 $(cat missing)" 'read and missing'
}
run audit_gaps

test_audit_errors()
{
	fails 2 'audit: no directory: name those with messages' audit || return
	fails 1 'audit: no-such-dir: there are no files of messages' audit no-such-dir || return
	mkdir empty-dir && fails 1 'audit: empty-dir: there are no files of messages' audit empty-dir || return
	fails 2 'audit: a directory and streams: only one may be given' audit --from nats://far empty-dir || return
	fails 2 'audit: --wrong: no such option' audit --wrong
}
run audit_errors
