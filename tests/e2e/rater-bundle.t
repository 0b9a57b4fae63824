#!/bin/sh
# shellcheck disable=SC2016,SC2317
# raterd in a bundle: [rater] and [limit CLASS] of mailctl.conf, the socket, the table, plugins of smtpd.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

new_bundle "$T/b"
C=$T/b/mailctl.conf
RATER=$T/b/run/rater.sock
export RATER
rater() { command rater -t 60000 "$@"; }

unlike "$(cat "$C")" '^listen = .*1999' 'init listens on TCP for nobody'
sed -i "s/^\[rater\]/&\nlisten = $IP:1999\npolicy = $IP:10031/" "$C"
# As root, raterd is another user than smtpd, which init made nobody.
test "$(id -u)" -ne 0 || sed -i "/^\[rater\]/,/^\[/s/^#user =.*/user = daemon/" "$C"
cat >>"$C" <<'EOF2'

[limit ip]
rule = 127.0.0.0/8 3/1h

[limit logins]
rule = *@vip.test unlimited
rule = * 2/1h

[limit sent]
policy = RCPT sender
rule = * 1/1m 5/1h
EOF2
printf '[connection]\n:RATETIMEOUT=60000 exec %s\n' "$LIBEXEC/plugins/ipthrottle" >"$T/b/control/smtpplugins"
try 'check' m check
try 'up' m up
is "$(rater logins joe)" '0 1/2' 'a limit of mailctl.conf'
is "$(rater --limits logins)" 'logins *@vip.test unlimited
logins * 2/1h' 'its rules in their order'
is "$(rater -s "$IP:1999" logins joe)" '0 2/2' 'over TCP'

policy() {
  python3 -c '
import os, socket, sys
s = socket.create_connection((sys.argv[1], 10031), 60 * int(os.environ["PATIENCE"]))
for i in range(3):
    s.sendall(b"request=smtpd_access_policy\nprotocol_state=RCPT\nsender=a@b.test\n\n")
    print(s.recv(1000).decode().strip())' "$IP"
}
is "$(policy | sed 's/[0-9]* seconds/N seconds/')" 'action=DUNNO
action=DEFER_IF_PERMIT 4.7.1 too often: come again in N seconds
action=DEFER_IF_PERMIT 4.7.1 too often: come again in N seconds' "Postfix's policy protocol"

if test "$(id -u)" -eq 0; then
  as() { setpriv "--reuid=$1" --regid=daemon --clear-groups "$(command -v rater)" -t 60000 -s "$RATER" $2; }
  is "$(as games 'logins ann')" '0 1/2' 'any user of the machine may count'
  is "$(as games 'authfail 192.0.2.1')" '2 not allowed' 'but no failed logins'
  is "$(as games '--peek authfail 192.0.2.1')" '0 0/10' 'though look'
  is "$(as nobody 'authfail 192.0.2.1')" '0 1/10' "smtpd's user may"
  is "$(rater -s "$IP:1999" authfail 192.0.2.1)" '2 not allowed' 'and over TCP nobody may'
  cp "$C" "$T/good"
  sed -i 's/^\[limit logins\]/&\ncounted-by = submission, games/' "$C"
  try 'up with counted-by' m up
  counts_for_games() { test "$(as backup 'logins eve')" = '2 not allowed'; }
  try 'it is read' wait_for 20 counts_for_games
  is "$(as games 'logins eve')" '0 1/2' 'a user that is named may count'
  is "$(as nobody 'logins eve')" '0 2/2' 'and that of a service'
  sed -i 's/^counted-by = .*/counted-by = submission, nosuchuser/' "$C"
  exits 102 'counted-by with a user who is not there' m check
  like "$(cat "$T/out" "$T/err")" '\[limit logins\] counted-by: askers: there is no user nosuchuser' 'is named'
  cp "$T/good" "$C"
  try 'up without it' m up
fi

cat >"$T/greet" <<'EOF2'
import os, socket, sys
for i in range(int(sys.argv[2])):
    s = socket.create_connection((sys.argv[1], 2525), 60 * int(os.environ["PATIENCE"]))
    print(s.recv(500).decode().split("\r\n")[0][:30])
    s.close()
EOF2
is "$(python3 "$T/greet" "$IP" 4 | cut -c1-3)" '220
220
220
421' 'ipthrottle in smtpd drops the fourth connection'
try 'and the log says so' wait_for 20 grep -q "ipthrottle: pid [0-9]* - Rate exceeded per IP (127.0.0.1)" "$T/b/log/smtpd/current"

pid=$(pid_of "$C" rater)
sed -i 's/^rule = \* 2\/1h/rule = * 4\/1h/' "$C"
try 'up with another limit' m up
is "$(pid_of "$C" rater)" "$pid" 'starts no other raterd'
try 'but has it read the rules' wait_for 20 grep -q 'rules read' "$T/b/log/rater/current"
is "$(rater logins joe)" '0 3/4' 'and keeps the counts'

kill -9 "$pid"
other_pid() { test "$(pid_of "$C" rater)" != "$pid" && rater --peek logins joe; }
try 'kill -9: another one comes' wait_for 20 other_pid
is "$(rater logins joe)" '0 4/4' 'and knows all'

cp "$C" "$T/good"
sed -i 's/^rule = \* 4\/1h/rule = * 4 an hour/' "$C"
exits 102 'a rule that is none' m check
like "$(cat "$T/out" "$T/err")" 'mailctl.conf:[0-9]+: \[limit logins\] rule: limit: `4` is not COUNT/PERIOD' 'is named with its line'
cp "$T/good" "$C"
sed -i 's|^\[rater\]|&\nmode = rw|' "$C"
exits 102 'a mode that is none' m check
like "$(cat "$T/out" "$T/err")" '\[rater\] mode: not an octal mode' 'is named'
cp "$T/good" "$C"

try 'down' m down
exits 111 'nobody answers then' rater logins joe
is "$(processes)" '' 'no process is left'
finish
