#!/bin/sh
# What a stranger can have written into smtpd's log: a session has a bound, and all sessions of one source together.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
exits 0 "up" m up
cat >"$T/client.py" <<'END'
import socket, sys
ip, sessions, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for i in range(sessions):
    s = socket.create_connection((ip, 2525), 60)
    f = s.makefile("rb")
    s.sendall(b"EHLO " + b"c" * 200 + b"\r\nMAIL FROM:<a@b.example>\r\n")
    s.sendall(b'RCPT TO:<"%s"@example.test>\r\n' % (b'\\"' * 80) * each + b"QUIT\r\n")
    f.read()
END
log() { cat "$T/b/log/smtpd/current" "$T"/b/log/smtpd/@* 2>/dev/null; }
bytes() { log | grep 'refused:' | wc -c; }

timeout 60 python3 "$T/client.py" "$IP" 1 9
try "refusals are logged" wait_for 20 said smtpd 'refused: .*stage=rcpt'
one=$(bytes)
test $((one / 9)) -lt 1100
ok $? "a line of quotes is no longer than others ($((one / 9)) bytes)"
timeout 120 python3 "$T/client.py" "$IP" 30 9
try "what is left out is said" wait_for 20 said smtpd 'left-out: client=[0-9.]* helo=c.* lines=[0-9]+$'
test "$(bytes)" -lt 100000
ok $? "thirty sessions of one source fill no more than its share ($(bytes) bytes of refusals)"
swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test >"$T/swaks" 2>&1
ok $? "it is still served"
try "and what is accepted is logged" wait_for 20 said smtpd 'accepted: .*to=postmaster@example.test'
exits 0 "down" m down
finish
