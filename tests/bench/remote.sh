#!/bin/sh
# Mail that goes out: the same messages, each on disk, to one server (Postfix's smtp-sink, without TLS), by spool-send and remote
# against Postfix's queue manager and smtp client. Messages a second, and processor
# time a message.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/postfix-lib.sh
. "$(dirname "$0")/../e2e/postfix-lib.sh"

# Port 25, and addresses that are not this machine's: a network of our own.
if test -z "${SMTP_NET-}" && postfix_can; then SMTP_NET=1 exec unshare -n sh "$0"; fi
test "${SMTP_NET-}" && postfix_can || skip "needs root, and Postfix: cannot download these packages: postfix libicu72"
smtp_source || skip "no smtp-source"
ip link set lo up
ip route add local 10.1.0.0/16 dev lo
chmod 711 "$T"
cd "$T" || exit 111

count=$(scale ${COUNT:-1000})
at_once=20
mkdir control
echo me.test >control/me
echo ':[10.1.0.1]' >control/smtproutes
printf 'Fjoe@me.test\0Tann@sink.test\0\0' >envelope
{
  printf 'From: joe@me.test\nSubject: bench\n\n'
  head -c 3000 /dev/zero | tr '\0' x | fold -w 70
} >message

sink() {
  LD_LIBRARY_PATH=$POSTFIX_LIBRARIES "$PEERS/usr/sbin/smtp-sink" -u postfix 10.1.0.1:25 200 >/dev/null 2>sink.log &
  sink=$!
  on_exit "kill $sink 2>/dev/null"
  wait_for 10 "$TOOLS/load" 10.1.0.1 25 0 0
}
# rate CPU-FILE...: since $begin
rate() {
  end=$(date +%s%N)
  awk -v n="$count" -v ns=$((end - begin)) '{ us += $1 } END { print n / ns * 1e9, us / n }' "$@"
}
sent() { test -z "$(find "$@" -type f | head -n 1)"; }

spool() {
  rm -rf queue mail
  mkdir mail
  "$LIBEXEC/spool-deliver" --make mail/postmaster
  "$LIBEXEC/spool-deliver" -1 -R -c control -n me.test queue mail 2>deliver.log # makes the queue
  i=0
  while test $i -lt "$count"; do
    "$LIBEXEC/spool-queue" queue <message 1<envelope || exit 1
    i=$((i + 1))
  done
  "$LIBEXEC/spool-deliver" -1 -R -c control -n me.test queue mail 2>deliver.log
}
ours() {
  spool
  "$TOOLS/cpu" "$T/cpu.remote" s6-ipcserver-socketbinder -a 0600 remote.sock "$LIBEXEC/remote" -S 60 -t '* none' 2>>remote.log >/dev/null &
  remote=$!
  wait_for 10 test -S remote.sock
  begin=$(date +%s%N)
  "$TOOLS/cpu" "$T/cpu.send" "$LIBEXEC/spool-send" -n me.test -m 60 -p $at_once queue remote.sock 2>send.log &
  send=$!
  wait_for 120 sent queue/out queue/remote || { cat send.log sink.log >&2; exit 1; }
  kill $send $remote
  wait $send
  wait $remote
  rate cpu.send cpu.remote
}
postfix() {
  rm -rf postfix
  postfix_make "$T/postfix"
  printf '%s\n' 'mynetworks = 127.0.0.0/8' 'in_flow_delay = 0' 'smtpd_relay_restrictions = permit_mynetworks, reject' 'relayhost = [10.1.0.1]' \
    "default_destination_concurrency_limit = $at_once" 'smtp_dns_support_level = disabled' 'smtp_tls_security_level = none' >>postfix/etc/main.cf
  LD_LIBRARY_PATH=$POSTFIX_LIBRARIES MAIL_CONFIG=$T/postfix/etc "$PEERS/usr/lib/postfix/sbin/master" -c "$T/postfix/etc" -d >postfix.log 2>&1 &
  master=$!
  wait_for 10 "$TOOLS/load" "$IP" 2525 0 0
  "$SMTP_SOURCE" -d -m "$count" -s 10 -l 3000 -f joe@me.test -t ann@sink.test "$IP:2525" || exit 1
  kill $master
  wait $master
  printf '%s\n' 'qmgr unix n - n 300 1 qmgr' 'smtp unix - - n - 100 smtp' 'bounce unix - - n - 0 bounce' 'defer unix - - n - 0 bounce' \
    'trace unix - - n - 0 bounce' >>postfix/etc/master.cf
  begin=$(date +%s%N)
  LD_LIBRARY_PATH=$POSTFIX_LIBRARIES MAIL_CONFIG=$T/postfix/etc \
    "$TOOLS/cpu" "$T/cpu.postfix" "$PEERS/usr/lib/postfix/sbin/master" -c "$T/postfix/etc" -d >postfix.log 2>&1 &
  master=$!
  wait_for 120 sent postfix/spool/incoming postfix/spool/active postfix/spool/deferred || exit 1
  kill $master
  wait $master
  rate cpu.postfix
}
sink
echo "$count messages of 3 kB to one server, at most $at_once at a time"
compare ours postfix messages/s CPU_us/message

