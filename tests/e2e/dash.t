#!/bin/sh
# mailctl status --watch in a terminal (tmux): its screens against the manual's pictures.
#   SCREENS=DIR tests/e2e/dash.t   writes the pictures (doc/screens) anew
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
. "$(dirname "$0")/dash-lib.sh"
PICTURES=$(cd "$(dirname "$0")/../../doc/screens" && pwd)

# What differs from run to run: times, numbers, addresses, bars; and the blanks that make room for them.
plainly() {
  sed -E ':a; s/(│.*)[▁▂▃▄▅▆▇█]/\1 /; ta
    s/127\.[0-9.]+:/ADDRESS:/g; s/[0-9]+:[0-9:]+:[0-9]+/TIME/g
    s/[0-9]+(\.[0-9]+)? ?(ms|min|[smhdKMGT%])?( |$)/N /g; s/N +N /N /g
    s/[┄ ]*┄[┄ ]*/┄/g; s/[─-]+/-/g; s/ +/ /g; s/ $//' "$1" | sed '/^$/d; /^TIME filter: begins$/d' | uniq
}
# picture NAME: what is in $T/screen is the picture of that name
picture() {
  if test -n "${SCREENS-}"; then
    sed -E "s/$IP/127.0.0.1/g" "$T/screen" >"$SCREENS/$1.txt"
  fi
  plainly "$PICTURES/$1.txt" >"$T/wanted"
  plainly "$T/screen" >"$T/got"
  try "looks as in doc/screens/$1.txt" diff -u "$T/wanted" "$T/got"
}
# state NAME PATTERN: both sizes
state() {
  shows "$2" "$1"
  picture "$1-80x24"
  resize 132 50
  shows "$2" "$1, on a large terminal"
  picture "$1-132x50"
  resize 80 24
}

# --- states -------------------------------------------------------------------------------------------

start main "exec mailctl -c '$C' status --watch filter"
shows 'for [0-9]+ m?s' "the level is known"
state healthy '▶ ● filter +ready .*current'
start mono "exec env TERM=vt100 mailctl -c '$C' status --watch filter"
shows '▶ ● filter +ready .*current' "without colours"
shows 'for [0-9]+ m?s' "the level is known"
picture healthy-80x24
start ascii "exec env LC_ALL=C mailctl -c '$C' status --watch filter"
shows '> \* filter +ready .*current' "without UTF-8"
shows 'for [0-9]+ m?s' "the level is known"
picture healthy-ascii-80x24
t kill-session -t mono
t kill-session -t ascii
W=main
again starting
state starting '▶ ◐ filter +starting.* current'
again dies
shows '^ [0-9:]+ filter filter: fatal: out of luck' "the message line has the last warning"
state retrying '▶ △ filter +retrying'
mode broken
m restart filter >"$T/out" 2>&1
shows '^ [0-9:]+ filter filter: fatal: no such' "and the one after it"
state failed '▶ ✗ filter +FAILED  '
mode ready
m restart filter >"$T/out" 2>&1
shows '▶ ● filter +ready' "back again"

# todo is filled as a slow deliverer would leave it
todo=$(find "$T/b" -type d -name todo)
i=0
while test $i -lt 150; do : >"$todo/x$i"; i=$((i + 1)); done
shows 'oldest' "the backlog is seen"
state overloaded 'OVERLOADED'
shows '│.*[▁▂▃▄▅▆▇█]' "the curve has a bar"
rm -f "$todo"/x*

m down >/dev/null 2>&1
state down 'supervisor not running'
finish
