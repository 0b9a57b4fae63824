#!/bin/sh
# The daemons of a bundle run out of descriptors and of processes while they run, by limits that are lowered and raised
# again: each says once what it lacks and for what, none of them dies, nothing acknowledged is lost, and what was
# refused or waited is served as soon as there is room.
# shellcheck disable=SC2317 # wait_for calls functions
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
. "$(dirname "$0")/limits-lib.sh"

# A plugin for every message; one sender's are for the queue program, as another qmail-queue's would be.
cat >"$T/plugin" <<EOF2
#!/bin/sh
case \$SMTPMAILFROM in program@*) echo SQMAILQUEUE=$T/queue ;; esac
EOF2
printf '#!/bin/sh\nexec %s/spool-queue %s\n' "$LIBEXEC" "$SPOOL" >"$T/queue"
chmod 755 "$T/plugin" "$T/queue"
echo "
[mail]
$T/plugin" >>"$T/b/control/smtpplugins"

starts

# --- a session of smtpd -------------------------------------------------------------------------------

is "$(client 'EHLO c' limit=files:3 'MAIL FROM:<a@example.org>' limit=files:- 'MAIL FROM:<a@example.org>' \
  'RCPT TO:<postmaster@example.test>' limit=files:3 DATA limit=files:- DATA text=session QUIT)" \
  '220 250 451 250 250 451 354 250 221' "no descriptors: 451 for the plugin and the spool, then all is well"
wait_for 20 said smtpd "unable to run $T/plugin: Too many open files"
ok $? "the log says that the plugin cannot run, and why"
wait_for 20 said smtpd "unable to create a file in $SPOOL: Too many open files"
ok $? "and that nothing can be queued"
is "$(client 'EHLO c' 'MAIL FROM:<program@example.org>' 'RCPT TO:<postmaster@example.test>' limit=files:3 DATA \
  limit=files:- DATA text=program QUIT)" '220 250 250 250 451 354 250 221' "no descriptors for the queue program: 451"
wait_for 20 said smtpd "unable to run $T/queue: Too many open files"
ok $? "the log says so"
is "$(client 'EHLO c' limit=files:3 STARTTLS limit=files:- STARTTLS tls 'EHLO c' 'MAIL FROM:<a@example.org>' \
  'RCPT TO:<postmaster@example.test>' DATA text=tls QUIT)" '220 250 454 220 250 250 250 354 250 221' \
  "no descriptors for TLS: 454, and later TLS"
wait_for 20 said smtpd "unable to begin TLS with .*: Too many open files"
ok $? "the log says so"
is "$(send after-sessions)" "$sent" "the next session is served"

# --- the listener -------------------------------------------------------------------------------------

limit "$listener" nofile 5
send waited >"$T/waited" &
waiting=$!
on_exit "kill $waiting 2>/dev/null"
wait_for 30 said smtpd "unable to accept a connection: Too many open files"
ok $? "listener: the log says that it cannot accept"
waits listener "$listener" 3
is "$(lines smtpd 'unable to accept a connection')" 1 "listener: it says so once"
limit "$listener" nofile -
wait "$waiting"
is "$(cat "$T/waited")" "$sent" "listener: who waited is served"
wait_for 20 said smtpd "connections are served again"
ok $? "listener: the log says that, too"

# For root there is no such limit.
if test "$(id -u)" -ne 0; then
  limit "$listener" nproc 1
  is "$(client)" 421 "listener: no process for a session: 421"
  wait_for 30 said smtpd "unable to run the program: Resource temporarily unavailable"
  ok $? "listener: the log says that it has none"
  limit "$listener" nproc -
  send after-more-processes >/dev/null
  served_again() { test "$(lines smtpd 'connections are served again')" -eq 2; }
  wait_for 20 served_again
  ok $? "listener: the log says so"
fi
is "$(send after-processes)" "$sent" "listener: and the next client is served"

# --- raterd -------------------------------------------------------------------------------------------

asked_under nofile 3 20
wait_for 30 said rater "unable to accept a client: Too many open files"
ok $? "raterd: the log says that it cannot accept"
waits raterd "$rater" 12
is "$(lines rater 'unable to accept a client')" 1 "raterd: it says so once"
limit "$rater" nofile -
wait "$asking"
is "$(tr '\n' ' ' <"$T/asked")" "old 1 old 1 new 20 " "raterd: the old client was answered meanwhile, the new ones are now"
wait_for 20 said rater "clients are accepted again"
ok $? "raterd: the log says that, too"
rm -f "$T/go"
# --- tlsd ---------------------------------------------------------------------------------------------

limit "$pool" nofile 11
client 'EHLO c' STARTTLS tls 'EHLO c' "busy=$T/c/busy" QUIT >"$T/held" &
holding=$!
on_exit "kill $holding 2>/dev/null"
wait_for 20 test -e "$T/c/busy"
wait_for 30 said tls "unable to start a worker: Too many open files"
ok $? "tlsd: the log says that no worker starts"
waits tlsd "$pool" 3
is "$(lines tls 'unable to start a worker')" 1 "tlsd: it says so once"
client 'EHLO c' STARTTLS QUIT >"$T/refused" &
refused=$!
on_exit "kill $refused 2>/dev/null"

# --- monitor ------------------------------------------------------------------------------------------

counter=$(pgrep -P "$monitor") # it counts the queue
limit "$counter" nofile 0
wait_for 30 said monitor "unable to read $SPOOL/todo: Too many open files: the backlog is unknown"
ok $? "monitor: the log says what it cannot read"
waits monitor "$monitor" 3
is "$(lines monitor 'the backlog is unknown')" 1 "monitor: it says so once"
is "$(grep -E 'unable' "$T/b/log/monitor/current" | sed 's/^[^ ]* //' | sort | uniq -d)" "" "monitor: and nothing else more often"
limit "$counter" nofile -
wait_for 30 said monitor "$SPOOL/todo can be read again"
ok $? "monitor: it can again"

# --- tlsd again ---------------------------------------------------------------------------------------

wait "$refused"
is "$(cat "$T/refused")" '220 250 454 221' "tlsd: a client without a worker is told 454"
client 'EHLO c' STARTTLS tls 'EHLO c' 'MAIL FROM:<a@example.org>' 'RCPT TO:<postmaster@example.test>' DATA \
  text=tls-waited QUIT >"$T/waited" &
waiting=$!
on_exit "kill $waiting 2>/dev/null"
limit "$pool" nofile -
wait "$waiting"
is "$(cat "$T/waited")" '220 250 220 250 250 250 354 250 221' "tlsd: who waited is served"
wait_for 30 said tls "workers start again"
ok $? "tlsd: the log says that, too"
rm "$T/c/busy"
wait "$holding"
is "$(cat "$T/held")" '220 250 220 250 221' "tlsd: a session of before went on"

wait_for 30 spare
limit "$pool" nproc 1
is "$(client 'EHLO c' STARTTLS tls QUIT)" '220 250 220 221' "tlsd: a worker of before serves"
wait_for 30 said tls "unable to start a worker: Resource temporarily unavailable"
ok $? "tlsd: no process: the log says so"
limit "$pool" nproc -
is "$(client 'EHLO c' STARTTLS tls QUIT)" '220 250 220 221' "tlsd: and the next client is served"

# --- spool-deliver ------------------------------------------------------------------------------------

# delayed NAME WHAT NUMBER PATTERN: a message is accepted, but not delivered before the limit is raised
delayed() {
  limit "$spool" "$2" "$3"
  is "$(send "$1")" "$sent" "$1: smtpd accepts"
  wait_for 30 said spool "$4"
  ok $? "$1: the log says what spool-deliver cannot do"
  waits "$1" "$spool" 3
  arrived "$1"
  ok $((!$?)) "$1: it is not there yet"
  limit "$spool" "$2" -
  wait_for 20 arrived "$1"
  ok $? "$1: it arrives"
}
delayed spool-none nofile 3 "unable to read $SPOOL/todo: Too many open files"
is "$(lines spool "unable to read $SPOOL/todo: Too many")" 1 "spool-none: it says so once"
limit "$spool" nofile 3
echo late.example.test | tee -a "$T/b/control/rcpthosts" >>"$T/b/control/locals"
is "$(client 'EHLO c' 'MAIL FROM:<a@example.org>' 'RCPT TO:<postmaster@late.example.test>' DATA text=late QUIT)" "$sent" \
  "late: a domain that spool-deliver cannot read of"
wait_for 30 said spool "control/locals: Too many open files; what was read before stays in force"
ok $? "late: the log says so"
waits late "$spool" 3
always=$($as find "/proc/$spool/fd" -type l | grep -c .) # it can open no more now
is "$(lines spool 'what was read before stays in force')" 1 "late: it says so once"
limit "$spool" nofile -
wait_for 20 arrived late
ok $? "late: it arrives, and is no stranger"
wait_for 30 said spool "the control files are in force as they are now"
ok $? "late: the log says that they can be read"
delayed spool-few nofile $((always + 1)) \
  "deferred .*unable to .* $MAIL/postmaster: Too many open files"

# --- in the end ---------------------------------------------------------------------------------------

once first session program tls after-sessions waited tls-waited after-processes spool-none late spool-few
ends
finish
