#!/bin/sh
# Whole messages, each on disk before it is acknowledged, one a connection and many: tcplisten + smtpd into the spool,
# as mailctl sets it up (builtin:spool) and through the program spool-queue, against tcpserver + `mailfront smtp
# queuedir accept` with its sync on, and against Postfix's smtpd and cleanup. Postfix's smtp-source is the client, with 1 and with 20 sessions at a time.
# Messages a second, and processor time a message (all of the server's).
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/postfix-lib.sh
. "$(dirname "$0")/../e2e/postfix-lib.sh"

# Postfix's smtpd needs all of port 2525: a network of our own, in which there is loopback alone.
if test -z "${SMTP_NET-}" && postfix_can; then SMTP_NET=1 exec unshare -n sh "$0"; fi
test -z "${SMTP_NET-}" || { ip link set lo up && postfix_can; } || exit

need tcpserver ucspi-tcp-ipv6
need mailfront mailfront
smtp_source || skip "no smtp-source: cannot download these packages, or run it: postfix libicu72"

count=$(scale ${COUNT:-1000})
size=${SIZE:-4096}

chmod 711 "$T"
cd "$T" || exit 111
mkdir control spool spool/tmp spool/todo queuedir queuedir/tmp queuedir/new
echo mx.example.test >control/me
echo example.test >control/rcpthosts

send() {
  "$SMTP_SOURCE" $keep -m "$1" -s "$2" -l "$size" \
    -f joe@example.org -t jane@example.test -M client.example.org "$IP:2525"
}

# measure DIRECTORY COMMAND...: prints messages/s and us a message; every one must be in DIRECTORY afterwards
measure() {
  directory=$1
  shift
  rm -rf "$directory"
  mkdir "$directory"
  start_server "$T/cpu" "$@"
  wait_for 10 "$TOOLS/load" "$IP" 2525 0 0 || exit 1
  begin=$(date +%s%N)
  send "$count" "$parallel" >"$T/source.log" 2>&1 || {
    cat "$T/source.log" "$T/server.log" >&2
    exit 1
  }
  end=$(date +%s%N)
  stop_server
  set -- "$directory"/*
  test $# -eq "$count" || { echo "$directory has $# messages rather than $count" >&2; exit 1; }
  awk -v n="$count" -v ns=$((end - begin)) '{ print n / ns * 1e9, $1 / n }' "$T/cpu"
}
# ours QUEUE
ours() {
  SPOOL=$T/spool measure "$T/spool/todo" "$LIBEXEC/smtpd" --listen -c 40 "$IP:2525" -- -q "$1"
}
smtpd() { ours builtin:spool; }
spool_queue() { ours "$LIBEXEC/spool-queue"; }
mailfront() {
  QUEUEDIR=$T/queuedir measure "$T/queuedir/new" tcpserver -HRD -l 0 -c 40 "$IP" 2525 \
    "$(command -v mailfront)" smtp queuedir accept
}

postfix() {
  rm -rf "$T/postfix"
  postfix_make "$T/postfix"
  printf '%s\n' 'mydestination = example.test' 'in_flow_delay = 0' 'smtpd_relay_restrictions = reject_unauth_destination' \
    "smtpd_milters = ${POSTFIX_MILTERS-}" >>"$T/postfix/etc/main.cf"
  LD_LIBRARY_PATH=$POSTFIX_LIBRARIES MAIL_CONFIG=$T/postfix/etc \
    measure "$T/postfix/spool/incoming" sh -c 'chown postfix "$1" && exec "$2" -c "$3" -d >&2' sh \
    "$T/postfix/spool/incoming" "$PEERS/usr/lib/postfix/sbin/master" "$T/postfix/etc"
}

# --- with a milter that does nothing: what it adds
null_start() {
  rm -f "$T/null"
  "$TOOLS/nullmilter" "$T/null" "$@" 2>"$T/null.log" &
  null=$!
  wait_for 10 test -S "$T/null"
}
null_stop() {
  kill "$null" && wait "$null" 2>/dev/null
}
on_exit 'kill ${null-} 2>/dev/null'
with_milter() {
  SPOOL=$T/spool measure "$T/spool/todo" "$LIBEXEC/smtpd" --listen -c 40 "$IP:2525" -- -q builtin:spool -M "unix:$T/null"
}
# added WITHOUT WITH: messages/s with it, and how much more CPU a message; below what noise hides, 1
added() { { "$1" && "$2"; } | awk 'NR == 1 { was = $2 } NR == 2 { x = $2 - was; print $1, x < 1 ? 1 : x }'; }
smtpd_milter() { added smtpd with_milter; }
postfix_with() { POSTFIX_MILTERS=unix:$T/null postfix; }
postfix_milter() { added postfix postfix_with; }
if test "${MILTER-}"; then
  for wait in '' 0; do
    # shellcheck disable=SC2086 # without a word there is none
    null_start $wait
    echo "a milter that answers $(test "$wait" && echo only to the end of a message || echo to each step)"
    for parallel in $(test "${BENCH_SHORT-}" || echo 1) 20; do
      for keep in '' -d; do
        echo "$count messages of $size bytes, $(test "$keep" && echo many || echo one) a connection, $parallel at a time"
        test -z "${SMTP_NET-}" || compare smtpd_milter postfix_milter messages/s added_CPU_us/message
        test "${SMTP_NET-}" || smtpd_milter
      done
    done
    null_stop
  done
  null_start 100
  keep=-d count=$(scale 1000)
  for parallel in 1 20; do
    test "$parallel" -gt 1 || count=$(scale 100)
    echo "a milter that takes 100 ms: $parallel at a time, $(with_milter | awk '{ printf "%.1f", $1 }') messages a second"
    count=$(scale 1000)
  done
  exit
fi

for parallel in 1 20; do
  for keep in '' -d; do # -d: smtp-source keeps its connections
    how=$(test "$keep" && echo many || echo one)
    echo "$count messages of $size bytes, $how a connection, $parallel at a time"
    compare smtpd mailfront messages/s CPU_us/message
    compare spool_queue mailfront messages/s CPU_us/message
    test -z "${SMTP_NET-}" || compare smtpd postfix messages/s CPU_us/message
  done
done
