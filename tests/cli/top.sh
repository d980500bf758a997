# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ringctl top, in a terminal of tmux and without one. Sourced by run.sh.

# begin_writer: starts tests/cli/writer, which obeys say(); PID $server
begin_writer()
{
	local program=$here/../../build/native/tests/cli/writer

	[[ -x $program ]] || because "no $program (make test-build)" || return
	rm -f writer.in writer.out
	mkfifo writer.in
	exec 3<>writer.in
	"$program" <writer.in >writer.out 2>writer.err 3>&- &
	server=$!
	pids+=("$server")
}

# said LINE: the writer has done it
said()
{
	grep -qxF "$1" writer.out
}

# say LINE...: the writer does these, each once
say()
{
	local line

	for line; do
		: >writer.out
		printf '%s\n' "$line" >&3
		until_ok said "$line" || because "the writer did not '$line': $(cat writer.err)" || return
	done
}

end_writer()
{
	exec 3>&-
	kill "$server" && ended "$server"
	true
}

# A server of its own for each terminal: one that ends takes no new session.
terminals=0

mux()
{
	TMUX='' tmux -S "$tmp/mux.$terminals" -f /dev/null "$@"
}

# begin_terminal COLUMNS LINES [NAME=VALUE...]: a shell in a terminal, as a person has it
begin_terminal()
{
	mux kill-server 2>/dev/null
	terminals=$((terminals + 1))
	rm -f modes.*
	mux new-session -d -x "$1" -y "$2" -s t env -u NO_COLOR RINGDIR="$RINGDIR" LC_ALL=C.UTF-8 \
		RINGCTL="$RINGCTL" PS1='ready> ' "${@:3}" bash --norc 2>mux.err ||
		because "tmux: $(cat mux.err)" || return
	pids+=("$(mux display-message -p '#{pid}')")
	shows '^ready>'
}

end_terminal()
{
	mux kill-server
}

screen()
{
	mux capture-pane -p -t t "$@"
}

screen_has()
{
	screen >screen.out && grep -Eq -- "$1" screen.out
}

screen_lacks()
{
	screen >screen.out && [[ -s screen.out ]] && ! grep -Eq -- "$1" screen.out
}

# shows REGEX: a line of the screen matches, soon
shows()
{
	until_ok screen_has "$1" || because "the screen has no '$1': $(head -c 600 screen.out)"
}

hides()
{
	until_ok screen_lacks "$1" || because "the screen has '$1': $(head -c 600 screen.out)"
}

keys()
{
	mux send-keys -t t "$@"
}

# type_line COMMAND: a line for the shell
type_line()
{
	keys -l "$1" && keys Enter
}

# begin_top [OPTION...]: runs top between two looks at the modes of the terminal
begin_top()
{
	type_line "clear; stty -a >modes.before; \"\$RINGCTL\" top $*; echo status \$?; stty -a >modes.after"
	shows '^ringctl top: '
}

# Top is over, with that status, and the terminal is as before.
restored()
{
	shows "^status $1\$" || return
	until_ok test -s modes.after || return
	cmp -s modes.before modes.after ||
		because "stty differs: $(diff modes.before modes.after | head -n 3)" || return
	same "$(mux display-message -p -t t '#{alternate_on} #{cursor_flag}')" '0 1' \
		'alternate screen, cursor'
}

# The PID of the ringctl in the terminal.
top_pid()
{
	pgrep -P "$(mux display-message -p -t t '#{pane_pid}')" -f ' top'
}

# names: the names of the rows on the screen, in order
names()
{
	screen | sed '1,/^NAME/d' | grep -o '^top-[a-z0-9]*' | xargs
}

names_are()
{
	[[ $(names) == "$1" ]]
}

ordered()
{
	until_ok names_are "$1" || because "the rows are '$(names)', not '$1'"
}

test_top_plain()
{
	begin_writer && say 'ring top-p1' 'ring top-p2' 'publish top-p1 5 123' 'drop top-p1 7' || return
	rc top top-p1 'top-p2' --interval 10ms --count 100 --sort name >out 2>err </dev/null ||
		because "$(cat err)" || return
	same "$(wc -l <out)" 201 lines || return
	same "$(head -n 1 out | xargs)" \
		'TIME NAME RECORDS/s BYTES/s FILL DROPPED READERS OVERRUN' header || return
	same "$(tail -n 4 out | cut -d' ' -f2- | xargs)" \
		'top-p1 0 0 6% 7 - - top-p2 0 0 0% 0 - - top-p1 0 0 6% 7 - - top-p2 0 0 0% 0 - -' \
		'idle rings' || return
	rc top 'top-*[2]' --plain --interval 10ms --count 1 >out </dev/null &&
		same "$(sed 1d out | awk '{ print $2 }' | xargs)" top-p2 'rings of the pattern' || return
	# What happens in an interval is in it, with the causes of drops.
	start top top-p1 --interval 50ms >plain.out 2>plain.err </dev/null
	until_ok lines_are plain.out 3 && say 'drop top-p1 3' || return
	until_ok grep -q ' too_big=3$' plain.out || return
	say 'rate top-p1 1 1' || return
	until_ok grep -Eq ' top-p1 +[1-9][0-9]* +[1-9][0-9]* +6% +10 +- +[0-9]+\.[0-9]{3}$' plain.out ||
		return
	say 'end top-p1' || return
	until_ok grep -q ' ended$' plain.out || return
	kill -INT "$bg" && ended "$bg" && same "$status" 0 "status; $(cat plain.err)" || return
	end_writer
}
run top_plain

# The seconds until overrun are those of the rate that is shown, and the soonest comes first.
test_top_overrun()
{
	begin_writer && say 'ring top-o1' 'ring top-o2' 'ring top-o3' || return
	say 'rate top-o1 0 2' 'rate top-o2 0 40' 'rate top-o3 0 10' || return
	rc top 'top-o[0-9]' --interval 500ms --count 4 >out 2>err </dev/null || because "$(cat err)" || return
	python3 - out 2>err <<-'END' || because "$(tail -n 1 err): $(xargs <out)" || return
		import sys

		rows = [line.split() for line in open(sys.argv[1])][1:]
		assert [row[1] for row in rows[-3:]] == ["top-o2", "top-o3", "top-o1"], rows
		for row in rows[-3:]:
		    # A record of 8 bytes takes 32, and the ring has 64 KiB. The rates are rounded.
		    records, size, overrun = int(row[2]), int(row[3]), float(row[7])
		    assert abs(size - 32 * records) <= 17, row
		    assert abs(65536 / size / overrun - 1) < 1 / size + 0.001, row
	END
	rc top 'top-o[0-9]' --interval 500ms --count 4 --sort records >out 2>err </dev/null
	same "$(tail -n 3 out | awk '{ print $2 }' | xargs)" 'top-o2 top-o3 top-o1' 'by records' || return
	end_writer
}
run top_overrun

test_top_screen()
{
	begin_writer && say 'ring top-a' 'ring top-b' 'ring top-c' || return
	say 'rate top-a 0 5' 'rate top-b 0 200' 'rate top-c 0 50' 'publish top-a 0 1000' || return
	begin_terminal 80 24 && begin_top "'top-?' --interval 100ms" || return
	shows '^NAME +RECORDS/s +BYTES/s FILL +DROPPED CAUSE +READERS +OVERRUN' || return
	shows '^ringctl top: 3 of 3 rings, by overrun +every 0\.1 s  [0-9:]{8}$' || return
	ordered 'top-b top-c top-a' || return
	shows '^top-b +[0-9.]+k? +[0-9.]+[kM] +[0-9]+% +0 - +- +[0-9]+\.[0-9]{3}$' || return
	# Order by name, by its inverse, by rate, and by the neighbour of that column.
	keys n && ordered 'top-a top-b top-c' && keys i && ordered 'top-c top-b top-a' || return
	keys r && ordered 'top-b top-c top-a' || return
	keys '>' && shows ', by bytes ' && keys '<' '<' && shows ', by name ' || return
	# A filter, as it is typed, kept, and taken back.
	keys n && keys / && keys -l B && shows '^/B' && ordered top-b || return
	keys Enter && shows '^ringctl top: 1 of 3 rings' && shows 'filter: B' || return
	keys / BSpace '?' && shows '^/\?' || return
	keys BSpace && keys -l '*[ac]' && ordered 'top-a top-c' || return
	keys Escape && ordered 'top-a top-b top-c' || return
	# Help, and back.
	keys '?' && shows '^ringctl top: help' && shows '^OVERRUN +seconds until' && keys x && ordered \
		'top-a top-b top-c' || return
	# Rings come and go.
	say 'ring top-d' && ordered 'top-a top-b top-c top-d' || return
	say 'end top-b' && ordered 'top-a top-c top-d' || return
	keys q && restored 0 || return
	end_terminal
	end_writer
}
run top_screen

# The page of a ring has the numbers of ringctl info, and counts the records of each type.
test_top_ring()
{
	local published bytes dropped reader

	begin_writer && say 'ring top-r' 'ring top-z' 'publish top-r 1 123' 'drop top-r 7' || return
	rc info top-r --json >info.json || because info || return
	read -r published bytes dropped < <(python3 -c '
import json
ring = json.load(open("info.json"))["rings"][0]
print(ring["published"], ring["head"], ring["dropped"]["too_big"])')
	begin_terminal 80 24 && begin_top "'top-[rz]' --sort dropped --interval 50ms" || return
	ordered 'top-r top-z' && keys Enter || return
	shows "^published +$published records, $bytes bytes\$" || return
	shows "^dropped +$dropped  too_big $dropped \(\+0\)\$" || return
	shows "^kind +process, served by process $server of user $(id -u)\$" || return
	shows '^readers +0 processes' || return
	start cat top-r --head >top-cat.out 2>&1
	reader=$bg
	shows "^readers +1 process: ringctl $reader\b" || return
	shows '^counted 0 records since this page was opened, passed 0$' || return
	say 'publish top-r 7 300' 'publish top-r 9 200' 'publish top-r 7 1' || return
	shows '^ +7 - .* 301$' && shows '^ +9 - .* 200$' || return
	shows '^counted 501 records since this page was opened, passed 0$' || return
	shows "^published +$((published + 501)) records, " || return
	say 'rate top-r 3 4' && shows '^ +3 - +[1-9][0-9]* +[1-9][0-9]* +[0-9]+$' || return
	shows '^overrun +[0-9.]+ s: a reader that stops now' || return
	keys Escape && ordered 'top-r top-z' || return
	# The page of a ring that goes.
	keys Enter && shows '^published ' && say 'end top-r' && shows 'the ring is gone' || return
	keys q && restored 0 && ended "$reader" || return
	# Only what comes while the page is open is counted.
	rm -f modes.*
	say 'publish top-z 5 100' 'rate top-z 3 1' && begin_top "top-z --interval 500ms" || return
	ordered top-z && keys Enter && shows '^ +3 - +[1-9]' && hides '^ +5 - ' && keys q q && restored 0 ||
		return
	end_terminal
	end_writer
}
run top_ring

# The types have the names of the ring's schema, and records of a served ring come by lines.
test_top_types()
{
	compile_schema top-types <<-'EOF' || return
		#include <seqring/schema.h>

		struct a_record_with_a_long_name {
			char text[8];
		};

		enum seqring_schema {
			a_record_with_a_long_name = 4,
		};

		SEQRING_SCHEMA_TYPE(a_record_with_a_long_name);
	EOF
	rc schema top-types.o -o top-types.schema 2>err || because "schema: $(cat err)" || return
	rm -f top-types.in
	mkfifo top-types.in
	exec 3<>top-types.in
	start publish top-n --serve --schema top-types.schema --type 4 <top-types.in
	server=$bg
	until_ok served top-n || return
	begin_terminal 80 24 && begin_top "top-n --interval 50ms" || return
	ordered top-n && keys Enter && shows '^counted 0 records' || return
	seq -f '%08.0f' 17 >&3
	shows '^ +4 a_record_with_a_long_nam .* 17$' || return
	exec 3>&-
	keys q q && restored 0 || return
	end_terminal
}
run top_types

# Whatever ends top, the terminal is as before.
test_top_restores()
{
	local signal

	begin_writer && say 'ring top-s' || return
	begin_terminal 80 24 || return
	for signal in TERM INT HUP; do
		begin_top top-s && kill -$signal "$(top_pid)" && restored 0 || return
		rm -f modes.*
	done
	begin_top top-s && keys C-c && restored 0 || return
	rm -f modes.*
	type_line 'ulimit -c 0'
	begin_top top-s && kill -QUIT "$(top_pid)" && restored 131 || return
	rm -f modes.*
	begin_top top-s --count 2 --interval 100ms && restored 0 || return
	end_terminal
	end_writer
}
run top_restores

test_top_stops()
{
	begin_writer && say 'ring top-t' || return
	begin_terminal 80 24 && begin_top top-t --interval 100ms && ordered top-t || return
	keys C-z && shows 'Stopped' || return
	same "$(mux display-message -p -t t '#{alternate_on} #{cursor_flag}')" '0 1' \
		'alternate screen, cursor while it is stopped' || return
	type_line 'stty -a >modes.stopped; echo looked'
	shows '^looked' && cmp -s modes.before modes.stopped || because 'stty differs while it is stopped' ||
		return
	type_line 'clear; fg'
	ordered top-t || return
	say 'publish top-t 0 1024' && shows '^top-t .* 50% ' || return
	# From outside, without a chance to give the terminal back.
	kill -STOP "$(top_pid)" && shows 'Stopped' && type_line 'clear; fg' && ordered top-t || return
	keys q && shows '^ready>' || return
	type_line 'clear; stty -a >modes.after; echo over'
	shows '^over' && cmp -s modes.before modes.after || because 'stty differs after it' || return
	end_terminal
	end_writer
}
run top_stops

# sleeps PID: how often a process has gone to sleep
sleeps()
{
	awk '/^voluntary/ { print $2 }' "/proc/$1/status"
}

slept()
{
	(($(sleeps "$1") >= $2))
}

# Top has slept, drawn and slept again, after what is pending now.
goes_on()
{
	local pid

	pid=$(top_pid) && until_ok slept "$pid" $(($(sleeps "$pid") + 5))
}

test_top_sizes()
{
	local size

	begin_writer && say 'ring top-w' 'publish top-w 0 1' || return
	begin_terminal 80 24 && begin_top top-w --interval 100ms && shows '^NAME.* READERS' || return
	mux resize-window -t t -x 44 -y 10 && hides READERS && shows '^NAME +RECORDS/s +DROPPED +OVERRUN$' &&
		shows '^top-w' || return
	mux resize-window -t t -x 140 -y 40 && shows '^NAME {40,}RECORDS/s .* READERS +OVERRUN$' || return
	keys Enter && shows '^published ' || return
	for size in '20 5' '3 2' '1 1' '120 3'; do
		mux resize-window -t t -x "${size% *}" -y "${size#* }" && goes_on || return
		keys Escape Enter '?' x / a Escape && goes_on || because "it is gone at $size" || return
	done
	mux resize-window -t t -x 80 -y 24 || return
	keys Escape && ordered top-w && keys q && restored 0 || return
	end_terminal
	end_writer
}
run top_sizes

# Names from outside neither move the cursor nor change the terminal.
test_top_hostile()
{
	local evil=$'./e\e]2;hacked\a\e[7m\n\xc3\xbc-\xe2\x80\xae\xff'

	begin_writer && say 'ring top-e' || return
	ln -s "$RINGDIR/top-e" "$evil" && printf '%s' "$evil" >evil.name || return
	begin_terminal 110 24 || return
	begin_top "\"\$(cat evil.name)\" --interval 100ms" || return
	shows '^\./e\\x1b]2;hacked\\x07\\x1b\[7m\\nü-\\xe2\\x80\\xae\\xff +0 ' || return
	keys Enter && shows '^ringctl top: \./e\\x1b]2;hacked.*ü-' || return
	# So are the names of processes that read it.
	ln -s "$RINGCTL" $'e\e]2;hacked\a' || return
	$'./e\e]2;hacked\a' cat top-e >top-e.out 2>&1 3>&- &
	pids+=($!)
	shows "^readers +1 process: e\\\\x1b]2;hacked\\\\x07 $!\\b" || return
	[[ $(mux display-message -p -t t '#{pane_title}') != hacked ]] || because 'the title has changed' ||
		return
	keys q q && restored 0 || return
	# In a charset without that letter, its bytes are shown.
	begin_terminal 110 24 LC_ALL=C && begin_top "\"\$(cat evil.name)\"" || return
	shows 'm\\n\\xc3\\xbc-' && keys q && restored 0 || return
	rc top "$evil" --plain --count 1 --interval 10ms >out </dev/null || return
	same "$(wc -l <out) $(grep -c $'\e' out)" '2 0' 'lines, escapes' || return
	end_terminal
	end_writer
}
run top_hostile

# coloured: the screen has a red
coloured()
{
	screen -e | grep -q $'\e\[[0-9;]*31[;m]'
}

test_top_colours()
{
	begin_writer && say 'ring top-k' 'rate top-k 0 1' || return
	# 160 records in 50 ms are a lap in 0.64 s.
	say 'rate top-k 0 160' || return
	begin_terminal 80 24 && begin_top top-k --interval 200ms && until_ok coloured && keys q && restored 0 ||
		return
	begin_terminal 80 24 NO_COLOR=1 && begin_top top-k --interval 200ms || return
	shows '^top-k .* 0\.[0-9]{3}$' || return
	! coloured || because 'NO_COLOR has no effect' || return
	keys q && restored 0 || return
	begin_terminal 80 24 TERM=vt100 && begin_top top-k --interval 200ms || return
	shows '^top-k .* 0\.[0-9]{3}$' || return
	! coloured || because 'a terminal without colours gets them' || return
	keys q && restored 0 || return
	end_terminal
	end_writer
}
run top_colours

# A process that does not answer holds up no other ring.
test_top_stuck()
{
	local stuck

	serve top-x1 <<<one && stuck=$server && kill -STOP "$stuck" || return
	begin_writer && say 'ring top-x2' 'publish top-x2 0 1024' || return
	rc top 'top-x?' --interval 10ms --count 3 >out 2>err </dev/null || because "$(cat err)" || return
	same "$(grep -c ' top-x2 .* 50% ' out)" 3 'lines of the other ring' || return
	same "$(grep -c ' top-x1 .* its process does not answer$' out)" 3 'lines of the stuck ring' || return
	# As soon as it answers, it is there.
	start top 'top-x?' --interval 20ms >stuck.out 2>stuck.err </dev/null
	until_ok grep -q ' top-x1 .* does not answer' stuck.out && kill -CONT "$stuck" || return
	until_ok grep -Eq ' top-x1 +0 +0 +0% ' stuck.out || return
	# What was open stays readable.
	kill -STOP "$stuck" && : >stuck.out && until_ok grep -Eq ' top-x1 +0 +0 +0% ' stuck.out || return
	kill -KILL "$stuck" && ended "$stuck" && until_ok grep -q ' top-x1 .* ended$' stuck.out || return
	stop "$bg" && same "$status" 0 "status; $(cat stuck.err)" || return
	end_writer
}
run top_stuck

# A ring that was named comes later, and again after its end.
test_top_comes()
{
	start top top-later --interval 20ms >later.out 2>later.err </dev/null
	until_ok grep -q ' top-later .* there is no such ring$' later.out || return
	begin_writer && say 'ring top-later' 'publish top-later 0 1024' || return
	until_ok grep -q ' top-later .* 50% ' later.out || return
	say 'end top-later' && until_ok grep -q ' ended$' later.out || return
	say 'ring top-later' 'publish top-later 0 512' && until_ok grep -q ' top-later .* 25% ' later.out ||
		return
	stop "$bg" && same "$status" 0 "status; $(cat later.err)" || return
	end_writer
}
run top_comes

test_top_errors()
{
	fails 2 'top: bad name bad name: 1 to 31' top 'bad name' || return
	fails 2 'top: --sort size: no such column \(name, records, ' top --sort size || return
	fails 2 'top: --sort cause: no such column' top --sort cause || return
	fails 2 'top: --interval 9ms: not allowed \(10ms to 1h\)' top --interval 9ms || return
	fails 2 'top: --count 0: ' top --count 0 || return
	fails 2 'top: --plain: takes no value' top --plain=yes || return
	serve top-errors <<<one || return
	rc record top-errors -o top-recording --duration 1ms --quiet || because record || return
	fails 1 'top: \./top-recording: it is a recording' top ./top-recording || return
	rc top top-errors --interval 10ms --count 2 >/dev/full 2>err </dev/null
	same "$?" 1 'status with a full disk' && grep -q "standard output: No space" err || because "$(cat err)" || return
	begin_terminal 80 24 TERM=no-such-terminal || return
	type_line 'clear; stty -a >modes.before; "$RINGCTL" top; echo status $?; stty -a >modes.after'
	shows '^ringctl: top: TERM is no-such-terminal: no such terminal is known \(--plain' || return
	restored 1 || return
	begin_terminal 80 24 && type_line 'clear; "$RINGCTL" top top-errors --plain --count 1' || return
	shows '^TIME +NAME ' && shows ' top-errors ' || return
	end_terminal
}
run top_errors
