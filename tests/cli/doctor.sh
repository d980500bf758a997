# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ringctl doctor, on this machine and on machines made up with namespaces. Sourced by run.sh.

# state FILE CHECK: prints the state of a check
state()
{
	awk -v name="$2" '$1 == name { print $2 }' "$1"
}

# fix_of FILE CHECK: prints what mends it
fix_of()
{
	awk -v name="$2" '$1 == name { at = NR + 1 } NR == at && $1 == "->" { $1 = ""; print }' "$1"
}

# doctor_in SCRIPT [ARG...]: runs ringctl doctor ARG... after the script, in namespaces of its own;
# status and out. Needs root.
doctor_in()
{
	local script=$1

	shift
	timeout 60 unshare -m sh -c "$script"'; exec "$@"' - "$RINGCTL" doctor "$@" >out 2>err
	status=$?
	[[ ! -s err ]] || because "doctor says on stderr: $(cat err)"
}

test_doctor_usage()
{
	fails 2 'doctor: nonsense: no such part \(process, bpf or module\)' doctor nonsense &&
		fails 2 'doctor: general: no such part' doctor general &&
		fails 2 'doctor: --json: takes no value' doctor --json=1 || return
	rc doctor process >/dev/full 2>err
	same $? 1 'status with a full stdout'
}
run doctor_usage

# Text and JSON say the same, in columns; the status follows from the states.
test_doctor_forms()
{
	local part want

	for part in '' process bpf module; do
		# shellcheck disable=SC2086 # a part or none
		rc doctor $part >out 2>err
		want=$?
		[[ ! -s err ]] || because "stderr: $(cat err)" || return
		same "$want" "$(grep -qE '^[a-z-]+ +missing ' out && echo 1 || echo 0)" \
			"status of '$part'" || return
		! grep -qvE '^(CHECK         STATE    FINDING|[a-z-]+ +(ok|limited|missing|unknown) +[^ ].*| {23}-> .+)$' out ||
			because "lines of '$part': $(cat out)" || return
		# Each finding begins in the same column.
		[[ -z $(awk 'NR > 1 && $1 != "->" && index($0, $3) > 24 { print }
			substr($0, 23, 1) != " " || substr($0, 24, 1) == " "' out) ]] ||
			because "columns of '$part': $(cat out)" || return
		# shellcheck disable=SC2086 # a part or none
		rc doctor $part --json >json
		same $? "$want" "status of '$part' in JSON" || return
		json document json "d['ok'] is ($want == 0)" \
			'all(list(c) == ["name", "part", "state", "finding", "fix"] for c in d["checks"])' \
			"[(c['name'], c['state']) for c in d['checks']] == [
				tuple(l.split()[:2]) for l in open('out') if l[0] != ' '][1:]" \
			'd["ok"] is not any(c["state"] == "missing" for c in d["checks"])' \
			'all(c["finding"] and c["fix"] != "" for c in d["checks"])' || return
	done
	# Whatever is missing has a remedy.
	rc doctor --json >json
	json document json 'all(c["fix"] for c in d["checks"] if c["state"] in ("missing", "limited"))' ||
		return
	rc doctor process >out
	[[ -n $(state out kernel) && -n $(state out sockets) && -z $(state out btf)$(state out module) ]] ||
		because "checks of process: $(cat out)"
}
run doctor_forms

test_doctor_sockets()
{
	RINGDIR=$tmp/rings rc doctor process >out || because "$(cat out)" || return
	grep -q "^sockets  *ok  *rings can be served in $tmp/rings\$" out || because "$(cat out)" || return
	RINGDIR=$tmp/new rc doctor process >out || because "a new directory: $(cat out)" || return
	RINGDIR=/nowhere/rings rc doctor process >out
	same $? 1 'status without a directory' || return
	same "$(state out sockets)" missing sockets || return
	[[ $(fix_of out sockets) == ' export RINGDIR='* ]] || because "fix: $(fix_of out sockets)"
}
run doctor_sockets

test_doctor_machines()
{
	if [[ $(id -u) != 0 ]]; then
		echo 'skip tool-doctor_machines - needs root, for namespaces'
		return 77
	fi
	doctor_in 'mount -t tmpfs none /sys/kernel/btf' bpf || return
	same "$status" 1 'status without BTF' || return
	same "$(state out btf)" missing btf || return
	[[ $(fix_of out btf) == *CONFIG_DEBUG_INFO_BTF* ]] || because "$(fix_of out btf)" || return
	# The missing types are not taken for a missing right.
	same "$(state out bpf)" "$(rc doctor bpf | awk '$1 == "bpf" { print $2 }')" bpf || return

	doctor_in 'umount -l /sys/fs/bpf 2>/dev/null; unset RINGBPFDIR' bpf || return
	[[ $(state out bpffs) == @(limited|missing) ]] || because "no bpffs: $(cat out)" || return
	[[ $(fix_of out bpffs) == ' mount -t bpf bpf /sys/fs/bpf'* ]] || because "$(fix_of out bpffs)" ||
		return

	doctor_in 'umount -l /sys/fs/bpf 2>/dev/null; mount -t bpf bpf /sys/fs/bpf && unset RINGBPFDIR' \
		bpf || return
	same "$(state out bpffs)" ok 'with a bpffs' || return

	doctor_in "mkdir -p $tmp/security && echo 'none integrity [confidentiality]' >$tmp/security/lockdown &&
		mount --bind $tmp/security /sys/kernel/security" bpf module || return
	same "$(state out bpf-lockdown) $(state out signing)" 'missing limited' lockdown || return
	[[ $(fix_of out signing) == *mokutil* ]] || because "$(fix_of out signing)" || return
	doctor_in "echo 'none [integrity] confidentiality' >$tmp/security/lockdown &&
		mount --bind $tmp/security /sys/kernel/security" bpf module || return
	same "$(state out bpf-lockdown) $(state out signing)" 'ok limited' 'lockdown=integrity'
}
run doctor_machines

# One machine for each step that the module needs.
test_doctor_module()
{
	local release dir=$tmp/lib fake

	if [[ $(id -u) != 0 || -e /sys/module/seqring ]]; then
		echo 'skip tool-doctor_module - needs root, for namespaces, and no module'
		return 77
	fi
	release=$(uname -r)
	fake="mkdir -p /lib/modules; mount --bind $dir/modules /lib/modules; mount --bind $dir/src /usr/src"
	mkdir -p "$dir/modules/$release" "$dir/src"
	doctor_in "$fake" module || return
	[[ $(fix_of out module) == ' apt-get install seqring-dkms linux-headers-'"$release"* ]] ||
		because "nothing: $(fix_of out module)" || return
	mkdir "$dir/src/seqring-0.1.0"
	touch "$dir/src/seqring-0.1.0/dkms.conf"
	doctor_in "$fake" module || return
	[[ $(fix_of out module) == " apt-get install linux-headers-$release; dkms autoinstall"* ]] ||
		because "without headers: $(fix_of out module)" || return
	mkdir "$dir/modules/$release/build"
	doctor_in "$fake" module || return
	[[ $(fix_of out module) == ' dkms autoinstall'* ]] || because "not built: $(fix_of out module)" ||
		return
	echo 'updates/dkms/seqring_other.ko:' >"$dir/modules/$release/modules.dep"
	doctor_in "$fake" module || return
	[[ $(fix_of out module) == ' dkms autoinstall'* ]] || because "another module" || return
	echo 'updates/dkms/seqring.ko.xz:' >"$dir/modules/$release/modules.dep"
	doctor_in "$fake" module || return
	same "$status $(state out module)" '1 missing' 'not loaded' || return
	same "$(fix_of out module)" ' modprobe seqring' 'not loaded' || return
	same "$(state out control)" unknown control
}
run doctor_module

# A user without rights: what needs none still works, and the rest names the rights.
test_doctor_rights()
{
	if [[ $(id -u) != 0 ]]; then
		echo 'skip tool-doctor_rights - needs root, to give rights up'
		return 77
	fi
	setpriv --bounding-set=-all --inh-caps=-all "$RINGCTL" doctor bpf >out 2>err
	same $? 1 'status without rights' || return
	same "$(state out bpf)" missing bpf || return
	grep -q '^bpf .*(this process lacks both)$' out || because "$(cat out)" || return
	[[ $(fix_of out bpf) == *'AmbientCapabilities=CAP_BPF CAP_PERFMON' ]] ||
		because "$(fix_of out bpf)" || return
	setpriv --bounding-set=-all --inh-caps=-all "$RINGCTL" doctor process >out 2>err ||
		because "rings of processes need no rights: $(cat out)" || return
	(
		ulimit -l 64
		setpriv --bounding-set=-all --inh-caps=-all "$RINGCTL" doctor process >out
	)
	same "$(state out memlock)" limited 'with ulimit -l 64' || return
	grep -q 'lock 64 KiB of rings' out || because "$(grep memlock out)" || return
	# trace names the missing right, too, and where to look.
	setpriv --bounding-set=-all,+bpf --inh-caps=-all "$RINGCTL" trace sched >out 2>err
	same $? 1 'status of trace without CAP_PERFMON' || return
	grep -q '^ringctl: trace: not allowed .*lacks CAP_PERFMON) (ringctl doctor bpf)$' err ||
		because "$(cat err)"
}
run doctor_rights
