#!/bin/sh
# policyd and what is odd: a DNS that lies, loops, is slow or silent, and clients that speak nonsense, stop in the middle, or are many.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/policy-lib.sh"

zone 'slow.test SLOW 1500' 'slow.test TXT v=spf1 -all' 'fast.test TXT v=spf1 -all' 'loop.test LOOP' 'cut.test TRUNCATED' \
  'cut.test TXT v=spf1 -all' 'garbage.test GARBAGE' 'refused.test REFUSED' 'silent.test SILENT' \
  'a.cname.test CNAME b.cname.test' 'b.cname.test CNAME a.cname.test' 'inc.test TXT v=spf1 include:inc.test -all' \
  "huge.test TXT v=spf1 $(awk 'BEGIN { for (i = 0; i < 3000; i++) printf "ip4:10.%d.%d.1 ", i / 250, i % 250 }') -all" \
  'deep.test TXT v=spf1 mx:m.test mx:m.test mx:m.test mx:m.test mx:m.test mx:m.test mx:m.test mx:m.test mx:m.test mx:m.test -all' \
  'exists.test TXT v=spf1 exists:%{l}.x.test exists:%{l}.y.test exists:%{l}.z.test -all'
for i in 1 2 3 4 5 6 7 8 9 10; do zone "m.test MX m$i.test" "m$i.test A 10.0.0.$i"; done
dns_start
DNS_TIME=3000
policy_start -x "-c 40" 'spf-fail reject' 'spf-permerror reject' 'spf-temperror tempfail'

fail='action=550 5.7.23 SPF: your address may not send mail for that domain'
is "$(ask sender=a@cut.test)" "$fail" "a truncated answer: TCP is tried"
like "$(grep cut.test "$T/dns.log" | tail -n 1)" 'tcp$' "indeed"
is "$(ask sender=a@huge.test)" "$fail" "an answer of 40 kilobytes"
is "$(ask sender=a@deep.test)" "$fail" "ten times ten MX"
like "$(ask sender=a@inc.test)" '^action=550 5.7.24 SPF: .*more than 10 terms' "a record that includes itself"
is "$(ask sender=v@exists.test)" "action=550 5.7.24 SPF: v.z.test: too many names that do not exist" "too many void look-ups"
for name in loop garbage refused silent; do
  like "$(ask "sender=a@$name.test")" '^action=(DEFER_IF_PERMIT 4.7.24|DUNNO)' "$name: nobody is refused for good"
done
is "$(ask sender=a@a.cname.test)" "action=DUNNO" "aliases in a circle"

# Nobody waits for another's DNS.
for i in 1 2 3 4 5 6 7 8; do ask sender=a@slow.test >"$T/slow.$i" & pids="${pids-} $!"; done
wait_for 10 grep -q slow.test "$T/dns.log"
start=$(date +%s%N)
is "$(ask sender=a@fast.test)" "$fail" "a fast name while slow ones are awaited"
took=$((($(date +%s%N) - start) / 1000000))
try "at once ($took ms)" test "$took" -lt $((1000 * PATIENCE))
# shellcheck disable=SC2086 # pids are words
wait $pids
is "$(sort -u "$T"/slow.*)" "$fail" "and the slow ones get theirs"

# Clients.
cat >"$T/odd.py" <<'P'
import socket, sys
def talk(data, half=False, wait=True):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(sys.argv[1])
    out = b""
    try:
        s.sendall(data)
        if half:
            s.shutdown(socket.SHUT_WR)
    except OSError:
        return out
    while wait and (half or not out.endswith(b"\n\n")):
        try:
            d = s.recv(1000)
        except ConnectionError:
            break
        if not d:
            break
        out += d
    s.close()
    return out
q = b"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\nhelo_name=h.test\nsender=a@fast.test\nrecipient=b@here.test\n\n"
print("half", talk(q, True) != b"")
print("crlf", talk(q.replace(b"\n", b"\r\n")) != b"")
print("nonsense", talk(b"GET / HTTP/1.0\n\n"))
print("nul", talk(q.replace(b"a@f", b"\0@f")))
print("empty", talk(b"\n"))
print("endless", talk(b"x" * 40000, True))
print("norequest", talk(b"sender=x\n\n"))
talk(q[:40], wait=False)
talk(q.replace(b"fast", b"slow"), wait=False)
print("three", talk(q * 3, True).count(b"action="))
print("address", talk(q.replace(b"192.0.2.1", b"1.2.3.4.5.6"), True))
print("bytes", b"\x07" in talk(q.replace(b"a@fast.test", b"\x07\x1b@\x1bx.test"), True))
s = [socket.socket(socket.AF_UNIX) for _ in range(60)]
for c in s:
    c.settimeout(10)
    c.connect(sys.argv[1])
for c in s[-10:]:
    c.sendall(q)
    print("many", c.recv(1000) != b"")
print("oldest", s[0].recv(1000))
P
is "$(python3 "$T/odd.py" "$T/sock" 2>&1)" "half True
crlf True
nonsense b''
nul b''
empty b''
endless b''
norequest b''
three 3
address b'action=DUNNO\n\n'
bytes False
$(for i in 1 2 3 4 5 6 7 8 9 10; do echo "many True"; done)
oldest b''" "odd clients"
is "$(ask sender=a@fast.test)" "$fail" "and it goes on"
like "$(cat "$T/log")" 'a client asked what makes no sense: ' "the log says so"

# TERM in the middle: what is asked is answered.
zone 'slow2.test SLOW 1500' 'slow2.test TXT v=spf1 -all'
ask sender=b@slow2.test >"$T/last" &
last=$!
wait_for 10 grep -q slow2.test "$T/dns.log"
kill "$policy_pid"
wait "$policy_pid"
is "$?" 0 "TERM: it ends"
wait "$last"
is "$(cat "$T/last")" "$fail" "when the question under way is answered"
exits 100 "no settings: usage" "$LIBEXEC/policyd" -l "$IP:10031"
printf 'spf-fail perhaps\n' >"$T/bad"
exits 102 "bad settings" "$LIBEXEC/policyd" -l "$IP:10031" "$T/bad"
like "$(cat "$T/err")" 'bad:1: not off, observe' "are named"
finish
