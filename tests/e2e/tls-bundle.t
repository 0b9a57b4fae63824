#!/bin/sh
# TLS in a bundle as init makes it: submission with AUTH only under TLS, both ports, the rater's key, reload,
# a tlsd that is killed, and what check says.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

fresh_bundle "$T/b" || exit 1
MAILCTL_CONF=$T/b/mailctl.conf
export MAILCTL_CONF
on_exit 'mailctl down >/dev/null 2>&1'
password=$(sed -n 's/^  AUTH password  \([^ ]*\) .*/\1/p' "$T/b.init")

# Two messages an hour from one address
printf '[limit tlsip]\nrule = * 2/1h\n' >>"$T/b/mailctl.conf"
exits 0 'check has nothing to complain of' mailctl check
like "$(cat "$T/out")" '^tls: [a-z.]+: EC$' 'and tells which name has which kinds of keys'
try up mailctl up
like "$(mailctl status tls)" 'ready' 'tls is ready'

swaks_to() {
  port=$1
  shift
  swaks --server "$IP:$port" --local-interface "$IP" --helo client.example --from postmaster@example.test \
    --to postmaster@example.test --timeout $((60 * PATIENCE)) "$@" 2>&1
}
login="--auth PLAIN --auth-user postmaster --auth-password $password"
# shellcheck disable=SC2086
{
  unlike "$(swaks_to 2587 --quit-after EHLO)" '250.AUTH' 'submission: no AUTH in the clear'
  like "$(swaks_to 2587 $login)" 'AUTH|auth' 'and none taken'
  unlike "$(swaks_to 2587 $login)" '<.  235' 'really none'
  like "$(swaks_to 2587 --tls $login)" '<~  235' 'AUTH with STARTTLS'
  like "$(swaks_to 2465 --tls-on-connect $login)" '<~  250 .*ok .* qp' 'a message over implicit TLS'
}
arrived() { grep -rlq 'with ESMTPSA (TLSv1.3' "$T/b/mail/postmaster/new"; }
wait_for 60 arrived
ok $? 'it is delivered'
like "$(cat "$T"/b/mail/postmaster/new/*)" "postmaster@$IP" "with the client's own address"

# --- the rater's key is the client, through both kinds of TLS ---

# shellcheck disable=SC2016
printf '[rcpt]\n:RATETIMEOUT=60000 RATE=tlsip:$TCPREMOTEIP exec %s/plugins/rate\n' "$LIBEXEC" \
  >>"$T/b/control/smtpplugins"
like "$(swaks_to 2525 --tls --quit-after RCPT)" '<~  250 2\.1\.5' 'STARTTLS: the rater lets one pass'
like "$(swaks_to 2465 --tls-on-connect --quit-after RCPT $login)" '<~  250 2\.1\.5' 'implicit TLS: another'
like "$(swaks_to 2525 --tls --quit-after RCPT)" '<~\* 451 4\.7\.1 Too often' 'and refuses the third of this address'
like "$(swaks_to 2525 --tls --quit-after RCPT --local-interface 127.0.0.1)" '<~  250 2\.1\.5' 'but not another address'

# --- reload ---

pid_of() { mailctl status -o pid "$1" 2>/dev/null | tail -n 1; }
shown() { echo QUIT | timeout 60 openssl s_client -connect "$IP:2465" 2>/dev/null | sed -n 's/^subject=//p'; }
is "$(shown)" 'CN = example.test' "init's certificate"
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=new.example.test -keyout "$T/b/state/tls/key.pem" \
  -out "$T/b/state/tls/cert.pem" 2>/dev/null
before=$(pid_of tls)
exits 0 'mailctl reload tls' mailctl reload tls
is "$(cat "$T/out")" 'tls  has read its files again' 'waits for its answer'
new() { test "$(shown)" = 'CN = new.example.test'; }
wait_for 20 new
is "$(shown)" 'CN = new.example.test' 'the new certificate'
is "$(pid_of tls)" "$before" 'by the same tlsd'

# --- kill -9 under load ---

crowd() {
  until test -e "$T/enough"; do "$B/tests/bench/tlsload" sessions "$IP" 2465 1000 4 full; done >"$T/load" 2>&1
}
crowd &
crowd=$!
disperse() {
  : >"$T/enough"
  pkill -x tlsload -P "$crowd"
  wait "$crowd"
}
on_exit disperse
dir=$T/b/run/servicedirs/tls
ms_of() { echo $((0x$(echo "$1" | cut -c 10-17) * 1000 + 0x$(echo "$1" | cut -c 18-25) / 1000000)); }
since() { ms_of "$(s6-svstat -o "$1" "$dir")"; }
# By s6's own time: who was ready for a second is started again at once.
settled() { test "$(s6-svstat -o readyfor "$dir")" -ge 2; }
again() {
  case $(s6-svstat -o ready,up,pid "$dir") in
    "true true $1") return 1 ;;
    'true true '*) ;;
    *) return 1 ;;
  esac
}
for victim in tlsd pool; do
  wait_for 20 settled
  pid=$(pid_of tls)
  start=$(($(since readysince) - $(since updownsince)))
  case $victim in
    tlsd) kill -9 "$pid" ;;
    *) kill -9 "$(pgrep -n -P "$pid" -x "tlsd-$victim")" ;;
  esac
  wait_for 60 again "$pid"
  away=$(($(since readysince) - $(ms_of "$(s6-svdt "$dir" | tail -n 1)")))
  # Where the start of the one that was killed took long, a start does.
  bound=$((start > 100 * PATIENCE ? 10 * start : 1000 * PATIENCE))
  ok $((away < 0 || away >= bound)) "$victim is killed: tls is ready again within a second ($away ms; its start took $start ms)"
  wait_for 20 new
  ok $? 'and serves'
done
disperse
idle() { test -z "$(pgrep -P "$(pid_of submission)" -x smtpd)"; }
wait_for 60 idle
ok $? 'no smtpd hangs'

# --- strangers without TLS are no warning, and days that are over stop nobody ---

echo EHLO | timeout 60 openssl s_client -connect "$IP:2465" -tls1 >/dev/null 2>&1
"$(command -v /usr/bin/python3 || command -v python3)" - "$IP" 2465 <<'END'
import os, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60 * int(os.environ["PATIENCE"]))
s.sendall(b"EHLO plain\r\n")
while s.recv(1000): pass
END
try 'plain text to port 465 is a line of the log' wait_for 20 grep -q 'tls-failed: client=.*reason=' "$T/b/log/submission/current"
unlike "$(mailctl status)" '(warning: TLS with|wrong version|unsupported protocol)' 'and no warning to whoever keeps the machine'
cp "$T/b/state/tls/cert.pem" "$T/good.pem"
cp "$T/b/state/tls/key.pem" "$T/good-key.pem"
openssl req -new -key "$T/good-key.pem" -subj /CN=old.example.test -out "$T/old.csr"
openssl x509 -req -in "$T/old.csr" -signkey "$T/good-key.pem" -days -1 -out "$T/b/state/tls/cert.pem" 2>/dev/null
exits 0 'check: a certificate that has expired' mailctl check
like "$(cat "$T/err" "$T/out")" '\[tls\] .*warning: .*has expired' 'is a warning'
try 'and keeps nothing from starting' mailctl up
mailctl reload tls >/dev/null
expired() { mailctl status >"$T/status"; test $? -eq 1 && grep -q 'certificate: EXPIRED' "$T/status"; }
try 'status is degraded' wait_for 20 expired
cp "$T/good.pem" "$T/b/state/tls/cert.pem"
mailctl reload tls >/dev/null
well() { mailctl status >/dev/null; }
try 'and well again' wait_for 20 well

# --- what check and a bad reload say ---

chmod 644 "$T/b/state/tls/key.pem"
exits 102 'check: a key that others may read' mailctl check
like "$(cat "$T/err" "$T/out")" "\[tls\] certificate: .*chmod" 'is refused, with the chmod'
chmod 600 "$T/b/state/tls/key.pem"
echo nonsense >"$T/b/state/tls/cert.pem"
exits 102 'check: no certificate' mailctl check
exits 1 'a reload of it is refused' mailctl reload tls
like "$(cat "$T/err")" 'tls kept its files of before' 'and told'
like "$(cat "$T/err")" 'tlsd: fatal: .*cert.pem' 'with the reason'
is "$(shown)" 'CN = new.example.test' 'and the certificate of before stays'
try down mailctl down
is "$(pgrep -f "$T" | grep -vxc $$)" 0 'nothing is left'
finish
