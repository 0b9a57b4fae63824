#!/bin/sh
# 500 sessions at once; workers and tlsd are killed under them.
# shellcheck source=tests/e2e/tls-lib.sh
. "$(dirname "$0")/tls-lib.sh"

test -z "${MEMCHECK:-}" || skip_all '500 processes in valgrind take more memory than a machine has'
start_tls 'workers 1000' 'per-client 1000' 'spare 8'
serve
mkfifo "$T/hold"
"$B/tests/bench/tlsload" hold "$IP" 2465 500 <"$T/hold" >"$T/held" 2>&1 &
holder=$!
on_exit 'kill $holder 2>/dev/null'
exec 8>"$T/hold"
wait_for 300 grep -q open "$T/held"
ok $? '500 sessions begin'
wait_for 60 counts sessions-now 500
is "$(counter sessions-now)" 500 'and are there at once'

sessions() { pgrep -P "$server" | wc -l; }
are() { test "$(sessions)" -eq "$1"; }
is "$(sessions)" 500 'each with its smtpd'
pool=$(pool)
busy_workers | head -n 50 | xargs kill -9
wait_for 10 are 450
is "$(sessions)" 450 '50 workers are killed: 50 smtpd end, and no more'
is "$(counter sessions-now)" 450 'tlsd knows'

"$B/tests/bench/tlsload" sessions "$IP" 2465 1000 4 full >"$T/load" 2>&1 8>&- &
load=$!
on_exit 'kill $load 2>/dev/null'
wait_for 10 sh -c "test \"\$(pgrep -P $server | wc -l)\" -gt 450"
kill -9 "$tlsd" "$pool"
wait "$tlsd" 2>/dev/null
start_tls 'workers 1000' 'per-client 1000'
out=$(echo QUIT | talk_tls 2465)
like "$out" '^221' 'tlsd and its pool are killed under load: the next one serves'
wait_for 10 sh -c "! kill -0 $load"
ok $? 'clients of the moment notice'
wait_for 60 are 450
is "$(sessions)" 450 'the sessions that ran go on'
exec 8>&-
wait "$holder"
wait_for 20 are 0
is "$(sessions)" 0 'no smtpd hangs'
finish
