#!/bin/sh
# Behind a balancer: HAProxy's PROXY protocol from addresses that are trusted, an address for health checks, and Debian's
# HAProxy itself, unpacked and not installed.
# shellcheck disable=SC2317 # wait_for calls functions
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

mail_bundle || exit 111
sed -i "s/^#*listen = $IP:2525.*/listen = $IP:2525, $IP:2600\/health\nproxy = $IP 2001:db8::\/32\nper-client = 2/" "$C"
# shellcheck disable=SC2016 # for the session's shell
printf '[connection]\n:echo "P220-you are $TCPREMOTEIP:$TCPREMOTEPORT at $TCPLOCALIP:$TCPLOCALPORT"\n' >"$T/b/control/smtpplugins"
try "up" m up

# talk FROM TO PORT [SEND]...: connects, says each SEND, \-sequences and all, a moment after the other, then prints what comes
cat >"$T/talk.py" <<'E2'
import os, socket, sys, time
s = socket.socket()
s.bind((sys.argv[1], 0))
s.settimeout(60 * int(os.environ["PATIENCE"]))
s.connect((sys.argv[2], int(sys.argv[3])))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for part in sys.argv[4:]:
    s.sendall(part.encode().decode("unicode_escape").encode("latin-1"))
    time.sleep(0.02)
try: s.shutdown(socket.SHUT_WR)
except OSError: pass
data = b""
try:
    while chunk := s.recv(4096): data += chunk
except ConnectionResetError: pass
print(data.decode("latin-1").replace("\r", ""), end="")
E2
talk() { python3 "$T/talk.py" "$@"; }
first() { talk "$@" | head -n 1; }
client='220-you are 192.0.2.7:56324 at 203.0.113.1:25'
is "$(first "$IP" "$IP" 2525 'PROXY TCP4 192.0.2.7 203.0.113.1 56324 25\r\n')" "$client" "version 1"
is "$(first "$IP" "$IP" 2525 'PROXY TCP4 192.' '0.2.7 203.0.113.1 5' '6324 25\r' '\n')" "$client" "in parts"
sig='\r\n\r\n\0\r\nQUIT\n'
is "$(first "$IP" "$IP" 2525 "$sig"'\x21\x11\0\x0f\xc0\0\2\7\xcb\0\x71\1\xdc\4\0\x19\4\0\0')" "$client" "version 2"
is "$(first "$IP" "$IP" 2525 "$sig" '\x21\x11\0\x0c\xc0\0\2\7' '\xcb\0\x71\1\xdc\4\0\x19')" "$client" "in parts"
like "$(first "$IP" "$IP" 2525 "$sig"'\x20\0\0\0')" "^220-you are $IP:[0-9]+ at $IP:2525" "for itself"
like "$(talk "$IP" "$IP" 2525 'PROXY TCP4 192.0.2.7 203.0.113.1 56324 25\r\nQUIT\r\n')" "^221 " "what follows is the client's"
is "$(first "$IP" "$IP" 2525 'EHLO x\r\n')" "" "a balancer without a header is let go"
try "which the log says" wait_for 20 said smtpd "refused $IP:[0-9]*: it said no header of the PROXY protocol"
like "$(talk 127.0.0.1 "$IP" 2525 'PROXY TCP4 192.0.2.7 203.0.113.1 56324 25\r\n' 'QUIT\r\n' | tr '\n' ' ')" \
  "^220-you are 127.0.0.1:[0-9]+ at $IP:2525 .*5[0-9][0-9] .*221 " "a stranger is who he is"
m block add 192.0.2.9 --reason x >"$T/block.out" 2>&1
like "$(talk "$IP" "$IP" 2525 'PROXY TCP4 192.0.2.9 203.0.113.1 1 25\r\n')" '^421 4.7.1' "who is blocked is blocked behind a balancer, too"

# --- limits are the clients', not the balancer's
cat >"$T/many.py" <<'E2'
import os, socket, sys
got, keep = [], []
for ip in sys.argv[2:]:
    s = socket.socket()
    s.bind((sys.argv[1], 0))
    s.settimeout(60 * int(os.environ["PATIENCE"]))
    s.connect((sys.argv[1], 2525))
    s.sendall(b"PROXY TCP4 %s 203.0.113.1 1 25\r\n" % ip.encode())
    got.append(s.recv(100).decode()[:3])
    keep.append(s)
print(*got)
E2
is "$(python3 "$T/many.py" "$IP" 192.0.2.1 192.0.2.1 192.0.2.1 192.0.2.2 192.0.2.2 192.0.2.3)" "220 220 421 220 220 220" "per-client"

# --- health
like "$(talk 127.0.0.1 "$IP" 2600 'HELO x\r\nMAIL FROM:<a@b>\r\nQUIT\r\n' | tr '\n' ' ')" '^220 .* is well 250 .* 502 5.5.1 .* 221 ' "health: well"
m overload on -r test >/dev/null
like "$(talk 127.0.0.1 "$IP" 2600 'HELO x\r\n')" '^421 4\.3\.2 overloaded$' "health: overloaded"
m overload off >/dev/null
like "$(talk 127.0.0.1 "$IP" 2600 'QUIT\r\n' | tr '\n' ' ')" '^220 .* 221 ' "health: well again"

# --- HAProxy
if peers haproxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1; then
  library=$PEERS/usr/lib/$(gcc -print-multiarch)
  for v in "" -v2; do
    cat >"$T/haproxy.cfg" <<END
defaults
  mode tcp
  timeout connect 20s
  timeout client 60s
  timeout server 60s
frontend in
  bind $IP:2700
  default_backend mx
backend mx
  source $IP
  option smtpchk HELO balancer.test
  server mx1 $IP:2525 send-proxy$v check check-send-proxy port 2600 inter 100ms fall 1 rise 1
END
    LD_LIBRARY_PATH=$library "$PEERS/usr/sbin/haproxy" -db -f "$T/haproxy.cfg" >"$T/haproxy.log" 2>&1 &
    haproxy=$!
    on_exit "kill $haproxy 2>/dev/null"
    through() { talk 127.0.0.1 "$IP" 2700 'QUIT\r\n' | grep -q "^220-you are 127.0.0.1:[0-9]* at $IP:2700"; }
    gone() { ! talk 127.0.0.1 "$IP" 2700 'QUIT\r\n' | grep -q ^220; }
    try "HAProxy, send-proxy$v: the client is known" wait_for 20 through
    m overload on -r test >/dev/null
    try "HAProxy, send-proxy$v: an overloaded machine is taken out" wait_for 20 gone
    m overload off >/dev/null
    try "HAProxy, send-proxy$v: and taken in again" wait_for 20 through
    kill "$haproxy"
    wait "$haproxy"
  done
else
  ok 0 "HAProxy # skip it cannot be had"
fi

sed -i "s/^proxy = .*/proxy = 192.0.2.0\/33/" "$C"
exits 102 "a network that is none" m check
like "$(cat "$T/out" "$T/err")" 'proxy: 192.0.2.0/33 is neither an address nor a network' "is said"
finish
