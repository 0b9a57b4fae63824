#!/bin/sh
# Many sessions at once, 500 or as many as $SESSIONS says; workers and tlsd are killed under them.
# shellcheck source=tests/e2e/tls-lib.sh
. "$(dirname "$0")/tls-lib.sh"

n=${SESSIONS:-500}
killed=$((n / 10))
left=$((n - killed))
start_tls 'workers 1000' 'per-client 1000' 'spare 8'
serve
mkfifo "$T/hold"
"$B/tests/bench/tlsload" hold "$IP" 2465 "$n" <"$T/hold" >"$T/held" 2>&1 &
holder=$!
on_exit 'kill $holder 2>/dev/null'
exec 8>"$T/hold"
wait_for 300 grep -q open "$T/held"
ok $? "$n sessions begin"
wait_for 60 counts sessions-now "$n"
is "$(counter sessions-now)" "$n" 'and are there at once'

sessions() { pgrep -P "$server" | wc -l; }
are() { test "$(sessions)" -eq "$1"; }
is "$(sessions)" "$n" 'each with its smtpd'
pool=$(pool)
busy_workers | head -n "$killed" | xargs kill -9
wait_for 60 are "$left"
is "$(sessions)" "$left" "$killed workers are killed: $killed smtpd end, and no more"
wait_for 60 counts sessions-now "$left"
is "$(counter sessions-now)" "$left" 'tlsd knows'

"$B/tests/bench/tlsload" sessions "$IP" 2465 1000 4 full >"$T/load" 2>&1 8>&- &
load=$!
on_exit 'kill $load 2>/dev/null'
wait_for 20 sh -c "test \"\$(pgrep -P $server | wc -l)\" -gt $left"
kill -9 "$tlsd" "$pool"
wait "$tlsd" 2>/dev/null
start_tls 'workers 1000' 'per-client 1000'
out=$(echo QUIT | talk_tls 2465)
like "$out" '^221' 'tlsd and its pool are killed under load: the next one serves'
noticed() { ! is_own "$load"; }
wait_for 300 noticed
ok $? 'clients of the moment notice'
wait_for 60 are "$left"
is "$(sessions)" "$left" 'the sessions that ran go on'
exec 8>&-
wait "$holder"
wait_for 60 are 0
is "$(sessions)" 0 'no smtpd hangs'
finish
