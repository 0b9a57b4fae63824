#!/bin/sh
# Clients that do what they should not, and programs that ask tlsd what they should not: each loses its own
# session at most, and what is running does not notice.
# shellcheck source=tests/e2e/tls-lib.sh
. "$(dirname "$0")/tls-lib.sh"

# Less than smtpd waits for tlsd, which PATIENCE does not change.
start_tls 'handshake 10000' 'idle 3600000'
serve
here=$(dirname "$0")
client() { timeout 1000 "$python" -S "$here/tls-client.py" "$IP" "$1" "$IP"; }
say() { printf '%s\n' "$@"; }
messages() { find "$H/queue" -name '*.message' | wc -l; }

# A session that is there all the time
mkfifo "$T/old"
client 2525 <"$T/old" >"$T/old.out" &
old=$!
exec 8>"$T/old"
on_exit 'exec 8>&-; kill $old 2>/dev/null'
say starttls 'say EHLO again' >&8
wait_for 20 grep -q '^250' "$T/old.out"
is "$(sed 's/ready.*/ready/' "$T/old.out" | tr '\n' ,)" '220 mx.example.test ESMTP,220 2.0.0 ready,TLSv1.3,250 ENHANCEDSTATUSCODES,' 'a session begins'

# --- STARTTLS ---

out=$(say starttls 'say STARTTLS' 'say EHLO x' 'say STARTTLS' 'say QUIT' | client 2525)
is "$(echo "$out" | grep -c '^50[23]')" 2 'STARTTLS twice is refused'
out=$(say 'say EHLO x' 'send STARTTLS\r\nMAIL FROM:<injected@example.org>\r\n' read | client 2525)
unlike "$out" '^220 2\.0\.0' 'text behind STARTTLS: no TLS'
unlike "$out" '^250 2\.1\.0' 'and the text is not obeyed'
like "$out" '^(554|501|503|500|421) ' 'the session ends'
out=$(say 'say EHLO x' 'say MAIL FROM:<plain@example.org>' starttls 'say RCPT TO:<b@example.test>' 'say MAIL FROM:<a@example.org>' 'say QUIT' | client 2525)
like "$out" '^503' 'a sender from before the handshake is forgotten'

# --- bad beginnings ---

failed=$(counter handshakes-failed)
begin() { test $port = 2465 || say 'say EHLO x' 'say STARTTLS'; }
# These two are waited for as long as a handshake may take.
waiting=
for port in 2465 2525; do
  (begin; say read) | client $port >"$T/silent.$port" &
  waiting="$waiting $!"
  (begin; say 'send \x16\x03\x01\x02\x00\x01\x00\xff\xff\xff\xffgarbage that is no ClientHello' read) |
    client $port >"$T/garbage.$port" &
  waiting="$waiting $!"
done
for port in 2465 2525; do
  out=$( (begin; say 'send EHLO plain.example\r\n' read) | client $port)
  unlike "$(echo "$out" | tail -n 1)" '^2' "$port: plain text is not obeyed"
  out=$( (begin; say 'send \x16\x03\x01\x02' cut) | client $port)
  for end in cut reset; do
    out=$( (begin; say hello $end) | client $port)
    ok $(($(echo "$out" | tail -n 1) <= 100)) "$port: a client that leaves after the server's answer ($end)"
  done
  out=$( (begin; say cut) | client $port)
  out=$( (begin; say reset) | client $port)
done
# shellcheck disable=SC2086 # several
wait $waiting
for port in 2465 2525; do
  unlike "$(tail -n 1 "$T/garbage.$port")" '^2' "$port: a bad ClientHello is answered with nothing but an alert"
  unlike "$(tail -n 1 "$T/silent.$port")" '^2' "$port: a client that never begins is hung up on"
done
like "$(cat "$T/tls.log")" "$IP: no handshake in time" 'which the log tells'
counted() { test "$(counter handshakes-failed)" -ge $((failed + 14)); }
try 'failures are counted' wait_for 20 counted

# --- ends in the middle ---

alone() { test "$(pgrep -P "$server" | wc -l)" -eq 1; }
before=$(messages)
mail='say MAIL FROM:<a@example.org>|say RCPT TO:<b@example.test>|say DATA'
data() { say tls 'say EHLO x'; echo "$mail" | tr '|' '\n'; }
(data; say 'send Subject: cut\r\n\r\nhalf a message\r\n' cut) | client 2465 >/dev/null
(data; say 'send Subject: reset\r\n\r\nhalf a message\r\n' reset) | client 2465 >/dev/null
(data; say 'send Subject: shut\r\n\r\nhalf a message\r\n' shut) | client 2465 >/dev/null
(data; say 'send Subject: dot\r\n\r\nhalf a message\r\n.' cut) | client 2465 >/dev/null
say tls cut | client 2465 >/dev/null
say tls reset | client 2465 >/dev/null
try 'clients that leave take their sessions along' wait_for 20 alone
is "$(messages)" "$before" 'a message that is cut off is no message'
(data; say 'ask Subject: whole\r\n\r\nhello\r\n.\r\n' 'say QUIT' shut read) | client 2465 >"$T/out"
is "$(messages)" $((before + 1)) 'a whole one is'
out=$(say tls 'say QUIT' read | client 2465)
is "$(echo "$out" | tail -n 1)" end 'the end of a session comes with close-notify'
out=$(say tls 'say EHLO x' 'send MAIL FROM:<a@example.org>\r\nNOOP\r\nQUIT\r\n' read | client 2465)
like "$out" '^221' 'pipelined commands are all answered'

# A client that sends, reads nothing, and leaves: both directions are full then, and nobody may wait for him.
"$LIBEXEC/tcplisten" $drop "$IP:4465" -- "$MAILCTL_BUILD/tests/tools/tlsrun" -i "$T/tls.sock" cat 2>"$T/echo.log" &
echo_server=$!
on_exit 'kill $echo_server 2>/dev/null'
wait_for 20 grep -q listening "$T/echo.log"
for i in 1 2 3; do
  say handshake 'fill 0123456789abcdef0123456789abcdef' cut | RCVBUF=4096 client 4465 >"$T/fill"
  is "$(tail -n 1 "$T/fill")" full "a client that reads nothing is read from no more ($i)"
done
childless() { test -z "$(pgrep -P "$echo_server")"; }
try 'when it has gone its session ends' wait_for 20 childless
try 'and its workers do' wait_for 20 counts sessions-now 1
end_process "$echo_server"

# in_between LETTER WORD OPTION...: s_client does something to its session, says WORD, and gets an answer or ends
mkfifo "$T/letters"
in_between() {
  letter=$1
  word=$2
  shift 2
  timeout 60 openssl s_client -connect "$IP:2465" -bind "$IP:0" "$@" <"$T/letters" >"$T/out" 2>&1 8>&- &
  exec 7>"$T/letters"
  wait_for 20 grep -q '^220 ' "$T/out"
  echo "$letter" >&7
  wait_for 20 grep -q "$word" "$T/out"
}
in_between R RENEGOTIATING -tls1_2
try 'renegotiation is refused' wait_for 20 grep -Eq 'no renegotiation|unexpected record' "$T/out"
exec 7>&-
wait $!
in_between K KEYUPDATE -tls1_3
echo quit >&7
wait_for 20 grep -q '^221 ' "$T/out"
ok $? 'new keys in the middle of a session are not'
exec 7>&-
wait $!

# --- strange requests ---

"$python" - "$T/tls.sock" <<'END' >"$T/out"
import array, os, socket, sys
good = b"tlsd 1\nmode implicit\npeer 192.0.2.1\n"
def ask(data, nfds, wait=True):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(60 * int(os.environ["PATIENCE"]))
    s.connect(sys.argv[1])
    fds = [os.open("/dev/null", os.O_RDWR) for _ in range(nfds)]
    s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
    for fd in fds: os.close(fd)
    if not wait: return
    try: print(s.recv(1024).decode().replace("\n", "|"))
    except OSError as e: print(type(e).__name__)
ask(good, 0)
ask(good, 1)
ask(good, 9)
ask(good + b"x" * 2000, 2)
ask(b"tlsd 2\n", 2)
ask(b"tlsd 1\npeer 192.0.2.1\n", 2)
ask(b"tlsd 1\nmode implicit\npeer nobody\n", 2)
for i in range(20): ask(good, 2, False)
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
END
is "$(grep -c '^failed|reason ' "$T/out")" 7 'bad requests are answered with what is wrong'
like "$(cat "$T/out")" 'peer is not an IP address' 'in words'
if test "$(id -u)" -eq 0; then
  setpriv --reuid=daemon --regid=daemon --clear-groups test -w "$T/tls.sock"
  is $? 1 'another user may not ask'
fi

# --- what a worker is ---

few_workers() { test "$(busy_workers | wc -l)" -le 1; }
wait_for 20 few_workers
worker=$(busy_workers | head -n 1)
like "$(cat "/proc/$worker/status")" 'NoNewPrivs:.1' 'a worker can gain no privileges'
test -n "${MEMCHECK:-}" || grep -q __asan_init "$LIBEXEC/tlsd" || # whose run-time needs more calls
  like "$(grep Seccomp "/proc/$worker/status")" 'Seccomp:.2' 'and calls little of the kernel'
if test "$(id -u)" -eq 0 && test -z "${MEMCHECK:-}"; then # nobody else can look, and valgrind has its own
  is "$(find "/proc/$worker/fd" -type l | wc -l)" 5 'it has its log, stdin, stdout, the client and the program, nothing else'
  is "$(cat "/proc/$worker/comm")" tlsd-worker 'its name says what it does'
  like "$(readlink "/proc/$worker/root")" 'tlsd-empty.*deleted' 'its root is an empty directory that is gone'
fi

say 'say EHLO still.here' 'say QUIT' >&8
exec 8>&-
wait "$old"
is "$(tail -n 1 "$T/old.out" | cut -c 1-3)" 221 'the old session has noticed nothing'

# --- a flood of handshakes that stop half-way ---

stop_tls
start_tls 'handshake 3600000' 'workers 60' 'per-client 55'
refused=$(counter sessions-refused)
cat >"$T/flood" <<'END'
import os, socket, sys, time
held = []
for i in range(60):
    s = socket.create_connection((sys.argv[1], 2465), 60 * int(os.environ["PATIENCE"]), ("127.0.0.1", 0))
    s.sendall(b"\x16\x03\x01\x02")
    held.append(s)
time.sleep(3600)
END
out=$( (
  say starttls
  wait_for 20 counts sessions-now 1
  "$python" -S "$T/flood" "$IP" >"$T/flood.out" 2>&1 &
  echo $! >"$T/flood.pid"
  # Only then none is under way to a place that it may not have.
  wait_for 60 counts sessions-refused $((refused + 5))
  wait_for 20 counts sessions-now 56
  say 'say NOOP'
) | client 2525)
on_exit 'kill $(cat "$T/flood.pid") 2>/dev/null'
like "$out" '^250 2\.0\.0' 'a session goes on in a flood'
wait_for 20 counts sessions-now 55
is "$(counter sessions-now)" 55 'which takes what one client may have'
out=$(say starttls 'say NOOP' | client 2525)
like "$out" '^250 2\.0\.0' 'another client is served'
kill "$(cat "$T/flood.pid")"
wait_for 20 counts sessions-now 0
is "$(counter sessions-now)" 0 'and when the flood has gone nothing is left of it'
finish
