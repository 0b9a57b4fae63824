#!/bin/sh
# mailctl backup and restore: a bundle that runs moves elsewhere, with mail in flight.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

mail_bundle || skip_all "no bundle"
root=0
test "$(id -u)" -eq 0 && root=1
# Things that lie elsewhere, and one that lies deep.
mkdir -p "$T/b/deep/er" "$T/elsewhere/mail/ann/new" "$T/elsewhere/mail/ann/cur" "$T/elsewhere/mail/ann/tmp"
mv "$T/b/mail/postmaster" "$T/elsewhere/mail/"
MAIL=$T/elsewhere/mail
echo 'sales: ann' >"$T/b/deep/er/aliases"
mv "$T/b/state/tls" "$T/elsewhere/tls"
test $root -eq 0 || chown -R nobody "$MAIL"
sed -i "s,^certificate = .*,certificate = $T/elsewhere/tls/cert.pem,; s,^key = .*,key = $T/elsewhere/tls/key.pem,
  /^\[spool\]/,/^#*\[/{s,^#mail = .*,mail = $T/elsewhere/mail,; s,^#aliases =.*,aliases = deep/er/aliases,}" "$C"
exits 0 "up" m up
exits 0 "a key" m dkim new example.test
password=$(sed -n 's/^ *AUTH password *\([^ ]*\).*/\1/p' "$T/init.out")
# submit SUBJECT RECIPIENT
submit() {
  printf 'From: postmaster@example.test\nSubject: %s\n\nhello\n' "$1" |
    curl -sS -k --crlf --ssl-reqd "smtp://$IP:2587" --user "postmaster:$password" --mail-from postmaster@example.test \
      --mail-rcpt "$2" --upload-file - 2>&1
}
is "$(submit first postmaster@example.test)" "" "mail for here"
there() { grep -rqs "^Subject: $2\$" "$1/postmaster/new" "$1/ann/new"; }
wait_for 20 there "$MAIL" first
ok $? "is delivered"
m down spool >/dev/null
is "$(submit second sales@example.test)" "" "mail that waits"
is "$(submit third postmaster@example.test)" "" "and another"
id=$(find "$SPOOL/todo" -type f -printf '%f\n' | sort | tail -n 1)
mkdir -p "$SPOOL/out"
test $root -eq 0 || chown nobody "$SPOOL/out"
ln "$SPOOL/todo/$id" "$SPOOL/out/$id" # as spool-deliver has them for a moment
waiting=$(find "$SPOOL/todo" -type f | grep -c .)
is "$waiting" 2 "two wait"

exits 0 "backup" m backup "$T/small.tar"
exits 0 "backup, with mail" m backup "$T/all.tar" --spool --mail
is "$(stat -c %a "$T/all.tar")" 600 "nobody else may read it"
exits 111 "backup into a file that is there" m backup "$T/all.tar" --spool --mail
like "$(cat "$T/err")" "File exists" "says so"
exits 100 "backup without a file" m backup
exits 0 "tar lists it" tar -tvf "$T/all.tar"
cp "$T/out" "$T/list"
like "$(cat "$T/list")" "^-rw------- $(test $root -eq 0 && id -un || echo nobody)/.* state/dkim/example.test/r[0-9]*.key" "with owners by name"
is "$(grep -c 'spool/todo/\|mail/postmaster/new/' "$T/list")" 3 "and the mail"
is "$(tar -tf "$T/small.tar" | grep -c 'spool/todo/\|mail/')" 0 "which the small one has not"
is "$(tar -xOf "$T/all.tar" MANIFEST | head -n 1 | cut -d ' ' -f 1)" "$(tar -xOf "$T/all.tar" mailctl.conf | sha256sum | cut -d ' ' -f 1)" \
  "the manifest has the hashes"
is "$(m queue list 2>/dev/null | grep -c .)" 2 "what runs is as it was"
exits 0 "down" m down

# --- elsewhere

exits 0 "restore" mailctl restore "$T/all.tar" "$T/new"
N=$T/new/mailctl.conf
like "$(cat "$T/out")" "^$T/new is ready: mailctl -c $T/new/mailctl.conf check\$" "says what to do next"
exits 0 "check" mailctl -c "$N" check
unlike "$(grep -v '^#' "$N")" "$T/(b|elsewhere)" "no path leads back"
is "$(cat "$T/new/deep/er/aliases")" "sales: ann" "aliases"
is "$(readlink "$T/new/control/overloaded")" "$T/new/run/overload/flag" "the link to the flag is the new one"
is "$(cat "$T/new/files"/*-key.pem)" "$(cat "$T/elsewhere/tls/key.pem")" "the private key"
secret() { stat -c '%a' "$1"; }
is "$(secret "$T/new/files"/*-key.pem) $(secret "$T/new/state/auth/users") $(secret "$T/new/state/dkim/example.test"/r*.key)" \
  "$(secret "$T/elsewhere/tls/key.pem") $(secret "$T/b/state/auth/users") 600" "secrets are as secret as before"
test $root -eq 0 || is "$(stat -c %U "$T/new/state/dkim" "$T/new/mail/postmaster" "$T/new/mailctl.conf" | tr '\n' ' ')" "nobody nobody root " "whose it was"
on_exit "mailctl -c '$N' down >/dev/null 2>&1"
C=$N
exits 0 "up there" m up
wait_for 20 there "$T/new/mail" second
wait_for 20 there "$T/new/mail" third
ok $? "what was in flight arrives"
none_waits() { test -z "$(find "$T/new/state/spool/todo" "$T/new/state/spool/out" "$T/new/state/spool/remote" -type f 2>/dev/null)"; }
wait_for 20 none_waits
ok $? "and waits no more"
is "$(cat "$T/new/mail"/*/new/* | grep -c '^Subject: \(first\|second\|third\)$')" 3 "each once"
is "$(submit fourth sales@example.test)" "" "the password is the same"
wait_for 20 there "$T/new/mail" fourth
ok $? "and aliases lead on"
exits 0 "status" m status
exits 0 "down" m down

# --- what is refused

exits 111 "restore over what is there" mailctl restore "$T/all.tar" "$T/new"
like "$(cat "$T/err")" "$T/new is there already, and stays as it is" "says so"
mkdir "$T/empty"
exits 0 "an empty directory will do" mailctl restore "$T/small.tar" "$T/empty"
exits 0 "it is a bundle" mailctl -c "$T/empty/mailctl.conf" check
head -c 30000 "$T/all.tar" >"$T/cut.tar"
exits 111 "one that was cut off" mailctl restore "$T/cut.tar" "$T/cut"
like "$(cat "$T/err")" "the archive ends in |is damaged" "says so"
sed 's/sales: ann/sales: bob/' "$T/all.tar" >"$T/changed.tar"
exits 111 "one that was changed" mailctl restore "$T/changed.tar" "$T/changed"
echo garbage >"$T/garbage.tar"
exits 111 "no archive" mailctl restore "$T/garbage.tar" "$T/changed"
mkdir "$T/evil" && echo x >"$T/evil/x"
tar -C "$T/evil" --transform 's,x,../x,' -P -cf "$T/evil.tar" x
exits 111 "a name that leads out" mailctl restore "$T/evil.tar" "$T/changed"
is "$(find "$T" -maxdepth 1 -name 'changed*' ! -name '*.tar'; find "$T" -maxdepth 1 -name 'cut*' ! -name '*.tar'; find "$T" -maxdepth 1 -name 'new.*')" "" "nothing is left of them"
exits 100 "restore without a directory" mailctl restore "$T/all.tar"
finish
