# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ringctl list and ringctl info. Sourced by run.sh.

test_list()
{
	rc list --json >out || because 'list of nothing' || return
	json document out 'isinstance(d, list)' || return
	serve listed --size 128K < <(seq 1 4) || return
	rc list >out || because "status $?" || return
	grep -Eq '^listed +process +1 +131072 +4 +0 +-$' out || because "$(cat out)" || return
	rc list --json >out || because "status $?" || return
	json document out '[e for e in d if e["name"] == "listed"] == [{"name": "listed",
		"kind": "process", "rings": 1, "data_size": 131072, "published": 4, "dropped": 0,
		"readers": None, "ended": False}]' || return
	stop "$server"
	rc list | grep -q '^listed'
	same $? 1 'still listed after its end'
}
run list

test_info()
{
	printf '{"fields": "\001"}\n' >schema
	serve about --size 256K --schema schema < <(seq 1 4) || return
	rc info about >out || because "status $?" || return
	grep -qx "served by  process $server of user $(id -u), group $(id -g)" out ||
		because "$(grep served out)" || return
	grep -qx "path       $RINGDIR/about" out || because "$(grep path out)" || return
	grep -q '^kind       process (a process writes its memory)$' out &&
		grep -q '^features   membarrier: readers that sleep call membarrier(2)' out ||
		because "kind or features: $(cat out)" || return
	grep -q '^published  4$' out && grep -q '^size       256K each$' out &&
		grep -q '^payload    at most 65512 bytes$' out && grep -q '^clock      monotonic$' out &&
		grep -q '^schema     16 bytes$' out && grep -q '^to read    4 records, ' out &&
		grep -q '^ring 0: published 4, .*dropped busy 0 too_big 0 dead 0 fault 0 handover 0 superseded 0 abandoned 0$' out ||
		because "$(cat out)" || return
	rc info about --json >out || because "status $?" || return
	json document out 'd["name"] == "about"' "d[\"path\"] == \"$RINGDIR/about\"" \
		'd["kind"] == "process"' 'd["nr_rings"] == 1' \
		'd["data_size"] == 262144' 'd["payload_max"] == 65512' 'd["clock"] == "monotonic"' \
		'd["published"] == 4' 'd["lag_records"] == 4' 'd["schema_size"] == 16' \
		'd["schema"] == "{\"fields\": \"\x01\"}\n"' 'd["ended"] is False' \
		'd["rings"][0]["published"] == 4' 'd["rings"][0]["head"] == 4 * 32' \
		'd["rings"][0]["dropped"] == {"busy": 0, "too_big": 0, "dead": 0, "fault": 0, "handover": 0, "superseded": 0, "abandoned": 0}' || return
	rc info about --schema | cmp -s - schema || because 'schema differs' || return
	stop "$server"
	serve bare < <(seq 1 4) || return
	fails 1 'info: bare: the ring has no schema' info bare --schema || return
	stop "$server"
}
run info
