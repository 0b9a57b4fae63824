#!/bin/sh
# mailctl status --watch: every key, other terminals, and whatever ends or stops it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
. "$(dirname "$0")/dash-lib.sh"

DASH="mailctl -c $C status --watch"
shell() { # NAME: an interactive shell with job control
  start "$1" "env ENV= PS1='READY> ' sh -i"
  shows 'READY>' "a shell"
}
ended() { ! kill -0 "$1" 2>/dev/null; }
# the processes of the terminal's dashboard: the one that waits, and the one that draws
waiter() { pgrep -f "$LIBEXEC/dashboard -c $C" | head -1; }
drawer() { pgrep -P "$(waiter)"; }
screen_is() { test "$(t display-message -p -t "$W" "#{alternate_on} #{cursor_flag}")" = "$1"; }

# --- keys ---------------------------------------------------------------------------------------------

shell main
keys 'stty -a >"'"$T/modes"'"; '"$DASH"'; echo "ended $?"' Enter
shows '▶ ● auth +ready' "begins at the first service"
keys j
shows '▶ ● filter' "j"
shows '── log of filter' "the log pane follows"
keys Down
shows '▶ ● monitor' "down"
keys k Up
shows '▶ ● auth' "k, up"
keys G
shows '▶ ● submission' "G"
keys g
shows '▶ ● auth' "g"
keys NPage
shows '▶ ● submission' "page down"
keys PPage
shows '▶ ● auth' "page up"
keys End
shows '▶ ● submission' "End"
keys Home
shows '▶ ● auth' "Home"
keys Space
shows '▶ ● submission' "the space bar: a page down"
keys g / F X BSpace I L
shows 'show only: FIL_' "/ asks for a filter"
shows '▶ ● filter' "which works while it is typed"
lacks ' monitor ' "and hides the others"
keys Enter
shows 'only services with "FIL"; Esc shows all' "it says so"
keys Escape
shows ' monitor ' "Esc shows all"
shows '▶ ● filter' "the selection stays"
keys Enter
shows '^── filter (.*) ─|^── filter ─' "Enter: all about it"
shows 'processes +1' "its processes"
keys l
shows '^── log of filter: line [0-9]+ of [0-9]+, follows' "l: the log"
i=0
while test $i -lt 60; do echo "filter: line $i"; i=$((i + 1)); done >"$T/b/more"
printf 'filter: \033[2Jescape \302\23331m \377 end\n' >>"$T/b/more"
{
  printf 'filter: gr\303\274\303\237e \346\227\245\346\234\254 \342\200\256turned '
  i=0
  while test $i -lt 300; do printf '%09d.' $i; i=$((i + 1)); done
  echo THE END
} >>"$T/b/more"
mode "more"
kill -9 "$(pid_of "$C" filter)"
shows 'filter: \?\[2Jescape \?31m \? end' "the log follows; no control character of it gets through"
shows '^[0-9:]+ filter: grüße 日本 \?turned 000000000\.000000001\.[0-9.]*$' "UTF-8 is shown, and a long line cut"
keys Right Right
shows '^[0-9:]+ 本 \?turned 000000000\.' "the right arrow shows more of it"
keys Left Left
shows '^[0-9:]+ filter: grüße' "the left one goes back"
keys / 'L' i n e Space 7 Enter
shows 'filter: line 7$' "/ searches"
shows 'line [0-9]+ of [0-9]+, search: Line 7' "and says for what"
keys NPage
lacks 'filter: line 7$' "page down"
keys b
shows 'filter: line 7$' "b: a page up"
keys Space
lacks 'filter: line 7$' "the space bar"
keys PPage
shows 'filter: line 7$' "page up"
keys Home
shows '^── log of filter: line [12][0-9] of ' "Home"
keys End
shows 'follows' "End"
keys g N N
shows 'line [0-9]+ of [0-9]+, search: Line 7' "N: the next newer one"
keys n
shows 'no older line has "Line 7"' "n: the next older one"
keys G
shows 'follows' "G follows again"
lacks 'filter: line 7$' "at the end"
keys N
shows 'no newer line has "Line 7"' "N: the next newer one"
keys k k
lacks 'escape' "k scrolls"
keys g
shows '^[0-9-]+ ?[0-9:.]+ filter: begins' "g: the begin"
keys N
shows 'log of filter: line ([1-9]|1[0-9]) of .*search: Line 7' "N finds it from there"
keys Escape
shows '^── filter (.*) ─|^── filter ─' "Esc: back"
keys '?'
shows '^── help' "?"
keys G
shows 'thresholds that raise the overload level' "its end"
keys '?'
lacks '^── help' "? again: back"
keys h NPage k
shows '^── help' "h"
keys Escape
shows '^── filter (.*) ─|^── filter ─' "Esc: back"
keys Escape
shows 'SERVICE +STATE' "and back"

mode ready
keys r
shows 'restart filter\? \^Y yes' "r asks"
keys n
lacks 'restart filter\?' "n: no"
keys r C-y
shows 'mailctl restart filter: done' "^Y: it runs, and is shown"
shows '^filter +ready in ' "with what it says"
keys Escape
shows '── log of filter' "Esc: the log again"
keys d
shows 'down filter\?' "d asks"
keys C-y
shows '▶ ○ filter +stopped' "d"
shows 'mailctl down filter: done' "and says so"
shows 'well, 1 stopped' "the title counts it"
pid=$(pid_of "$C" auth)
t set-buffer 'ready'
keys g
t paste-buffer -p -t "$W"
keys d
shows 'down auth\?' "a word that is pasted is no keys"
keys n j
is "$(pid_of "$C" auth)" "$pid" "and stops nothing"
keys u
shows 'up filter\?' "u asks"
keys C-y
shows '▶ ● filter +ready' "u"
keys Escape o
shows 'hold the level at 0, 1 or 2\? a ends a hold' "o asks"
keys 1
shows 'why\?' "o1 asks why"
keys m o v e Enter
shows 'for how long\?' "and for how long"
keys 2 h Enter
shows 'overload on -l 1 -r move -t 2h\? \^Y yes' "and again"
keys C-y
shows 'OVERLOADED' "o1"
shows 'held, ends in' "by whom, and until when"
shows ' move' "and why"
keys o 2 Enter Enter C-y
shows 'SEVERE' "o2"
keys o 0 Enter Enter C-y
shows 'CLEAR' "o0"
keys o a C-y
shows 'mailctl overload auto: done' "oa"
keys C-l
shows 'SERVICE +STATE' "^L"
cp "$C" "$T/good.conf"
echo '[nosuch]' >>"$C"
keys Escape
shows 'mailctl.conf has mistakes, and is not what runs' "a file with mistakes is told"
m status --json >"$T/json"
like "$(cat "$T/json")" '^  ".*/mailctl.conf has mistakes, and is not what runs' "in JSON, too"
cp "$T/good.conf" "$C"
lacks 'has mistakes' "and one that is mended"

# --- what stops it ------------------------------------------------------------------------------------

keys C-z
shows 'Stopped ' "^Z: the shell has the terminal"
wait_for 5 screen_is "0 1"
ok $? "as it was"
like "$(ps -o stat=,comm= --ppid "$(drawer)")" '^S.* s6-ftrigrd$' "what it waits for at times is not stopped with it"
keys 'stty -a | diff - "'"$T/modes"'" && echo "modes same"' Enter
shows 'modes same$' "its modes too"
keys 'fg' Enter
shows '▶ ● filter +ready' "fg: it goes on"
resize 100 30
shows 'SERVICE +STATE' "resized"
resize 80 24
keys q
lacks 'SERVICE' "q"
shows 'READY>$' "the shell again"
wait_for 5 screen_is "0 1"
ok $? "the screen is as it was"

keys clear Enter "$DASH"'; echo "ended $?"' Enter
shows '▶ ● auth +ready' "again"
two=$(drawer)
kill -KILL "$(waiter)"
wait_for 10 ended "$two"
ok $? "the one that waits is killed: the one that draws ends"
wait_for 5 screen_is "0 1"
ok $? "the screen is as it was"
keys clear Enter 'stty -a | diff - "'"$T/modes"'" && echo "modes same"' Enter
shows 'modes same$' "its modes too"

for sig in KILL ABRT SEGV; do
  keys clear Enter "$DASH"'; echo "ended $?"' Enter
  shows '▶ ● auth +ready' "again"
  kill -$sig "$(drawer)"
  shows '^ended (137|134|139)' "killed by SIG$sig"
  shows "killed by SIG$sig" "it says so"
  wait_for 5 screen_is "0 1"
  ok $? "the screen is as it was"
  keys clear Enter 'stty -a | diff - "'"$T/modes"'" && echo "modes same"' Enter
  shows 'modes same$' "its modes too"
done

keys clear Enter "$DASH"'; echo "ended $?"' Enter
shows '▶ ● auth +ready' "again"
keys C-c
shows '^ended 0' "^C ends it"
keys clear Enter "$DASH"'; echo "ended $?"' Enter
shows '▶ ● auth +ready' "again"
kill "$(waiter)"
shows '^ended 143' "TERM ends it"

start lost "exec $DASH"
shows '▶ ● auth +ready' "in a terminal of its own"
one=$(waiter)
two=$(drawer)
t kill-session -t lost
wait_for 10 ended "$two"
ok $? "its terminal is gone: it ends"
wait_for 10 ended "$one"
ok $? "and so does the one that waits"

# --- the supervisor dies, and comes back --------------------------------------------------------------

start dying "$DASH"
shows 'supervisor running' "all is well"
kill -9 "$(m status -o supervisor.pid)"
shows 'supervisor killed' "the supervisor was killed"
shows 'the supervisor was killed, and what it ran runs on' "what that means"
keys u
shows 'up everything\?' "u offers to bring all up"
keys C-y
shows 'supervisor running' "it is back"
shows 'mailctl up: done' "so it says"
shows '▶ ● auth +ready' "and so is the rest"
keys Escape
m down >/dev/null 2>&1
shows 'supervisor not running' "down"
m up >/dev/null 2>&1
shows 'supervisor running.* well ' "and up again"
again starting
shows '◐ filter +starting' "it still hears of what happens"
mode ready
m restart filter >/dev/null 2>&1
keys q

# --- other terminals ----------------------------------------------------------------------------------

start vt100 "env TERM=vt100 $DASH filter"
shows '▶ ● filter +ready' "a terminal without colours"
t capture-pane -e -p -t "$W" >"$T/escapes"
unlike "$(cat "$T/escapes")" "$(printf '\033')"'\[[0-9;]*(3[0-8]|4[0-8])[;m]' "shows none"
like "$(cat "$T/escapes")" "$(printf '\033')"'\[7m' "the selection is reversed"
keys q
start colours "$DASH filter"
shows '▶ ● filter +ready' "a terminal of 256 colours"
t capture-pane -e -p -t "$W" >"$T/escapes"
like "$(cat "$T/escapes")" '38;5;41' "shows them"
keys q
start eight "env TERM=screen $DASH filter"
shows '▶ ● filter +ready' "a terminal of 8 colours"
t capture-pane -e -p -t "$W" >"$T/escapes"
like "$(cat "$T/escapes")" "$(printf '\033')"'\[[0-9;]*32m' "shows them"
unlike "$(cat "$T/escapes")" '38;5;' "and no others"
keys q
start plain "env NO_COLOR=1 $DASH filter"
shows '▶ ● filter +ready' "NO_COLOR"
t capture-pane -e -p -t "$W" >"$T/escapes"
unlike "$(cat "$T/escapes")" "$(printf '\033')"'\[[0-9;]*(3[0-8]|4[0-8])[;m]' "has none"
keys q
start ascii "env LC_ALL=C $DASH filter"
shows '^> \* filter +ready' "a terminal without UTF-8"
is "$(LC_ALL=C tr -d '\0-\177' <"$T/screen" | wc -c)" 0 "shows ASCII alone"
like "$(cat "$T/screen")" '^ ######  CLEAR' "the level too"
t resize-window -t "$W" -x 30 -y 6
shows '^> \* filter' "a small one"
t resize-window -t "$W" -x 10 -y 5
shows '^too small;$' "a very small one"
pid=$(pid_of "$C" filter)
keys d y r y
t resize-window -t "$W" -x 40 -y 12
shows '^ example.test  well +[0-9:]{8}$|^ mailctl  example.test  well +[0-9:]{8}$' "a narrow one has the health"
shows 'filter +ready +ready' "and the states"
lacks 'filter\?|mailctl (down|restart)' "no key did anything while nobody could see it"
is "$(pid_of "$C" filter)" "$pid" "the service runs on"
keys o
shows '^ hold the level at 0, 1 or 2\? a ends a ?h?' "what is asked fits"
keys n
t resize-window -t "$W" -x 80 -y 24
shows '^ ######  CLEAR' "a usual one again"
keys q
exits 100 "without a terminal" m status --watch
like "$(cat "$T/err")" "needs a terminal" "says so"
exits 100 "two names" m status --watch auth filter
start dumb "env TERM=dumb $DASH; echo ended \$?; exec sleep 100"
shows 'unable to use a terminal of type dumb' "a terminal that cannot move its cursor"
shows 'ended 111' "is refused"
start odd "env TERM=no-such-type $DASH"
shows 'terminal type no-such-type is unknown here' "a terminal of an unknown type is told"
shows 'SERVICE +STATE' "and shows it all the same"
keys q
finish
