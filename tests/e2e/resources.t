#!/bin/sh
# Full disks, no inodes, a file system that is read-only, no permission, no descriptors, no memory: nothing that was
# acknowledged is lost, the log says what and where, and service resumes by itself.
if test "$(id -u)" -eq 0 && test -z "${MAILCTL_MOUNTS:-}" && unshare -m true 2>/dev/null; then
  MAILCTL_MOUNTS=1 exec unshare -m "$0" # what is mounted here, nobody else sees, and it is gone with us
fi
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

mail_bundle || exit 111
sed -i 's/^#enter = .*/enter = 100000/' "$C" # a delivery that is slower than we send is no overload here
LIBEXEC=${LIBEXEC:-$B/libexec/mailctl}

cat >"$T/send" <<'EOF'
import smtplib, sys
ip, subject = sys.argv[1:3]
size = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
try:
    with smtplib.SMTP(ip, 2525, timeout=60) as s:
        s.sendmail("a@example.org", ["postmaster@example.test"], f"Subject: {subject}\r\n\r\n" + ("x" * 70 + "\r\n") * (size // 72))
    print(250)
except smtplib.SMTPResponseException as e:
    print(e.smtp_code)
except (smtplib.SMTPException, OSError) as e:
    print(type(e).__name__)
EOF
send() { python3 "$T/send" "$IP" "$@"; }
sends_again() { test "$(send "$1")" = 250; }
nothing_left() { test -z "$(find "$SPOOL" -type f ! -name srs.key)" && test -z "$(find "$MAIL"/*/tmp -type f)"; }
# refused NAME PATTERN [CODE]: smtpd answers 451, or CODE, and its log says what PATTERN has
refused() {
  is "$(send "$1")" "${3:-451}" "$1: smtpd says ${3:-451}"
  wait_for 20 said smtpd "$2"
  ok $? "$1: the log says what and where"
}
resumes() {
  wait_for 30 sends_again "$1.after"
  ok $? "$1: accepts again by itself"
  wait_for 30 arrived "$1.after"
  ok $? "$1: delivers again by itself"
  arrived "$1"
  ok $((!$?)) "$1: what was refused is nowhere"
}
# waits NAME PATTERN: smtpd accepts, the delivery waits
waits() {
  is "$(send "$1")" 250 "$1: smtpd accepts"
  wait_for 20 said spool "$2"
  ok $? "$1: the log says what and where"
  arrived "$1"
  ok $((!$?)) "$1: it is not there yet"
}
comes() {
  wait_for 30 arrived "$1"
  ok $? "$1: arrives by itself"
  is "$(grep -rl "^Subject: $1\$" "$MAIL"/*/new "$MAIL"/*/cur | grep -c .)" 1 "$1: once"
}

# --- no permission ------------------------------------------------------------------------------------

exits 0 "up" m up
is "$(send first)" 250 "a message is accepted"
wait_for 30 arrived first
ok $? "and arrives"

chmod 0 "$MAIL/postmaster"
if test "$(id -u)" -eq 0; then chown root "$MAIL/postmaster"; fi
waits barred "deferred .*unable to .*$MAIL.*: Permission denied"
if test "$(id -u)" -eq 0; then chown nobody "$MAIL/postmaster"; fi
chmod 700 "$MAIL/postmaster"
comes barred

chmod 0 "$SPOOL/tmp"
if test "$(id -u)" -eq 0; then chown root "$SPOOL/tmp"; fi
refused locked "unable to create a file in $SPOOL: Permission denied"
if test "$(id -u)" -eq 0; then chown nobody "$SPOOL/tmp"; fi
chmod 700 "$SPOOL/tmp"
resumes locked

chmod 0 "$T/b/control"
is "$(send control)" 421 "control: smtpd says 421"
wait_for 20 said smtpd 'unable to read control/.*: Permission denied'
ok $? "control: the log says what and where"
kill -HUP "$(pid_of "$C" spool)"
wait_for 20 said spool "warning: $T/b/control/.*: Permission denied; what was read before stays in force"
ok $? "control: spool goes on with what it had read"
wait_for 20 said monitor "warning: unable to read $T/b/control/overloaded: Permission denied"
ok $? "control: so does the monitor"
chmod 755 "$T/b/control"
resumes control

# The bundle's own directories. Root gets through, its services do not; who is not root is shut out with them.
shut() {
  on_exit "chmod 755 '$T/b/$1'"
  chmod 0 "$T/b/$1"
}
open_again() { chmod 755 "$T/b/$1"; }
# complains NAME ROOT-PATTERN STATUS PATTERN: `up` as root is refused with 102, as another user with STATUS
complains() {
  if test "$(id -u)" -eq 0; then
    exits 102 "$1: up refuses" m up
    like "$(cat "$T/err")" "$2" "$1: and says what and where"
  else
    exits "$3" "$1: up refuses" m up
    like "$(cat "$T/err")" "$4" "$1: and says what and where"
  fi
  unlike "$(cat "$T/err")" "in use, by" "$1: and no more"
}
answers() { python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], 2525), 5)' "$IP"; }
# killed NAME...: kill -9 of a process by its command line
killed() {
  for i in "$@"; do
    processes | sed -n "s|^\([0-9]*\) s6-log .*/log/$i \$|\1|p" | xargs -r kill -9
  done
}
# flooded: prints how many of 200 messages are accepted, whose log lines are more than a pipe holds
flooded() {
  python3 -c '
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 2525, timeout=30) as s:
    s.ehlo("flood." * 40 + "example")
    for i in range(200):
        s.mail("n%d@b.example" % i)
        s.rcpt("postmaster@example.test")
        print(s.data("Subject: flood\r\n\r\n")[0])
' "$IP" | grep -c '^250$'
}
# takes_words: whatever speaks to s6-svscan's logger is heard, more than a pipe holds
takes_words() {
  # shellcheck disable=SC2016 # for the inner shell
  timeout 30 sh -c 'yes "some words" | head -c 200000 >"$1"' sh "$T/b/run/service/s6-svscan-log/fifo"
}

daemon=$(pid_of "$C" smtpd)
shut state
refused state "unable to create a file in $SPOOL: Permission denied"
complains state "cannot reach $T/b/state/.* through $T/b/state: chmod " 111 "unable to lock $T/b/state/lock: Permission denied"
if test "$(id -u)" -ne 0; then
  exits 111 "state: status is no answer" m status
  like "$(cat "$T/err")" "unable to read the generation at $T/b/state/current: Permission denied" "state: and says why"
fi
kill -9 "$daemon"
open_again state
wait_for 20 answers
ok $? "state: what died meanwhile comes back by itself"
resumes state

deaths() { m history smtpd | grep -c ' death smtpd'; }
before=$(deaths)
daemon=$(pid_of "$C" smtpd)
shut run
is "$(send run)" 250 "run: smtpd accepts"
wait_for 30 arrived run
ok $? "run: it arrives"
complains run "cannot reach $T/b/run" 102 "run: we may not write to $T/b/run"
if test "$(id -u)" -ne 0; then
  exits 111 "run: status is no answer" m status
  like "$(cat "$T/err")" "unable to look at the services in $T/b/run: Permission denied" "run: and says why"
fi
kill -9 "$daemon"
wait_for 20 sends_again run.killed
ok $? "run: what dies comes back, and takes mail"
wait_for 20 said monitor "warning: unable to write $T/b/run/overload/state: Permission denied"
ok $? "run: the log says what and where"
open_again run
exits 0 "run: up" m up
is "$(deaths)" $((before + 1)) "run: a restart of what has no record is no death"
exits 0 "run: all is well" m status

shut log
is "$(send log)" 250 "log: smtpd accepts"
wait_for 30 arrived log
ok $? "log: it arrives"
complains log "log: nobody cannot reach $T/b/log" 102 "log: we may not write to $T/b/log"
killed smtpd
is "$(flooded)" 200 "log: a logger that cannot begin does not hold up smtpd"
retries() { test "$(m status -o log smtpd)" = retrying; }
wait_for 20 retries
ok $? "log: status says that it cannot"
killed supervisor
takes_words
ok $? "log: nor does one that s6 itself speaks to"
open_again log
logs() { test "$(m status -o log smtpd)" = ready; }
wait_for 20 logs
ok $? "log: the logger comes back by itself"
written=$(wc -c <"$T/b/log/smtpd/current")
resumes log.back
writes() { test "$(wc -c <"$T/b/log/smtpd/current")" -gt "$written"; }
wait_for 20 writes
ok $? "log: and writes"

wait_for 30 nothing_left
ok $? "no file is left over"

# --- full and read-only file systems ------------------------------------------------------------------

mount_small() {
  mount -t tmpfs -o "mode=755,$2" tmpfs "$1" 2>/dev/null || return 1
  on_exit "umount -l '$1' 2>/dev/null"
}
# Not while a file there is being written, or was removed and is still open.
read_only() { wait_for 30 mount -o remount,ro "$1"; }
full() { head -c 10000000 /dev/zero >"$1/fill" 2>/dev/null; }
no_inodes() {
  mkdir "$1/fill"
  i=0
  while touch "$1/fill/$i" 2>/dev/null; do i=$((i + 1)); done
}

if test -n "${MAILCTL_MOUNTS:-}" && m down >/dev/null && mount_small "$SPOOL" size=512k,nr_inodes=64 &&
  mount_small "$MAIL" size=512k,nr_inodes=64; then
  "$LIBEXEC/spool-deliver" --make "$MAIL/postmaster"
  exits 0 "up with small file systems" m up

  full "$SPOOL"
  refused spool-full "unable to queue into $SPOOL: No space left on device" 452
  rm "$SPOOL/fill"
  resumes spool-full

  is "$(send too-large 2000000)" 452 "a message that does not fit is refused"
  resumes too-large

  no_inodes "$SPOOL"
  refused spool-inodes "unable to create a file in $SPOOL: No space left on device" 452
  rm -r "$SPOOL/fill"
  resumes spool-inodes

  read_only "$SPOOL"
  refused spool-ro "unable to create a file in $SPOOL: Read-only file system"
  mount -o remount,rw "$SPOOL"
  resumes spool-ro

  full "$MAIL"
  waits mail-full "deferred .*unable to write to $MAIL/postmaster: No space left on device"
  rm "$MAIL/fill"
  comes mail-full

  no_inodes "$MAIL"
  waits mail-inodes "deferred .*unable to write to $MAIL/postmaster: No space left on device"
  rm -r "$MAIL/fill"
  comes mail-inodes

  read_only "$MAIL"
  waits mail-ro "deferred .*unable to write to $MAIL/postmaster: Read-only file system"
  mount -o remount,rw "$MAIL"
  comes mail-ro

  # A message is in the Maildir, but cannot leave the spool; and one cannot be written to failed/.
  "$LIBEXEC/spool-deliver" --make "$MAIL/joe"
  test "$(id -u)" -ne 0 || chown -R nobody "$MAIL/joe"
  mv "$MAIL/postmaster/new" "$MAIL/postmaster/away"
  : >"$MAIL/postmaster/new"
  is "$(send stuck)" 250 "stuck: smtpd accepts"
  wait_for 20 said spool 'deferred .*find even a postmaster'
  ok $? "stuck: it waits for a Maildir"
  read_only "$SPOOL"
  rm "$MAIL/postmaster/new"
  mv "$MAIL/postmaster/away" "$MAIL/postmaster/new"
  wait_for 30 said spool "unable to remove $SPOOL/todo/.*: Read-only file system"
  ok $? "stuck: delivered, the log says that it cannot leave the spool"
  comes stuck
  mount -o remount,rw "$SPOOL"
  wait_for 30 nothing_left
  ok $? "stuck: it leaves by itself"
  is "$(grep -rl '^Subject: stuck$' "$MAIL"/*/new | grep -c .)" 1 "stuck: once"

  m down >/dev/null
  umount "$SPOOL" "$MAIL"
  if mount_small "$T/b/log" size=4m,nr_inodes=200; then
    exits 0 "up with a small file system for the log" m up
    full "$T/b/log"
    is "$(send log-full)" 250 "log-full: smtpd accepts"
    wait_for 30 arrived log-full
    ok $? "log-full: it arrives"
    is "$(flooded)" 200 "log-full: and so do many"
    takes_words
    ok $? "log-full: s6 is heard"
    like "$(m status)" "^the file system of $T/b/log is full" "log-full: status says so"
    rm "$T/b/log/fill"
    wait_for 30 said spool "delivered .*<postmaster@example.test>"
    ok $? "log-full: what was said meanwhile is in the log, once there is room"
    full "$T/b/log"
    is "$(flooded)" 200 "log-full: it stays full"
    svscan=$(processes | sed -n "s|^\([0-9]*\) s6-svscan .*|\1|p")
    test -n "$svscan" && kill -9 "$svscan"
    wait_for 30 is_gone "$svscan"
    exits 0 "log-full: up after s6-svscan was killed" m up
    is "$(flooded)" 200 "log-full: and still is"
    exits 0 "log-full: down" m down
    like "$(cat "$T/err")" 'the loggers cannot write what they hold' "log-full: says that it ends the loggers"
    is "$(processes)" "" "log-full: leaves nothing"
    rm "$T/b/log/fill"
    exits 0 "log-full: up" m up
    full "$T/b/log"
    is "$(flooded)" 200 "log-full: full again"
    svscan=$(processes | sed -n "s|^\([0-9]*\) s6-svscan .*|\1|p")
    test -n "$svscan" && kill -TERM "$svscan"
    wait_for 60 is_gone "$svscan"
    ok $? "log-full: TERM to the supervisor ends it, too"
    wait_for 30 none_left
    ok $? "log-full: and leaves nothing"
    umount "$T/b/log"
  fi
else
  echo "# not root, or mounting is not allowed: no small file systems"
fi
exits 0 "down" m down

# --- no descriptors, no memory ------------------------------------------------------------------------

cd "$T" || exit 111
mkdir control
echo example.test >control/me
"$LIBEXEC/spool-deliver" -1 queue mail
"$LIBEXEC/spool-deliver" --make mail/joe
printf 'Fa@example.org\0Tjoe@example.test\0Tpostmaster@example.test\0\0' >envelope
{ echo 'Subject: limits'; echo; head -c 300000 /dev/zero | tr '\0' 'x' | fold; } >message

# limited OPTION FROM TO STEP: runs spool-queue, then spool-deliver, with each limit
limited() {
  option=$1
  limit=$2
  # A sanitizer needs more address space than any of these limits.
  test "$option" = -v && grep -q __asan_init "$LIBEXEC/spool-queue" && return
  accepted=0
  wrong=0
  while test "$limit" -le "$3"; do
    # shellcheck disable=SC3045 # dash, bash and busybox have it
    (ulimit "$option" "$limit" && exec "$LIBEXEC/spool-queue" queue <message 1<envelope) 2>/dev/null
    status=$?
    test $status -eq 0 && accepted=$((accepted + 1))
    test "$(find queue -type f | grep -c .)" -eq $((status == 0)) || wrong=$((wrong + 1))
    # shellcheck disable=SC3045
    (ulimit "$option" "$limit" && exec "$LIBEXEC/spool-deliver" -1 -c control queue mail) 2>/dev/null
    "$LIBEXEC/spool-deliver" -1 -c control -o 1 queue mail 2>>deliver.log || wrong=$((wrong + 1))
    limit=$((limit + $4))
  done
  is $wrong 0 "ulimit $option from $2 to $3: queued or not, nothing between"
  ok $((accepted == 0)) "$accepted messages were queued"
  is "$(find mail/joe mail/postmaster -type f | grep -c .)" $((2 * accepted)) "all that was acknowledged arrived, once"
  rm -f mail/*/new/*
}
limited -n 3 24 1
limited -v 2600 4600 100
finish
