#!/bin/sh
# mailctl status: its forms, and the truth or "unknown" where files are missing, damaged, or lie. Every state is
# in status-states.t.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

own_prefix
new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
check=$(cd "$(dirname "$0")" && pwd)/status-check.py
MANUAL=$B/doc/mailctl-status.5
of() { m status -o "$2" "$1"; }
is_of() { test "$(of "$1" "$2")" = "$3"; }
whole() { m status -o "$1"; }
# forms STATE: JSON and metrics hold what the manual says
forms() {
  m status --json >"$T/json" 2>"$T/err" || test $? -lt 4
  try "$1: JSON is as the manual says" sh -c "python3 '$check' json '$MANUAL' <'$T/json'"
  m status --metrics >"$T/metrics" 2>"$T/err" || test $? -lt 4
  try "$1: metrics are as their rules say" sh -c "python3 '$check' metrics '$MANUAL' <'$T/metrics'"
}

forms "never up"
exits 3 "status --quiet of a bundle that was never up" m status --quiet
is "$(cat "$T/out" "$T/err")" "" "says nothing"
exits 99 "--wait has a bound" m status --wait=1 -q
m up >"$T/up" 2>&1 &
exits 0 "--wait waits until all is well" m status "--wait=$((60 * PATIENCE))" -q
wait $!
forms ready
# The rater has 200 ms to answer.
table() { m status >"$T/out" && grep -q '^rater: [0-9.]* checks a second' "$T/out"; }
try "the table" wait_for 20 table
like "$(head -n 1 "$T/out")" '^SERVICE +STATE +SINCE +PID +DIED' "has titles"
like "$(cat "$T/out")" '^smtpd +ready .* ready +current +-$' "a service with its logger, its generation, no death"
like "$(cat "$T/out")" '^supervisor: running for .*, pid [0-9]+, .*, generation 1$' "the supervisor"
like "$(cat "$T/out")" '^queue: backlog 0, 0 in all, failed 0, .* free$' "the queue"
like "$(cat "$T/out")" '^overload: clear' "the overload"
like "$(cat "$T/out")" '^smtpd: 0 of 100 connections; a minute: 0.0 messages, 0.0 refused' "SMTP"
like "$(cat "$T/out")" '^tls: 0 sessions, certificate: [0-9]+ days left$' "TLS"
like "$(cat "$T/out")" '^rater: .* checks a second, 0 refused, 0 keys' "the rater"
is "$(awk 'length > 80' "$T/out")" "" "no line is wider than 80 columns"
is "$(LC_ALL=C tr -d '\n -~' <"$T/out")" "" "and a pipe gets plain ASCII"

# Columns go in the order of the manual.
columns() { script -qec "stty cols $1; mailctl -c '$C' status" /dev/null </dev/null | tr -d '\r' | head -n 1; }
like "$(TERM=dumb columns 200)" 'CPU +MEM +LOG' "a wide terminal has all columns"
unlike "$(TERM=dumb columns 60)" 'MEM' "a narrower one lacks the memory"
like "$(TERM=dumb columns 30)" '^SERVICE +STATE' "name and state stay"
script -qec "env -u NO_COLOR TERM=xterm mailctl -c '$C' status" /dev/null </dev/null >"$T/tty"
like "$(cat "$T/tty")" "$(printf '\033')\\[32m" "a terminal gets colours"
script -qec "NO_COLOR=1 TERM=xterm mailctl -c '$C' status" /dev/null </dev/null >"$T/tty"
unlike "$(cat "$T/tty")" "$(printf '\033')" "but not with NO_COLOR"
script -qec "env TERM=dumb mailctl -c '$C' status" /dev/null </dev/null >"$T/tty"
unlike "$(cat "$T/tty")" "$(printf '\033')" "and not where it has none"
script -qec "env LC_ALL=C TERM=xterm NO_COLOR=1 mailctl -c '$C' status" /dev/null </dev/null >"$T/tty"
is "$(LC_ALL=C tr -d '\r\n -~' <"$T/tty")" "" "no symbols outside UTF-8"

# Fields.
is "$(of smtpd name,state,wanted,restarts,runs,log)" "smtpd	ready	yes	0	current	ready" "fields, with tabs between"
is "$(whole overload.level,queue.backlog)" "0	0" "fields of the whole: one line"
is "$(m status -o name,overload.level | wc -l)" "$(m status -o name | wc -l)" "both: a line a service"
like "$(of smtpd since)" '^20[0-9-]+T[0-9:.]+Z$' "times are RFC 3339"
exits 100 "an unknown field" m status -o nam
like "$(cat "$T/err")" 'did you mean name\?' "a suggestion"
exits 0 "-o help" m status -o help
like "$(cat "$T/out")" '^queue.backlog +messages' "lists the fields"
exits 100 "an unknown option" m status --frobnicate
exits 100 "an unknown service" m status frobnicate

# What happens is counted.
swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test >"$T/swaks" 2>&1
swaks --silent 3 -s "$IP:2525" -f a@b.example -t a@elsewhere.example >"$T/swaks" 2>&1
is "$(whole smtpd.messages,smtpd.refused,smtpd.refused_rcpt,smtpd.sessions)" "1	1	1	2" "messages and refusals by kind"
like "$(whole smtpd.messages_per_minute,smtpd.refused_rcpt_per_minute)" '^(0\.[0-9]+|1\.00)	(0\.[0-9]+|1\.00)$' "and a minute"
python3 - "$T/b/run/rater.sock" <<'END'
import socket, sys
for i in range(20):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(b"authfail 192.0.2.7\n")
    s.recv(100)
END
offender() { m status | tr -s '\n ' '  ' | grep -q 'most refused: authfail 192.0.2.7 10'; }
try "the worst offender is named" wait_for 20 offender
in_json() { m status --json | grep -q '"value": "192.0.2.7"'; }
try "in JSON too" wait_for 20 in_json

# One service: everything.
details() { m status smtpd >"$T/out" && grep -q ' refused:' "$T/out"; }
try "status NAME" wait_for 20 details
like "$(cat "$T/out")" "^  runs in +$T/b/run/servicedirs/smtpd$" "has its files"
like "$(cat "$T/out")" "^  program +$LIBEXEC/smtpd$" "its program"
like "$(cat "$T/out")" '^  20[0-9-]+ [0-9:.]+ start smtpd pid' "its last events"
like "$(cat "$T/out")" '^  20[0-9-]+ [0-9:.]+ smtpd: pid .* refused:' "its last log lines"

# Deaths that nobody commanded, and restarts that somebody did.
pid=$(of smtpd pid)
kill -SEGV "$pid"
is_new() { is_of smtpd restarts,state,last_exit "1	ready	killed by SIGSEGV"; }
wait_for 20 is_new
is "$(of smtpd restarts,state,last_exit)" "1	ready	killed by SIGSEGV" "a death, in words"
m restart smtpd >/dev/null
is "$(of smtpd restarts)" 1 "a commanded restart is no death"

# A restart is pending while an older program, or an older generation, runs.
cp "$LIBEXEC/spool-deliver" "$LIBEXEC/new" && mv "$LIBEXEC/new" "$LIBEXEC/spool-deliver"
is "$(of spool runs,runs_reason)" "restart pending	its program was replaced" "a replaced program"
m up >/dev/null
is "$(of spool runs)" current "up restarts it"

# The logger's health is a column of its own.
logger=$(of smtpd log_pid)
kill -STOP "$logger"
is "$(of smtpd state,log)" "ready	ready" "a stopped logger looks alive"
kill -CONT "$logger"

# Held down by command: shown, not missed. Overloaded: degraded.
m down submission >/dev/null
exits 0 "a service held down by command is not missed" m status -q
is "$(of submission state,wanted,pid,runs)" "stopped	no	-	-" "but shown"
exits 1 "and missed by who names it" m status -q submission
forms "one is down"
m up >/dev/null
m overload on -r "a test of mine" >/dev/null
exits 1 "overloaded is degraded" m status
like "$(cat "$T/out")" '^overload: overloaded, level 1, for [0-9]+ m?s, held: a test of mine$' "with the reason"
is "$(whole health,overload.level,overload.state,overload.maker,overload.reason)" "degraded	1	overloaded	held	a test of mine" "in fields"
forms overloaded
m overload auto >/dev/null
exits 0 "no longer" m status "--wait=$((60 * PATIENCE))" -q

# A monitor that does not measure, and a queue that it cannot read: what is clear then is clear to nobody.
kill -STOP "$(of monitor pid)"
unknown() { m status >"$T/out"; test $? -eq 1 && grep -q '^overload: unknown' "$T/out"; }
try "a monitor that hangs: the level is unknown, and status degraded" wait_for 40 unknown
is "$(whole overload.state,overload.level)" "unknown	unknown" "in fields"
forms "unknown"
kill -CONT "$(of monitor pid)"
exits 0 "no longer, when it goes on" m status "--wait=$((60 * PATIENCE))" -q

mv "$T/b/control/overloaded" "$T/link"
exits 1 "a flag that nobody would heed is degraded" m status
like "$(tr -s ' \n' ' ' <"$T/out")" 'overload: unknown.*no link to the monitor.s flag.*mailctl up. mends that' "and said, with the way out"
like "$(m status --metrics)" 'mailctl_overload_state[{]state="unknown"[}] 1' "and the metrics tell it from clear"
m up >/dev/null
exits 0 "up mends it" m status -q
like "$(m status --metrics)" 'mailctl_overload_state[{]state="clear"[}] 1' "and is clear again"

# Warnings of any log, but none that a client could write into one.
{
  echo 'tcplisten: warning: a warning of the test'
  echo 'smtpd: pid 12 refused: client=192.0.2.1 helo=x: warning: no such thing'
} | s6-tai64n >>"$T/b/log/smtpd/current"
like "$(m status)" '^  20[0-9-]+ [0-9:]+ smtpd: tcplisten: warning: a warning of the test$' "the last warnings of any log"
unlike "$(m status)" 'no such thing' "but no words of a client"
forms "with a warning"
pid=$(of smtpd pid)
kill -9 "$pid"
wait_for 20 another smtpd "$pid"
like "$(m status)" 'a warning of the test$' "which stay through a death"
m restart smtpd >/dev/null
unlike "$(m status)" 'a warning of the test$' "and go with a start by command"

# Damage. S: the status of smtpd.
S=$T/b/run/servicedirs/smtpd/supervise/status
cp "$S" "$T/status"
damaged() {
  is "$(of smtpd state,pid,memory)" "unknown	unknown	unknown" "$1: the state is unknown"
  is "$(of rater state)" ready "and no other's"
  exits 1 "and that is not well" m status
  unlike "$(cat "$T/out")" orphan "and makes no orphan of it"
  forms "$1"
}
: >"$S"
damaged "an empty status file"
head -c 20 "$T/status" >"$S"
damaged "a short one"
head -c 35 /dev/zero | tr '\0' '\377' >"$S"
damaged "one of other bytes"
cat "$T/status" "$T/status" >"$S"
damaged "a long one"
{ head -c 24 "$T/status"; printf '\0\0\0\0\0\077\377\376'; tail -c 3 "$T/status"; } >"$S"
damaged "one that names a process that does not exist"
rm "$S"
damaged "none"
cp "$T/status" "$S"
is "$(of smtpd state)" ready "with its own it is ready"

sleep 1000 &
stranger=$!
on_exit "kill $stranger 2>/dev/null"
python3 - "$T/status" "$S" $stranger <<'END'
import sys
b = bytearray(open(sys.argv[1], "rb").read())
b[24:32] = int(sys.argv[3]).to_bytes(8, "big")
open(sys.argv[2], "wb").write(b)
END
is "$(of smtpd memory,cpu,runs)" "unknown	unknown	unknown" "a pid that is another's now: its memory is not smtpd's"
cp "$T/status" "$S"
cp "$T/b/run/started/smtpd" "$T/started"
sed "1s/^\([0-9]*\) [0-9]*/\1 1/" "$T/started" >"$T/b/run/started/smtpd"
is "$(of smtpd state,memory,runs)" "ready	unknown	unknown" "a pid that was used again, by the record's start time"
echo garbage >"$T/b/run/started/smtpd"
is "$(of smtpd state,memory,runs)" "ready	unknown	unknown" "a damaged record"
cp "$T/started" "$T/b/run/started/smtpd"
is "$(of smtpd runs)" current "with its own it is current"

for i in "$T/b/state/smtpd/counters" "$T/b/run/tls/counters" "$T/b/run/overload/state" "$T/b/state/journal" \
  "$T/b/run/deaths/smtpd" "$T/b/run/overload/flag" "$T/b/run/overload/hold"; do
  cp -p "$i" "$T/good" 2>/dev/null || rm -f "$T/good"
  for bytes in 0 7 5000; do
    head -c $bytes /dev/urandom >"$T/noise"
    cat "$T/noise" >"$i"
    m status >"$T/out" 2>&1
    test $? -le 3 && m status --json >"$T/json" 2>&1
    test $? -le 3 && python3 "$check" json "$MANUAL" <"$T/json" >"$T/said" 2>&1
    ok $? "${i#"$T/b/"} of $bytes bytes of noise: status says what it knows"
    sed 's/^/# /' "$T/said"
  done
  rm -f "$i"
  m status >"$T/out" 2>&1
  test $? -le 3
  ok $? "without it"
  test ! -e "$T/good" || cp -p "$T/good" "$i"
done
m restart smtpd tls monitor >/dev/null
exits 0 "and all is well again" m status "--wait=$((60 * PATIENCE))" -q

# A service's directory that vanishes while status looks, again and again.
D=$T/b/run/servicedirs/auth
while test ! -e "$T/stop"; do mv "$D" "$D.away"; mv "$D.away" "$D"; done 2>/dev/null &
mover=$!
odd=0
for i in $(seq 40); do
  m status -o name,state >"$T/out" 2>"$T/err"
  case $?$(awk -F '\t' '$1 == "auth" { print $2 }' "$T/out") in 0ready | 1missing | 1unknown) ;; *) odd=$((odd + 1)) ;; esac
done
touch "$T/stop"
wait $mover
test -e "$D" || mv "$D.away" "$D"
is "$odd" 0 "a directory that comes and goes is ready, missing or unknown"

# Whom the administrator lets in sees and cannot touch; whom not, does not see.
if test "$(id -u)" -eq 0; then
  chmod 755 "$T/b" "$T/prefix" "$T/prefix/bin"
  chmod 644 "$C"
  sed -i 's/^\[bundle\]/&\nstatus-group = games/' "$C"
  m up >/dev/null
  as() { setpriv --reuid 12345 --regid 12345 --groups "$1" env PATH="$PATH" mailctl -c "$C" status -o state,log,memory smtpd; }
  like "$(as 60)" '^ready	ready	[0-9]+$' "a member of the status group sees"
  is "$(as 12345)" "unknown	unknown	unknown" "another user does not"
  setpriv --reuid 12345 --regid 12345 --groups 60 s6-svc -d "$T/b/run/servicedirs/smtpd" 2>"$T/err"
  test $? -ne 0
  ok $? "a member cannot control"
  setpriv --reuid 12345 --regid 12345 --groups 60 env PATH="$PATH" mailctl -c "$C" down smtpd >"$T/out" 2>&1
  test $? -ne 0
  ok $? "nor by mailctl"
  is "$(of smtpd state)" ready "it still runs"
  sed -i '/^status-group/d' "$C"
  m up >/dev/null
  is "$(as 60)" "unknown	unknown	unknown" "without a status group nobody is let in"
  hidden() { unshare -m sh -c "mount -t proc -o hidepid=2 proc /proc && setpriv --reuid 65534 --clear-groups --regid 65534 $1"; }
  if hidden true 2>/dev/null; then
    sed -i 's/^\[bundle\]/&\nstatus-group = games/' "$C"
    m up >/dev/null
    is "$(unshare -m sh -c "mount -t proc -o hidepid=2 proc /proc && setpriv --reuid 12345 --regid 12345 --groups 60 env PATH='$PATH' mailctl -c '$C' status -o state,memory,cpu,runs smtpd")" \
      "ready	unknown	unknown	unknown" "where /proc hides processes, the state is known and the rest unknown"
  fi
fi

rm -rf "$T/b/run/servicedirs/rater.away"
m down >/dev/null
exits 3 "down" m status
is "$(cat "$T/out")" "the bundle is not running" "says so"
is "$(of smtpd state,pid,log)" "stopped	-	stopped" "what was stopped is stopped, not missing"
forms down
is "$(processes | grep -v "^$stranger ")" "" "nothing is left"
finish
