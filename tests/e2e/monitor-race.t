#!/bin/sh
# mailctl overload in the middle of the monitor's poll, after each step of it: once that poll is over the flag is right, and
# does not wait for the next one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

command -v strace >/dev/null || skip_all "no strace"
strace -o /dev/null true 2>/dev/null || skip_all "strace may not trace here"

CALLS=openat,pwrite64,ftruncate,fchmod,readlink,rename,renameat2,unlink
cd "$T" || exit 111
C=$T/mailctl.conf
printf '%s\n' '[bundle]' 'hostname = example.test' >"$C"
mkdir control empty full
for i in 1 2 3; do : >full/$i; done
flag=$T/run/overload/flag
ln -s "$flag" control/overloaded

# begin QUEUE HOLD STRACE-OPTION...: a monitor that polls when it is told to; HOLD is on, or none
begin() {
  rm -rf run trace fifo
  mkdir -p run/overload
  test "$2" != on || m overload on
  mkfifo fifo
  queue=$1
  shift 2
  # -D: the monitor keeps the pid
  strace -D -o trace "$@" mailctl monitor -D "$T/run/overload" -l "$T/control/overloaded" -d 4 -p 600000 \
    -t backlog:1:3:2 "$queue" 4>fifo 2>log &
  monitor=$!
  read -r _ <fifo
}
end() {
  kill -KILL "$monitor" 2>/dev/null
  wait
}
on_exit end
polled() { test "$(stat -c %Y run/overload/state)" -ne 1; }
# poll COMMAND...: one poll, in which COMMAND runs
poll() {
  touch -d @1 run/overload/state
  kill -HUP "$monitor"
  "$@"
  wait_for 20 polled
}
traced() { grep -q "$1" trace; }
# where the monitor stops
meanwhile() {
  wait_for 20 traced 'stopped by SIGSTOP' && m overload "$@"
  kill -CONT "$monitor"
}
level() { sed -n 's/^level //p' "$flag" 2>/dev/null | grep . || echo 0; }

# each LEVEL QUEUE HOLD WORD...: `mailctl overload WORD...` makes it LEVEL. HOLD is over by the poll, if that is its name
each() {
  wanted=$1 queue=$2 hold=$3
  shift 3
  begin "$queue" "$hold" -e trace=$CALLS,write
  over
  poll true
  end
  wait_for 20 traced '^+++'
  awk -F'(' '!/^[a-z0-9]+\(/ { next } { n[$1]++ } /^write\(4,/ { ready = 1 } ready && $1 != "write" { print $1, n[$1] }' \
    trace >steps
  wrong=0
  while read -r call nth; do
    begin "$queue" "$hold" -e "trace=$call" -e "inject=$call:signal=STOP:when=$nth"
    over
    poll meanwhile "$@"
    end
    test "$(level)" = "$wanted" && continue
    wrong=$((wrong + 1))
    echo "# after $call $nth: level $(level)"
  done <steps
  test "$(grep -c . steps)" -ge 5
  ok $? "$*, held $hold before: after each step of a poll"
  is "$wrong" 0 "level $wanted when it is over"
}
over() { test "$hold" != over || printf 'on\nsince 1\nuntil 2\n' >run/overload/hold; }

each 1 empty never on
each 1 empty over on
each 2 empty on on -l 2
each 0 empty on auto
each 0 full never off
finish
