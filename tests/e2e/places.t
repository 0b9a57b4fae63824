#!/bin/sh
# Silent connections do not keep anybody out: a newcomer gets the place of one of them, people log in and mail is taken
# while all places are held; who has something to say keeps his.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

mail_bundle || exit 111
sed -i '/^\[submission\]/,/^\[/{s/^#*concurrency = .*/concurrency = 40/;s/^#*per-client = .*/per-client = 10/;s/^#*auth-plaintext = .*/auth-plaintext = yes/}' "$C"
password=$(sed -n 's/^  AUTH password  \([^ ]*\) .*/\1/p' "$T/init.out")
try "up" m up
# silent FILE N ADDRESS...: N connections from each address, held until they are closed; then how each ended
cat >"$T/silent.py" <<'END'
import select, socket, sys
ip, file, n, sources = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
held = []
for source in sources:
    for _ in range(n):
        s = socket.socket()
        s.bind((source, 0))
        s.connect((ip, 2587))
        held.append(s)
greeted = sum(s.recv(512)[:3] == b"220" for s in held)
open(file, "w").write("%d\n" % greeted)
sys.stdin.read()
gone = 0
for s in held:
    s.setblocking(False)
    try: gone += b"421 4.7.0" in s.recv(512)
    except BlockingIOError: pass
print(gone)
END
mkfifo "$T/hold"
python3 "$T/silent.py" "$IP" "$T/held" 10 127.0.1.1 127.0.1.2 127.0.1.3 127.0.1.4 127.0.1.5 127.0.1.6 <"$T/hold" >"$T/gone" &
silent=$!
on_exit "kill $silent 2>/dev/null"
exec 7>"$T/hold"
try "sixty silent connections from six addresses, for forty places" wait_for 60 test -s "$T/held"
like "$(m status -o submission.scarce,submission.connections)" '^1	' "status tells that places run short"
log_in() {
  swaks --silent 3 -s "$IP:2587" --local-interface "127.0.2.$1" --auth PLAIN --auth-user postmaster --auth-password "$password" \
    -f postmaster@example.test -t postmaster@example.test
}
for i in 1 2 3; do try "somebody else logs in and sends ($i)" log_in $i; done
# Who has logged in keeps his place, whoever comes.
cat >"$T/stays.py" <<'END'
import base64, socket, sys
s = socket.create_connection((sys.argv[1], 2587)); f = s.makefile("rb")
f.readline()
s.sendall(b"EHLO c\r\n")
while f.readline()[3:4] == b"-": pass
s.sendall(b"AUTH PLAIN " + base64.b64encode(b"\0postmaster\0" + sys.argv[2].encode()) + b"\r\n")
print(f.readline()[:3].decode(), flush=True)
sys.stdin.read()
s.sendall(b"NOOP\r\n")
print(f.readline()[:3].decode())
END
mkfifo "$T/stay"
python3 "$T/stays.py" "$IP" "$password" <"$T/stay" >"$T/stays" 7>&- &
stays=$!
on_exit "kill $stays 2>/dev/null"
exec 6>"$T/stay"
wait_for 30 grep -q 235 "$T/stays"
mkfifo "$T/hold2"
python3 "$T/silent.py" "$IP" "$T/held2" 10 127.0.3.1 127.0.3.2 127.0.3.3 127.0.3.4 127.0.3.5 127.0.3.6 <"$T/hold2" >"$T/gone2" 6>&- 7>&- &
on_exit "kill $! 2>/dev/null"
exec 5>"$T/hold2"
wait_for 60 test -s "$T/held2"
exec 6>&-
wait "$stays"
is "$(sed -n 2p "$T/stays")" 250 "who has logged in keeps his place while sixty others come"
exec 7>&-
wait "$silent"
test "$(cat "$T/gone")" -ge 20
ok $? "silent ones were told to leave ($(cat "$T/gone"))"
test "$(m status -o submission.yielded)" -ge 20
ok $? "status counts them"
try "nobody else was harmed: a message is taken at 2525" swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test
finish
