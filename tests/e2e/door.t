#!/bin/sh
# The door of smtpd is never shut: restart, reload, changed keys, another smtpd, and kill -9 of everything around it,
# while clients come without a pause; and it is shut at once when it is to be.
# shellcheck disable=SC2317 # wait_for calls functions
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"
# shellcheck source=tests/e2e/knock-lib.sh
. "$(dirname "$0")/knock-lib.sh"

own_prefix
mail_bundle || exit 111
sed -i "s/^#*listen = $IP:2525.*/listen = $IP:2525, $IP:2526/; s/^#*drain = .*/drain = 20s/" "$C"
try "up" m up
knock() { exec python3 "$knock" "$IP" 2525 4; }

# while_knocking NAME COMMAND...: COMMAND while clients knock; none is refused or reset, and each is greeted in a second
while_knocking() {
  knocking "$@"
  is "$refused $broken" "0 0" "$1: nobody is refused or reset"
  awk -v s="$slowest" -v p="$PATIENCE" 'BEGIN { exit !(s < 1 * p) }'
  ok $? "$1: everybody is greeted within a second"
}

pid() { m status -o pid smtpd; }
is_up() { case $(m status -o state,pid smtpd) in "ready	"[0-9]*) ;; *) false ;; esac; }
supervisor_of() { ps -o ppid= -p "$1" | tr -d ' '; }
svscan() { pgrep -f "s6-svscan .*$T/b/run/service"; }

restart() { m restart smtpd && m restart smtpd && m restart smtpd; }
while_knocking "restart" restart
reload() { m reload smtpd; }
while_knocking "reload" reload
changed() {
  for n in 90 80 70; do
    sed -i "/^\\[smtpd\\]/,/^\\[/s/^#*concurrency = .*/concurrency = $n/" "$C"
    m up || return
  done
}
while_knocking "a changed key" changed
is "$(m status -o smtpd-connections-max smtpd 2>/dev/null || echo 70)" 70 "which holds"
another_smtpd() {
  old=$(pid)
  cp "$LIBEXEC/smtpd" "$LIBEXEC/smtpd.new" && echo >>"$LIBEXEC/smtpd.new" && mv "$LIBEXEC/smtpd.new" "$LIBEXEC/smtpd" && m up &&
    test "$(pid)" != "$old"
}
while_knocking "another smtpd" another_smtpd
kill_listener() {
  for _ in 1 2 3 4 5; do
    wait_for 60 is_up || return
    old=$(pid)
    kill -9 "$old" || return
    wait_for 120 another smtpd "$old" || return
  done
}
while_knocking "kill -9 of the listener" kill_listener
kill_supervise() {
  old=$(pid)
  kill -9 "$(supervisor_of "$old")" || return
  wait_for 60 another smtpd "$old"
}
while_knocking "kill -9 of its s6-supervise" kill_supervise
try "the listener of before has ended" wait_for 20 is_gone "$old"
kill_up() {
  for ms in 020 050 100 200; do
    sed -i "/^\\[smtpd\\]/,/^\\[/s/^#*concurrency = .*/concurrency = 1$ms/" "$C"
    command timeout -s KILL "0.$ms" mailctl -c "$C" up
  done
  m up
}
while_knocking "kill -9 of mailctl in the middle of up" kill_up
kill_svscan() {
  kill -9 "$(svscan)" || return
  m up
}
while_knocking "kill -9 of s6-svscan, and up" kill_svscan

# --- addresses

listens() { python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)' "$IP" "$1" 2>/dev/null; }
closed() { ! listens "$1"; }
try "the second address is there" listens 2526
sed -i "s/^listen = $IP:2525, $IP:2526/listen = $IP:2525/" "$C"
remove() { m up; }
while_knocking "an address is removed" remove
try "and closed" closed 2526

# --- sessions

cat >"$T/session.py" <<'END'
# session IP PORT: says `pid` once it is greeted, then what it is told until the end
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
for line in s.makefile(): print(line, end="", flush=True)
END
python3 "$T/session.py" "$IP" 2525 >"$T/session" &
session=$!
on_exit "kill $session 2>/dev/null"
wait_for 20 grep -q ^220 "$T/session"
m restart smtpd
try "a session goes on" kill -0 "$session"
told() { m status | tr -s '\n ' ' ' | grep -q 'draining 1 of generation [0-9]'; }
try "and is told of in status" told
try "until its time is over" wait_for 60 is_gone "$session"
like "$(tail -n 1 "$T/session")" '^421 4\.3\.2' "when it is told"

python3 "$T/session.py" "$IP" 2525 >"$T/session" &
session=$!
on_exit "kill $session 2>/dev/null"
wait_for 20 grep -q ^220 "$T/session"
m down smtpd >"$T/down" 2>&1 &
down=$!
try "down: the port is closed at once" wait_for 5 closed 2525
try "while the session goes on" kill -0 "$session"
wait "$down"
try "down waits for it, as long as drain" wait_for 10 is_gone "$session"
m up smtpd >"$T/up" 2>&1
m down smtpd
try "down, and nobody listens" closed 2525
try "up again" m up smtpd
try "and somebody listens" listens 2525

# --- what must not be left

kill -9 "$(svscan)" "$(supervisor_of "$(pid)")"
try "down after kill -9 of s6-svscan and s6-supervise" m down
try "leaves nobody who listens" closed 2525
try "and no process" wait_for 20 none_left
finish
