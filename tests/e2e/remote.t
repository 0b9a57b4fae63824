#!/bin/sh
# remote against a DNS and servers of its own, odd ones among them: which server it chooses, what it says there, what it
# reports.
. "$(dirname "$0")/remote-lib.sh"

mkdir control
echo me.test >control/me
echo 2 >control/timeoutconnect
echo $((3 * PATIENCE)) >control/timeoutremote
printf 'Subject: hello\n\nbody\n' >plain
printf 'Subject: hello\n\nb\303\266dy\n' >eight

# send HOST LOCALPART...: the report, a line each; $message, $options
message=plain
options=
send() {
  host=$1
  shift
  for name; do
    set -- "$@" "$name@$host"
    shift
  done
  # shellcheck disable=SC2086
  "$LIBEXEC/remote" -n 127.0.0.1 $options "$host" from@me.test "$@" <$message >report 2>err || echo "exit $?"
  tr '\n\0' ' \n' <report
}

exits 0 "remote --help" "$LIBEXEC/remote" --help
exits 100 "too few arguments" "$LIBEXEC/remote" a.test x@me.test
exits 100 "a rule for TLS that is none" "$LIBEXEC/remote" -t 'a.test perhaps' a.test x@me.test y@a.test

cat >zone <<'END'
plain.test MX 10 mx.plain.test
mx.plain.test A 10.1.0.1
second.test MX 5 mx.away.test
second.test MX 10 mx.refuses.test
second.test MX 20 mx.plain.test
mx.away.test A 10.1.9.9
mx.refuses.test A 10.1.0.2
noaddress.test MX 10 nothing.test
nothing.test TXT x
address.test A 10.1.0.1
six.test MX 10 mx.six.test
mx.six.test AAAA fd00::1
null.test MX 0 .
alias.test CNAME plain.test
hostalias.test MX 10 www.plain.test
www.plain.test CNAME mx.plain.test
fail.test FAIL
own.test MX 10 me.test
own.test MX 20 mx.plain.test
me.test A 10.1.0.1
home.test MX 10 mx.home.test
mx.home.test A 127.0.0.1
behind.test MX 10 mx.plain.test
behind.test MX 20 mx.home.test
relay.test A 10.1.0.1
END
dns

# --- which server --------------------------------------------------------------------------------------

odd plain.d 10.1.0.1 refuse=nobody
odd six.d fd00::1
odd refuses.d 10.1.0.2 'connect=554 no service'
like "$(send plain.test joe)" '^K10\.1\.0\.1 accepted message\. Remote host said: 250 2\.0\.0 taken $' "a message is accepted"
is "$(head -2 plain.d/1)" "<from@me.test> SIZE=24 RET=HDRS
<joe@plain.test>" "with its envelope, its size, and what else was offered"
is "$(sed 1,2d plain.d/1 | tr -d '\r')" "$(cat plain)" "and whole"
like "$(send plain.test joe nobody ann later)" '^r$' "several recipients: one report each"
is "$(tr '\n\0' ' \n' <report | cut -c1 | head -5)" "r
h
r
s
K" "in their order: taken, refused, taken, refused for now; then the message's"
like "$(tr '\n\0' ' \n' <report)" '^h10\.1\.0\.1 does not like recipient\. Remote host said: 550 5\.1\.1 no such user here $' "with the server's words"
is "$(sed -n 2p plain.d/2)" "<joe@plain.test> <ann@plain.test>" "in one transaction"
like "$(send plain.test nobody)" '^DGiving up on 10\.1\.0\.1\.' "nobody taken: the message is given up"
like "$(send second.test joe)" '^K10\.1\.0\.1 ' "exchangers in order: the next one, where one is down, and where one refuses all"
like "$(send address.test joe)" '^K10\.1\.0\.1 ' "without MX records: the address"
like "$(send six.test joe)" '^Kfd00::1 ' "IPv6"
like "$(send alias.test joe)" '^K10\.1\.0\.1 ' "a domain that is an alias"
like "$(send hostalias.test joe)" '^K10\.1\.0\.1 ' "an exchanger that is an alias"
like "$(send '[10.1.0.1]' joe)" '^K10\.1\.0\.1 ' "an address in brackets"
like "$(send null.test joe)" '^Dthe domain takes no mail \(#5\.1\.10\)' "null MX: none is tried, for good"
like "$(send nowhere.test joe)" '^Dthere is no such domain \(#5\.1\.2\)' "no such domain: for good"
like "$(send noaddress.test joe)" '^Dno mail exchanger of the domain has an address \(#5\.4\.4\)' "no address: for good"
like "$(send fail.test joe)" '^Zthe DNS could not tell' "SERVFAIL: for now"
like "$(send own.test joe)" '^Dthis machine is the domain.s best mail exchanger.*\(#5\.4\.6\)' "we are the best exchanger, by name: a loop"
like "$(send home.test joe)" '^Dthis machine is the domain.s best' "by address: a loop"
like "$(send '[127.0.0.1]' joe)" '\(#5\.4\.6\)' "an address of ours: a loop"
like "$(send behind.test joe)" '^K10\.1\.0\.1 ' "what is behind us is left out, what is before us is tried"
before=$(got plain.d)
echo 'nowhere.test:relay.test' >control/smtproutes
echo '.sub.test:[10.1.0.1]:25' >>control/smtproutes
like "$(send nowhere.test joe)" '^K10\.1\.0\.1 ' "a route"
like "$(send a.sub.test joe)" '^K10\.1\.0\.1 ' "a route for all below, to an address and a port"
is "$(got plain.d)" $((before + 2)) "both arrived"
echo 'nowhere.test:relay.test:x' >control/smtproutes
like "$(send nowhere.test joe)" '^Zsmtproutes has a mistake' "a route with a mistake: for now"
rm control/smtproutes
like "$(send 'b\303\274cher.test' joe)" '^D' "a name outside of ASCII"
mv control/me control/you
like "$(send plain.test joe)" '^Zunable to read control/me ' "without control/me: for now"
mv control/you control/me

# --- what it says there --------------------------------------------------------------------------------

strange slow.test 'offer=8BITMIME'
like "$(send slow.test joe ann)" '^K' "without PIPELINING"
is "$(sed -n 2p slow.test.d/1)" "<joe@slow.test> <ann@slow.test>" "both recipients"
strange old.test 'EHLO=502 what?'
like "$(send old.test joe)" '^K' "a server that knows HELO alone"
message=eight
like "$(send plain.test joe)" '^K' "bytes above 127 where the server takes them"
like "$(head -1 "plain.d/$(got plain.d)")" ' BODY=8BITMIME' "are announced"
like "$(send old.test joe)" '^D.*8BITMIME\) \(#5\.6\.3\)' "and refused where it does not"
message=plain
strange small.test 'offer=SIZE 10'
like "$(send small.test joe)" '^D.*larger than it takes \(#5\.3\.4\)' "a message that is too large is not begun"
is "$(grep -c MAIL small.test.d/log)" 0 "MAIL is not said"
like "$(send plain.test 'j\303\266')" '^K' "an address in UTF-8 where the server takes it"
like "$(send slow.test "$(printf 'j\303\266')")" '^D.*\(#5\.6\.7\)' "and refused where it does not"
# what a server that takes a bare LF or CR for a line end would take for the end of the message
printf 'Subject: x\n\n\r.\r\nMAIL FROM:<evil@me.test>\r\n.\n\n.\r\nend\r.\r' >smuggled
message=smuggled
like "$(send plain.test joe)" '^K' "a message with bare CR"
is "$(grep -c BARE plain.d/log)" 0 "no bare CR or LF leaves"
is "$(tail -c 10 "plain.d/$(got plain.d)" | od -An -c | tr -d ' \n')" '.\r\nend.\r\n' "it became a blank"
message=plain
like "$("$LIBEXEC/remote" -n 127.0.0.1 plain.test from@me.test "$(printf 'a\r\nDATA@plain.test')" <plain | tr '\0' '\n')" \
  '^DSMTP cannot carry one of the addresses' "an address with a line end is sent nowhere"

# --- odd servers ---------------------------------------------------------------------------------------

strange talks.test lines=200
like "$(send talks.test joe)" '^K' "a greeting of 200 lines"
strange endless.test lines=20000
like "$(send endless.test joe)" '^Zno mail exchanger did: .*the answer is too long' "a greeting without an end"
strange mute.test connect=stall
like "$(send mute.test joe)" '^Z.*at the greeting: Connection timed out' "a server that says nothing"
strange stalls.test RCPT=stall
like "$(send stalls.test joe)" '^Z.*at RCPT: Connection timed out' "one that stalls at RCPT"
strange resets.test MAIL=reset
like "$(send resets.test joe)" '^Z.*at MAIL: ' "one that resets the connection"
strange closes.test DATA=close
like "$(send closes.test joe)" '^Z.*at DATA: closed the connection' "one that closes at DATA"
strange http.test 'connect=HTTP/1.1 400 Bad Request'
like "$(send http.test joe)" '^Z.*at the greeting: the answer is not SMTP' "one that is no SMTP server"
strange never.test 'MAIL=550 5.7.1 go away'
like "$(send never.test joe)" '^DConnected to .* but sender was rejected\. Remote host said: 550 5\.7\.1 go away' "a sender that is refused"
strange busy.test 'MAIL=451 4.3.0 later'
like "$(send busy.test joe)" '^ZConnected to .* but sender was rejected\.' "for now"
strange nodata.test 'DATA=554 no'
like "$(send nodata.test joe)" '^DConnected to .* but DATA was rejected\.' "DATA that is refused"
strange after.test 'DOT=554 5.6.0 spam'
like "$(send after.test joe)" '^D.* but the message was rejected\. Remote host said: 554 5\.6\.0 spam' "a refusal after the dot"
strange later.test 'DOT=452 4.3.1 full'
like "$(send later.test joe)" '^Z.* but the message was rejected\.' "for now"
strange unknown.test DOT=close
like "$(send unknown.test joe)" '^Z.*died after the message\. Possible duplicate! .*\(#4\.4\.2\)' "no answer to the dot: unknown"
strange early.test early
head -c 9000000 /dev/zero | tr '\0' x | fold >large
message=large
like "$(send early.test joe)" '^D.*Remote host said: 552 5\.3\.4 too much' "an answer amidst the message is heard"
like "$(send plain.test joe)" '^K' "a large message arrives"
is "$(sed 1,2d "plain.d/$(got plain.d)" | tr -d '\r' | cksum)" "$({ cat large; echo; } | cksum)" "as it was"
message=plain

# --- TLS -----------------------------------------------------------------------------------------------

# certificate NAME: NAME.pem, signed by ca.pem, for NAME
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=authority -keyout ca.key -out ca.pem \
  -days 2 2>/dev/null
certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  echo "subjectAltName = DNS:$1" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
  cat "$1.crt" "$1.key" >"$1.pem"
}
certificate tls.test
strange tls.test cert=tls.test.pem
like "$(send tls.test joe)" '^K.* accepted message \(TLSv1\.[23] [A-Z0-9_-]*, not verified\)\.' "TLS where it is offered"
is "$(grep -cx TLS tls.test.d/log)" 1 "the session was in TLS"
options='-C ca.pem'
# with CONTROL/-t: rules of two words need care with the shell
rule() {
  rule=$1
  shift
  # shellcheck disable=SC2086
  "$LIBEXEC/remote" -n 127.0.0.1 $options -t "$rule" "$1" from@me.test "joe@$1" <plain 2>err | tr '\n\0' ' \n'
}
like "$(rule 'tls.test none' tls.test)" '^K[0-9.]* accepted message\.' "none: in the clear"
like "$(rule 'tls.test encrypt' tls.test)" '^K.*not verified' "encrypt: any certificate"
like "$(rule 'tls.test verify' tls.test)" '^K.*, verified\)' "verify: one that an authority signed"
like "$(rule '* encrypt' plain.test)" '^Z.*at STARTTLS: TLS is not offered' "encrypt where it is not offered: for now"
strange other.test cert=tls.test.pem
like "$(rule 'other.test verify' other.test)" '^Z.*at the TLS handshake: hostname mismatch' "verify: another's certificate"
options='-C tls.test.crt'
like "$(rule 'tls.test verify' tls.test)" '^Z.*at the TLS handshake: unable to get local issuer certificate' "verify: an unknown authority"
options=
strange inject.test cert=tls.test.pem inject
like "$(send inject.test joe)" '^Z.*goes on in the clear' "what is said before TLS does not count in it"
strange broken.test cert=tls.test.pem 'STARTTLS=220 go'
like "$(send broken.test joe)" '^K[0-9.]* accepted message\.' "a handshake that fails: once more, in the clear"
like "$(rule 'broken.test encrypt' broken.test)" '^Z.*at the TLS handshake' "but not where TLS is wanted"
strange notnow.test cert=tls.test.pem 'STARTTLS=454 not now'
like "$(send notnow.test joe)" '^K[0-9.]* accepted message\.' "STARTTLS refused: on in the clear"

# --- DANE ----------------------------------------------------------------------------------------------

digest() { openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c1-64; }
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout self.key -out self.crt -days 2 2>/dev/null
cat self.crt self.key >self.pem
# dane DOMAIN TLSA: a validated domain with such a record
dane() {
  dane=$1
  record=$2
  shift 2
  strange "mx.$dane" "$@"
  printf '%s\n' "$dane MX 10 mx.$dane" "$dane AD" "mx.$dane AD" "_25._tcp.mx.$dane $record" \
    "_25._tcp.mx.$dane AD" >>zone
}
dane good.test "TLSA 3 1 1 $(digest self.crt)" cert=self.pem
like "$(send good.test joe)" '^K.*, verified by DANE\)' "a record that the certificate matches"
dane bad.test "TLSA 3 1 1 $(digest ca.pem)" cert=self.pem
like "$(send bad.test joe)" '^Z.*at the TLS handshake: ' "one that it does not"
dane strip.test "TLSA 3 1 1 $(digest self.crt)"
like "$(send strip.test joe)" '^Z.*TLS is not offered' "a record, and TLS is not offered"
dane lost.test FAIL cert=self.pem
like "$(send lost.test joe)" '^Z.*not tried: the DNS could not tell its certificate' "a record that the DNS cannot tell"
dane pkix.test "TLSA 1 1 1 $(digest ca.pem)" cert=self.pem
like "$(send pkix.test joe)" '^K.*, not verified\)' "a record of no use for mail: any certificate"
dane unsigned.test "TLSA 3 1 1 $(digest ca.pem)" cert=self.pem
sed -i '/^unsigned.test AD/d' zone
like "$(send unsigned.test joe)" '^K.*, not verified\)' "names that are not validated: no DANE"
ip address add 10.2.0.1/32 dev lo
served dns2 python3 "$tools/dnsd.py" 10.2.0.1 53 zone
like "$("$LIBEXEC/remote" -n 10.2.0.1 bad.test from@me.test joe@bad.test <plain | tr '\n\0' ' \n')" '^K.*, not verified\)' \
  "a resolver that is not on this machine is not believed"

# --- MTA-STS -------------------------------------------------------------------------------------------

cat >sts.py <<'END'
import socketserver, os
class H(socketserver.StreamRequestHandler):
    def handle(self):
        n = b""
        while (c := self.rfile.read(1)) != b":":
            n += c
        domain = self.rfile.read(int(n) + 1)[:-1].split()[1].decode()
        a = {"tls.test": "OK secure match=tls.test servername=hostname", "other.test": "OK secure match=.other.test servername=hostname",
             "busy.test": "TEMP"}.get(domain, "NOTFOUND ").encode()
        self.wfile.write(b"%d:%s," % (len(a), a))
s = socketserver.ThreadingUnixStreamServer("sts.sock", H)
print(flush=True)
s.serve_forever()
END
served sts python3 sts.py
options='-C ca.pem -m sts.sock'
like "$(send tls.test joe)" '^K.*, verified\)' "an enforced policy: the certificate is verified"
like "$(send other.test joe)" '^Zno mail exchanger did: the MTA-STS policy allows none of them' "an exchanger that it does not name is not tried"
like "$(send plain.test joe)" '^K' "no policy"
like "$(send busy.test joe)" '^Znobody could tell the domain.s MTA-STS policy' "a policy that nobody can tell: for now"
options='-m nobody.sock'
like "$(send plain.test joe)" '^Znobody could tell' "nobody there to tell it: for now"
options=

# --- relays with passwords -----------------------------------------------------------------------------

certificate smart.test
strange smart.test cert=smart.test.pem login=joe:se:cret
strange plainsmart.test login=joe:secret mechanisms=LOGIN
printf '%s\n' ':smart.test' 'b.test:plainsmart.test' >control/smtproutes
printf 'smart.test joe se:cret\nplainsmart.test joe secret\n' >passwords
options='-C ca.pem -a passwords'
chmod 644 passwords
like "$(send any.test joe)" '^Zothers may read the file with the passwords' "a file that others may read is not used"
chmod 600 passwords
like "$(send any.test joe)" '^K.*, verified\)' "AUTH PLAIN, and TLS that is verified"
like "$(grep AUTH smart.test.d/log)" '^AUTH PLAIN' "after TLS"
like "$(send b.test joe)" '^Z.*TLS is not offered' "no password goes out without it"
like "$(rule 'plainsmart.test none' b.test)" '^K' "unless a rule says so; AUTH LOGIN"
printf 'smart.test joe wrong\n' >passwords
like "$(send any.test joe)" '^Z.*at AUTH: 535 no' "a password that is refused: for now"
options=
rm control/smtproutes

# --- as a service --------------------------------------------------------------------------------------

served served s6-ipcserver -1 -a 0600 remote.sock "$LIBEXEC/remote" -s -n 127.0.0.1
cat >ask.py <<'END'
import socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect("remote.sock")
with open(sys.argv[1], "rb") as f:
    words = b"".join(w.encode() + b"\0" for w in sys.argv[2:])
    socket.send_fds(s, [struct.pack(">I", len(words))], [f.fileno()])
    s.sendall(words)
    while (got := s.recv(65536)):
        sys.stdout.write(got.replace(b"\n", b" ").replace(b"\0", b"\n").decode())
END
{ cat plain; echo "the envelope"; } >file
like "$(python3 ask.py file "$(wc -c <plain)" plain.test from@me.test joe@plain.test)" '^K10\.1\.0\.1 ' "a request by socket"
is "$(sed 1,2d "plain.d/$(got plain.d)" | tr -d '\r')" "$(cat plain)" "of the file, only the message is sent"
is "$(python3 ask.py file 5 plain.test)" "" "a request that is none gets no answer"

# --- what it can do no more ----------------------------------------------------------------------------

echo 600 >control/timeoutremote
"$LIBEXEC/remote" -n 127.0.0.1 mute.test from@me.test joe@mute.test <plain >/dev/null 2>&1 &
waiting=$!
on_exit "kill $waiting"
if test "$(awk '/^Seccomp:/ { print $2 }' /proc/self/status)" != 2 && ! grep -q SANITIZE "$B/flags" 2>/dev/null; then
  wait_for 20 grep -q '^Seccomp:.2' "/proc/$waiting/status"
  ok $? "it has given up what it does not need before it listens to a server"
fi
kill $waiting

messages=$(got plain.d)
# asked without a message, as the plugin checkback does
message=/dev/null
options=-p
is "$(send plain.test joe nobody)" "$(printf 'r\nh10.1.0.1 does not like recipient. Remote host said: 550 5.1.1 no such user here \nK10.1.0.1 would take a message. ')" "-p asks for each recipient"
is "$(got plain.d)" "$messages" "and sends nothing"
message=plain
options=
printf '#!/bin/sh\necho >>"%s/asked"\nexec "%s/remote" -n 127.0.0.1 -c "%s/control" "$@"\n' "$T" "$LIBEXEC" "$T" >remote
chmod +x remote
checkback() {
  env CHECKBACKREMOTE="$T/remote" CHECKBACKCACHE="$T/cache" SMTPMAILFROM="$1" ${2-A=b} "$LIBEXEC/plugins/checkback" 2>back.err
}
is "$(checkback joe@plain.test)" "" "checkback: a sender whose server takes mail for him"
is "$(checkback nobody@plain.test)" "E550 5.1.8 sorry, the sender's own server takes no mail for him" "checkback: one for whom it takes none"
is "$(checkback later@plain.test)" "" "checkback: whoever cannot be asked now gets through"
is "$(checkback joe@plain.test; checkback nobody@plain.test)" "E550 5.1.8 sorry, the sender's own server takes no mail for him" "checkback: the same from its cache"
is "$(wc -l <asked)" 3 "checkback asks once"
is "$(checkback nobody@plain.test RELAYCLIENT=)$(checkback "")" "" "checkback: our own users and bounces are not checked"
echo damaged >cache
is "$(checkback joe@plain.test)" "" "checkback: a damaged cache is no obstacle"

# whoever waited for the report is gone before the last dot
strange patient.test DATA=stall
mkfifo reader
"$LIBEXEC/remote" -n 127.0.0.1 patient.test from@me.test joe@patient.test <plain >reader 2>/dev/null &
waiting=$!
on_exit "kill $waiting"
exec 9<reader
wait_for 20 grep -q DATA patient.test.d/log
exec 9<&-
is "$(got patient.test.d)" 0 "nothing was delivered meanwhile"
kill $waiting
finish
