# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For scripts that run tests in a VM with vm.sh; sourced.

# vm_lines NAME STATUS LOG OUT: passes on the lines `ok`, `not ok`, `skip` and `#` that COMMAND
# left in OUT/lines. If there is no such file, it takes them from the console, where messages of
# the kernel may cut them. Then it reports how the run ended: STATUS is vm.sh's, LOG and
# LOG.errors have details. Return: 0, or 1 when anything failed.
vm_lines() {
	local name=$1 status=$2 log=$3 out=$4
	[ -f "$out/lines" ] || { mkdir -p "$out"; sed -n '/vm: start/,$p' "$log" >"$out/lines"; }
	grep -aE '^(ok|not ok|skip|#) ' "$out/lines"
	# The races that splat.sh does not count.
	[ "$status" = 99 ] || sed -n 's/.*\] BUG: KCSAN: /# in the kernel itself: /p' "$log"
	case $status in
	0) echo "ok $name" ;;
	1) ;;
	99) sed 's/^/# /' "$log.errors"; echo "not ok $name - the kernel complained, see $log" ;;
	*) sed 's/^/# /' "$log.errors"; echo "not ok $name - status $status, see $log" ;;
	esac
	[ "$status" = 0 ]
}
