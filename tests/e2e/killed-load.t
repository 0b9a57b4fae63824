#!/bin/sh
# kill -9 in pairs while mail pours in: loggers, listener, smtpd sessions, spool-deliver. What was answered 250
# arrives, once, and all comes back by itself.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

ROUNDS=${KILL_ROUNDS:-1}
new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
awk '/^\[/ { out = $0 !~ /bundle|smtpd|spool/ } !out' "$C" >"$T/conf" && cat "$T/conf" >"$C"
echo '[connection]' >"$T/b/control/smtpplugins"
MAIL=$T/b/mail/postmaster

# ends PID...: only what is a pid
ends() {
  for pid in "$@"; do
    case $pid in
    '' | *[!0-9]* | 0 | 1) continue ;;
    esac
    kill -9 "$pid" 2>/dev/null
  done
}
words() { { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null; }
# At one look: what is found slowly is killed when its pid may be another's.
children() { pgrep -P "$1"; }
# The victims, by name.
victim() {
  case $1 in
  listener) pid_of "$C" smtpd ;;
  spool-deliver) pid_of "$C" spool ;;
  session)
    listener=$(pid_of "$C" smtpd)
    test "$listener" = - || children "$listener"
    :
    ;;
  *-log)
    for p in $(processes | sed -n "s|^\([0-9]*\) s6-log .* $T/b/log/${1%-log} *\$|\1|p"); do echo "$p"; done
    ;;
  esac
}

# Sends in sessions of a few messages, and notes what was answered 250; STOP ends it. At a pace that delivery keeps up
# with on any machine: an overloaded bundle is not well.
cat >"$T/pour" <<'END'
import os, smtplib, sys, time
ip, name, stop, out = sys.argv[1:5]
n = 0
with open(out, "w") as noted:
    while not os.path.exists(stop):
        try:
            with smtplib.SMTP(ip, 2525, timeout=20) as s:
                for i in range(5):
                    n += 1
                    subject = "%s.%d" % (name, n)
                    s.sendmail("a@b.example", ["postmaster@example.test"], "Subject: %s\r\n\r\n" % subject + "x" * 500 + "\r\n")
                    noted.write(subject + "\n")
                    noted.flush()
                    time.sleep(0.1)
        except (smtplib.SMTPException, OSError):
            pass
END

exits 0 "up" m up
pourers=
for i in 1 2 3; do
  python3 "$T/pour" "$IP" "p$i" "$T/stop" "$T/noted.$i" &
  pourers="$pourers $!"
done
on_exit "touch '$T/stop'; kill $pourers 2>/dev/null"
acknowledged() { cat "$T"/noted.* | wc -l; }
well() { m status; }
more_than() { test "$(acknowledged)" -gt "$1"; }
wait_for 60 more_than 20
ok $? "mail pours in"

round=0
while test $round -lt "$ROUNDS"; do
  round=$((round + 1))
  for pair in "smtpd-log spool-log" "listener session" "listener spool-deliver" "session spool-deliver" \
    "smtpd-log listener" "spool-log spool-deliver" "session smtpd-log"; do
    # shellcheck disable=SC2086
    set -- $pair
    before=$(acknowledged)
    one=
    two=
    both() { one=$(victim "$1") && test "${one:--}" != - && two=$(victim "$2") && test "${two:--}" != -; }
    wait_for 60 both "$1" "$2"
    found=$?
    # shellcheck disable=SC2086
    ends $one $two
    wait_for 60 well
    found=$((found + $?))
    wait_for 60 more_than $((before + 10))
    ok $((found + $?)) "round $round: $1 and $2 are killed: all is well again, and mail goes on"
  done
done
touch "$T/stop"
for p in $pourers; do wait "$p"; done

n=$(acknowledged)
sort -u "$T"/noted.* >"$T/wanted"
arrived() { cat "$MAIL"/new/* "$MAIL"/cur/* 2>/dev/null | sed -n 's/^Subject: \(p[0-9.]*\).*/\1/p'; }
missing() { arrived | sort -u | comm -13 - "$T/wanted"; }
all_there() { test -z "$(missing)"; }
wait_for 30 all_there
is "$(missing)" "" "each of $n messages that were answered 250 arrived"
# What killed sessions left is a minute old, and spool-deliver looks at once.
find "$T/b/state/spool/tmp" -type f -exec touch -d '1 hour ago' {} +
m reload spool >/dev/null
empty() { test -z "$(find "$T/b/state/spool" -type f)"; }
wait_for 30 empty
ok $? "the spool is empty"
# A delivery that is killed between the link into new/ and its end may be made again: a Maildir's rules allow that.
twice=$(arrived | sort | uniq -d | wc -l)
test "$twice" -le $((3 * ROUNDS))
ok $? "no more arrived twice ($twice) than deliveries were killed ($((3 * ROUNDS)))"
no_tmp() { test -z "$(find "$MAIL/tmp" -type f)"; }
wait_for 30 no_tmp
ok $? "no temporary file is left in the Maildir"
wait_for 60 well
exits 0 "all is well" m status
exits 0 "down" m down
is "$(processes)" "" "nothing is left"
finish
