#!/bin/sh
# The monitor's commands in a bundle that runs as root: `mailctl down NAME` and `mailctl up NAME`, as the monitor's
# user, who may do that to the services that its commands name, and to no other.
. "$(dirname "$0")/lib.sh"

test "$(id -u)" -eq 0 || skip_all "needs root: elsewhere the monitor's user owns the bundle"
for i in nobody games; do id -u $i >/dev/null 2>&1 || skip_all "no user $i"; done
chmod 755 "$T"
cd "$T" || exit 111
MAILCTL_CONF=$T/mailctl.conf
export MAILCTL_CONF
on_exit 'mailctl down >/dev/null 2>&1'

conf() {
  printf '%s\n' '[bundle]' 'user = nobody' '[service scanner]' 'command = sleep 1000' '[service other]' \
    'command = sleep 1000' '[monitor]' 'user = games' 'poll = 50ms' 'dwell-up = 0' 'dwell-down = 0' 'enter = 3' \
    'leave = 0' "queue = $T/todo" "$@" >mailctl.conf
}
state() { mailctl status -o state "$1"; }
is_state() { test "$(state "$1")" = "$2"; }
pipe() { stat -c %U "run/servicedirs/$1/supervise/control"; }
as_games() { s6-setuidgid games "$@"; }
fill() { touch todo/1 todo/2 todo/3; }
logged() { mailctl log monitor | grep -Eq "$1"; }
gone() { ! kill -0 "$1"; }

mkdir todo control
conf 'on-enter = mailctl down scanner' 'on-leave = foreground { mailctl up scanner } touch run/overload/left'
exits 0 'up' mailctl up
is "$(mailctl status -o user monitor 2>/dev/null; ps -o user= -p "$(mailctl status -o pid monitor)")" games 'the monitor is not root'
is "$(pipe scanner) $(pipe other) $(pipe monitor)" 'games root root' 'its user controls what its commands name'

fill
try 'the level is entered: the service is stopped' wait_for 20 is_state scanner stopped
like "$(mailctl history)" 'monitor: level 1, enter: runs .mailctl down scanner' 'and history tells who did that'
is "$(state other)" ready 'and no other'
try 'its log says so' wait_for 20 logged 'scanner +stopped in'
rm todo/*
try 'the level is left: the service is started' wait_for 20 is_state scanner ready
try 'and its command comes to its end' wait_for 20 test -e run/overload/left
wait_for 20 logged 'scanner +ready in'
unlike "$(mailctl log monitor)" 'unable|exited' 'without a complaint'

exits 111 'another service is not theirs' as_games mailctl down other
like "$(cat err)" 'Permission denied' 'which is said'
exits 111 'nor with their own' as_games mailctl down scanner other
is "$(state scanner) $(state other)" 'ready ready' 'both run'
exits 111 'nor everything' as_games mailctl down
exits 111 'nobody else may' s6-setuidgid nobody mailctl down scanner
exits 0 'down twice' as_games mailctl down scanner
exits 0 'is no error' as_games mailctl down scanner
exits 0 'up, ready' as_games mailctl up scanner
like "$(cat out)" '^scanner +ready in' 'with its line'

# Whose supervisor dies keeps it; whose command goes loses it.
supervisor=$(ps -o ppid= -p "$(mailctl status -o pid scanner)" | tr -d ' ')
kill -9 "$supervisor"
wait_for 20 gone "$supervisor"
wait_for 30 mailctl up
is "$(pipe scanner)" games 'a supervisor that is killed changes nothing'
exits 0 'down' as_games mailctl down scanner
conf 'on-enter = true'
exits 0 'up without such a command' mailctl up
is "$(pipe scanner) $(stat -c %a run/servicedirs/scanner/supervise)" 'root 700' 'takes the service back'
exits 111 'which it says' as_games mailctl down scanner
exits 0 'down' mailctl down
finish
