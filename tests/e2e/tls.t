#!/bin/sh
# TLS through the whole chain, with real clients: what is offered, what is refused, what smtpd learns.
# shellcheck source=tests/e2e/tls-lib.sh
. "$(dirname "$0")/tls-lib.sh"

# Less than the bound that a worker gives itself, which only root could have again.
test "$(id -u)" -eq 0 || ulimit -n 600

certificate rsa rsa:2048 mx.example.test
certificate ed ed25519 mx.example.test
certificate other "$ec" other.example.test '*.wild.example.test'
mv "$T/ec.pem" "$T/mx.pem"
mv "$T/ec.key" "$T/mx.key"
mv "$T/other.pem" "$T/ec.pem"
mv "$T/other.key" "$T/ec.key"
start_tls "certificate $T/mx.pem" "key $T/mx.key" "certificate $T/rsa.pem" "key $T/rsa.key" "certificate $T/ed.pem" "key $T/ed.key"
serve

tlsd_check() { "$LIBEXEC/tlsd" --check "$@"; }
message() { grep -h "$1" "$H"/queue/*.message 2>/dev/null; }
subject() { openssl x509 -noout -subject -in /dev/stdin 2>&1; }

# --- protocols ---

for port in 2525 2465; do
  out=$(echo QUIT | talk_tls $port -tls1_3)
  like "$out" '^(New|    Protocol).*TLSv1\.3' "$port: TLS 1.3"
  out=$(echo QUIT | talk_tls $port -tls1_2)
  like "$out" 'TLSv1\.2, Cipher is ECDHE' "$port: TLS 1.2, with forward secrecy"
  for old in -tls1_1 -tls1; do
    out=$(echo QUIT | talk_tls $port $old -cipher 'ALL:@SECLEVEL=0')
    like "$out" 'alert protocol version' "$port: $old is refused, by the server"
  done
done
out=$(echo QUIT | talk_tls 2465 -tls1_2 -cipher AES128-GCM-SHA256)
like "$out" 'alert handshake failure' 'no key exchange without forward secrecy'
try 'tlsd says why, and whose client it was' wait_for 20 grep -q "pid [0-9]* - $IP: no shared cipher" "$T/tls.log"

# --- certificates ---

out=$(echo QUIT | talk_tls 2465 -sigalgs ECDSA+SHA256)
like "$out" 'Peer signature type: ECDSA' 'ECDSA for who can'
out=$(echo QUIT | talk_tls 2465 -sigalgs RSA-PSS+SHA256)
like "$out" 'Peer signature type: RSA-PSS' 'RSA for the others'
out=$(echo QUIT | talk_tls 2465 -tls1_2 -sigalgs RSA+SHA256)
like "$out" 'Peer signature type: RSA$' 'RSA in TLS 1.2'
for protocol in -tls1_2 -tls1_3; do
  out=$(echo QUIT | talk_tls 2465 $protocol -sigalgs ed25519)
  like "$out" 'Peer signature type: ed25519$' "Ed25519 for who wants it, $protocol"
done
out=$(echo QUIT | talk_tls 2525 -servername other.example.test)
like "$out" '^subject=CN = other\.example\.test' 'the certificate of the name that the client asks for'
out=$(echo QUIT | talk_tls 2465 -servername a.wild.example.test)
like "$out" '^subject=CN = other\.example\.test' 'a wildcard'
out=$(echo QUIT | talk_tls 2465 -servername unknown.example)
like "$out" '^subject=CN = mx\.example\.test' 'an unknown name gets the one of control/me'
out=$(echo QUIT | talk_tls 2465 -noservername)
like "$out" '^subject=CN = mx\.example\.test' 'so does none'
out=$(echo QUIT | talk_tls 2465 -CAfile "$T/mx.pem" -verify_return_error -verify_hostname mx.example.test)
like "$out" 'Verify return code: 0' 'a client that trusts it verifies it'

# What a client can use comes before what it asks for by an exact name; within that, exact comes before a wildcard.
certificate exact-ec "$ec" a.both.example.test
certificate wild-rsa rsa:2048 '*.both.example.test' '*.rsa.example.test'
certificate exact-rsa rsa:2048 b.both.example.test
certificate wild-ec "$ec" '*.both.example.test'
served() { # served NAME OPTION...: the first of the names that the server's certificate has
  name=$1
  shift
  echo QUIT | talk_tls 2465 -servername "$name" "$@" | openssl x509 -noout -ext subjectAltName 2>/dev/null |
    sed -n 's/^ *DNS:\([^,]*\).*/\1/p'
}
# shellcheck disable=SC2046 # a word a line
configure "certificate $T/mx.pem" "key $T/mx.key" "certificate $T/rsa.pem" "key $T/rsa.key" \
  $(for one in exact-ec wild-rsa exact-rsa wild-ec; do echo "certificate@$T/$one.pem" "key@$T/$one.key"; done)
sed -i 's/@/ /' "$T/tlsd.conf"
kill -HUP "$tlsd"
wait_for 20 grep -q reloaded "$T/tls.log"
for protocol in -tls1_2 -tls1_3; do
  is "$(served a.both.example.test $protocol)" a.both.example.test "$protocol: an exact name, EC"
  is "$(served b.both.example.test $protocol)" b.both.example.test 'an exact name, RSA, though a wildcard has EC'
  is "$(served c.both.example.test $protocol)" '*.both.example.test' 'a wildcard'
done
rsa_only='-sigalgs RSA-PSS+SHA256:RSA+SHA256'
for client in "-tls1_3 $rsa_only" "-tls1_2 $rsa_only" '-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256'; do
  is "$(served a.both.example.test $client)" '*.both.example.test' "$client: the wildcard of the kind that it can use"
  is "$(served b.both.example.test $client)" b.both.example.test 'an exact one where there is one'
  is "$(served mx.example.test $client)" mx.example.test 'of several files of one name, too'
  is "$(served other.example.test $client)" mx.example.test 'where the name has no such kind, the one of control/me'
done
is "$(served b.both.example.test -tls1_3 -sigalgs ECDSA+SHA256)" '*.both.example.test' 'only EC, and the exact name is RSA'
exits 0 'check of all these' tlsd_check "$T/tlsd.conf"
for line in 'mx.example.test: RSA, EC' 'a.both.example.test: RSA, EC' '[*].both.example.test: RSA, EC' '[*].rsa.example.test: RSA'; do
  like "$(cat "$T/out")" "^name $line\$" 'tells which name has which kinds'
done

# --- two workers ---

# They begin with one and the same state, in which nothing may be random yet: 32 bytes from the seventh on.
server_random() {
  echo QUIT | talk_tls 2465 $1 -msg | sed -n '/, ServerHello$/{n;N;N;p;}' | tr -d ' \n' | cut -c 13-76
}
for protocol in -tls1_2 -tls1_3; do
  one=$(server_random $protocol)
  two=$(server_random $protocol)
  is "${#one}" 64 "$protocol: a server's random bytes"
  unlike "$two" "^$one\$" 'are others for the next client'
done

# --- resumption ---

for protocol in -tls1_2 -tls1_3; do
  echo QUIT | talk_tls 2465 $protocol -sess_out "$T/session" >/dev/null
  out=$(echo QUIT | talk_tls 2465 $protocol -sess_in "$T/session")
  like "$out" '^Reused, TLSv1' "$protocol: a session is taken up again"
done
wait_for 20 counts sessions-resumed 2
is "$(counter sessions-resumed)" 2 'and counted'

# --- real clients, whole messages ---

swaks_to() {
  swaks --server "$IP:$1" --helo client.example --from a@example.org --to b@example.test --header "Subject: $2" \
    --local-interface "$IP" --timeout $((60 * PATIENCE)) --hide-all "$3" --tls-sni asked.example.test
}
try 'swaks, STARTTLS' swaks_to 2525 swaks-starttls --tls
try 'swaks, implicit TLS' swaks_to 2465 swaks-implicit --tls-on-connect
printf 'Subject: curl-starttls\n\nhello\n' >"$T/mail"
try 'curl, STARTTLS required' curl -sS -k --crlf --interface "$IP" --ssl-reqd --url "smtp://$IP:2525" --mail-from a@example.org \
  --mail-rcpt b@example.test -T "$T/mail" -m $((60 * PATIENCE))
try 'curl, smtps' curl -sS -k --crlf --interface "$IP" --url "smtps://$IP:2465" --mail-from a@example.org --mail-rcpt b@example.test \
  -T "$T/mail" -m $((60 * PATIENCE))
for tls in on off; do
  port=2465
  test $tls = off || port=2525
  printf 'Subject: msmtp-%s\n\nhello\n' $tls >"$T/mail"
  try "msmtp, starttls $tls" msmtp --host="$IP" --source-ip="$IP" --port=$port --tls=on --tls-starttls=$tls --tls-certcheck=off \
    --from=a@example.org --timeout=$((60 * PATIENCE)) b@example.test <"$T/mail"
done
wait_for 20 message 'msmtp-off'
is "$(message '^Subject: ' | sort -u | tr -d '\r' | tr '\n' ' ')" \
  'Subject: curl-starttls Subject: msmtp-off Subject: msmtp-on Subject: swaks-implicit Subject: swaks-starttls ' 'all have arrived'
is "$(message '^Received: ' | grep -Fc "($IP)")" 6 \
  "the client's own address is in every Received line"
is "$(message 'with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)' | wc -l)" 6 'and what TLS it was'

# --- what plugins learn ---

cat >"$H/bin/plugin" <<'END'
#!/bin/sh
echo "$TCPREMOTEIP $SSL_PROTOCOL $SSL_CIPHER $SSL_TLS_SNI_SERVERNAME" >>queue/plugin
END
chmod 755 "$H/bin/plugin"
printf '[mail]\nbin/plugin\n' >"$H/control/smtpplugins"
swaks_to 2525 plugin --tls
swaks_to 2465 plugin --tls-on-connect
is "$(sort -u "$H/queue/plugin")" "$IP TLSv1.3 TLS_AES_256_GCM_SHA384 asked.example.test" \
  'plugins see the client, protocol, cipher and SNI, through both kinds of TLS'
rm "$H/control/smtpplugins"

# --- a large message ---

echo 0 >"$H/control/databytes"

"$python" - "$IP" <<'END'
import os, smtplib, ssl, sys
context = ssl._create_unverified_context()
s = smtplib.SMTP(sys.argv[1], 2525, timeout=60 * int(os.environ["PATIENCE"]))
s.starttls(context=context)
s.sendmail("a@example.org", ["big@example.test"], b"Subject: big\r\n\r\n" + (b"0123456789abcde" * 4 + b"\r\n") * 850000)
s.quit()
END
ok $? '50 MiB, with STARTTLS'
big=$(grep -l '^Subject: big' "$H"/queue/*.message)
is "$(grep -c '^0123456789abcde0123456789abcde0123456789abcde0123456789abcde.\?$' "$big")" 850000 'every line of it arrives'

# --- required ---

stop_server
serve -t require
plain() {
  timeout 60 "$python" -S -c '
import socket, sys
s = socket.create_connection((sys.argv[1], 2525))
f = s.makefile("rb")
print(f.readline().decode(), end="")
for line in sys.stdin.buffer:
    s.sendall(line)
    while True:
        reply = f.readline().decode()
        print(reply, end="")
        if reply[3:4] != "-": break
' "$IP"
}
out=$(printf 'EHLO x\r\nMAIL FROM:<a@example.org>\r\nQUIT\r\n' | plain)
like "$out" '^530 ' 'starttls = require: no mail in the clear'
try 'but with STARTTLS' swaks_to 2525 required --tls
stop_server
serve

# --- away ---

stop_tls
out=$(printf 'EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@example.org>\r\nQUIT\r\n' | plain)
like "$out" '^454 4\.7\.0 ' 'tlsd is away: STARTTLS is answered 454'
like "$out" '^250 2\.1\.0 ' 'and the plain session goes on'
out=$(echo QUIT | talk_tls 2465)
unlike "$out" '^220' 'and an address with implicit TLS has nothing to say'
is "$(test -e "$T/tls.sock" && echo there)" '' 'the socket is gone with tlsd'
finish
