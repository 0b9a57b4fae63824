#!/bin/sh
# smtpd queues as one user, spool-deliver delivers as another, a third counts; a fourth reads nothing. And what smtpd's
# user can do to the spool once it is somebody else's, which is no more than to hand over whole messages.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

test "$(id -u)" -eq 0 || skip_all "needs root, to become users"
command -v setpriv >/dev/null || skip_all "no setpriv"
for i in nobody mail news games; do id -u $i >/dev/null 2>&1 || skip_all "no user $i"; done

new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
SPOOL=$T/b/state/spool
INTAKE=$T/b/run/intake.smtpd
cp "$(dirname "$0")/intake.py" "$T/" && chmod 644 "$T/intake.py"
as() {
  who=$1
  shift
  setpriv --reuid="$(id -u "$who")" --regid="$(id -g "$who")" --clear-groups "$@"
}
# bounces of what nobody gets may come to the postmaster as well
arrived_at_least() { test "$(find "$T/b/mail/postmaster/new" -type f | grep -c .)" -ge "$1"; }
arrived() { test "$(find "$T/b/mail/postmaster/new" -type f | grep -c .)" -eq "$1"; }
sed -i 's/^\[spool\]/&\nuser = mail/; s/^\[monitor\]/&\nuser = news/' "$C"
exits 0 "check" m check
exits 0 "up" m up
is "$(stat -c '%a %U' "$SPOOL" "$SPOOL/tmp" "$SPOOL/todo" "$SPOOL/failed" | tr '\n' ',')" \
  "711 mail,700 mail,755 mail,700 mail," "the directories' modes and owner"
is "$(stat -c '%a %U' "$INTAKE" "$T/b/run/intake.submission" | tr '\n' ',')" "600 nobody,600 nobody," \
  "the sockets are those users' who queue"
swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test >"$T/swaks" 2>&1
ok $? "smtpd's user queues"
wait_for 20 arrived 1
ok $? "spool's user delivers"
is "$(stat -c '%a %U' "$T"/b/mail/postmaster/new/*)" "600 mail" "to Maildirs of its own"

m down spool >/dev/null
swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test,joe@example.test >"$T/swaks" 2>&1
file=$(echo "$SPOOL"/todo/*)
is "$(stat -c '%a %U %G' "$file")" "600 mail $(id -gn mail)" "a message that waits is spool's alone"
for who in nobody games; do
  as $who cat "$file" >"$T/stolen" 2>/dev/null
  ok $((!$?)) "$who cannot read it"
  as $who sh -c ": >>'$file'" 2>/dev/null
  ok $((!$?)) "nor change it"
  as $who rm -f "$file" 2>/dev/null
  test -e "$file"
  ok $? "nor remove it"
  as $who ls "$SPOOL/tmp" >/dev/null 2>&1
  ok $((!$?)) "nor see what is being written"
  as $who touch "$SPOOL/todo/1" "$SPOOL/tmp/1" 2>/dev/null
  is "$(find "$SPOOL/todo" "$SPOOL/tmp" -name 1)" "" "nor leave anything there"
  as $who flock -n "$SPOOL/tmp" true 2>/dev/null
  ok $((!$?)) "nor hold the lock of spool-deliver"
done
like "$(as news ls "$SPOOL/todo")" '^1' "the monitor's user can count"

# Through the socket.
printf 'Fa@b\0Tpostmaster@example.test\0\0' >"$T/envelope"
chmod 644 "$T/envelope"
# queued WHO SPOOL: queues as WHO, prints the exit code
queued() {
  # shellcheck disable=SC2016 # for the inner shell
  printf 'Subject: x\n\nbody\n' | as "$1" sh -c '"$1" "$2" 1<"$3"' - "$LIBEXEC/spool-queue" "$2" "$T/envelope" 2>"$T/err"
  echo $?
}
is "$(queued nobody "$INTAKE")" 0 "spool-queue hands over for smtpd's user"
is "$(queued games "$INTAKE")" 63 "and for no other"
is "$(queued games "$SPOOL")" 63 "nor does it enter the spool"
hostile() { as nobody /usr/bin/python3 "$T/intake.py" "$INTAKE" "$@" 2>&1 | tr '\n' ' '; }
before=$(find "$SPOOL/todo" -type f | grep -c .)
is "$(hostile kept)" "53 " "a message that its writer could still change is not taken"
is "$(hostile sent)" "53 " "nor one whose descriptor waits in a socket"
is "$(hostile sparse)" "31 " "nor one with holes"
is "$(hostile torn)" "91 " "nor half of one"
is "$(hostile marked)" "91 " "nor one that says that it is delivered"
is "$(hostile guess)" "-1 " "a name leads nowhere else"
is "$(hostile long 4000000)" "0 " "a long one is taken"
echo 1000000 >"$T/b/control/databytes"
is "$(hostile long 4000000)" "31 " "one beyond databytes is not"
rm "$T/b/control/databytes"
is "$(find "$SPOOL/todo" -type f | grep -c .)" $((before + 1)) "what was refused left nothing in todo/"
is "$(hostile read)" "0 " "its writer cannot read the file"
is "$(hostile twice)" "53 " "a message is taken once"
is "$(hostile odd)" "0 " "descriptors that take minutes to be closed hold up nobody"

# A service that restarts is waited for.
i=0
while test $i -lt 30; do
  queued nobody "$INTAKE" >>"$T/codes" &
  pids="${pids-} $!"
  test $((i % 10)) -ne 5 || m restart intake >/dev/null
  i=$((i + 1))
done
# shellcheck disable=SC2086 # a list
wait $pids
is "$(sort -u "$T/codes")" 0 "who queues notices nothing of a restart"
m down intake >/dev/null
swaks -s "$IP:2525" -f a@b.example -t postmaster@example.test >"$T/swaks" 2>&1 &
waits=$!
wait_for 20 grep -q ' -> DATA' "$T/swaks"
m up intake >/dev/null
wait $waits
ok $? "nor does a client of smtpd"

# What the administrator leaves in todo/ does no harm.
rm -rf "$SPOOL"/failed/*
mkdir "$SPOOL/todo/theirs"
(umask 077; echo secret >"$SPOOL/todo/unreadable")
ln -s /etc/shadow "$SPOOL/todo/link"
m up >/dev/null
wait_for 20 arrived_at_least 34
ok $? "started again, spool delivers past what others put there"
is "$(grep -rl root: "$SPOOL" "$T/b/mail" 2>/dev/null)" "" "no link was followed"
# A report about a report that nobody gets: it is put aside.
printf 'F#@[]\0Tnosuch@example.test\0\0' >"$T/envelope"
queued nobody "$INTAKE" >/dev/null
tells_failed() { m status | grep -q 'failed [1-9]'; }
wait_for 20 tells_failed
exits 1 "status: what is in failed/ is no good state" m status
like "$(m status)" 'failed [1-9][0-9]* \(spool\(5\) tells why\)' "and it says so"
rm -rf "$SPOOL"/failed/*
try "until nothing is there" wait_for 20 m status
exits 0 "down" m down
finish
