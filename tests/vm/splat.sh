#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# splat.sh LOGFILE: prints, with context, where the kernel complained in a
# console log or dmesg. Exit status: 0 none, 1 some, 2 usage.

set -eu

if [ $# != 1 ] || [ ! -r "$1" ]; then
	echo "usage: $0 LOGFILE" >&2
	exit 2
fi

# Where t_fault makes allocations fail, it says so to the kernel's log: until it takes that
# back, the kernel may warn of one that failed, with a trace, and of what its own error paths
# leak; t_fault looks for leaks of ours.
#
# Only text after the kernel's time stamp counts, since test programs may print
# the same words; it may stand within a line, since both write to one console.
# The first list has to follow the stamp at once: user space, too, is reported to
# have had a "general protection fault", after "traps: ", and that may be wanted.
# Of lockdep's own functions ("lockdep_...") traces of something else are full.
LC_ALL=C awk '
BEGIN {
	stamp = "\\[ *[0-9]+\\.[0-9][0-9][0-9][0-9][0-9][0-9]\\](\\[ *[TC][0-9]+\\])? "
	first = "general protection fault|stack segment:|divide error|invalid opcode" \
		"|int3:|double fault|unreferenced object|INFO: task |=====+$"
	any = "WARNING: |BUG:? |BUG:|kernel BUG|Oops|Call Trace|Kernel panic" \
		"|KASAN|KCSAN|KFENCE|KMSAN|UBSAN|ODEBUG|kmemleak: .*(leaks|unreferenced)" \
		"|lockdep([^_]|$)|possible (recursive|circular|irq)|suspicious RCU" \
		"|held lock freed|lock held when returning|bad unlock balance" \
		"|rcu.*(stall|detected expedited)|soft lockup|hard LOCKUP|hung_task:" \
		"|blocked for more than|scheduling while atomic|sleeping function" \
		"|refcount_t:|page allocation failure|invoked oom-killer|Out of memory" \
		"|(list|hlist|plist)_(add|del).*corruption|memory corruption" \
		"|stack-protector|stack guard page|cut here" \
		"|PANIC|unable to handle|Objects remaining|still has objects" \
		"|Bad page (state|map)|Bad rss-counter|nobody cared" \
		"|cannot create duplicate filename|already present!" \
		"|(Unknown symbol|disagrees about version)|irqs_disabled"
	wanted = "Call Trace|page allocation failure|kmemleak: .*new suspected memory leaks" \
		"|Unknown symbol [^ ]* \\(err -12\\)"
	before = 3
	after = 40
	most = 200
}
{ sub(/\r$/, ""); line[NR] = $0 }
match($0, stamp) {
	text = substr($0, RSTART + RLENGTH)
	if (text ~ /^t_fault: failures are injected/)
		injected = 1
	if (text ~ /^t_fault: no more failures/)
		injected = 0
	if (injected)
		gsub(wanted, "", text)
	if (match(text, "^(" first ")") || text ~ any) {
		found++
		from = NR - before > shown + 1 ? NR - before : shown + 1
		if (from > shown + 1 && printed < most)
			print "--"
		for (i = from; i < NR && printed < most; i++) {
			print i ": " line[i]
			printed++
		}
		until = NR + after
	}
}
NR <= until {
	if (printed < most) {
		print NR ": " $0
		printed++
	}
	shown = NR
}
END {
	if (printed >= most)
		print "... (see the whole log)"
	exit found ? 1 : 0
}' "$1"
