#!/bin/sh
# smtpd and policy servers: what it asks, what it does with each action, and what a bad server costs.
# shellcheck source=tests/e2e/smtpd-lib.sh
. "$(dirname "$0")/smtpd-lib.sh"
tools=$(cd "$(dirname "$0")/../tools" && pwd)

odd_start() {
  rm -f "$T/odd"
  python3 "$tools/policyodd.py" "$T/odd" "$T/answers" >>"$T/asked" 2>/dev/null &
  odd=$!
  wait_for 10 test -S "$T/odd"
}
on_exit 'kill $odd 2>/dev/null'
answers() { printf '%s\n' "$@" >"$T/answers"; }
answers '* DUNNO'
odd_start

all=connect,helo,mail,rcpt,data,end-of-message
# session [LINE...]: one message, whose reply codes are printed
session() {
  : >"$T/asked"
  printf '%s\n' 'EHLO client.test' 'MAIL FROM:<a@client.test> SIZE=77' 'RCPT TO:<u@example.test>' "$@" DATA 'Subject: x' '' y . QUIT | talk >"$T/said"
}
reply_to() { sed '/^250-/d' "$T/said" | sed -n "$1p"; }
asked() { sed -n "/^protocol_state=$1\$/,/^\$/p" "$T/asked" | sed -n "s/^$2=//p" | head -n 1; }

serve -P "unix:$T/odd $all timeout 2s"
session
is "$(sed -n 's/^protocol_state=//p' "$T/asked" | tr '\n' ' ')" "CONNECT EHLO MAIL RCPT DATA END-OF-MESSAGE " "every stage is asked"
is "$(queued)" 1 "and the message is queued"
is "$(sort -u "$T/asked" | grep ^request=) $(asked RCPT protocol_name) $(asked RCPT client_address) $(asked RCPT helo_name) $(asked RCPT sender) $(asked RCPT recipient) $(asked RCPT size)" \
  "request=smtpd_access_policy ESMTP 127.0.0.1 client.test a@client.test u@example.test 77" "what RCPT is told"
is "$(asked RCPT server_address):$(asked RCPT server_port) $(asked RCPT recipient_count)" "$IP:2525 0" "the server, and no count"
is "$(asked DATA recipient_count) $(asked DATA recipient) $(asked EHLO helo_name) $(asked MAIL sender)" "1 u@example.test client.test a@client.test" "DATA, EHLO, MAIL"
is "$(asked END-OF-MESSAGE size)" 14 "the size of the whole message"
is "$(grep '^instance=' "$T/asked" | sort -u | wc -l | tr -d ' ')" 2 "an instance for the connection, one for the message"
is "$(sed -n '/^protocol_state=MAIL/,$s/^instance=//p' "$T/asked" | sort -u | wc -l | tr -d ' ')" 1 "one instance a message"
is "$(sed -n 's/=.*//p' "$T/asked" | sort -u | tr '\n' ' ')" \
  "client_address client_name client_port encryption_cipher encryption_protocol helo_name instance policy_context protocol_name protocol_state queue_id recipient recipient_count request reverse_client_name sasl_method sasl_sender sasl_username sender server_address server_port size " \
  "every attribute"
clean
session 'RCPT TO:<v@example.test>'
is "$(asked DATA recipient) $(asked DATA recipient_count)" " 2" "of two recipients none is named"
clean

# --- actions
answers 'RCPT REJECT not you'
session
is "$(reply_to 4)" "554 5.7.1 not you" "REJECT"
answers 'RCPT REJECT 5.7.99 not you'
session
is "$(reply_to 4)" "554 5.7.99 not you" "REJECT with a status of its own"
answers 'RCPT DEFER later'
session
is "$(reply_to 4)" "450 4.7.1 later" "DEFER"
answers 'RCPT DEFER_IF_PERMIT 4.7.5 greylisted'
session
is "$(reply_to 4)" "450 4.7.5 greylisted" "DEFER_IF_PERMIT"
answers 'RCPT DEFER_IF_REJECT later'
session
is "$(reply_to 4)" "250 2.1.5 ok" "DEFER_IF_REJECT alone"
clean
answers 'RCPT 552 5.2.2 full'
session
is "$(reply_to 4)" "552 5.2.2 full" "a code"
answers 'RCPT 421 go away'
session
is "$(reply_to 4)" "421 4.7.1 go away" "421 ends the session"
is "$(tail -n 1 "$T/said")" "421 4.7.1 go away" "indeed"
answers 'RCPT WARN look out'
session
is "$(queued)" 1 "WARN accepts"
like "$(cat "$H/log")" 'warning of a policy server: client=.* text=look' "and is logged"
clean
answers 'RCPT PREPEND X-Policy: one' 'DATA PREPEND X-Other: two'
session
like "$(cat "$H"/queue/*.message)" '^X-Policy: one$' "PREPEND at RCPT"
like "$(cat "$H"/queue/*.message)" '^X-Other: two$' "PREPEND at DATA"
clean
answers 'RCPT PREPEND no field' 'END-OF-MESSAGE PREPEND X-Late: x'
session
unlike "$(cat "$H"/queue/*.message)" 'no field|X-Late' "what is no field, or too late, is left out"
clean
answers 'RCPT DISCARD'
session
is "$(reply_to 6)" "$(reply_to 6 | grep '^250 ')" "DISCARD: the client is told 250"
is "$(queued)" 0 "and nothing is queued"
like "$(cat "$H/log")" 'discarded, as a policy server wants it:' "which is logged"
answers 'RCPT REDIRECT other@example.test'
session 'RCPT TO:<v@example.test>'
is "$(grep '^T' "$H"/queue/*.envelope)" "Tother@example.test" "REDIRECT"
clean
answers 'RCPT FILTER smtp:x'
session
is "$(queued)" 1 "an action that it does not know is DUNNO"
like "$(cat "$H/log")" 'unknown action of a policy server, taken for DUNNO: .*action=FILTER' "and is logged"
clean
answers 'END-OF-MESSAGE REJECT no'
session
is "$(reply_to 6) $(queued)" "554 5.7.1 no 0" "a refusal of the whole message"
answers 'CONNECT REJECT no'
session
is "$(cat "$T/said")" "554 5.7.1 no" "a refusal of the connection"
answers 'EHLO REJECT no'
session
is "$(sed -n 2p "$T/said")" "554 5.7.1 no" "of HELO"
answers 'MAIL REJECT \aring'
session
is "$(reply_to 3)" "554 5.7.1 ?ring" "of MAIL; what is not printable is not sent"
answers '* DUNNO'

# --- several
answers 'RCPT REJECT no'
serve -P "unix:$T/odd timeout 2s" -P "unix:$T/two"
session
is "$(reply_to 4)" "554 5.7.1 no" "the first that refuses does"
answers 'RCPT OK'
session
is "$(queued)" 1 "OK: the others are not asked"
unlike "$(cat "$H/log")" 'unable to ask the policy server unix:.*/two' "indeed"
clean

# --- servers that are no help
for how in SILENT CLOSE HALF GARBAGE TWO NUL LONG; do
  answers "RCPT $how"
  serve -P "unix:$T/odd timeout 500ms"
  start=$(date +%s%N)
  session
  took=$((($(date +%s%N) - start) / 1000000))
  is "$(queued)" 1 "$how: open, the message is accepted"
  try "$how: it costs no more than its time ($took ms)" test "$took" -lt $((5000 * PATIENCE))
  clean
  serve -P "unix:$T/odd rcpt timeout 500ms tempfail"
  session
  is "$(reply_to 4)" "451 4.3.5 a policy server does not answer" "$how: tempfail"
  clean
done
answers "RCPT SLAM"
serve -P "unix:$T/odd tempfail"
session 'RCPT TO:<v@example.test>' 'RCPT TO:<w@example.test>'
is "$(grep -c '^T' "$H"/queue/*.envelope)" 3 "a server that closes after each answer is asked anew"
clean
kill "$odd"
wait "$odd" 2>/dev/null
session
is "$(reply_to 4)" "451 4.3.5 a policy server does not answer" "a server that is dead"
like "$(cat "$H/log")" 'unable to ask the policy server unix:' "is logged"
serve -P "unix:$T/odd"
: >"$H/log"
session 'RCPT TO:<v@example.test>'
is "$(queued)" 1 "and costs nothing by default"
is "$(grep -c 'unable to ask' "$H/log")" 1 "nor a line for each recipient"
clean
odd_start
answers 'RCPT REJECT no'
session
is "$(reply_to 4)" "554 5.7.1 no" "the next session asks it again"

# --- own users
serve RELAYCLIENT= -P "unix:$T/odd"
session
is "$(queued)" 1 "own users are not asked for what concerns strangers"
clean
answers '* DUNNO'
serve RELAYCLIENT= -P "unix:$T/odd users"
session
is "$(asked RCPT policy_context)" "relay" "unless it is wanted; and the server is told"
clean

# --- usage
exits 100 "no address" "$LIBEXEC/smtpd" -P smtp:x
exits 100 "no stage" "$LIBEXEC/smtpd" -P unix:/x,y -P 'unix:/x nowhere'
like "$(cat "$T/err")" 'behind the address stand stages' "is told what there is"

# --- validrcptto, for a mail system that does not tell whom it knows
serve
rcpt() { printf '%s\n' 'EHLO client.test' 'MAIL FROM:<a@client.test>' "RCPT TO:<$1>" QUIT | talk | sed -n '/^250 2.1.0/{n;p;}'; }
is "$(rcpt nobody@example.test)" "250 2.1.5 ok" "without it, everybody is known"
printf '%s\n' '# those who are here' 'Joe@example.test' '@all.example.test' >"$H/control/validrcptto"
printf '%s\n' example.test .example.test >"$H/control/rcpthosts"
is "$(rcpt joe@EXAMPLE.test)" "250 2.1.5 ok" "validrcptto: an address"
is "$(rcpt x@all.example.test)" "250 2.1.5 ok" "a domain"
is "$(rcpt postmaster@example.test)" "250 2.1.5 ok" "postmaster"
is "$(rcpt nobody@example.test)" "550 5.1.1 sorry, no mailbox here by that name" "nobody else"
rm "$H/control/validrcptto"
python3 - "$H/control/validrcptto.cdb" <<'END'
import struct, sys
def h(k):
    x = 5381
    for c in k: x = ((x << 5) + x ^ c) & 0xffffffff
    return x
keys, pos, body, tables = [b"joe@example.test", b"@all.example.test"], 2048, b"", [[] for _ in range(256)]
for k in keys:
    tables[h(k) & 255].append((h(k), pos))
    body += struct.pack("<II", len(k), 0) + k
    pos += 8 + len(k)
head, tail = b"", b""
for t in tables:
    slots = [(0, 0)] * (2 * len(t))
    for x, p in t:
        i = (x >> 8) % len(slots)
        while slots[i][1]: i = (i + 1) % len(slots)
        slots[i] = (x, p)
    head += struct.pack("<II", pos + len(tail), len(slots))
    tail += b"".join(struct.pack("<II", *s) for s in slots)
open(sys.argv[1], "wb").write(head + body + tail)
END
is "$(rcpt Joe@example.test)" "250 2.1.5 ok" "validrcptto.cdb: an address"
is "$(rcpt x@all.example.test)" "250 2.1.5 ok" "a domain"
is "$(rcpt nobody@example.test)" "550 5.1.1 sorry, no mailbox here by that name" "nobody else"
echo garbage >"$H/control/validrcptto.cdb"
is "$(rcpt nobody@example.test)" "250 2.1.5 ok" "one that is damaged refuses nobody"
rm "$H/control/validrcptto.cdb"
echo example.test >"$H/control/rcpthosts"

# --- a program that knows
cat >"$T/known" <<'END'
#!/usr/bin/env python3
import os, sys
address = os.read(3, 512).split(b"\0")[0]
if address == b"joe@example.test": os.execvp(sys.argv[1], sys.argv[1:])
sys.exit(111 if address == b"later@example.test" else 1)
END
chmod +x "$T/known"
serve -Z "$T/known"
is "$(rcpt joe@example.test)" "250 2.1.5 ok" "a program knows a recipient"
is "$(rcpt nobody@example.test)" "550 5.1.1 sorry, no mailbox here by that name" "or does not"
is "$(rcpt later@example.test)" "451 4.3.0 unable to look up the recipient" "or cannot say now"
serve -Z "$T/nosuch"
is "$(rcpt joe@example.test)" "451 4.3.0 unable to look up the recipient" "one that is not there refuses for now"

# --- those of others, unchanged
ask_postgrey() { session && test "$(reply_to 4)" = "$1"; }
if command -v postgrey >/dev/null; then
  mkdir "$T/pg"
  postgrey --unix="$T/pg/sock" --dbdir="$T/pg" --delay=2 --user="$(id -un)" --group="$(id -gn)" >"$T/pg/log" 2>&1 &
  on_exit "kill $! 2>/dev/null"
  if wait_for 20 test -S "$T/pg/sock"; then
    serve -P "unix:$T/pg/sock tempfail"
    session
    like "$(reply_to 4)" '^450 4.[27].[01] .*[Gg]reylisted' "postgrey asks to come again"
    try "and lets through who does" wait_for 20 ask_postgrey "250 2.1.5 ok"
    like "$(cat "$H"/queue/*.message)" '^X-Greylist: delayed' "with its header field"
  else
    ok 0 "postgrey # skip it does not start here: $(tail -n 1 "$T/pg/log")"
  fi
else
  ok 0 "postgrey # skip no postgrey"
fi
clean
if command -v policyd-spf >/dev/null && test "$(id -u)" -eq 0 && unshare -m true 2>/dev/null; then
  printf '%s\n' 'client.test TXT v=spf1 -all' 'good.test TXT v=spf1 ip4:127.0.0.1 -all' >"$T/zone"
  python3 "$tools/dnsodd.py" "$IP:53" "$T/zone" "$T/dns.port" >/dev/null 2>"$T/dns.log" &
  on_exit "kill $! 2>/dev/null"
  wait_for 10 test -s "$T/dns.port"
  echo "nameserver $IP" >"$T/resolv.conf"
  printf '%s\n' 'debugLevel = 1' 'TestOnly = 1' 'HELO_reject = False' 'Mail_From_reject = Fail' 'skip_addresses = 192.0.2.0/24' >"$T/spf.conf"
  chmod 644 "$T/resolv.conf" "$T/spf.conf" && chmod 711 "$T"
  # shellcheck disable=SC2016 # for the other shell
  unshare -m sh -c 'mount --bind "$1/resolv.conf" /etc/resolv.conf && exec s6-ipcserver -a 0666 "$1/spf" policyd-spf "$1/spf.conf"' \
    x "$T" 2>"$T/spf.log" &
  on_exit "kill $! 2>/dev/null"
  wait_for 10 test -S "$T/spf"
  serve -P "unix:$T/spf tempfail"
  session
  like "$(reply_to 4)" '^550 5.7.23 .*SPF fail' "policyd-spf refuses"
  session 'RSET' 'MAIL FROM:<a@good.test>' 'RCPT TO:<u@example.test>'
  like "$(cat "$H"/queue/*.message)" '^(Received-SPF|Authentication-Results): .*[Pp]ass' "and marks"
else
  ok 0 "policyd-spf # skip it is not there, or this is not root"
fi
clean
finish
