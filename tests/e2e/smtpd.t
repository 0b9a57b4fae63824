#!/bin/sh
# smtpd under tcplisten, with real clients
# shellcheck source=tests/e2e/smtpd-lib.sh
. "$(dirname "$0")/smtpd-lib.sh"

exits 0 "--help" "$LIBEXEC/smtpd" --help
like "$(cat "$T/out")" '^usage: smtpd ' '--help shows the usage'
exits 0 "--version" "$LIBEXEC/smtpd" --version
exits 100 "an unknown option" "$LIBEXEC/smtpd" -Z
exits 100 "a number that is none" "$LIBEXEC/smtpd" -r x
exits 100 "submission without anybody to check passwords" "$LIBEXEC/smtpd" -s
exits 100 "STARTTLS without tlsd" "$LIBEXEC/smtpd" -t offer

exits 111 "no control/me" sh -c "cd '$T/tmp' && exec '$LIBEXEC/smtpd'"
like "$(cat "$T/out")" '^421 4.3.0 unable to read controls' 'and the client is told'

serve
body="Subject: test

Hello, wörld.
..two dots
"
printf '%s' "$body" >"$T/body"

try 'swaks' swaks --server "$IP:$PORT" --from a@client.test --to u@example.test --helo client.test --data "$T/body"
like "$(cat "$H"/queue/*.envelope)" '^Fa@client.test' 'the sender'
like "$(cat "$H"/queue/*.envelope)" '^Tu@example.test$' 'the recipient'
like "$(head -2 "$H"/queue/*.message)" "^Received: from unknown \(HELO client.test\) \(127\." 'the Received line'
like "$(head -2 "$H"/queue/*.message)" "^  by $IP with ESMTP; .* -0000\$" 'its second line'
clean

cat >"$T/mail" <<EOF
Subject: eight bits

Größe
.
EOF
try 'curl' curl -sS "smtp://$IP:$PORT/client.test" --mail-from a@client.test --mail-rcpt u@example.test \
  --mail-rcpt v@example.test --upload-file "$T/mail" --crlf
is "$(sed '1,2d' "$H"/queue/*.message)" "$(cat "$T/mail")" 'curl: the message byte for byte'
is "$(grep -c ^T "$H"/queue/*.envelope)" 2 'curl: two recipients'
clean

cat >"$T/msmtprc" <<EOF
account default
host $IP
port $PORT
from a@client.test
auth off
tls off
EOF
chmod 600 "$T/msmtprc"
try 'msmtp' sh -c "msmtp -C '$T/msmtprc' u@example.test <'$T/mail'"
is "$(queued)" 1 'msmtp: a message'
clean

cat >"$T/client.py" <<'EOF'
import os, smtplib, sys, socket, random
ip, port, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
patience = 60 * int(os.environ["PATIENCE"])

def connect():
    s = smtplib.SMTP(ip, port, local_hostname="client.test", timeout=patience)
    s.ehlo()
    return s

def dial():
    s = socket.create_connection((ip, port), timeout=patience)
    return s, s.makefile("rb")

def until(f, reply):
    while not (line := f.readline()).startswith(reply):
        if not line: sys.exit("the session ended without %r" % reply)

if what == "plain":
    s = connect()
    assert s.has_extn("pipelining") and s.has_extn("8bitmime") and s.has_extn("smtputf8") and s.has_extn("size")
    assert s.has_extn("enhancedstatuscodes") and not s.has_extn("auth") and not s.has_extn("starttls")
    s.send_message(__import__("email").message_from_string("Subject: x\n\nhi\n"), "a@client.test", ["u@example.test"])
    s.sendmail("ä@client.test", ["ü@example.test"], b"Subject: x\r\n\r\nhi\r\n", mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    s.quit()
elif what == "big":
    s = connect()
    random.seed(1)
    lines = [b"%064x" % random.getrandbits(256) for i in range(20 * 1024 * 1024 // 66)]
    s.sendmail("a@client.test", ["u@example.test"], b"Subject: big\r\n\r\n" + b"\r\n".join(lines) + b"\r\n")
    open(sys.argv[4], "wb").write(b"Subject: big\n\n" + b"\n".join(lines) + b"\n")
    s.quit()
elif what == "thousand":
    s = connect()
    to = ["u%d@example.test" % i for i in range(1001)]
    refused = s.sendmail("a@client.test", to, "Subject: x\n\nhi\n")
    assert list(refused) == ["u1000@example.test"], refused
    assert refused["u1000@example.test"][0] == 452
    s.quit()
elif what == "flood":
    # Two hundred messages in one write, and the answers only afterwards.
    one = b"MAIL FROM:<a@client.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\n"
    s, f = dial()
    assert f.readline().startswith(b"220 ")
    s.sendall(b"EHLO client.test\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<u@example.test>\r\n" * 1900 + b"RSET\r\n")
    until(f, b"250 2.1.0 ok")
    for i in range(1000): assert f.readline() == b"250 2.1.5 ok\r\n", i
    for i in range(900): assert f.readline() == b"452 4.5.3 too many recipients\r\n", i
    assert f.readline() == b"250 2.0.0 flushed\r\n"
    for i in range(20):
        s.sendall(one + b"Subject: %d\r\n\r\nhi\r\n.\r\n" % i)
    s.sendall(b"QUIT\r\n")
    got = [l[:3] for l in f.read().splitlines()]
    assert got == [b"250", b"250", b"354", b"250"] * 20 + [b"221"], got
elif what == "vanish":
    s, f = dial()
    s.sendall(b"EHLO c\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\n")
    until(f, b"354 ")
    s.sendall(b"Subject: half\r\n\r\nand then")
    s.close()
elif what == "barelf":
    # All of it at once into the kernel: the server does not wait long for a rest.
    s, f = dial()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    s.sendall(b"EHLO c\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\nSubject: x\r\n\r\nhi\n.\r\nMAIL FROM:<evil@client.test>\r\n" + b"x" * 100000)
    data = f.read()
    assert data.splitlines()[-1].startswith(b"550 5.6.0"), data
EOF
try 'smtplib' python3 "$T/client.py" "$IP" "$PORT" plain
is "$(queued)" 2 'smtplib: two messages'
like "$(cat "$H"/queue/*.envelope)" '^Tü@example.test' 'smtplib: an address beyond ASCII'
like "$(cat "$H"/queue/*.message)" 'with UTF8SMTP;' 'and the Received line says so'
clean

try '20 MiB' python3 "$T/client.py" "$IP" "$PORT" big "$T/big"
sed '1,2d' "$H"/queue/*.message >"$T/got" && cmp "$T/got" "$T/big"
ok $? '20 MiB: byte for byte'
clean

try '1001 recipients, of which 1000 are taken' python3 "$T/client.py" "$IP" "$PORT" thousand
is "$(grep -c ^T "$H"/queue/*.envelope)" 1000 '1000 recipients in the envelope'
clean

try 'a pipelined flood' python3 "$T/client.py" "$IP" "$PORT" flood
is "$(queued)" 20 'each message of it'
clean

try 'a client that vanishes in DATA' python3 "$T/client.py" "$IP" "$PORT" vanish
try 'its session ends' wait_for 20 over
is "$(ls "$H/queue")" '' 'and its half message is dropped'
clean

try 'a bare LF: 550 arrives, the session ends' python3 "$T/client.py" "$IP" "$PORT" barelf
is "$(queued)" 0 'nothing of it is queued'
clean

printf '%s\n' 'EHLO c' 'MAIL FROM:<a@client.test>' 'RCPT TO:<u@example.test>' 'RCPT TO:<u@EXAMPLE.test>' 'RCPT TO:<"u"@Example.Test>' \
  'RCPT TO:<U@example.test>' DATA . QUIT | talk >/dev/null
is "$(tr '\n' ' ' <"$(ls "$H"/queue/*.envelope)")" 'Fa@client.test Tu@example.test TU@example.test  ' \
  'one recipient in several spellings is one: domains have no case'
clean

out=$(printf 'EHLO c\nMAIL FROM:<a@client.test>\nRCPT TO:<u@far.test>\nRCPT TO:<u@example.test>\nQUIT\n' | talk)
like "$out" '^553 5\.7\.1 ' 'relaying is refused'
like "$(cat "$H/log")" 'refused: client=127[.0-9]* helo=c from=a@client.test to=u@far.test code=DENIED_RELAYING stage=rcpt reply="553' 'and logged'
like "$(cat "$H/log")" 'accepted: client=127[.0-9]* helo=client.test from=a@client.test recipients=1 to=u@example.test size=[0-9]+ queue=[0-9]+ reply="250 [^"]*" seconds=[0-9.]+$' 'so is a message'

# $IP is the address that the client reaches, 127.0.0.1 one of an interface, 192.0.2.1 nobody's.
echo example.test >"$H/control/localiphost"
printf '%s\n' 'EHLO c' "MAIL FROM:<a@[$IP]>" "RCPT TO:<u@[$IP]>" 'RCPT TO:<v@[127.0.0.1]>' 'RCPT TO:<w@[192.0.2.1]>' \
  DATA . QUIT | talk >/dev/null
is "$(tr '\n' ' ' <"$(ls "$H"/queue/*.envelope)")" 'Fa@example.test Tu@example.test Tv@example.test  ' \
  'localiphost takes the place of all addresses of this machine, and of no others'
rm "$H/control/localiphost"
clean

rm "$H/control/rcpthosts"
out=$(printf 'EHLO c\nMAIL FROM:<a@client.test>\nRCPT TO:<u@far.test>\nRCPT TO:<u@example.test>\nRCPT TO:<u@mx.example.test>\nQUIT\n' | talk)
is "$(echo "$out" | grep -c '^553 5\.7\.1 ')" 2 'no relay without rcpthosts either'
like "$out" '^250 2\.1\.5 ' 'only for its own name'
printf 'example.test\n# comment\n\n.dots.test \t\n' >"$H/control/rcpthosts"

python3 - "$H/control/morercpthosts.cdb" <<'EOF'
import struct, sys
def h(k):
    x = 5381
    for c in k: x = ((x << 5) + x ^ c) & 0xffffffff
    return x
keys = [b"more.test", b".sub.test"]
body, where = b"", []
for k in keys:
    where.append((h(k), 2048 + len(body)))
    body += struct.pack("<II", len(k), 0) + k
tables, head = b"", b""
for i in range(256):
    mine = [w for w in where if w[0] % 256 == i]
    n = len(mine) * 2
    head += struct.pack("<II", 2048 + len(body) + len(tables), n)
    slots = [(0, 0)] * n
    for w in mine:
        j = (w[0] >> 8) % n
        while slots[j] != (0, 0): j = (j + 1) % n
        slots[j] = w
    for s in slots: tables += struct.pack("<II", *s)
open(sys.argv[1], "wb").write(head + body + tables)
EOF
out=$(printf 'EHLO c\nMAIL FROM:<>\nRCPT TO:<u@MORE.test>\nRCPT TO:<u@x.more.test>\nRCPT TO:<u@x.sub.test>\nRCPT TO:<u@a.dots.test>\nQUIT\n' | talk)
is "$(echo "$out" | sed -n '/^250 2.1.0/,$p' | cut -c1-3 | tr '\n' ' ')" '250 250 553 250 250 221 ' 'morercpthosts.cdb'

echo 10 >"$H/control/databytes"
echo 'greetings.test hello' >"$H/control/smtpgreeting"
out=$(printf 'EHLO c\nMAIL FROM:<> SIZE=11\nMAIL FROM:<> SIZE=10\nRCPT TO:<u@example.test>\nDATA\n12345678901\n.\nQUIT\n' | talk)
like "$out" '^220 greetings.test hello ESMTP' 'smtpgreeting'
like "$out" '^250-SIZE 10$' 'databytes in SIZE'
is "$(echo "$out" | grep -c '^552 5\.3\.4 ')" 2 'databytes: declared and counted'
serve DATABYTES=0
like "$(printf 'EHLO c\nQUIT\n' | talk)" '^250-SIZE 0$' 'DATABYTES in the environment overrides it'
rm "$H/control/databytes" "$H/control/smtpgreeting"
serve
like "$(printf 'EHLO c\nQUIT\n' | talk)" '^250-SIZE 52428800$' 'a message has a limit by default'

for i in '31 554' '11 554' '35 554' '53 452' '51 451' '71 451' '99 451' '120 451'; do
  serve "QUEUE_EXIT=${i% *}"
  out=$(printf 'EHLO c\nMAIL FROM:<>\nRCPT TO:<u@example.test>\nDATA\nx\n.\nQUIT\n' | talk | tail -2 | head -1)
  like "$out" "^${i#* } " "exit ${i% *} of the queue program is ${i#* }"
done
is "$(printf 'HELO c\n%s' "$(yes NOOP | head -200)" | talk | grep -c ^250)" 100 'commands without a message are bounded'
clean
cat >"$H/bin/words" <<'EOF'
#!/bin/sh
cat >/dev/null
echo 'Dno viruses, please (#5.7.1)' >&6
sleep 3 &
exit 82
EOF
chmod 755 "$H/bin/words"
serve QMAILQUEUE=bin/words
like "$(printf 'EHLO c\nMAIL FROM:<>\nRCPT TO:<u@example.test>\nDATA\nx\n.\nQUIT\n' | talk)" \
  '^554 5\.7\.1 no viruses, please \(#5\.7\.1\)$' 'exit 82: the words that it wrote to descriptor 6'
serve QMAILQUEUE=/nonexistent
test -n "${MEMCHECK:-}" || # where a parent does not learn that an exec failed, because vfork is fork
  like "$(printf 'EHLO c\nMAIL FROM:<>\nRCPT TO:<u@example.test>\nDATA\nQUIT\n' | talk)" '^451 4\.3\.0 ' 'no queue program'
cat >"$H/bin/filter" <<'EOF'
#!/bin/sh
{ echo "X-Filtered: yes"; cat; } | bin/queue
EOF
chmod 755 "$H/bin/filter"
serve QMAILQUEUE=bin/filter
try 'QMAILQUEUE' swaks --server "$IP:$PORT" --from a@client.test --to u@example.test --helo client.test
like "$(head -1 "$H"/queue/*.message)" '^X-Filtered: yes' 'composes'
clean

echo 1 >"$H/control/timeoutsmtpd"
serve
cat >"$T/stalled.py" <<'EOF'
import os, socket, sys
ip, port, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def dial():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(60 * int(os.environ["PATIENCE"]))
    s.connect((ip, port))
    return s, s.makefile("rb")

def data():
    # A client that was held up until its time was over begins anew.
    while True:
        s, f = dial()
        try:
            s.sendall(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<u@example.test>\r\nDATA\r\n")
            for line in f:
                if line.startswith(b"354"): return s, f
        except ConnectionError:
            pass

if what == "silent":
    s, f = dial()
    print(f.read().decode())
elif what == "data":
    s, f = data()
    s.sendall(b"Subject: half\r\n\r\nand no m")
    print(f.read().decode())
elif what == "endless":
    s, f = data()
    try:
        while True: s.sendall(b"x" * 1000 + b"\r\n")
    except ConnectionError:
        print(f.readline().decode())
elif what == "deaf":
    # It never reads: once the buffers are full nothing more is taken from it, and then it is dropped.
    s, f = dial()
    try:
        while True: s.sendall(b"HELP\r\n" * 1000)
    except ConnectionError:
        print("dropped")
EOF
stalled() { timeout 60 python3 "$T/stalled.py" "$IP" "$PORT" "$1"; }
like "$(stalled silent)" '^421 4\.4\.2 timeout' 'a silent client is told and left'
like "$(stalled data)" '^421 4\.4\.2 timeout' 'one that stalls in DATA is told and left'
is "$(queued)" 0 'and its half message not queued'
wait_for 20 over
is "$(ls "$H/queue")" '' 'nor kept'
is "$(stalled deaf)" dropped 'one that never reads is dropped'
rm "$H/control/timeoutsmtpd"
serve -w 1
like "$(stalled silent)" '^421 4\.4\.2 session time is over' 'so is one that takes too long in all'

like "$(stalled endless)" '^421 4\.4\.2 session time is over' 'and one that never stops sending'
is "$(queued)" 0 'whose message is not queued'

serve -g 60000
like "$(printf 'EHLO c\nQUIT\n' | talk)" '^554 5\.5\.1 you talked before my greeting' 'greet-delay: who talks first is refused'
like "$(cat "$H/log")" 'refused: .*code=DENIED_EARLYTALKER stage=connection' 'which the log says in the words of spamdyke'
serve -g 300
try 'greet-delay: who waits is served' swaks --server "$IP:$PORT" --from a@client.test --to u@example.test --helo client.test

serve -e 2/4 -y 1
out=$(printf 'EHLO c\nA\nB\nC\nD\nE\n' | talk)
is "$(echo "$out" | tail -1)" '421 4.7.0 too many errors' 'errors end the session'
serve -m 1
out=$(printf 'EHLO c\nMAIL FROM:<>\nRCPT TO:<u@example.test>\nDATA\n.\nMAIL FROM:<>\n' | talk)
is "$(echo "$out" | tail -1)" '421 4.7.0 too many messages in this session' 'so do too many messages'

serve
python3 -c '
import socket, sys, os, signal
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
f = s.makefile()
f.readline()
os.kill(int(sys.argv[3]), signal.SIGTERM)
s.sendall(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<u@example.test>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
print(f.read())' "$IP" "$PORT" "$server" >"$T/out"
wait "$server"
server=
like "$(cat "$T/out")" '^250 2\.0\.0 ok [0-9]+ qp' 'a session that runs when the service stops may end'

serve -t offer -T "$T/no.sock"
out=$(python3 -c '
import os, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60 * int(os.environ["PATIENCE"]))
f = s.makefile()
for say in "EHLO c", "STARTTLS", "NOOP", "QUIT":
    s.sendall(say.encode() + b"\r\n")
    if say == "EHLO c": f.readline()
    while True:
        l = f.readline()
        print(l, end="")
        if l[3:4] != "-": break' "$IP" "$PORT")
like "$out" '^250-STARTTLS$' 'STARTTLS is offered'
is "$(echo "$out" | sed '1,/^250 ENH/d' | cut -c1-3 | tr '\n' ' ')" '454 250 221 ' 'tlsd is away: 454, and the session goes on'
is "$(printf 'EHLO c\nSTARTTLS\nNOOP\n' | talk | tail -1 | cut -c1-3)" 554 'plaintext behind STARTTLS ends it'
serve -t require -T "$T/no.sock"
out=$(printf 'EHLO c\nMAIL FROM:<a@client.test>\nQUIT\n' | talk)
like "$out" '^530 5\.7\.0 ' 'STARTTLS required'
"$LIBEXEC/smtpd" --help >/dev/full 2>/dev/null
is $? 111 'a help that cannot be written'
printf 'QUIT\r\n' >"$T/in"
(cd "$H" && "$LIBEXEC/smtpd" <"$T/in" >"$T/out" 2>/dev/null)
like "$(cat "$T/out")" '^221 2\.0\.0 mx\.example\.test' 'from a file, without any server'
exits 1 'TLS at once, and tlsd is away' sh -c "cd '$H' && TCPLOCALLABEL=tls exec '$LIBEXEC/smtpd' -T no.sock <'$T/in'"
is "$(cat "$T/out")" '' 'no word in the clear where TLS comes first'

finish
