#!/bin/sh
# raterd's TCP sockets outlive it: restart, changed keys, kill -9 of it and of its s6-supervise, while clients ask without a
# pause; nobody is refused, and what was counted stays counted.
# shellcheck disable=SC2317 # wait_for calls functions
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"
# shellcheck source=tests/e2e/knock-lib.sh
. "$(dirname "$0")/knock-lib.sh"

new_bundle "$T/b"
C=$T/b/mailctl.conf
RATER=$T/b/run/rater.sock
export RATER
sed -i "s/^\[rater\]/&\nlisten = $IP:1999\npolicy = $IP:10031\nclients = 1000/" "$C"
printf '[limit logins]\nrule = * 9/1d\n[limit knocks]\nrule = * 100000000/1d\n' >>"$C"
try "up" m up
is "$(rater --add 5 logins joe)" "0 5/9" "something is counted"
knock() { exec python3 "$knock" "$IP" 1999 4 'knocks x' '0 '; }

# while_asking KILLS NAME COMMAND...: COMMAND while clients ask; none is refused, and as many as there are kills are left
# without an answer at most
while_asking() {
  kills=$1
  shift
  knocking "$@"
  is "$refused" 0 "$1: nobody is refused"
  # a killed raterd leaves those without an answer whom it had accepted
  test "$broken" -le $((kills * 4))
  ok $? "$1: everybody is answered"
}

pid() { m status -o pid rater; }
is_up() { case $(m status -o state,pid rater) in "ready	"[0-9]*) ;; *) false ;; esac; }
supervisor_of() { ps -o ppid= -p "$1" | tr -d ' '; }
restart() { m restart rater && m restart rater && m restart rater; }
while_asking 0 "restart" restart
changed() {
  for n in 900 800 700; do
    sed -i "s/^clients = .*/clients = $n/" "$C"
    m up || return
  done
}
while_asking 0 "a changed key" changed
killed() {
  for _ in 1 2 3; do
    wait_for 60 is_up || return
    old=$(pid)
    kill -9 "$old" || return
    wait_for 120 another rater "$old" || return
  done
}
while_asking 3 "kill -9" killed
killed_supervise() {
  wait_for 60 is_up || return
  old=$(pid)
  kill -9 "$(supervisor_of "$old")" || return
  wait_for 60 another rater "$old"
}
while_asking 1 "kill -9 of its s6-supervise" killed_supervise
wait_for 60 is_up
is "$(rater --peek logins joe)" "0 5/9" "what was counted is counted"

sed -i 's|^rule = \* 9/1d|rule = * 8/1d|' "$C"
try "another rule" m up
eight() { test "$(rater --peek logins joe)" = "0 5/8"; }
try "is read" wait_for 20 eight
listens() { python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)' "$IP" "$1" 2>/dev/null; }
closed() { ! listens "$1"; }
old=$(pid)
standby=$(pgrep -P "$old" -x standby)
try "one stands by" test -n "$standby"
kill -9 "$standby"
other_standby() { pgrep -P "$old" -x standby; }
try "killed, and another does" wait_for 20 other_standby
sed -i "/^policy = /d" "$C"
try "an address is removed" m up
try "and closed" wait_for 20 closed 10031
try "down" m down rater
try "and nobody listens" wait_for 20 closed 1999
try "up again" m up
is "$(rater --add 2 logins joe)" "0 7/8" "what was counted is counted"

truncate -s 0 "$T/b/state/rater/table"
pid=$(pid)
is "$(rater logins joe)" "0 1/8" "the table truncated: raterd answers"
is "$(pid)" "$pid" "and lives"
try "and says so" grep -q 'truncated by another: counting begins anew' "$T/b/log/rater/current"
kill -9 "$pid"
wait_for 60 another rater "$pid"
wait_for 60 is_up
is "$(rater logins joe)" "0 2/8" "and what comes then lasts"
try "down" m down
try "leaves nothing" wait_for 20 none_left
finish
