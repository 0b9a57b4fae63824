#!/bin/sh
# dkim: keys, and signatures that others find right: python3-dkim, and opendkim where it is installed.
. "$(dirname "$0")/remote-lib.sh"

mkdir control keys
chmod 700 keys
echo me.test >control/me
echo $((5 * PATIENCE)) >control/timeoutremote
: >zone
dns

exits 0 "dkim --help" "$LIBEXEC/dkim" --help
exits 100 "without arguments" "$LIBEXEC/dkim"
exits 100 "a domain that is none" "$LIBEXEC/dkim" --new keys ../me.test
exits 0 "dkim --new" "$LIBEXEC/dkim" --new keys me.test
cp out records
like "$(head -1 records)" '^e[0-9]{8}\._domainkey\.me\.test\. IN TXT \( "v=DKIM1; k=ed25519; p="$' "shows the records"
is "$(find keys -type f -perm 600 | grep -c .)" 2 "two keys, which nobody else can read"
exits 1 "once a day" "$LIBEXEC/dkim" --new keys me.test
"$LIBEXEC/dkim" --records keys >again
try "dkim --records shows them again" cmp records again
exits 0 "dkim --list" "$LIBEXEC/dkim" --list keys
is "$(awk '{ print $1, $3, $4 }' out)" "me.test ed25519 signs
me.test rsa signs" "which there are"

# as zone files have it: one line, texts joined
sed -n 'H; / )$/ { x; s/\n//g; s/\. IN TXT ( "/ TXT /; s/"  *"//g; s/" )$//; p; s/.*//; x }' records >>zone
is "$(grep -c '_domainkey.me.test TXT v=DKIM1; k=[a-z0-9]*; p=[A-Za-z0-9+/=]*$' zone)" 2 "records that a server can have"

serve_dkim() {
  served signer s6-ipcserver -1 -a 0600 dkim.sock "$LIBEXEC/dkim" keys
  signer=$!
}
serve_dkim
strange good.test
options='-k dkim.sock'
# send FILE: remote's report
send() {
  # shellcheck disable=SC2086
  "$LIBEXEC/remote" -n 127.0.0.1 $options good.test joe@me.test bob@good.test <"$1" 2>err | tr '\n\0' ' \n'
}
# the last message that arrived, as it came
last() { sed 1,2d "good.test.d/$(got good.test.d)"; }

cat >verify.py <<'END'
import sys
import dkim
zone = dict((n, t) for n, _, t in (l.rstrip("\n").split(" ", 2) for l in open("zone") if " TXT " in l))
d = dkim.DKIM(sys.stdin.buffer.read())
n = sum(h[0].lower() == b"dkim-signature" for h in d.headers)
print(n, all(d.verify(i, dnsfunc=lambda name, timeout=5: zone.get(name.decode().rstrip("."), "").encode()) for i in range(n)))
END
# A Debian python, where there are several
python=/usr/bin/python3
"$python" -c 'import dkim, nacl' 2>/dev/null || skip_all "no python3-dkim and python3-nacl"
# verified FILE NAME: sent, it has two signatures that are right
verified() {
  like "$(send "$1")" '^K' "$2"
  is "$(last | "$python" verify.py 2>&1)" "2 True" "both signatures are right"
}

printf 'From: Joe <joe@me.test>\nTo: bob@good.test\nSubject: hello\n there\nDate: Sat, 28 Nov 2026 12:00:00 +0000\n\nbody  with \t blanks  \n\n.dot\n\n\n' >plain
verified plain "a message is signed"
like "$(last | sed -n 1,4p)" '^DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=me\.test;' "its first line says by whom"
like "$(last)" 'h=From:From:' "From is signed once more than it is there"
printf 'From: joe@sub.me.test\n\n' >sub
verified sub "without a body, from below the domain"
printf 'From: joe@me.test\nSubject: a\rb\nReceived: x\nCc: a\nCc: b\nX: y\n\n a\r.\rb\nno end' >odd
verified odd "with bare CR, fields twice, and no end"
{ printf 'From: "x@evil.test" (a@b) <joe@ME.test>\nSubject: large\n\n'; head -c 3000000 /dev/urandom | base64; } >large
verified large "of 4 MB"
{ printf 'From: joe@me.test\n'; yes 'X-Long: 0123456789012345678901234567890123456789' | head -4000; printf '\nx\n'; } >header
verified header "with a header of 190 kB"
printf 'From: ann@other.test\n\nx\n' >other
like "$(send other)" '^K' "whose domain has no key: it goes without a signature"
is "$(last | grep -c DKIM)" 0 "none is there"
{ printf 'From: joe@me.test\n'; yes 'X-Long: 0123456789012345678901234567890123456789' | head -8000; printf '\nx\n'; } >header
like "$(send header)" '^Zthe message cannot be signed: the message.s header is too long' "a header without end: for now"

if command -v opendkim-testmsg >/dev/null && unshare -m true 2>/dev/null; then
  send plain >/dev/null
  last | tr -d '\r' >checked
  echo 'nameserver 127.0.0.1' >resolv.conf
  try "opendkim finds it right, too" unshare -m sh -c 'mount --bind resolv.conf /etc/resolv.conf && opendkim-testmsg <checked'
  sed 's/^Subject: hello/Subject: hullo/' checked >changed
  unshare -m sh -c 'mount --bind resolv.conf /etc/resolv.conf && opendkim-testmsg <changed' >/dev/null 2>&1
  ok $(($? == 0)) "and one that was changed wrong"
fi

chmod 640 keys/me.test/r*.key
like "$(send plain)" '^Zthe message cannot be signed: a key cannot be read, or others may read it' "a key that others may read is not used"
chmod 600 keys/me.test/r*.key
selector=$(basename keys/me.test/r*.key .key)
exits 0 "dkim --retire" "$LIBEXEC/dkim" --retire keys me.test "$selector"
exits 1 "of a key that does not sign" "$LIBEXEC/dkim" --retire keys me.test "$selector"
like "$(send plain)" '^K' "the other key signs"
is "$(last | "$python" verify.py 2>&1)" "1 True" "alone"
"$LIBEXEC/dkim" --records keys >again
try "the record of the one that is retired stays" cmp records again

kill "$signer"
wait "$signer"
like "$(send plain)" '^Zthe message cannot be signed: Connection refused \(#4\.7\.0\)' "while nobody signs, mail waits"
options='-u -k dkim.sock'
like "$(send plain)" '^K' "or goes without, when that is wanted"
finish
