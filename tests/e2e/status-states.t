#!/bin/sh
# mailctl status in every state that a service and a bundle can have: JSON, metrics, fields and the exit status,
# against their manual; and that the checker would tell if they were not as it says.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
. "$(dirname "$0")/filter-lib.sh"
check=$(cd "$(dirname "$0")" && pwd)/status-check.py
MANUAL=$B/doc/mailctl-status.5

checked() { python3 "$check" "$1" "$MANUAL" <"$2"; }
# whole EXIT NAME: both documents, and the exit status
whole() {
  exits "$1" "$2: exit $1" m status --json
  cp "$T/out" "$T/json"
  try "$2: JSON is as the manual says" checked json "$T/json"
  m status --metrics >"$T/metrics" 2>"$T/err"
  try "$2: metrics are as the manual and their rules say" checked metrics "$T/metrics"
}
# holds EXIT STATE: the filter is in that state in all of them
is_in() { test "$(m status -o state filter)" = "$1"; }
holds() {
  wait_for 30 is_in "$2"
  whole "$1" "$2"
  try "$2: JSON has the state" python3 "$check" json "$MANUAL" "$2" filter <"$T/json"
  like "$(grep _state "$T/metrics")" "^mailctl_service_state\{service=\"filter\",state=\"$(escaped "$2")\"\} 1$" "$2: metrics have it"
  like "$(m status)" "^filter +$(escaped "$2") " "$2: the table has it"
}
escaped() { echo "$1" | sed 's/[()]/\\&/g'; }

# --- the checker --------------------------------------------------------------------------------------

whole 0 well
# What is changed in it must be there: the rater has 200 ms to answer.
known() { m status --json >"$T/json" && grep -q '"unknown": \[\]' "$T/json"; }
wait_for 20 known
refused() {
  sed -E "$2" "$T/$1" >"$T/changed"
  cmp -s "$T/$1" "$T/changed"
  is "$? $(checked "$1" "$T/changed" >"$T/said" 2>&1 && echo taken)" "1 " "the checker refuses $1 with $2"
}
for change in '/"backlog"/d' 's/"backlog": 0/"backlog": "0"/' 's/"backlog": 0/"backlog": -1/' 's/"backlog": 0/"backlog": 0.5/' \
  's/"state": "ready"/"state": "fine"/' 's/"state": "ready"/"state": null/' 's/"health": "well"/"health": "good"/' \
  's/"unknown": \[\]/"unknown": ["queue.backlog"]/' 's/"time": "2/"time": "yesterday, 2/' '1s/$/"more": 1,/' \
  's/"wanted": true/"wanted": "yes"/' 's/"pid": [0-9]+/"pid": null/' 's/"warnings": \[\]/"warnings": [{"text": "x"}]/' \
  's/"services": \[/&null,/' 's/"runs": "current"/"runs": "old"/'; do
  refused json "$change"
done
for change in 1d 2d '$d' '$s/$/ /' '3s/$/ /' '/^mailctl_queue_backlog /p' 's/^(mailctl_queue_backlog) /\1  /' \
  's/service="smtpd"/service="sm"tpd"/' 's/service="smtpd"/service="sm\\tpd"/' 's/(service="smtpd"),/\1,,/' \
  's/(service="smtpd"),/\1,service="a",/' 's/_total / /' 's/ gauge$/ info/' 's/^(mailctl_queue_backlog) 0/\1 -1/' \
  's/^(mailctl_queue_backlog) 0/\1 unknown/' 's/mailctl_queue_free_bytes/mailctl_queue_free/' '/mailctl_queue_free/d' \
  's/^(# HELP mailctl_queue_free_bytes).*/\1/' 's/^# HELP mailctl_queue_free_bytes /&\\x/' '5s/^/\n/' \
  's/^mailctl_queue_free_bytes /other /' '$s/^/# HELP mailctl_more a thing\n# TYPE mailctl_more gauge\nmailctl_more 1\n/'; do
  refused metrics "$change"
done

# --- a service ----------------------------------------------------------------------------------------

holds 0 ready
again starting
holds 1 starting
# as of a service directory that somebody else wrote
D=$T/b/run/servicedirs/filter
mv "$D/notification-fd" "$T/notification-fd"
again starting
holds 0 up
mv "$T/notification-fd" "$D/notification-fd"
again dies
try "a pause before the next attempt" wait_for 60 caught retrying 3
holds 1 retrying
thaw
try "five deaths in a row" wait_for 60 caught "FAILED (retrying)" 5
holds 1 "FAILED (retrying)"
anew broken
holds 1 FAILED
is "$(m status -o last_exit,wanted filter)" "exit 100	yes" "FAILED: how it ended, and that it is missed"
mode stays
m restart filter >/dev/null 2>&1
m down filter >"$T/down" 2>&1 &
down=$!
holds 0 stopping
kill -9 "$(pid_of "$C" filter)"
wait $down
holds 0 stopped
mode ready
m up >/dev/null
holds 0 ready

# --- what is seen of it -------------------------------------------------------------------------------

cp "$D/supervise/status" "$T/status"
: >"$D/supervise/status"
holds 1 unknown
cp "$T/status" "$D/supervise/status"
mv "$D" "$D.away"
holds 1 missing
mv "$D.away" "$D"
holds 0 ready

# --- the bundle ---------------------------------------------------------------------------------------

m overload on >/dev/null
whole 1 "overloaded by hand"
is "$(m status -o overload.level,overload.maker)" "1	held" "by hand"
m overload auto >/dev/null
todo=$(find "$T/b" -type d -name todo)
i=0
while test $i -lt 150; do : >"$todo/x$i"; i=$((i + 1)); done
overloaded() { test "$(m status -o overload.level,overload.maker)" = "1	monitor"; }
wait_for 30 overloaded
whole 1 "overloaded by the backlog"
is "$(m status -o overload.level,overload.maker)" "1	monitor" "by the monitor"
rm -f "$todo"/x*
kill -9 "$(m status -o supervisor.pid)"
supervisor_is() { test "$(m status -o supervisor.state)" = "$1"; }
wait_for 20 supervisor_is killed
whole 1 "the supervisor killed"
m up >/dev/null 2>&1
m down >/dev/null 2>&1
whole 3 "not running"
is "$(m status -o state filter)" stopped "its services are stopped"
rm -rf "$T/b/run" "$T/b/state/journal"
whole 3 "not running, and nothing of it left"
finish
