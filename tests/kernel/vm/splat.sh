#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# splat.sh LOGFILE: prints the kernel's complaints in a console log or dmesg, with
# context. Exit status: 0 no complaint, 1 some, 2 usage.

set -eu

if [ $# != 1 ] || [ ! -r "$1" ]; then
	echo "usage: $0 LOGFILE" >&2
	exit 2
fi

# t_fault makes allocations fail and writes to the kernel's log when it starts and stops that.
# In between, the kernel may warn of a failed allocation, with a trace, and of leaks in its own
# error paths. t_fault itself checks the modules for leaks.
#
# Only text after the kernel's time stamp counts, since test programs may print the same
# words. The stamp may stand within a line, since both write to one console. The words in
# `first` must follow the stamp at once: the kernel also reports a "general protection fault"
# of a program, after "traps: ", and a test may want that. lockdep's own functions
# ("lockdep_...") do not count, since they are in traces of other reports.
#
# KCSAN also reports data races of the kernel itself, which this project cannot fix (the flag
# of a poll() that is woken, the tick of the idle task). A race counts if a module makes one of
# the two accesses or calls the function that does, or if the report does not show that. A
# first pass finds the races that do not count.
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
	access = " to 0x[0-9a-f]+ of [0-9]+ bytes by "
	frame = "\\+0x[0-9a-f]+/0x[0-9a-f]+"
	before = 3
	after = 40
	most = 200
}
{ sub(/\r$/, "") }
NR == FNR {
	if (!match($0, stamp))
		next
	text = substr($0, RSTART + RLENGTH)
	if (text ~ /^=====+$/) {
		if (race && accesses && frames && !ours)
			kernels[rule] = kernels[race] = kernels[NR] = 1
		race = 0
		rule = NR
	} else if (text ~ /^BUG: KCSAN: /) {
		race = NR - rule < 5 ? NR : 0
		accesses = frames = ours = 0
	} else if (text ~ access) {
		if (accesses++ && !frames)
			ours = 1
		frames = 0
	} else if (text ~ frame && ++frames <= 2 && text ~ /\[[a-z0-9_]+\]$/) {
		ours = 1
	}
	next
}
{ line[FNR] = $0 }
match($0, stamp) && !kernels[FNR] {
	text = substr($0, RSTART + RLENGTH)
	if (text ~ /^t_fault: failures are injected/)
		injected = 1
	if (text ~ /^t_fault: no more failures/)
		injected = 0
	if (injected)
		gsub(wanted, "", text)
	if (match(text, "^(" first ")") || text ~ any) {
		found++
		from = FNR - before > shown + 1 ? FNR - before : shown + 1
		if (from > shown + 1 && printed < most)
			print "--"
		for (i = from; i < FNR && printed < most; i++) {
			print i ": " line[i]
			printed++
		}
		until = FNR + after
	}
}
FNR <= until {
	if (printed < most) {
		print FNR ": " $0
		printed++
	}
	shown = FNR
}
END {
	if (printed >= most)
		print "... (see the whole log)"
	exit found ? 1 : 0
}' "$1" "$1"
