#!/bin/sh
# What a question costs the policy server, in CPU: policyd with SPF and greylisting, against postgrey and policyd-spf, which share
# that work. Half of the names are known to the DNS; the client and the DNS are not counted.
. "$(dirname "$0")/lib.sh"
test "$(id -u)" -eq 0 || skip "needs root: policyd-spf asks the resolver of /etc/resolv.conf, which is another here"
need postgrey postgrey
need policyd-spf postfix-policyd-spf-python
unshare -m true 2>/dev/null || skip "no mount namespace"
here=$(cd "$(dirname "$0")/.." && pwd)
n=$(scale 2000)
chmod 711 "$T"

i=0
while test $i -lt 50; do
  echo "known$i.test TXT v=spf1 ip4:192.0.0.0/16 include:other.test -all"
  i=$((i + 1))
done >"$T/zone"
echo 'other.test TXT v=spf1 ip4:198.51.100.0/24 -all' >>"$T/zone"
python3 "$here/tools/dnsodd.py" "$IP:53" "$T/zone" "$T/dns.port" >/dev/null 2>&1 &
on_exit "kill $! 2>/dev/null"
wait_for 10 test -s "$T/dns.port"
echo "nameserver $IP" >"$T/resolv.conf"

# In hundredths of a second, with children that have ended.
cpu_of() { awk '{ sub(".*\\) ", ""); print $12 + $13 + $14 + $15 }' "/proc/$1/stat"; }
# cost NAME PID SOCKET CONNECTIONS: microseconds a question, on stdout
cost() {
  before=$(cpu_of "$2")
  rate=$(/usr/bin/python3 "$here/bench/policyload.py" "$3" "$n" "$4" "$((first += n))")
  wait_for 10 no_children "$2"
  after=$(cpu_of "$2")
  us=$(((after - before) * 10000 / n))
  echo "$1: $us us of CPU a question ($rate a second here)"
}
no_children() { test "$1" = "$policyd" || test "$1" = "$postgrey" || ! pgrep -P "$1" >/dev/null; }
first=0

mkdir "$T/store" "$T/pg"
printf '%s\n' 'hostname here.test' 'spf-fail reject' 'spf-softfail reject' 'greylist everybody' >"$T/settings"
s6-ipcserver-socketbinder -a 0666 "$T/sock" "$LIBEXEC/policyd" -u 0 -r "$IP:53" -s "$T/store" "$T/settings" 2>"$T/policyd.log" &
policyd=$!
on_exit "kill $policyd 2>/dev/null"
wait_for 10 grep -q ready "$T/policyd.log"
postgrey --unix="$T/pg/sock" --dbdir="$T/pg" --delay=300 --user=root --group=root >"$T/pg/log" 2>&1 &
postgrey=$!
on_exit "kill $postgrey 2>/dev/null"
printf '%s\n' 'debugLevel = 0' 'HELO_reject = False' 'Mail_From_reject = Fail' 'skip_addresses = 127.0.0.0/8' >"$T/spf.conf"
# shellcheck disable=SC2016 # for the other shell
unshare -m sh -c 'mount --bind "$1/resolv.conf" /etc/resolv.conf && exec s6-ipcserver -a 0666 "$1/spf" policyd-spf "$1/spf.conf"' x "$T" 2>/dev/null &
spf=$!
on_exit "kill $spf 2>/dev/null"
wait_for 20 test -S "$T/pg/sock"
wait_for 20 test -S "$T/spf"

cost policyd "$policyd" "$T/sock" 20
ours=$us
cost postgrey "$postgrey" "$T/pg/sock" 4
theirs=$us
cost policyd-spf "$spf" "$T/spf" 4
theirs=$((theirs + us))

# All checks on: what they cost an accepted message.
kill "$policyd"
wait "$policyd"
i=0
while test $i -lt 50; do
  printf '%s\n' "known$i.test MX mail.known$i.test" "mail.known$i.test A 192.0.2.1"
  i=$((i + 1))
done >>"$T/zone"
rm -rf "$T/store"
mkdir "$T/store"
printf '%s\n' 'hostname here.test' 'spf-fail reject' 'spf-pass mark' 'spf-helo-fail reject' 'dnsbl bl.test' 'dnsbl bl2.test' 'rhsbl rh.test' \
  'dnswl wl.test' 'rdns-missing observe' 'rdns-unconfirmed observe' 'rdns-country observe' 'helo-invalid reject' 'helo-ours reject' \
  'sender-unknown observe' 'sender-null-mx reject' 'greylist observe' 'block-address 198.51.100.0/24' 'allow-sender x@y.test' >"$T/settings"
s6-ipcserver-socketbinder -a 0666 "$T/sock" "$LIBEXEC/policyd" -u 0 -r "$IP:53" -s "$T/store" "$T/settings" 2>"$T/policyd.log" &
policyd=$!
on_exit "kill $policyd 2>/dev/null"
wait_for 10 grep -q ready "$T/policyd.log"
cost 'policyd, all checks on' "$policyd" "$T/sock" 20

# The same in front of smtpd, against smtpd alone: one message a connection, from a sender whom SPF knows.
checked() {
  before=$(cpu_of "$policyd")
  served -P "unix:$T/sock rcpt,data"
  after=$(cpu_of "$policyd")
  awk -v n="$messages" -v us=$(((after - before) * 10000)) '{ print ($1 + us) / n }' "$T/cpu"
}
alone() {
  served
  awk -v n="$messages" '{ print $1 / n }' "$T/cpu"
}
served() {
  rm -rf "$T/spool"
  mkdir -p "$T/spool/tmp" "$T/spool/todo"
  SPOOL=$T/spool start_server "$T/cpu" "$LIBEXEC/smtpd" --listen -c 40 "$IP:2525" -- -q builtin:spool "$@"
  wait_for 10 "$TOOLS/load" "$IP" 2525 0 0 || exit 1
  "$SMTP_SOURCE" -d -m "$messages" -s 1 -l 4096 -f joe@own.test -t jane@example.test -M mail.own.test "$IP:2525" >"$T/source.log" 2>&1 || {
    cat "$T/source.log" "$T/server.log" >&2
    exit 1
  }
  stop_server
}
if smtp_source; then
  messages=$(scale 1000)
  cd "$T" || exit 111
  mkdir control
  echo mx.example.test >control/me
  echo example.test >control/rcpthosts
  printf '%s\n' 'own.test TXT v=spf1 ip4:127.0.0.0/8 -all' 'own.test MX mail.own.test' 'mail.own.test A 127.0.0.1' \
    '1.0.0.127.in-addr.arpa PTR mail.own.test' >>"$T/zone"
  compare checked alone CPU_us/message
else
  echo "smtpd with policyd: no smtp-source"
fi

echo "policyd does in a second of CPU $(awk -v a="$theirs" -v b="$ours" 'BEGIN { printf "%.1f", b ? a / b : 0 }') times what these two do"
