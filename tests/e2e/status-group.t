#!/bin/sh
# Whom the administrator lets in (status-group) sees the whole state, on the command line and on the dashboard,
# and can change none of it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
test "$(id -u)" -eq 0 || skip_all "the bundle must be root's, and its reader another user"
. "$(dirname "$0")/dash-lib.sh"
sed -i 's/^\[bundle\]/&\nstatus-group = games/' "$C"
m up >/dev/null
games=$(getent group games | cut -d: -f3)
as="setpriv --reuid 12345 --regid 12345 --groups $games env PATH='$PATH' LC_ALL=C.UTF-8"
member() { eval "$as mailctl -c '$C' $*"; }
all="name,state,since,pid,restarts,last_exit,log,log_pid,memory,processes,runs,wanted"

# --- sees ---------------------------------------------------------------------------------------------

exits 0 "status" member status
like "$(cat "$T/out")" '^supervisor: running for ' "shows it"
# Memory may be another a moment later.
same() {
  member status -o $all,supervisor.pid,supervisor.state >"$T/seen"
  m status -o $all,supervisor.pid,supervisor.state >"$T/true"
  cmp "$T/seen" "$T/true"
}
wait_for 20 same
is "$(cat "$T/seen")" "$(cat "$T/true")" "knows of every service, and of the supervisor, what root knows"
exits 0 "--json" member status --json
is "$(grep -c '"services\.' "$T/out")" 0 "nothing about a service is unknown"
fields=queue.backlog,queue.messages,queue.failed
is "$(member status -o $fields)" "$(m status -o $fields)" "the numbers of the queue"
stat=$T/b/state/spool
is "$(stat -c %a "$stat")" 700 "into which he may not look"
printf 'no message\n' >"$stat/todo/strange"
m reload spool >/dev/null # it is tried at once
failed_is() { test "$(member status -o queue.failed)" = "$1"; }
try "a message that fails" wait_for 20 failed_is 1
is "$(m status -o queue.failed)" 1 "as root counts it"
rm "$stat/failed/"*
m reload spool >/dev/null
try "one that is removed by hand" wait_for 20 failed_is 0
like "$(member status -o queue.free)" '^[0-9]+$' "the free space"
m down spool >/dev/null
is "$(member status -o queue.failed)" unknown "what spool-deliver does not keep up to date is unknown"
(cd "$stat/todo" && seq 3000 | xargs touch)
is_overloaded() { test "$(m status -o overload.level)" = 1; }
try "a backlog that the monitor stops counting" wait_for 20 is_overloaded
uncounted() { test "$(member status -o queue.backlog,queue.messages)" = "unknown	unknown"; }
try "is no number for him" wait_for 20 uncounted
is "$(m status -o queue.backlog,queue.messages)" "3000	3000" "and is counted for root"
strace -f -o "$T/calls" mailctl -c "$C" status >"$T/out"
test "$(grep -c 'stat.*[0-9]' "$T/calls")" -lt 1000
ok $? "without a look at each file"
(cd "$stat/todo" && seq 3000 | xargs rm)
m up spool >/dev/null
logged() { m log filter | grep -q 'filter: begins$'; }
wait_for 20 logged
exits 0 "one service" member status filter
like "$(cat "$T/out")" '^  20[0-9-]+ [0-9:.]+ filter: begins$' "with its log"
exits 0 "log" member log filter
like "$(cat "$T/out")" 'filter: begins$' "shows it"
exits 0 "history" member history filter
like "$(cat "$T/out")" 'start filter pid [0-9]+$' "shows it"

# --- and cannot change --------------------------------------------------------------------------------

before=$(m status -o name,pid)
for command in up down "up filter" "down filter" "restart filter"; do
  exits 111 "$command: refused" member "$command"
  like "$(cat "$T/err")" 'only root may change what this bundle runs' "$command: says why"
done
exits 111 "overload on: refused" member overload on
like "$(cat "$T/err")" "only root and the monitor's user may" "overload on: says why"
exits 111 "overload auto, with nothing to end: refused as well" member overload auto
like "$(cat "$T/err")" "only root and the monitor's user may" "overload auto: says why"
m overload on >/dev/null
exits 111 "overload auto: refused" member overload auto
is "$(m status -o overload.level,overload.maker)" "1	held" "the hold stays"
m overload auto >/dev/null
is "$(m status -o name,pid)" "$before" "nothing was touched"

# --- the dashboard ------------------------------------------------------------------------------------

start member "exec $as mailctl -c '$C' status --watch filter"
shows 'supervisor running .* well ' "the dashboard"
shows '▶ ● filter +ready .* current' "shows the services"
again starting
shows '◐ filter +starting' "and what happens to them"
again ready
shows '● filter +ready' "at once"
before=$(m status -o name,pid)
for key in r u d; do
  keys $key C-y
  shows 'mailctl: only root may change what this bundle runs' "$key: refused, and says why"
  keys Escape
  shows 'log of filter' "closed"
done
keys o 1 Enter Enter C-y
shows "mailctl: only root and the monitor's user may" "o: refused"
keys Escape l
shows '^── log of filter: line [0-9]+ of [0-9]+, follows' "l: the log"
keys Escape Enter
shows 'killed by SIGKILL after' "Enter: the deaths"
is "$(m status -o name,pid)" "$before" "nothing was touched"
finish
