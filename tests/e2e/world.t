#!/bin/sh
# A small world: two bundles as `init --domain` makes them, each a machine of its own with the DNS records that `mailctl dns`
# prints, and somebody else's server. A user's message is signed, queued, sent, judged by SPF, delivered, and found right;
# each way of being refused becomes the bounce that says so.
if test "$(id -u)" -ne 0 || ! unshare -n true 2>/dev/null; then
  echo "1..0 # SKIP only root makes such a world"
  exit 0
fi
. "$(dirname "$0")/remote-lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$tools/../e2e/bundle.sh"
python=/usr/bin/python3
"$python" -c 'import dkim, nacl' 2>/dev/null || skip_all "no python3-dkim and python3-nacl"
echo 1 >/proc/sys/net/ipv4/ip_forward 2>/dev/null || skip_all "/proc/sys is read-only"

# --- the machines: a at 10.0.1.2, b at 10.0.2.2, each with a network of its own, ours between them

# machine NAME NUMBER
machine() {
  unshare -n sleep 100000 &
  on_exit "kill $!"
  eval "$1=$!"
  own=$(readlink /proc/self/ns/net)
  eval "in_$1() { nsenter -t $! -n \"\$@\"; }"
  is_apart() { test "$(readlink "/proc/$!/ns/net")" != "$own"; }
  wait_for 20 is_apart
  ip link add "to-$1" type veth peer name eth0 netns "$!" || skip_all "no veth"
  ip addr add "10.0.$2.1/24" dev "to-$1"
  ip link set "to-$1" up
  "in_$1" ip link set lo up
  "in_$1" ip addr add "10.0.$2.2/24" dev eth0
  "in_$1" ip link set eth0 up
  "in_$1" ip route add default via "10.0.$2.1"
}
machine a 1
machine b 2
mail_of() { "in_$1" mailctl -c "$T/$1/mailctl.conf" $2 ${3-} ${4-} ${5-}; }

# set SECTION LINE...: in $C, instead of what says the same
set_in() {
  section=$1
  shift
  for line; do
    sed -i "/^#*\\[$section\\]/,/^#*\\[[a-z]/{s/^#*\\[$section\\]/[$section]/; s|^#*${line%% =*} =.*|$line|}" "$C"
  done
}
# bundle NAME NUMBER
bundle() {
  C=$T/$1/mailctl.conf
  mailctl init $TRIAL "$T/$1" --domain "$1.test" --host "mx.$1.test" >"$1.init" || return
  sed -i '/^\[job maintenance\]$/,/^$/d' "$C"
  sed -n 's/^ *AUTH password *\([^ ]*\).*/\1/p' "$1.init" >"$1.password"
  set_in bundle "probe = off"
  set_in dns "address = 10.0.$2.2" "resolver = 10.0.$2.1:53"
  set_in remote "resolver = 10.0.$2.1:53" "retry = 1s"
  set_in spool "retry = 1s"
  on_exit "in_$1 mailctl -c '$C' down >/dev/null 2>&1"
}
bundle a 1
bundle b 2
C=$T/b/mailctl.conf
set_in policy "resolver = 10.0.2.1:53" "spf-fail = reject" "spf-pass = mark" "greylist = observe"
echo 30000 >"$T/b/control/databytes"
echo c.test >>"$T/a/control/locals"
for i in a b; do # postmaster takes mail from everybody, unasked
  C=$T/$i/mailctl.conf
  echo 'bob: postmaster' >"$T/$i/aliases"
  set_in spool "aliases = aliases"
done

: >zone
served dns python3 "$tools/dnsd.py" 0.0.0.0 53 zone
for i in a b; do
  mail_of "$i" dns | grep -v '^;' | sed 's/  */ /g; s/\. IN / /; / TXT /{s/" "//g;s/"//g}; / \(MX\|SRV\|PTR\) /s/\.$//' >>zone
done
echo 'c.test TXT v=spf1 -all' >>zone
for i in a b; do
  exits 0 "$i: what mailctl dns prints is what dns --check wants" mail_of "$i" dns --check
  exits 0 "$i: up" mail_of "$i" up
done

# submit MACHINE SENDER RECIPIENT SUBJECT: as a user, by submission, with AUTH; text: standard input
submit() {
  { printf 'From: %s\nTo: %s\nSubject: %s\n\n' "$2" "$3" "$4"; cat; } >message
  "in_$1" curl -sS -k --crlf --ssl-reqd smtp://127.0.0.1:587 --user "postmaster:$(cat "$1.password")" --mail-from "$2" --mail-rcpt "$3" \
    --upload-file message 2>&1
}
# at MACHINE SUBJECT: the message's file
at() { grep -rls "^Subject: $2\$" "$T/$1/mail/postmaster/new" | head -n 1; }
is_at() { test -n "$(at "$1" "$2")"; }
logged() { grep -Eqs "$3" "$T/$1/log/$2/current"; }

# --- there, and back

is "$(echo hello | submit a postmaster@a.test bob@b.test there)" "" "a user of a submits"
wait_for 20 is_at b there
ok $? "b delivers it"
file=$(at b there)
like "$(cat "$file")" '^Authentication-Results: mx\.b\.test; spf=pass smtp\.mailfrom=a\.test$' "SPF: from who may send for a.test"
like "$(cat "$file")" '^Received: .*10\.0\.1\.2|^Received-SPF: pass' "from a's own address"
like "$(cat "$T/a/log/send/current")" 'sent .*<bob@b\.test>: 10\.0\.2\.2 accepted' "a's log has the way"
cat >verify.py <<'END'
import sys
import dkim
zone = dict((n, t) for n, _, t in (l.rstrip("\n").split(" ", 2) for l in open("zone") if " TXT " in l))
raw = open(sys.argv[1], "rb").read().split(b"\n")
while not raw[0].startswith(b"DKIM-Signature"):
    raw.pop(0)
d = dkim.DKIM(b"\r\n".join(raw))
n = sum(h[0].lower() == b"dkim-signature" for h in d.headers)
print(n, all(d.verify(i, dnsfunc=lambda name, timeout=5: zone.get(name.decode().rstrip("."), "").encode()) for i in range(n)))
END
is "$("$python" verify.py "$file" 2>&1)" "2 True" "in b's Maildir, both signatures are right"
is "$(echo hello | submit b postmaster@b.test bob@a.test back)" "" "a user of b answers"
wait_for 20 is_at a back
ok $? "a delivers it"
is "$("$python" verify.py "$(at a back)" 2>&1)" "2 True" "signed by b"

# --- refusals, and what a's users hear of them

# bounced NAME WHY...: a's postmaster has a report with these words
bounced() {
  name=$1
  wait_for 20 grep -rqs "$2" "$T/a/mail/postmaster/new"
  ok $? "$name: the sender hears why"
  bounce=$(grep -rls "$2" "$T/a/mail/postmaster/new" | head -n 1)
  like "$(cat "${bounce:-/dev/null}")" '^Content-Type: multipart/report; report-type=delivery-status' "as a report of delivery"
  rm -f "$T/a/mail/postmaster/new"/*
}
rm -f "$T/a/mail/postmaster/new"/*
is "$(echo hello | submit a postmaster@a.test nobody@b.test unknown)" "" "to somebody that b has not"
bounced "at RCPT" 'Diagnostic-Code: smtp; 550 5\.1\.1 sorry, no mailbox here by that name'
is "$(echo hello | submit a postmaster@c.test bob@b.test forged)" "" "as c.test, whose SPF has nobody send"
bounced "by SPF" 'Diagnostic-Code: smtp; 550 5\.7\.23 SPF: your address may not send mail for that domain'
is "$(head -c 30000 /dev/zero | tr '\0' x | fold | submit a postmaster@a.test bob@b.test large)" "" "larger than b takes"
bounced "for its size" 'Status: 5\.3\.4'
is "$(echo hello | submit a postmaster@a.test postmaster@nowhere.test lost)" "" "to a domain that there is not"
bounced "by the DNS" 'Status: 5\.1\.2'

# --- b is away

mail_of b down >/dev/null
is "$(echo hello | submit a postmaster@a.test bob@b.test later)" "" "while b is down"
wait_for 20 logged a send 'deferred .*<bob@b\.test>: '
ok $? "mail waits"
exits 0 "b comes back" mail_of b up
wait_for 60 is_at b later
ok $? "and gets it"
is "$(grep -rls '^Subject: later$' "$T/b/mail/postmaster/new" | grep -c .)" 1 "once"

# --- somebody else's server

if peers postfix libicu72; then
  mkdir sink
  chmod 777 sink
  echo 'sink.test MX 10 mx.sink.test
mx.sink.test A 10.0.1.1' >>zone
  LD_LIBRARY_PATH=$PEERS/usr/lib/postfix:$PEERS/usr/lib/$(gcc -print-multiarch) "$PEERS/usr/sbin/smtp-sink" -u nobody -d "$T/sink/%M." 10.0.1.1:25 100 2>sink.err &
  on_exit "kill $!"
  is "$(echo hello | submit a postmaster@a.test bob@sink.test elsewhere)" "" "to Postfix's smtp-sink"
  sunk() { grep -rqs '^Subject: elsewhere' sink; }
  wait_for 30 sunk
  ok $? "which gets it"
  is "$(cat sink/* | grep -c '^DKIM-Signature: ')" 2 "signed"
else
  echo "# no Postfix: not tried"
fi
settled() { test -z "$(find "$T/a/state/spool/remote" "$T/a/state/spool/todo" "$T/b/state/spool/remote" "$T/b/state/spool/todo" -type f 2>/dev/null)"; }
wait_for 30 settled
ok $? "nothing is left in the queues"
exits 0 "a is well" mail_of a status
exits 0 "b is well" mail_of b status
finish
