# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For whoever runs tests in a VM by vm.sh; sourced.

# vm_lines NAME STATUS LOG OUT: passes the lines `ok`, `not ok`, `skip` and `#` on that COMMAND
# left in OUT/lines, or else those on the console; then says by vm.sh's STATUS, of which LOG and
# LOG.errors tell more, how the whole ended. By way of a file, since on the console the kernel's
# messages may cut our lines. Return: 0, or 1 when anything was wrong.
vm_lines() {
	local name=$1 status=$2 log=$3 out=$4
	[ -f "$out/lines" ] || { mkdir -p "$out"; sed -n '/vm: start/,$p' "$log" >"$out/lines"; }
	grep -aE '^(ok|not ok|skip|#) ' "$out/lines"
	# Those that splat.sh lets pass.
	[ "$status" = 99 ] || sed -n 's/.*\] BUG: KCSAN: /# in the kernel itself: /p' "$log"
	case $status in
	0) echo "ok $name" ;;
	1) ;;
	99) sed 's/^/# /' "$log.errors"; echo "not ok $name - the kernel complained, see $log" ;;
	*) sed 's/^/# /' "$log.errors"; echo "not ok $name - status $status, see $log" ;;
	esac
	[ "$status" = 0 ]
}
