#!/bin/sh
# What counts as a death: nothing that mailctl was told to do, and what s6 is told by hand only where s6 tells nobody.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
. "$(dirname "$0")/filter-lib.sh"

mode ready
m up >/dev/null 2>&1 || ok 1 "up"
dir=$T/b/run/servicedirs/filter
died() { m status -o restarts "$1"; }
# counts N NAME COMMAND...: after the command, which makes another process of it, there are N deaths
counts() {
  wanted=$1
  name=$2
  shift 2
  before=$(pid_of "$C" filter)
  try "$name" "$@"
  try "makes another process of it" wait_for 30 another filter "$before"
  is "$(died filter)" "$wanted" "DIED is $wanted"
}
down_and_up() { m down filter && m up filter; }
whole() { m down && m up; }
change() { echo "env = N=1" >>"$C" && m up; }

is "$(died filter)" 0 "at first nothing has died"
counts 0 "restart" m restart filter
counts 0 "restart again, at once" m restart filter
counts 0 "down and up" down_and_up
counts 0 "down and up of everything" whole
counts 0 "a changed generation" change
try "reload" m reload rater tls spool
is "$(died rater) $(died tls) $(died spool)" "0 0 0" "is no death"
try "s6-svc -d by hand" s6-svc -wD -d "$dir"
is "$(died filter)" 0 "is a stop"
try "s6-svc -u by hand" s6-svc -wU -u "$dir"
is "$(died filter)" 0 "and a start"
counts 1 "s6-svc -r by hand" s6-svc -wR -r "$dir"
counts 2 "s6-svc -t by hand" s6-svc -t "$dir"
counts 3 "kill" kill "$(pid_of "$C" filter)"
counts 4 "kill -9" kill -9 "$(pid_of "$C" filter)"
counts 4 "a restart afterwards" m restart filter
if strace -o /dev/null true 2>/dev/null; then
  supervise=$(awk '$1 == "PPid:" { print $2 }' "/proc/$(pid_of "$C" filter)/status")
  # The third file that it renames after the command says that the finish script runs.
  strace -qq -o /dev/null -p "$supervise" -e 'trace=/^rename' -e 'inject=/^rename:delay_enter=2000000:when=3' &
  tracer=$!
  on_exit "kill $tracer 2>/dev/null"
  traced() { grep -q '^TracerPid:.*[1-9]' "/proc/$supervise/status"; }
  wait_for 30 traced
  counts 4 "down and up, where s6-supervise is slow to say so" down_and_up
  kill "$tracer"
  wait "$tracer" 2>/dev/null
fi
is "$(m status -o last_death filter)" - "which begins a new record of its deaths"
is "$(died filter)" 4 "but not a new hour"
finish
