#!/bin/sh
# A milter as a service of the bundle, asked by confined sessions; what it has held, and what a policy server has held.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
/usr/bin/python3 -c 'import Milter' 2>/dev/null || skip_all "python3-milter is not there"

mail_bundle || exit 111
mkdir "$T/m" && chmod 777 "$T/m"
cp "$(dirname "$0")/../tools/miltertry.py" "$(dirname "$0")/../tools/policyodd.py" "$T/m/"
: >"$T/m/do"
: >"$T/m/policy"
cat >>"$C" <<END

[service try]
command = /usr/bin/python3 $T/m/miltertry.py unix:$T/m/socket $T/m/do
directory = $T/m
ready-check = test -S $T/m/socket
socket = unix:$T/m/socket

[service hold]
command = /usr/bin/python3 $T/m/policyodd.py $T/m/policy.sock $T/m/policy
directory = $T/m
ready-check = test -S $T/m/policy.sock
socket = unix:$T/m/policy.sock
END
sed -i "s|^\[smtpd\]|&\nmilter = unix:$T/m/socket until-level 1\npolicy = unix:$T/m/policy.sock rcpt hold|" "$C"
exits 0 "check" m check
like "$(m plan)" '^add +try$' "the service is in the plan"
exits 0 "up" m up
like "$(cat "$T"/b/run/servicedirs/smtpd/data/needs "$T"/b/state/current/manifest 2>/dev/null; m plan --json 2>/dev/null)" 'try' "smtpd needs it, as its address says"

# send SUBJECT [OPTION...]
send() {
  subject=$1
  shift
  swaks -s "$IP:2525" --helo client.test -f a@client.test -t postmaster@example.test --header "Subject: $subject" "$@" >"$T/swaks" 2>&1
}
exits 0 "a message" send one
try "is delivered" wait_for 20 arrived one
echo 'eom addheader X-Try|yes' >"$T/m/do"
exits 0 "one that is changed" send two
try "is delivered" wait_for 20 arrived two
like "$(cat "$(grep -rl '^Subject: two' "$MAIL/postmaster/new")")" '^X-Try: yes' "with the change"
head -c 200000 /dev/urandom | base64 >"$T/body"
{ cat "$T/body"; echo; echo; } >"$T/whole"
exits 0 "a large one that is changed" send large --body "@$T/body"
try "is delivered" wait_for 20 arrived large
is "$(sed '1,/^$/d' "$(grep -rl '^Subject: large' "$MAIL/postmaster/new")" | md5sum)" "$(md5sum <"$T/whole")" "whole"
echo 'eom reply 550|5.7.1|we do not want that' >"$T/m/do"
send three
like "$(cat "$T/swaks")" '^<\*\* 550 5.7.1 we do not want that' "one that is refused, with words"

# --- held
echo 'eom quarantine looks like a virus' >"$T/m/do"
exits 0 "a milter holds a message" send four
like "$(m queue list --state held)" '<a@client.test> <postmaster@example.test>' "it is held"
like "$(m queue show --state held)" 'X-Quarantine: looks like a virus' "and says why"
like "$(cat "$T/b/log/smtpd/current")" 'held: .* reason=looks' "so does the log"
is "$(find "$SPOOL/todo" "$SPOOL/tmp" -type f)" "" "it is nowhere else"
: >"$T/m/do"
echo 'RCPT HOLD I would look at that' >"$T/m/policy"
exits 0 "a policy server holds one" send five
is "$(m queue list --state held | grep -c .)" 2 "two are held"
: >"$T/m/policy"
exits 0 "restart of the spool" m restart spool
is "$(m queue list --state held | grep -c .)" 2 "they stay so"
exits 0 "release" m queue release --all --yes
try "the first is delivered" wait_for 20 arrived four
try "the other, too" wait_for 20 arrived five
like "$(cat "$(grep -rl '^Subject: five' "$MAIL/postmaster/new")")" '^X-Quarantine: I would look at that' "with the reason"

# --- overload, and a milter that is gone
echo 'mail reject' >"$T/m/do"
send six
like "$(cat "$T/swaks")" '550 5.7.1 refused by a filter' "it is asked"
: >"$T/b/control/smtpplugins"
exits 0 "overload" m overload on -l 1
exits 0 "it is not asked" send seven
exits 0 "no overload" m overload off
send eight
like "$(cat "$T/swaks")" '550 5.7.1 refused by a filter' "it is asked again"
exits 0 "the milter goes down" m down try
send nine
like "$(cat "$T/swaks")" '451 4.7.1 a filter does not answer' "that is a refusal for now"
exits 0 "and comes up" m up

# --- a milter that grows slow
sed -i 's/^\[monitor\]/&\npoll = 100ms\nfilter-time = 100ms dwell 0 1s/' "$C"
exits 0 "filter-time" m up
exits 0 "no hold" m overload auto
raised() { m overload | grep -Eq 'filter-time [0-9]+ms \(enters at 100'; }
echo 'eom sleep 3' >"$T/m/do"
send slow &
sender=$!
try "a milter that is slow raises the level while it is waited for" wait_for 20 raised
wait $sender
is "$?" 0 "the message is accepted in the end"
echo 'mail reject' >"$T/m/do"
exits 0 "until-level: it is not asked now" send aside
sed -i '/^filter-time/d' "$C"
exits 0 "without it" m up

# --- what status says
like "$(m status | tr -s ' \n' ' ')" "milter: smtpd unix:$T/m/socket: [0-9]+ asked, 4 refused, [01] failed; median [0-9]+ ms, worst [0-9]+ ms" "status"
m status --json >"$T/json"
is "$(python3 -c 'import json, sys; x = json.load(sys.stdin)["milters"]; print(len(x), x[0]["service"], x[0]["refused"], x[0]["worst_ms"] >= x[0]["median_ms"])' <"$T/json")" "1 smtpd 4 True" "JSON"
try "as the manual has it" python3 "$(dirname "$0")/status-check.py" json "$B/doc/mailctl-status.5" <"$T/json"
like "$(m status --metrics)" "^mailctl_milter_refused_total\{service=\"smtpd\",milter=\"unix:$T/m/socket\"\} 4$" "metrics"
like "$(m status smtpd)" "unix:$T/m/socket: [0-9]+ asked" "the service alone"

# --- another user's spool
if test "$(id -u)" -eq 0 && id -u mail >/dev/null 2>&1; then
  sed -i 's/^\[spool\]/&\nuser = mail/' "$C"
  echo 'eom quarantine once more' >"$T/m/do"
  exits 0 "the spool becomes another user's" m up
  exits 0 "a message" send ten
  is "$(m queue list --state held | grep -c .)" 1 "is held there, too"
  echo 'eom chgheader 1|Subject|twelve' >"$T/m/do"
  exits 0 "a large one that is changed" send eleven --body "@$T/body"
  try "is delivered" wait_for 20 arrived twelve
  exits 0 "release" m queue release --all --yes
  try "delivered" wait_for 20 arrived ten
  is "$(find "$SPOOL/tmp" "$SPOOL/held" -type f)" "" "nothing is left"
fi

# --- what check says
grep -v '^milter' "$C" >"$T/conf" && mv "$T/conf" "$C"
wrong() {
  sed "s|^\[smtpd\]|&\n$1|" "$C" >"$T/b/wrong.conf"
  mailctl -c "$T/b/wrong.conf" check 2>&1
}
like "$(wrong 'milter = /path')" 'milter: needs an address' "no address"
like "$(wrong 'milter = inet:127.0.0.1')" 'milter: not an address and a port' "no port"
like "$(wrong 'milter = unix:/x fails closed')" 'milter: fails needs open, tempfail or reject' "no way to fail"
like "$(wrong 'milter = unix:/x until-level 3')" 'milter: until-level needs 1 or 2' "no level"
like "$(wrong 'milter = unix:/x size')" 'milter: size needs bytes' "no size"
like "$(wrong 'milter = unix:/x end 1h')" 'milter: a time is' "no time"
like "$(wrong 'milter = unix:/x other 1')" 'milter: behind the address stand' "no such option"
like "$(wrong "queue = $(command -v true)")" 'policy: hold: nothing can be held but in the embedded spool' "hold without a spool"
finish
