#!/bin/sh
# smtpd queues as one user, spool-deliver delivers as another, a third counts; a fourth reads nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

test "$(id -u)" -eq 0 || skip_all "needs root, to become users"
command -v setpriv >/dev/null || skip_all "no setpriv"
for i in nobody mail news games; do id -u $i >/dev/null 2>&1 || skip_all "no user $i"; done

new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
SPOOL=$T/b/state/spool
as() {
  who=$1
  shift
  setpriv --reuid="$(id -u "$who")" --regid="$(id -g "$who")" --clear-groups "$@"
}
sed -i 's/^\[spool\]/&\nuser = mail/; s/^\[monitor\]/&\nuser = news/' "$C"
exits 0 "check" m check
exits 0 "up" m up
is "$(stat -c '%a %U' "$SPOOL" "$SPOOL/tmp" "$SPOOL/todo" "$SPOOL/failed" | tr '\n' ',')" \
  "711 mail,3733 mail,3777 mail,700 mail," "the folders' modes and owner"
swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test >"$T/swaks" 2>&1
ok $? "smtpd's user queues"
arrived() { test "$(find "$T/b/mail/postmaster/new" -type f | grep -c .)" -eq "$1"; }
wait_for 20 arrived 1
ok $? "spool's user delivers"
is "$(stat -c '%a %U' "$T"/b/mail/postmaster/new/*)" "600 mail" "to Maildirs of its own"

m down spool >/dev/null
swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test,joe@example.test >"$T/swaks" 2>&1
file=$(echo "$SPOOL"/todo/*)
is "$(stat -c '%a %U %G' "$file")" "660 nobody $(id -gn mail)" "a message that waits is its writer's and spool's"
as games cat "$file" >"$T/stolen" 2>/dev/null
ok $((!$?)) "another user cannot read it"
as games rm -f "$file" 2>/dev/null
test -e "$file"
ok $? "nor remove it"
as games ls "$SPOOL/tmp" >/dev/null 2>&1
ok $((!$?)) "nor see what is being written"
like "$(as news ls "$SPOOL/todo")" '^1' "the monitor's user can count"
# What others leave in todo/ does no harm.
as games mkdir "$SPOOL/todo/theirs"
as games sh -c "umask 077; echo secret >'$SPOOL/todo/unreadable'"
as games ln -s /etc/shadow "$SPOOL/todo/link"
m up >/dev/null
wait_for 20 arrived 2
ok $? "started again, spool delivers past what others put there"
failed() { test "$(find "$SPOOL/failed" -type f -name '1*' | grep -c .)" -eq 1; }
wait_for 20 failed
ok $? "the unknown recipient is in failed/"
is "$(grep -rl root: "$SPOOL" "$T/b/mail" 2>/dev/null)" "" "no link was followed"
exits 0 "down" m down
finish
