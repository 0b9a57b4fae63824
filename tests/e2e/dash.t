#!/bin/sh
# mailctl status --watch in three terminals (tmux): of 256 colours, without colours, and without UTF-8. In each
# state of the bundle their screens are compared with the manual's pictures, in two sizes.
#   SCREENS=DIR tests/e2e/dash.t   writes the pictures (doc/screens) anew
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
. "$(dirname "$0")/dash-lib.sh"
PICTURES=${SCREENS:-$(cd "$(dirname "$0")/../../doc/screens" && pwd)}
TERMINALS="colours mono ascii"
escape=$(printf '\033')

# What differs from run to run: times, numbers, addresses, bars; and the blanks that make room for them.
plainly() {
  sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}/DATE/g
    :a; s/([│|].*)[▁▂▃▄▅▆▇█.:#]/\1 /; ta
    s/127\.[0-9.]+:/ADDRESS:/g; s/[0-9]+:[0-9:]+:[0-9]+/TIME/g
    s/[0-9]+(\.[0-9]+)? ?(ms|min|[smhdKMGT%])?( |$)/N /g; s/N +N /N /g
    s/[┄ ]*┄[┄ ]*/┄/g; s/[─-]+/-/g; s/[- ]*-[- ]*-[- ]*/-/g; s/ +/ /g; s/ $//' "$1" |
    sed "s,$T/b,/srv/mail,g; "'/^$/d; /^TIME filter: begins$/d' | uniq
}
# What a terminal without UTF-8 has in the place of each sign.
in_ascii() { sed 'y/█●◐◑○△✗▶▲▼│┄─▁▂▃▄▅▆▇/#*+-.~!>^v|--...::::/' "$1"; }
# picture NAME: what is in $T/screen is the picture of that name, in the terminal $W
picture() {
  if test -n "${SCREENS-}"; then
    case $W$1 in
      colours*) taken=$1 ;;
      asciihealthy-80x24) taken=healthy-ascii-80x24 ;;
      *) taken= ;;
    esac
    test -z "$taken" || sed "s/$IP/127.0.0.1/g; s,$T/b,/srv/mail,g" "$T/screen" >"$SCREENS/$taken.txt"
  fi
  cp "$PICTURES/$1.txt" "$T/picture"
  test "$W" != ascii || in_ascii "$PICTURES/$1.txt" >"$T/picture"
  plainly "$T/picture" >"$T/wanted"
  # A log's lines may come later than the state that they tell of.
  test -n "${SCREENS-}" || wait_for 30 pictured
  plainly "$T/screen" >"$T/got"
  try "$W: as in doc/screens/$1.txt" diff -u "$T/wanted" "$T/got"
}
pictured() { look && plainly "$T/screen" | cmp -s "$T/wanted" -; }
# What a kind of terminal can show, and no more.
suits() {
  t capture-pane -e -p -t "$W" >"$T/escapes"
  case $W in
    colours) like "$(cat "$T/escapes")" '38;5;' "$1, $W: 256 colours" ;;
    ascii) is "$(LC_ALL=C tr -d '\0-\177' <"$T/screen" | wc -c)" 0 "$1, $W: ASCII alone" ;;
    mono)
      unlike "$(cat "$T/escapes")" "$escape"'\[[0-9;]*(3[0-8]|4[0-8])[;m]' "$1, $W: no colour"
      like "$(cat "$T/escapes")" "$escape"'\[[0-9;]*7m' "$1, $W: the selection is reversed"
      ;;
  esac
}
# state NAME PATTERN: both sizes, every terminal
state() {
  for size in 80x24 132x50; do
    for W in $TERMINALS; do
      resize "${size%x*}" "${size#*x}"
      shows "$2" "$1, $W, $size"
      picture "$1-$size"
      suits "$1"
    done
  done
}

# --- states -------------------------------------------------------------------------------------------

start mono "exec env TERM=vt100 mailctl -c '$C' status --watch filter"
start ascii "exec env LC_ALL=C mailctl -c '$C' status --watch filter"
start colours "exec mailctl -c '$C' status --watch filter"
for W in $TERMINALS; do shows 'for [0-9]+ (ms|s|min)' "$W: the level is known"; done
state healthy '[▶>] [●*] filter +ready .*current'
seconds() { date -d "$1" +%s; }
on_time() {
  look
  now=$(date +%s)
  screen=$(seconds "$(sed -n '1s/.* //p' "$T/screen")")
  test $(((now - screen + 86400) % 86400)) -le 15
}
try "its clock is the machine's" wait_for 30 on_time

again starting
state starting '[▶>] [◐+] filter +starting.* current'

again dies
try "a death, and a pause" wait_for 60 caught retrying 3
state retrying '[▶>] [△~] filter +retrying'
shows '^ [0-9:]+ filter: fatal: out of luck' "the message line has the last warning"
thaw
try "five deaths" wait_for 60 caught "FAILED (retrying)" 5
state failed-retrying '[▶>] [✗!] filter +FAILED \(retrying\)'

for W in $TERMINALS; do keys Enter; done
state service 'last exit +exit 1( |$)'
shows '^   20[0-9-]+ [0-9:.]+ killed by SIGKILL after [0-9]+ (ms|s|min)$' "a service's page has its deaths"
shows "^   runs in +$T/b/run/servicedirs/filter$" "its files"
shows "^[0-9:]+ filter: fatal: out of luck" "and the end of its log"
for W in $TERMINALS; do keys Escape; done

anew broken
state failed '[▶>] [✗!] filter +FAILED  '
shows '^ [0-9:]+ filter: fatal: no such' "the warning of this start"
mode ready
m restart filter >"$T/out" 2>&1
shows '[▶>] [●*] filter +ready' "back again"
lacks '^ [0-9:]+ filter: fatal' "what was said before a start by command is no warning any more"

# todo is filled as a slow deliverer would leave it
todo=$(find "$T/b" -type d -name todo)
i=0
while test $i -lt 150; do : >"$todo/x$i"; i=$((i + 1)); done
for W in $TERMINALS; do
  shows 'oldest' "$W: the backlog is seen"
  shows '[│|].*[▁▂▃▄▅▆▇█.:#]' "$W: the curve has a bar"
done
state overloaded 'OVERLOADED'
rm -f "$todo"/x*

m down >/dev/null 2>&1
state down 'supervisor not running'
finish
