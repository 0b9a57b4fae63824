#!/bin/sh
# smtpd -s: logging in, what is completed, what may be relayed, with mail programs and a checkpassword program
# shellcheck source=tests/e2e/smtpd-lib.sh
. "$(dirname "$0")/smtpd-lib.sh"

echo default.test >"$H/control/defaultdomain"
touch "$H/users"
chmod 600 "$H/users"
printf 'secret\n' | "$LIBEXEC/checkpassword-file" --set "$H/users" joe || exit 111

submission() {
  serve "$@" "$LIBEXEC/checkpassword-file" users true
}

submission -s -A
out=$(printf 'EHLO pc\nMAIL FROM:<joe@default.test>\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nMAIL FROM:<joe>\nRCPT TO:<ann>\nRCPT TO:<u@far.test>\nRCPT TO:<x@host>\nDATA\nSubject: x\nTo: ann, u@far.test\nBcc: x@host\n\nhi\n.\nQUIT\n' | talk)
like "$out" '^250-AUTH PLAIN LOGIN$' 'AUTH is offered'
is "$(echo "$out" | sed '1,/^250 ENH/d' | cut -c1-3 | tr '\n' ' ')" '530 235 250 250 250 250 354 250 221 ' 'MAIL only after it, and then anywhere'
is "$(cat "$H"/queue/*.envelope)" 'Fjoe@default.test
Tann@default.test
Tu@far.test
Tx@host.default.test' 'the envelope is completed'
message=$(cat "$H"/queue/*.message)
like "$message" '^Received: from unknown \(HELO pc\) \(joe@127' 'the Received line names the user'
like "$message" '^  by [0-9.]* with ESMTPA; ' 'and the protocol'
like "$message" '^To: ann@default.test, u@far.test$' 'a field is completed'
like "$message" '^Date: ' 'Date is added'
like "$message" '^Message-ID: <[0-9.]+@mx.example.test>' 'Message-ID is added'
like "$message" '^From: .*joe@default.test' 'From is added'
unlike "$message" '^Bcc:' 'Bcc is taken out'
clean

cat >"$T/mail" <<'EOF'
From: joe@default.test
To: u@far.test
Date: Sun, 22 Nov 2026 12:00:00 +0000
Message-ID: <1@pc>
Subject: eight bits
X-Odd :  blanks	tabs

Größe
From nobody
EOF
try 'curl with AUTH' curl -sS "smtp://$IP:$PORT/pc" --user joe:secret --mail-from joe@default.test --mail-rcpt u@far.test \
  --upload-file "$T/mail" --crlf
sed '1,2d' "$H"/queue/*.message >"$T/got"
is "$(cat "$T/got")" "$(cat "$T/mail")" 'a whole message stays as it is, byte for byte'
clean
exits 67 'curl with a wrong password' curl -sS "smtp://$IP:$PORT/pc" --user joe:wrong --mail-from joe@default.test \
  --mail-rcpt u@far.test --upload-file "$T/mail"

cat >"$T/msmtprc" <<EOF
account default
host $IP
port $PORT
from joe@default.test
auth login
user joe
password secret
tls off
EOF
chmod 600 "$T/msmtprc"
try 'msmtp with AUTH LOGIN' sh -c "msmtp -C '$T/msmtprc' u@far.test <'$T/mail'"
is "$(queued)" 1 'its message'
clean

try 'smtplib with both' python3 - "$IP" "$PORT" <<'EOF'
import os, smtplib, sys
for method in "auth_plain", "auth_login":
    s = smtplib.SMTP(sys.argv[1], int(sys.argv[2]), local_hostname="pc", timeout=60 * int(os.environ["PATIENCE"]))
    s.ehlo()
    s.user, s.password = "joe", "wrong"
    try:
        s.auth(method[5:].upper(), getattr(s, method))
        sys.exit("a wrong password was taken")
    except smtplib.SMTPAuthenticationError as e:
        assert e.smtp_code == 535, e
    s.password = "secret"
    s.auth(method[5:].upper(), getattr(s, method))
    s.sendmail("", ["u@far.test"], "Subject: from nobody\r\n\r\nx\r\n")
    s.quit()
EOF
is "$(cat "$H"/queue/*.envelope | sed '/^$/d' | sort -u)" 'F
Tu@far.test' 'the null sender may submit'
clean
like "$(cat "$H/log")" 'auth-bad: client=127[.0-9]* helo=pc login=joe$' 'a failed login is logged'
unlike "$(cat "$H/log")" 'secret|wrong' 'passwords are not'

submission -s -A -l
out=$(printf 'EHLO pc\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nMAIL FROM:<>\nRCPT TO:<u@far.test>\nRCPT TO:<u@example.test>\nQUIT\n' | talk)
is "$(echo "$out" | sed -n 's/^\(550 5\.7\.1\) .*/\1/p')" '550 5.7.1' 'where mail is only delivered locally, relaying is refused'
like "$out" '^250 2\.1\.5 ' 'local mail is not'

submission -s
out=$(printf 'EHLO pc\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nMAIL FROM:<>\nQUIT\n' | talk)
unlike "$out" 'AUTH PLAIN' 'without -A and without TLS, AUTH is not offered'
is "$(echo "$out" | sed '1,/^250 ENH/d' | cut -c1-3 | tr '\n' ' ')" '538 530 221 ' 'nor taken'

serve -s -A -a "$T/no.sock"
out=$(printf 'EHLO pc\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nQUIT\n' | talk)
like "$out" '^454 4\.7\.0 ' 'nobody to check the password: 454'

submission RELAYCLIENT= -s -A
out=$(printf 'EHLO pc\nMAIL FROM:<joe>\nRCPT TO:<u@far.test>\nQUIT\n' | talk)
is "$(echo "$out" | sed '1,/^250 ENH/d' | cut -c1-3 | tr '\n' ' ')" '250 250 221 ' 'RELAYCLIENT needs no login'

# Under other people's UCSPI servers, with a checkpassword program that is not ours.
cat >"$H/bin/checkpassword" <<'EOF'
#!/bin/sh
test "$(tr '\0' ' ' <&3)" = 'ann open sesame  ' || exit 1
exec env USER=ann HOME=/ SHELL=/bin/sh "$@"
EOF
chmod 755 "$H/bin/checkpassword"

# ucspi SERVER ARGUMENT...
ucspi() {
  command -v "$1" >/dev/null || {
    ok 0 "$1 # SKIP it is not installed"
    return
  }
  stop
  clean
  (cd "$H" && exec "$@" "$LIBEXEC/smtpd" -s -A -q bin/queue bin/checkpassword /bin/true) >"$T/out" 2>>"$H/log" &
  server=$!
  wait_for 20 python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])))' "$IP" "$PORT"
  set -- "$1" -sS "smtp://$IP:$PORT/pc" --mail-from ann@default.test --mail-rcpt u@far.test --upload-file "$T/mail" --crlf
  ucspi=$1
  shift
  exits 67 "$ucspi: a wrong password" curl --user 'ann:open' "$@"
  try "$ucspi: the right one" curl --user 'ann:open sesame' "$@"
  like "$(cat "$H"/queue/*.message)" '\(ann@127' "$ucspi: the message, and who sent it"
}
ucspi tcpserver -HRD -l 0 "$IP" "$PORT"
ucspi s6-tcpserver "$IP" "$PORT"
clean

# Failed logins, counted by the rater.
printf 'authfail * 2/1h penalty 1d\n' >"$T/rules"
rater=
stop_rater() {
  test -n "$rater" || return 0
  kill "$rater"
  wait "$rater"
  rater=
}
on_exit stop_rater
start_rater() {
  stop_rater
  : >"$T/rater.ready"
  "$LIBEXEC/raterd" -s "$T/rater.sock" -d 3 "$T/rules" 3>"$T/rater.ready" 2>"$T/rater.log" &
  rater=$!
  wait_for 20 test -s "$T/rater.ready"
}
submission -s -A -R "$T/rater.sock" -y 1
bad='AUTH PLAIN AGpvZQB3cm9uZw=='
# The rater has half a second for an answer. One that was held up for longer counts anew.
throttled() {
  start_rater
  : >"$H/log"
  one=$(printf '%s\n' 'EHLO pc' "$bad" "$bad" "$bad" NOOP | talk)
  two=$(printf 'EHLO pc\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nNOOP\n' | talk)
  ! grep -q "unable to ask $T/rater.sock: .* timed out" "$H/log"
}
wait_for 60 throttled
is "$(echo "$one" | sed '1,/^250 ENH/d' | cut -c1-3 | tr '\n' ' ')" '535 535 421 ' 'too many failed logins end the session'
is "$(echo "$two" | tail -1 | cut -c1-3)" 421 'and the next one of that client, the password right or not'
like "$(rater -s "$T/rater.sock" -n 10 --top authfail 2>&1)" "127" 'the offender is among the worst'

# A place is taken before the password is looked at: of many at a time, no more than the limit are; good ones give it back.
cat >"$H/slow" <<'END'
#!/bin/sh
echo x >>"$0.tried"
exec 4<"$0.go"
read -r _ <&4
exec "$@"
END
chmod 755 "$H/slow"
mkfifo "$H/slow.go"
: >"$H/slow.tried"
chmod 666 "$H/slow.go" "$H/slow.tried"
printf 'authfail * 10/1h\n' >"$T/rules"
serve -s -A -R "$T/rater.sock" -y 1 "$H/slow" "$LIBEXEC/checkpassword-file" users true
start_rater
clients=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  printf '%s\n' 'EHLO pc' "$bad" QUIT | talk >"$T/parallel.$i" &
  clients="$clients $!"
done
answers() { cat "$T"/parallel.* | tr -d '\r' | grep -c "^$1 "; }
all_but_ten() { test "$(answers 421)" -ge 10 && test "$(wc -l <"$H/slow.tried")" -ge 10; }
wait_for 60 all_but_ten
is "$(wc -l <"$H/slow.tried")" 10 'twenty logins at a time at a limit of ten: ten passwords are looked at'
exec 5<>"$H/slow.go"
printf '\n\n\n\n\n\n\n\n\n\n' >&5
# shellcheck disable=SC2086 # several
wait $clients
is "$(answers 535) $(answers 421)" '10 10' 'and they are wrong'
exec 5<&-
submission -s -A -R "$T/rater.sock" -y 1
printf 'authfail * 2/1h\n' >"$T/rules"
start_rater
for i in 1 2 3 4 5; do printf 'EHLO pc\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nQUIT\n' | talk; done >"$T/good"
is "$(grep -c ^235 "$T/good")" 5 'good logins do not count'
is "$(rater -s "$T/rater.sock" --peek authfail "$IP")" '0 0/2' 'nor leave anything'
stop_rater
out=$(printf 'EHLO pc\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nNOOP\n' | talk)
like "$out" '^235 ' 'without the rater nobody is throttled'

finish
