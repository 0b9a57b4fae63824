#!/bin/sh
# A bundle as init makes it sends mail to the world: submission with AUTH, the signer, the schedule, remote, and what comes
# back.
. "$(dirname "$0")/remote-lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$tools/../e2e/bundle.sh"

: >zone
dns
strange good.test refuse=nobody
mail_bundle || exit 111
sed -i '/^\[remote\]/a resolver = 127.0.0.1:53' "$C"
password=$(sed -n 's/^ *AUTH password *\([^ ]*\).*/\1/p' init.out)

exits 0 "mailctl dkim new" m dkim new example.test
cp out records
exits 0 "mailctl dkim" m dkim
is "$(awk '{ print $1, $3, $4 }' out)" "example.test ed25519 signs
example.test rsa signs" "shows the keys"
exits 100 "mailctl dkim retire without a selector" m dkim retire example.test
sed -n 'H; / )$/ { x; s/\n//g; s/\. IN TXT ( "/ TXT /; s/"  *"//g; s/" )$//; p; s/.*//; x }' records >>zone
exits 0 "mailctl up" m up

# submit SUBJECT RECIPIENT...: as somebody who logs in
submit() {
  subject=$1
  shift
  for address; do
    set -- "$@" --mail-rcpt "$address"
    shift
  done
  printf 'From: postmaster@example.test\nSubject: %s\n\nhello\n' "$subject" |
    curl -sS -k --crlf --ssl-reqd "smtp://$IP:2587" --user "postmaster:$password" --mail-from postmaster@example.test "$@" \
      --upload-file - 2>&1
}
is "$(submit out bob@good.test postmaster@example.test)" "" "submission takes mail for the world"
there() { grep -lqs "^Subject: $1" good.test.d/[0-9]*; }
try "it arrives there" wait_for 20 there out
try "and here" wait_for 20 arrived out
python=/usr/bin/python3
if "$python" -c 'import dkim, nacl' 2>/dev/null; then
  cat >verify.py <<'END'
import sys
import dkim
zone = dict((n, t) for n, _, t in (l.rstrip("\n").split(" ", 2) for l in open("zone") if " TXT " in l))
d = dkim.DKIM(sys.stdin.buffer.read())
print(all(d.verify(i, dnsfunc=lambda name, timeout=5: zone.get(name.decode().rstrip("."), "").encode()) for i in range(2)))
END
  is "$(sed 1,2d good.test.d/1 | "$python" verify.py 2>&1)" True "with two signatures that are right"
fi
is "$(submit back nobody@good.test)" "" "mail that is refused there"
try "comes back to who sent it" wait_for 20 arrived 'Undelivered mail'
like "$(cat "$MAIL"/postmaster/new/*)" '^Diagnostic-Code: smtp; 550 5\.1\.1 no such user here$' "with the reason"
try "the log has the way of both" said send 'sent .*<bob@good\.test>: 10\.1\.1\.1 accepted message'

wait_for 20 sh -c "mailctl -c '$C' status -o outbound.waiting,outbound.running | grep -q '^0	0'"
ok $? "status knows that nothing waits"
like "$(m status)" '^outbound: 0 waiting, 0 under way, [0-9.]+ sent and [0-9.]+ bounced a minute$' "and how much went out"
exits 0 "mailctl queue" m queue
is "$(cat out)" "" "shows an empty one"
exits 1 "mailctl queue drop --all" m queue drop --all

echo 'away.test A 10.1.1.99' >>zone # where nobody listens
is "$(submit lost bob@away.test)" "" "mail for a host that is away"
deferred() { test "$(m status -o outbound.waiting,outbound.deferred,outbound.destinations)" = "1	1	away.test 1"; }
try "status tells that it waits, and for whom" wait_for 30 deferred
like "$(m status)" '^outbound: 1 waiting, oldest [0-9]+ (m?s|min), 1 for hosts that fail \(away\.test 1\)' "since when, too"
exits 0 "dropped" m queue drop --all --yes
settled() { m status -o outbound.oldest,outbound.destinations | grep -q '^-	-$'; }
m reload send >/dev/null 2>&1 || m restart send >/dev/null
try "then nothing waits" wait_for 30 settled

m down dkim >/dev/null
is "$(submit later bob@good.test)" "" "while the signer is down"
try "mailctl queue shows it" wait_for 20 sh -c "mailctl -c '$C' queue | grep -q 'remote .*<postmaster@example.test> <bob@good.test>'"
try "mail waits" wait_for 20 said send 'deferred .*: the message cannot be signed: '
m up dkim >/dev/null
try "and goes when it is back" wait_for 30 there later
m restart spool send remote dkim >/dev/null
is "$(submit again bob@good.test)" "" "after a restart of all"
try "mail goes out" wait_for 20 there again
is "$(find "$SPOOL/remote" "$SPOOL/out" "$SPOOL/notes" "$SPOOL/failed" -type f | grep -c .)" 0 "and nothing is left"
finish
