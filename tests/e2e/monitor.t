#!/bin/sh
# The loop alone: it measures, decides, raises and clears, and cannot get stuck. Polls are 20 ms apart, so
# that a dwell of 200 ms is ten of them.
. "$(dirname "$0")/lib.sh"

cd "$T" || exit 111
mkdir control todo split split/0 split/1 split/22
plugin=$LIBEXEC/plugins/overload
flag=$T/run/overload/flag
ln -s "$flag" control/overloaded
mkdir -p run

monitor=
begin() {
  : >ready
  mailctl monitor -d 4 -D "$T/run/overload" -l "$T/control/overloaded" -p 20 -t backlog:1:10:5:100:200 \
    "$@" 4>ready 2>>log &
  monitor=$!
  wait_for 20 test -s ready || echo "# the monitor did not start"
}
end() {
  test -n "$monitor" || return 0
  kill "$@" "$monitor" 2>/dev/null
  wait "$monitor" 2>/dev/null
  monitor=
}
on_exit 'end -KILL'

fill() { # fill DIR FROM TO
  i=$2
  while test "$i" -le "$3"; do
    : >"$1/$i"
    i=$((i + 1))
  done
}
raised() { test -e control/overloaded; }
clear() { ! raised; }
says() { grep -q "^$1\$" control/overloaded; }
logged() { grep -q "$1" log; }
how_often() { grep -c "$1" log; }
state() { sed -n "s/^$1 //p" run/overload/state; }
state_is() { test "$(state "$1")" = "$2"; }
written() { test "$(stat -c %y run/overload/state)" != "$1"; }
polled() { # until two more polls have been made
  wait_for 20 written "$(stat -c %y run/overload/state)"
  wait_for 20 written "$(stat -c %y run/overload/state)"
}
answer() { SMTPMAILFROM=joe@example.test "$plugin" 2>/dev/null; }

# --- up and down ---
begin todo split
try 'clear at first' clear
is "$(answer)" '' 'the plugin lets everyone pass'
fill todo 1 6
fill split/0 1 2
fill split/22 1 2
try 'ten messages in a flat and a split queue raise the flag' wait_for 20 raised
try 'it holds the level' says 'level 1'
try 'it holds who made it' says 'made monitor'
try 'it holds the reason' says 'reason backlog 10 (enters at 10)'
like "$(sed -n 's/^since //p' control/overloaded)" '^[0-9]+ 20[0-9-]+T[0-9:]+Z$' 'it holds since when'
is "$(answer)" 'R451 4.3.2 Temporary Failure: Server overload' 'the plugin refuses'
is "$(stat -c %a run/overload/flag)" 644 'everybody may read the flag'
before=$(stat -c %y "$flag")
beats() { test "$(stat -c %y "$flag")" != "$before"; }
try 'the flag has a heartbeat' wait_for 20 beats
rm todo/1 todo/2 todo/3 todo/4 todo/5
try 'at leave it falls' wait_for 20 clear
is "$(grep -c level log)" 2 'two transitions are logged, no more'
like "$(cat log)" 'level 0 -> 1, auto: backlog 10 \(enters at 10\); backlog 10, oldest [0-9]+s' 'the first with all signals'
like "$(cat log)" 'level 1 -> 0, auto; backlog 5, oldest' 'the second too'

# --- what cannot be read is unknown ---
fill todo 1 10
wait_for 20 raised
mv todo gone
try 'a queue that vanished is logged' wait_for 20 logged 'unable to read todo: No such file or directory: the backlog is unknown'
try 'the state says unknown' wait_for 20 state_is 'reading backlog' unknown
polled
try 'it is not taken for empty' raised
try 'the flag says so' says 'reason backlog [0-9]* (enters at 10), cannot be measured now'
is "$(how_often 'unable to read todo')" 1 'it is logged once'
mkdir todo
try 'a new directory in its place is read' wait_for 20 logged 'todo can be read again'
try 'and counts' wait_for 20 clear
fill todo 1 10
wait_for 20 raised
end -KILL
rm -rf todo
begin todo split
polled
try 'not known for a while, it stays' raised
end -KILL
begin -u 100 todo split
try 'not known for too long, it falls' wait_for 20 clear
try 'which the log tells' logged 'level 1 -> 0, auto; backlog unknown, oldest unknown'
mkdir todo
end
begin todo split
rm -rf gone
rm -rf todo
wait_for 20 state_is 'reading backlog' unknown
fill split/1 101 110
try 'one queue that cannot be read does not disarm the others' wait_for 20 raised
like "$(cat log)" 'level 0 -> 1, auto: backlog 1[0-9] \(enters at 10\)' 'what they hold is enough'
rm split/1/10[1-9] split/1/110
mkdir todo
try 'all are read again' wait_for 20 clear
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do : >"todo/.$i"; done
polled
polled
try 'names with a dot in front are no messages' clear
rm todo/.[0-9]*

# --- a slow queue: its process alone waits ---
end
: >log
begin todo split
counters=
fill split/0 201 215
wait_for 20 raised
on_exit 'kill -KILL $counters 2>/dev/null'
counters=$(pgrep -P "$monitor" | sort -n)
is "$(echo "$counters" | wc -l)" 2 'each queue has a process that counts it'
kill -STOP "$(echo "$counters" | head -n 1)"
before=$(stat -c %y "$flag")
try 'while one hangs, the flag has its heartbeat' wait_for 20 beats
rm split/0/2??
try 'and the other is counted' wait_for 20 clear
fill split/0 201 215
try 'in both directions' wait_for 20 raised
kill -KILL "$(echo "$counters" | head -n 1)"
try 'a process that died is told' wait_for 20 logged 'unable to read todo: No child processes'
try 'and made anew' wait_for 20 logged 'todo can be read again'
rm "$flag"
try 'a flag that somebody removes is raised again' wait_for 20 raised
try 'and the log tells' wait_for 20 logged 'somebody removed the flag: it is raised again'
counters=$(pgrep -P "$monitor")
# shellcheck disable=SC2086 # two pids
kill -STOP $counters
end
# shellcheck disable=SC2086 # two pids
none_left() { ! kill -0 $counters 2>/dev/null; }
try 'a monitor that stops leaves no process behind, however busy' wait_for 20 none_left
rm split/0/2??
begin todo split

# --- a person's flag ---
touch control/overloaded
try 'a flag made by hand is seen' wait_for 20 state_is mode hand
is "$(state level)" 1 'it is level 1'
fill todo 1 20
wait_for 20 state_is 'reading backlog' 24
rm todo/*
wait_for 20 state_is measured 0
try 'it outlives an overload that came and went' raised
is "$(wc -c <control/overloaded)" 0 'and nobody has written into it'
end
try 'it outlives the monitor' raised
is "$(answer)" 'R451 4.3.2 Temporary Failure: Server overload' 'it never grows old'
begin todo split
try 'it outlives the next monitor' raised
rm "$flag"
try 'once removed, it is over' wait_for 20 state_is mode auto
try 'and clear' clear

# --- the end of a monitor, tidy and not ---
fill todo 1 20
wait_for 20 raised
end
try 'a monitor that is stopped clears its flag' clear
begin todo split
try 'one that starts raises it before it is ready' raised
end -KILL
try 'kill -9 leaves the flag' raised
rm todo/*
begin todo split
try 'the next monitor clears it before it is ready' clear
end -KILL
fill todo 1 20
begin todo split
try 'and raises it' raised
end -KILL
rm todo/*
fill todo 1 3
sed -i 's/^since .*/since 1000000000/' run/overload/state
begin todo split
is "$(state 'reading backlog')" 7 'between leave and enter'
try 'a killed monitor goes on where it was' raised
is "$(state since)" 1000000000 'since the same moment'
end -KILL
touch -d '1 hour ago' "$flag"
is "$(answer)" '' 'the plugin ignores a flag without a heartbeat'
touch -d 'now + 1 hour' "$flag"
is "$(answer)" '' 'and one from the future'
rm todo/*

# --- one at a time ---
begin todo split
exits 111 'a second monitor is refused' mailctl monitor -D "$T/run/overload" todo
like "$(cat err)" 'another monitor runs' 'and told why'

# --- the link ---
rm control/overloaded
try 'a link that is gone is logged' wait_for 20 logged 'is no link to our flag'
: >control/overloaded
try 'a file in its place is a flag made by hand' wait_for 20 state_is mode hand
rm control/overloaded
ln -s "$flag" control/overloaded
wait_for 20 state_is mode auto
end

# --- commands ---
: >log
# shellcheck disable=SC2016 # for execline
begin -t backlog:2:15:12:0:0 -e '1:importas E OVERLOAD_EVENT importas L OVERLOAD_LEVEL redirfd -a 1 hooks echo $E $L' \
  -x '1:redirfd -a 1 hooks echo leave 1' -e '2:redirfd -a 1 hooks echo enter 2' \
  -x '2:redirfd -a 1 hooks echo leave 2' todo
fill todo 1 20
hooks_are() { test "$(tr '\n' , <hooks)" = "$1"; }
try 'commands run on the way up, level by level' wait_for 20 hooks_are 'enter 1,enter 2,'
is "$(sed -n 's/^level //p' control/overloaded)" 2 'level 2 is in the flag'
is "$("$plugin" 2>/dev/null)" 'R421 4.3.2 Temporary Failure: Server overload' 'the plugin refuses at connection'
rm todo/*
try 'and on the way down' wait_for 20 hooks_are 'enter 1,enter 2,leave 2,leave 1,'
end
# Deaf to TERM as soon as it has told its pid.
# shellcheck disable=SC2016 # for the command
deaf='1:sh -c "trap : TERM; echo $$ >slow; while :; do sleep 0.1; done"'
hang() { # hang MONITOR-OPTION...: it runs
  rm -f slow left
  : >log
  begin "$@" -e "$deaf" todo
  fill todo 1 10
  wait_for 10 test -s slow
}
# On a slow machine its time may be over before it is deaf: then it gets more.
for ms in 100 1000 10000; do
  hang -k "$ms" -x '1:touch left' && break
  rm todo/*
  end
  rm run/overload/state
done
slow=$(cat slow)
on_exit "kill -KILL $slow 2>/dev/null"
rm todo/*
try 'a command that hangs does not hold up the loop' wait_for 20 clear
try 'it is ended' wait_for 20 logged 'takes too long: ending it'
gone() { ! kill -0 "$slow" 2>/dev/null; }
try 'whatever it does' wait_for 20 gone
# which may take too long itself
next() { test -e left || logged 'touch left. takes too long'; }
try 'the next command runs after it' wait_for 20 next
end
hang
slow=$(cat slow)
on_exit "kill -KILL $slow 2>/dev/null"
end
try 'a monitor that stops leaves no command behind' wait_for 20 gone
rm run/overload/state
begin -e '1:false' todo
try 'a command that fails is logged' wait_for 20 logged 'false. exited 1'
end
rm todo/*

# --- other signals ---
: >log
begin -t free-bytes:1:1:2 -t free-inodes:1:0:1 -t load:1:100000:50000 -t pressure-io:1:101:100 todo
like "$(state 'reading free-bytes')" '^[0-9]+$' 'free bytes are measured'
like "$(state 'reading load')" '^[0-9]+$' 'the load is measured'
end
begin -t free-bytes:1:18000000000000000000:18000000000000000001:0:0 todo
try 'a disk that is too full raises the flag' says 'reason free-bytes [0-9]* (enters at 18000000000000000000)'
end
is "$(grep -c unable log)" 0 'nothing was in the way'

# --- no dwell: the queue itself wakes it, here minutes before its next poll ---
: >ready
mailctl monitor -d 4 -D "$T/run/overload" -l "$T/control/overloaded" -p 600000 -t backlog:1:10:5:0:0 todo split 4>ready 2>>log &
monitor=$!
wait_for 20 test -s ready
try 'clear at first' clear
fill todo 1 9
is "$(raised && echo raised)" '' 'nine are not ten'
: >todo/10
try 'the tenth raises the flag at once' wait_for 20 raised
rm todo/*
try 'and who takes them away clears it' wait_for 20 clear
before=$(stat -c %y run/overload/state)
ticks() { awk '{ sub(".*[)] ", ""); print $12 + $13 }' "/proc/$monitor/stat"; }
ticks=$(ticks)
fill todo 11 300
wait_for 20 written "$before"
try 'three hundred events cost few looks' test $(($(ticks) - ticks)) -lt 20
rm todo/*
end

# --- usage ---
exits 100 'no queue is bad usage' mailctl monitor -D "$T/run/overload"
exits 100 'a threshold of nothing is bad usage' mailctl monitor -D "$T/run/overload" -t nothing:1:2:1 todo
like "$(cat err)" 'no such signal' 'and says so'
exits 100 'leave beyond enter is bad usage' mailctl monitor -D "$T/run/overload" -t backlog:1:2:3 todo
exits 111 'a directory that cannot be made ends it' mailctl monitor -D "$T/no/such/directory" todo

finish
