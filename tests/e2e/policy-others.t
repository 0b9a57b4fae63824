#!/bin/sh
# Debian's Postfix and Exim, unpacked and not installed, ask our policyd and our raterd, as policyd(8) and raterd(8) say.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/policy-lib.sh"
. "$(dirname "$0")/postfix-lib.sh"

zone 'good.test TXT v=spf1 +all' 'bad.test TXT v=spf1 -all'
dns_start
policy_start 'spf-fail reject' 'spf-pass mark' 'greylist everybody' 'greylist-delay 2'
chmod 711 "$T"
printf '%s\n' 'from policy=RCPT sender' 'from rate@* 2/1h' 'sent policy=DATA sender recipient_count' 'sent * 2/1h 3/1d' >"$T/rules"
# raterd_start ADDRESS [COMMAND]...: until it is ready
raterd_start() {
  rm -f "$T/rater.ready"
  mkfifo "$T/rater.ready"
  "$LIBEXEC/raterd" -d 7 -p "$1" -m 0666 "$T/rules" 7>"$T/rater.ready" 2>>"$T/rater.log" &
  raterd=$!
  on_exit "kill $raterd 2>/dev/null"
  read -r _ <"$T/rater.ready"
}
# acl PAGE ADDRESS OURS: the rule for Exim that the page has
acl() {
  sed -n '/^Exim, in the ACL/,/^\.Ed/p' "$(dirname "$0")/../../doc/$1" | sed '1,/^\.Bd/d; /^\.Ed/d' |
    sed "s|$2|$3|; s/\\\\e/\\\\/g; s/^/  /"
}

# --- Exim: a session by hand (-bh), in which ACLs run and nothing is accepted in earnest. It wants a user of its own.
exim_user() {
  test "$(id -u)" -eq 0 && unshare -mn true 2>/dev/null && peers exim4-daemon-light exim4-base || return
  { cat /etc/passwd && id -u Debian-exim >/dev/null 2>&1 || echo 'Debian-exim:x:64998:64998::/:/bin/false'; } >"$T/passwd"
  { cat /etc/group && id -u Debian-exim >/dev/null 2>&1 || echo 'Debian-exim:x:64998:'; } >"$T/group"
  mkdir -m 777 "$T/exim"
}
if exim_user; then
  raterd_start "$T/rater.policy"
  {
    printf '%s\n' 'primary_hostname = exim.here.test' 'acl_smtp_rcpt = check' "spool_directory = $T/exim" 'log_file_path = :syslog' \
      'begin acl' 'check:'
    acl policyd.8 /path/to/run/policy.sock "$T/sock"
    acl raterd.8 inet:127.0.0.1:10031 "$T/rater.policy"
    echo '  accept'
  } >"$T/exim.conf"
  # shellcheck disable=SC2016 # for the other shell
  exim() {
    printf 'EHLO h.test\r\nMAIL FROM:<%s>\r\nRCPT TO:<joe@here.test>\r\nQUIT\r\n' "$1" |
      timeout 60 unshare -mn sh -c 'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group &&
        exec "$2/usr/sbin/exim4" -C "$1/exim.conf" -bh 192.0.2.7 2>"$1/exim.log"' x "$T" "$PEERS" |
      tr -d '\r' | sed -n '/^250 OK$/,$p' | sed -n '2s/ *$//p'
  }
  is "$(exim a@bad.test)" "550 5.7.23 SPF: your address may not send mail for that domain" "Exim: refused"
  like "$(exim a@none.test)" '^451 4.7.1 greylisted: come again in [0-9]+ seconds$' "Exim: asked to come again"
  accepted() { test "$(exim a@none.test)" = "250 Accepted"; }
  try "Exim: accepted" wait_for 20 accepted
  policy_stop
  is "$(exim a@bad.test)" "250 Accepted" "Exim: no policyd, no harm"
  is "$(exim rate@x.test) $(exim rate@x.test)" "250 Accepted 250 Accepted" "Exim: raterd admits two"
  is "$(exim rate@x.test)" "451 4.7.1 too often: come again later" "Exim: and not three"
  kill "$raterd"
  wait "$raterd"
  is "$(exim rate@x.test)" "250 Accepted" "Exim: no raterd, no harm"
  policy_run
else
  ok 0 "Exim # skip it cannot be had, or this is not root"
fi

# --- Postfix: its master and smtpd in a network namespace
if postfix_can; then
  P=$T/postfix
  postfix_make "$P"
  cat >>"$P/etc/main.cf" <<END
smtpd_relay_restrictions =
smtpd_sender_restrictions = check_policy_service { inet:127.0.0.1:10031, timeout=10s, default_action=DUNNO }
$(sed -n '/^smtpd_data_restrictions/,/^\.Ed/p' "$(dirname "$0")/../../doc/raterd.8" | sed '/^\.Ed/d; s/timeout=1s/timeout=10s/')
smtpd_recipient_restrictions = reject_unauth_destination,
  check_policy_service { unix:$T/sock,
    timeout=10s, default_action=DUNNO }
END
  cat >"$P/client.py" <<'END'
import smtplib, sys, time
end = time.time() + float(sys.argv[1])
while True:
    try:
        s = smtplib.SMTP("127.0.0.1", 2525, local_hostname="h.test", timeout=30)
        break
    except OSError:
        if time.time() > end:
            raise
        time.sleep(0.1)
for who in ["a@bad.test", "b@none.test"]:
    s.mail(who)
    code, text = s.rcpt("joe@here.test")
    s.rset()
    print(who, code, text.decode())
until = time.time() + float(sys.argv[1])
while code != 250 and time.time() < until:
    time.sleep(0.2)
    s.mail("b@none.test")
    code, text = s.rcpt("joe@here.test")
    s.rset()
print("b@none.test", code, text.decode())
for i in range(3):
    s.mail("rate@none.test")
    print("rate@none.test", *s.rcpt("joe@here.test"))
    s.rset()
until = time.time() + float(sys.argv[1])
def data(who, n):
    s.mail(who)
    for i in range(n):
        while s.rcpt("u%d@here.test" % i)[0] != 250 and time.time() < until:
            time.sleep(0.2)
    print("data", n, *s.docmd("DATA"))
data("c@none.test", 4)
s.rset()
data("c@none.test", 2)
s.close()
s = smtplib.SMTP("127.0.0.1", 2525, local_hostname="h.test", timeout=30)
data("c@none.test", 2)
END
  # shellcheck disable=SC2016 # for the other shell
  LD_LIBRARY_PATH=$POSTFIX_LIBRARIES MAIL_CONFIG=$P/etc timeout 120 unshare -n sh -c '
    ip link set lo up
    mkfifo "$2/rater"
    env -u LD_LIBRARY_PATH "$4/raterd" -d 7 -p 127.0.0.1:10031 "$5" 7>"$2/rater" 2>"$2/rater.log" &
    raterd=$!
    read -r _ <"$2/rater"
    "$1/usr/lib/postfix/sbin/master" -c "$2/etc" -d >"$2/log" 2>&1 &
    env -u LD_LIBRARY_PATH python3 "$2/client.py" "$3"
    kill $! $raterd
    wait' x "$PEERS" "$P" $((20 * PATIENCE)) "$LIBEXEC" "$T/rules" >"$T/said" 2>&1
  like "$(sed -n 1p "$T/said")" '^a@bad.test 550 5.7.23 .*SPF: your address may not send' "Postfix: refused"
  like "$(sed -n 2p "$T/said")" '^b@none.test 450 4.7.1 .*greylisted: come again in' "Postfix: asked to come again"
  like "$(sed -n 3p "$T/said")" '^b@none.test 250 ' "Postfix: accepted"
  like "$(sed -n 6p "$T/said")" '^rate@none.test 45[01] b.4.7.1 .*too often: come again in [0-9]+ seconds' "Postfix: raterd refuses the third"
  unlike "$(sed -n 4,5p "$T/said")" 'too often' "Postfix: and not the two before"
  like "$(sed -n 7p "$T/said")" '^data 4 554 b.5.7.1 .*more at once than is ever allowed' "Postfix: raterd counts recipients"
  like "$(sed -n 8p "$T/said")" '^data 2 354 ' "Postfix: and admits as many as fit"
  like "$(sed -n 9p "$T/said")" '^data 2 450 b.4.7.1 .*too often' "Postfix: and then no more"
else
  ok 0 "Postfix # skip it cannot be had, or this is not root"
fi
finish
