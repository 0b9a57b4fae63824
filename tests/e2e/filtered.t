#!/bin/sh
# examples/filtered.conf with Debian's own rspamd, redis, opendkim, opendmarc and ClamAV. In a network of its own, without a way out.
here=$(dirname "$0")
test "$(id -u)" -eq 0 && test -z "${FILTERED_ALONE-}" && unshare -nm true 2>/dev/null && FILTERED_ALONE=1 exec unshare -nm "$0"
. "$here/lib.sh"
. "$here/bundle.sh"
tools=$(cd "$here/../tools" && pwd)
examples=$(cd "$here/../../examples" && pwd)

test "${FILTERED_ALONE-}" || skip_all "needs root, for a network of its own"
PATH=$PATH:/usr/sbin
for i in rspamd redis-server opendkim opendmarc clamd clamav-milter openssl; do command -v $i >/dev/null || skip_all "no $i"; done
ip link set lo up || skip_all "no loopback"
ip addr add 192.0.2.10/32 dev lo # the client: opendmarc does not judge this machine
echo 'nameserver 127.0.0.1' >"$T/resolv.conf"
mount --bind "$T/resolv.conf" /etc/resolv.conf || skip_all "no resolver of its own"

# --- a bundle with the sections of the example, its users but one, and this test's address
new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
MAIL=$T/b/mail
sed "s/127\.0\.0\.1/$IP/g; s/^user = .*/user = nobody/; s/listen = \*:25/listen = $IP:2525/; s/listen = \*:587.*/listen = $IP:2587/
  s/^ready-timeout.*/ready-timeout = 5m/; s/^filter-time.*/filter-time = 5m/; s/ end 40s/ end 4m/; s/^milter = .*/& command 1m/
  s/^hostname.*/hostname = mx.example.test\nready-timeout = 5m/; s|/var/lib/redis|$T/redis|; s|/var/lib/rspamd|$T/rspamd|g; s|^\[policy\]|&\nresolver = 127.0.0.1:53|" "$examples/filtered.conf" >"$C"
echo "joe: postmaster" >"$T/b/aliases"
sed -i "s/^\\[spool\\]/&\naliases = aliases/" "$C"
mkdir "$T/redis" "$T/rspamd" "$T/clamav" && chmod 777 "$T/redis" "$T/rspamd" "$T/clamav"
mkdir -p "$T/b/rspamd/local.d"
cp "$examples"/rspamd/local.d/* "$T/b/rspamd/local.d/"
sed "s/127\.0\.0\.1:5335/127.0.0.1:53/; t; s/127\.0\.0\.1/$IP/" "$examples/rspamd/rspamd.conf" >"$T/b/rspamd/rspamd.conf"
sed -i "s/127\.0\.0\.1/$IP/" "$T/b/rspamd/local.d/redis.conf"
echo 'enabled = false;' >"$T/b/rspamd/local.d/hfilter.conf" # it waits for names that nobody has here
: >"$T/b/control/smtpplugins" # rspamd is slow at first: strangers would be asked to come again
for i in milters/opendkim milters/opendmarc milters/clamd milters/clamav-milter; do
  sed "s/127\.0\.0\.1/$IP/; s/mx\.example\.org/mx.example.test/; s/example\.org/example.test/
    s|/var/lib/clamav|$T/clamav|; s|^KeyFile .*|KeyFile $T/b/mail.private|; s/^Syslog .*//" "$examples/$i.conf" >"$T/b/${i##*/}.conf"
done
chown nobody "$T/b/state/auth/users"
openssl genrsa -out "$T/b/mail.private" 2048 2>/dev/null
chown nobody "$T/b/mail.private" && chmod 600 "$T/b/mail.private"
# The one virus that this ClamAV knows.
printf 'Test.Virus:0:*:%s\n' "$(printf 'THIS-IS-THE-TEST-VIRUS' | od -An -tx1 | tr -d ' \n')" >"$T/clamav/test.ndb"
cat >"$T/zone" <<END
mail._domainkey.example.test TXT v=DKIM1; k=rsa; p=$(openssl rsa -in "$T/b/mail.private" -pubout 2>/dev/null | sed '/^-/d' | tr -d '\n')
good.test TXT v=spf1 ip4:192.0.2.10 -all
bad.test TXT v=spf1 -all
_dmarc.bad.test TXT v=DMARC1; p=reject
_dmarc.good.test TXT v=DMARC1; p=reject
_dmarc.example.test TXT v=DMARC1; p=reject
END
"$tools/dnsd.py" 127.0.0.1 53 "$T/zone" >"$T/dns" 2>"$T/dns.log" &
dns=$!
on_exit "kill $dns 2>/dev/null"
wait_for 10 test -s "$T/dns"

exits 0 "check" m check
like "$(m plan)" '^add +rspamd$' "rspamd is a service of the bundle"
exits 0 "up" timeout 300 mailctl -c "$C" up
sed 's/^/# /' "$T/err"
is "$(m status -o state rspamd redis opendkim opendmarc clamd clamav-milter smtpd | sort -u)" "ready" "all are ready"

# send PORT SUBJECT FROM [OPTION...]
send() {
  port=$1 subject=$2 from=$3
  shift 3
  swaks -s "$IP:$port" --local-interface 192.0.2.10 --helo client.good.test -f "$from" -t joe@example.test --header "Subject: $subject" --header "From: $from" \
    --header "Message-ID: <$subject@client.test>" --timeout 280 "$@" >"$T/swaks" 2>&1
}
arrived() { grep -rls "^Subject: $1\$" "$MAIL/postmaster/new"; }

exits 0 "a message with a good SPF result" send 2525 ham a@good.test --body 'See you at noon, and bring the papers that we talked about.'
sed -n 's/^<\*\* /# &/p' "$T/swaks"
try "is delivered" wait_for 30 arrived ham
ham=$(arrived ham)
like "$(cat "$ham")" '^Authentication-Results: mx.example.test; spf=pass' "policyd has found SPF right"
like "$(cat "$ham")" '^Authentication-Results: .*dmarc=pass' "opendmarc believes it"
like "$(cat "$ham")" '^X-Virus-Scanned: ' "ClamAV has looked at it"
send 2525 gtube a@good.test --body 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'
like "$(cat "$T/swaks")" '^<\*\* 554 5.7.1 Gtube pattern' "GTUBE is refused at the end of DATA, in rspamd's words"
send 2525 virus a@good.test --body 'x THIS-IS-THE-TEST-VIRUS x'
like "$(cat "$T/swaks")" '^<\*\* 550 5.7.1 infected: Test.Virus' "a virus, in clamav-milter's"
send 2525 forged a@bad.test --body 'hello'
like "$(cat "$T/swaks")" '^<\*\* 550 5.7.1 rejected by DMARC policy for bad.test' "a forged sender, in opendmarc's"

# --- what is submitted is signed, and found right when it comes back
echo secret | m passwd joe >/dev/null 2>&1
exits 0 "a submission" send 2587 signed joe@example.test --tls --auth PLAIN --auth-user joe --auth-password secret --body 'signed'
sed -n 's/^<\*\* /# &/p' "$T/swaks"
try "is delivered" wait_for 30 arrived signed
signed=$(arrived signed)
like "$(cat "$signed")" '^DKIM-Signature: v=1; a=rsa-sha256; .* d=example.test' "signed by opendkim"
if /usr/bin/python3 -c 'import dkim' 2>/dev/null; then
  sed -n '/^DKIM-Signature/,$p' "$signed" >"$T/message"
  is "$(/usr/bin/python3 - "$T/message" "$(sed -n 's/^mail._domainkey.example.test TXT //p' "$T/zone")" <<'END'
import sys, dkim
print(dkim.verify(open(sys.argv[1], "rb").read().replace(b"\n", b"\r\n"), dnsfunc=lambda name, timeout=0: sys.argv[2].encode()))
END
)" "True" "the signature is right"
fi
like "$(m status)" "milter: smtpd inet:$IP:11332: [0-9]+ asked" "status has a line for each"
exits 0 "down" m down
finish
