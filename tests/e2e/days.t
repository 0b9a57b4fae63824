#!/bin/sh
# What happens to servers that live for years: an upgrade and the way back, a renewed certificate, logs that rotate, a clock that is set back,
# hundreds of services, two bundles, odd paths, a bundle that moves.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

own_prefix
EXAMPLES=$(cd "$(dirname "$0")/../../examples" && pwd)
sends() { swaks --silent 3 -s "$IP:${1:-2525}" -f a@b.example -t postmaster@example.test >"$T/swaks" 2>&1; }
mails() { find "$1/mail/postmaster/new" -type f | wc -l; }
has_mails() { test "$(mails "$1")" -eq "$2"; }
without() { awk -v s="$2" '/^\[/ { out = $0 ~ s } !out' "$1" >"$T/conf" && cat "$T/conf" >"$1"; }
kills() {
  case $1 in
  '' | *[!0-9]* | 0 | 1) return 1 ;;
  esac
  kill -9 "$1"
}

# --- a directory with blanks and UTF-8, and a second bundle beside it ------------------------------------

D="$T/Größe \"x\" 'y' \$z/mail"
mkdir "${D%/mail}"
new_bundle "$D" >/dev/null 2>&1
C=$D/mailctl.conf
# For the traps of on_exit, the path is taken from a variable.
on_exit 'mailctl -c "$C" down >/dev/null 2>&1'
(eval "$(sed -n 's/^  export/export/p' "$T/init.out")" && test "$MAILCTL_CONF" = "$C")
ok $? "the line that init prints is right in a shell"
without "$C" 'monitor|rater|auth|submission'
sed -i 's/^\[bundle\]/&\nlog-size = 4096\nlog-files = 5/' "$C"
echo '[connection]' >"$D/control/smtpplugins"
new_bundle "$T/two" || exit 111
without "$T/two/mailctl.conf" 'monitor|rater|auth|tls|submission'
sed -i 's/:2525/:3525/' "$T/two/mailctl.conf"
echo '[connection]' >"$T/two/control/smtpplugins"

mailctl -c "$T/two/mailctl.conf" up >"$T/up.two" 2>&1 &
two=$!
exits 0 "up in a directory with blanks, quotes and UTF-8" m up
wait $two
ok $? "and of another bundle at the same time"
exits 0 "all is well in the one" m status
exits 0 "and in the other" mailctl -c "$T/two/mailctl.conf" status
sends
sends 3525
wait_for 30 has_mails "$D" 1
ok $? "mail for the one"
wait_for 30 has_mails "$T/two" 1
ok $? "and for the other"

# An upgrade, and the way back: a directory a version, and a link to the one that counts.
mkdir "$T/opt"
cp -a "$T/prefix" "$T/opt/1"
cp -a "$T/prefix" "$T/opt/2"
version() {
  ln -sfn "$1" "$T/opt/current"
  exits 0 "up with version $1" "$T/opt/current/bin/mailctl" -c "$T/two/mailctl.conf" up
  like "$(tr '\0' ' ' <"/proc/$(pid_of "$T/two/mailctl.conf" smtpd)/cmdline")" "^$T/opt/$1/libexec/" "restarts services with its programs"
  like "$(cat "$T/two/run/service/.s6-svscan/SIGTERM")" "^$T/opt/$1/bin/mailctl " "and TERM will run its mailctl"
}
version 1
version 2
version 1
rm -r "$T/opt/2"
exits 0 "all is well without the other version" mailctl -c "$T/two/mailctl.conf" status
exits 0 "down of the other" mailctl -c "$T/two/mailctl.conf" down
exits 0 "does not concern the first" m status

# --- a certificate is renewed -------------------------------------------------------------------------

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=renewed.example.test \
  -keyout "$T/key.pem" -out "$T/cert.pem" 2>/dev/null
shown() { echo QUIT | timeout 10 openssl s_client -starttls smtp -connect "$IP:2525" 2>/dev/null | sed -n 's/^subject=//p'; }
renewed() { test "$(shown)" = 'CN = renewed.example.test'; }
is "$(shown)" 'CN = example.test' "a certificate"
mkfifo "$T/in"
openssl s_client -quiet -starttls smtp -connect "$IP:2525" <"$T/in" >"$T/session" 2>/dev/null &
session=$!
exec 7>"$T/in"
printf 'EHLO one\r\n' >&7
answered() { grep -q "^250 " "$T/session"; }
wait_for 30 answered
ok $? "a session under TLS"
# Where certbot leaves them, and then its hook.
cat "$T/key.pem" >"$D/state/tls/key.pem"
cat "$T/cert.pem" >"$D/state/tls/cert.pem"
sed "s|/usr/local/bin|$T/prefix/bin|; s|-c /etc/mailctl/mailctl.conf|-c \"\$MAILCTL_CONF\"|" "$EXAMPLES/hooks/certbot-deploy" >"$T/hook"
exits 0 "the renewal hook" env MAILCTL_CONF="$C" sh "$T/hook"
wait_for 30 renewed
ok $? "the new certificate is shown"
printf 'MAIL FROM:<a@b.example>\r\nRCPT TO:<postmaster@example.test>\r\nDATA\r\n' >&7
go_ahead() { grep -q '^354 ' "$T/session"; }
wait_for 30 go_ahead
printf 'Subject: across a renewal\r\n\r\n.\r\nQUIT\r\n' >&7
wait $session
exec 7>&-
like "$(cat "$T/session")" '^221 ' "the session that ran goes on to its end"
across() { grep -rqs 'Subject: across a renewal' "$D/mail/postmaster/new"; }
wait_for 30 across
ok $? "and delivers"

# --- logs rotate --------------------------------------------------------------------------------------

cat >"$T/flood" <<'END'
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 2525, timeout=60) as s:
    s.ehlo("flood")
    for i in range(int(sys.argv[2]), int(sys.argv[3])):
        s.mail("n%d@b.example" % i)
        s.rcpt("postmaster@example.test")
        s.data("Subject: x\r\n\r\n")
END
mailctl -c "$C" log smtpd -f -n 0 >"$T/followed" &
follower=$!
on_exit "kill -9 $follower 2>/dev/null"
# It follows once it has shown a line.
starts() { sends && grep -q accepted "$T/followed"; }
wait_for 30 starts
numbers() { sed -n 's/.* from=n\([0-9]*\)@.*/\1/p' "$1"; }
last() { m log smtpd -n 5 | grep -q "from=n$1@"; }
followed() { numbers "$T/followed" | grep -qx "$1"; }
for i in 100 140 180; do
  # While it is held up, its file is rotated, and the next one as well.
  kill -STOP $follower
  python3 "$T/flood" "$IP" "$i" $((i + 40))
  wait_for 30 last $((i + 39))
  kill -CONT $follower
  wait_for 30 followed $((i + 39))
done
rotated() { test "$(find "$D/log/smtpd" -name '@*' | wc -l)" -eq 5; }
wait_for 30 rotated
ok $? "as many log files are kept as the file says"
m log smtpd -n 40 >"$T/log"
is "$(wc -l <"$T/log")" 40 "log -n goes back into rotated files"
numbers "$T/log" >"$T/n"
is "$(cat "$T/n")" "$(seq "$(head -n 1 "$T/n")" 219)" "with every line, in order"
is "$(numbers "$T/followed")" "$(seq 100 219)" "log -f shows every line across rotations, once"
kill $follower
wait $follower 2>/dev/null

# --- it moves -----------------------------------------------------------------------------------------

drained() { test -z "$(find "$D/state/spool" -type f)"; }
wait_for 60 drained
n=$(mails "$D")
exits 0 "down" m down
mv "$D" "$T/moved"
D=$T/moved
C=$D/mailctl.conf
exits 0 "up of a bundle that was moved while it was down" m up
exits 0 "all is well" m status
sends
wait_for 30 has_mails "$D" $((n + 1))
ok $? "mail arrives in the new place"
mv "$D" "$T/moved again"
D="$T/moved again"
C=$D/mailctl.conf
exits 1 "status of one that was moved while it ran: not well" m status
like "$(cat "$T/out")" 'was moved here while it ran.*`mailctl up`' "and says why, and what to do"
exits 0 "up" m up
exits 0 "all is well" m status
sends
wait_for 30 has_mails "$D" $((n + 2))
ok $? "mail arrives there"
pid=$(pid_of "$C" smtpd)
kills "$pid"
back() { m status && test "$(pid_of "$C" smtpd)" != "$pid"; }
wait_for 30 back
ok $? "what dies comes back there"
pid=$(pid_of "$C" smtpd)
kills "$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")"
kills "$pid"
wait_for 20 back
ok $? "and so does its s6-supervise"
supervisor=$(m status | sed -n 's/^supervisor: .*pid \([0-9]*\),.*/\1/p')
test "${supervisor:-0}" -gt 1 && kill -TERM "$supervisor"
wait_for 20 none_left
ok $? "TERM to the supervisor, which was started in another place, stops everything"

# --- RUN is shut, or gone ---------------------------------------------------------------------------

exits 0 "up" m up
if test "$(id -u)" -ne 0; then
  chmod 0 "$D/run"
  exits 111 "status when RUN is shut to us: not an answer, least of all a wrong one" m status
  like "$(cat "$T/err")" "look at the services in $D/run: Permission denied" "and says where"
  exits 111 "down neither" m down
  like "$(cat "$T/err")" "unable to find the s6-svscan of $D/run/service: Permission denied" "and says where"
  chmod 755 "$D/run"
fi
supervisor=$(m status | sed -n 's/^supervisor: .*pid \([0-9]*\),.*/\1/p')
mv "$D/run" "$D/was-run" # at once: what runs writes there
rm -rf "$D/was-run"
exits 102 "up when RUN was deleted" m up
like "$(cat "$T/err")" ':2525 is in use, by the process' "finds that somebody has the ports"
# What doc/operating.md says
test "${supervisor:-0}" -gt 1 && kill -TERM "$supervisor"
wait_for 20 none_left
ok $? "TERM to the supervisor stops everything all the same"
exits 0 "and up starts anew" m up
exits 0 "down" m down

# --- two hundred services -----------------------------------------------------------------------------

mkdir -p "$T/many/control"
chmod 755 "$T/many"
M=$T/many/mailctl.conf
on_exit "mailctl -c '$M' down >/dev/null 2>&1"
{
  echo '[bundle]'
  echo 'hostname = many.example.test'
  for i in $(seq 200); do
    echo "[service s$i]"
    echo "command = sleep 100000"
    test "$(id -u)" -ne 0 || echo "user = nobody"
    test "$i" -lt 10 || echo "needs = s$((i / 10))"
  done
} >"$M"
exits 0 "up of 200 services" mailctl -c "$M" up
is "$(grep -c ' ready in ' "$T/out")" 200 "each with its line"
exits 0 "status" mailctl -c "$M" status
is "$(grep -c '^s[0-9]* *ready' "$T/out")" 200 "each is ready"
sed -i 's/100000$/100001/' "$M"
exits 0 "up after a change to all of them" mailctl -c "$M" up
is "$(grep -c ' ready in ' "$T/out")" 200 "restarts all"
exits 0 "down" mailctl -c "$M" down
is "$(processes)" "" "leaves none"

# --- the clock is set back ----------------------------------------------------------------------------

FAKETIME=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
if grep -q __asan_init "$B/bin/mailctl"; then
  echo "# the clock is left alone: AddressSanitizer asks for the time before libfaketime can tell it, and hangs"
elif test -n "$FAKETIME" && LD_PRELOAD=$FAKETIME mailctl --version >/dev/null 2>&1; then
  # Everything reads the wall clock from a file; the others go on. Times of files are left alone.
  clock="LD_PRELOAD=$FAKETIME FAKETIME_TIMESTAMP_FILE=$T/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1"
  printf '#!/bin/sh\nexport %s\nexec %s "$@"\n' "$clock" "$(command -v s6-svscan)" >"$T/prefix/bin/s6-svscan"
  chmod 755 "$T/prefix/bin/s6-svscan"
  echo +0 >"$T/clock"
  chmod 644 "$T/clock"
  new_bundle "$T/c" || exit 111
  C=$T/c/mailctl.conf
  # shellcheck disable=SC2086
  m() { timeout 60 env $clock mailctl -c "$C" "$@"; }
  without "$C" 'submission|tls|auth'
  printf '[limit two]\nrule = * 2/3s\n' >>"$C"
  sed -i 's/^#*retry = .*/retry = 1s/' "$C"
  echo '[connection]' >"$T/c/control/smtpplugins"
  exits 0 "up" m up
  ask() { rater -q -s "$T/c/run/rater.sock" two me; }
  reached() { ask; test $? -eq 1; }
  wait_for 30 reached
  ok $? "a limit is reached"
  # What is deferred now is due in a second.
  mv "$T/c/mail/postmaster/new" "$T/c/mail/postmaster/away"
  : >"$T/c/mail/postmaster/new"
  sends
  ok $? "a message is accepted"
  deferred() { grep -q deferred "$T/c/log/spool/current"; }
  wait_for 30 deferred
  ok $? "and deferred"

  echo -3600 >"$T/clock"
  rm "$T/c/mail/postmaster/new"
  mv "$T/c/mail/postmaster/away" "$T/c/mail/postmaster/new"
  # Until the monitor measures again, within a second, its last time is one to come.
  wait_for 20 m status -q
  exits 0 "the clock is set back by an hour: status is well" m status
  unlike "$(cat "$T/out")" '(ready|for) +in |59 min|clock' "and shows no time to come"
  wait_for 30 ask
  ok $? "the limit is over when it should be"
  wait_for 30 has_mails "$T/c" 1
  ok $? "what was deferred is delivered when it should be"
  exits 0 "restart" m restart smtpd
  pid=$(pid_of "$C" rater)
  kills "$pid"
  rm -f "/dev/shm/faketime_shm_$pid" "/dev/shm/sem.faketime_sem_$pid"
  new_rater() { m status && test "$(pid_of "$C" rater)" != "$pid"; }
  wait_for 30 new_rater
  ok $? "what dies comes back"
  sed -i 's/^\[smtpd\]/&\nper-client = 7/' "$C"
  exits 0 "up after a change" m up
  exits 0 "overload on" m overload on
  refuses() { ! sends; }
  wait_for 30 refuses
  exits 0 "overload auto" m overload auto
  sends_again() { sends; }
  wait_for 30 sends_again
  ok $? "the flag is raised and cleared as ever"
  more_mails() { test "$(mails "$T/c")" -ge 2; }
  wait_for 30 more_mails
  ok $? "and mail flows"
  exits 0 "history" m history
  exits 0 "down" m down
  is "$(processes)" "" "leaves nothing"
else
  echo "# no libfaketime here: the clock is left alone"
fi
finish
