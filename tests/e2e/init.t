#!/bin/sh
# mailctl init: what it makes, what it refuses, and that a failure leaves nothing.
. "$(dirname "$0")/lib.sh"
me=$(id -u)
chmod 711 "$T"

# mode FILE: its mode and, for root's runs, its owner
mode() { stat -c "%a $(test "$me" -ne 0 || echo '%U')" "$1" | sed 's/ $//'; }
owned() { if test "$me" -eq 0; then echo "$1 $2"; else echo "$1"; fi; }

# --- what it makes

exits 0 "init" mailctl init $TRIAL "$T/new"
cp "$T/out" "$T/said"
is "$(cat "$T/err")" "" "init has nothing to complain of"
like "$(cat "$T/said")" "^$T/new is ready to run" "init says what is ready"
like "$(cat "$T/said")" "^  export MAILCTL_CONF=$T/new/mailctl.conf\$" "init says what to type next"
for i in me rcpthosts locals; do is "$(cat "$T/new/control/$i")" example.test "control/$i"; done
like "$(cat "$T/new/control/smtpplugins")" '^\[mail\]$' "control/smtpplugins"
is "$(readlink "$T/new/control/overloaded")" "$T/new/run/overload/flag" "control/overloaded is a link to the flag"
test -e "$T/new/control/overloaded"
is $? 1 "the flag is not up"
for i in cur new tmp; do is "$(mode "$T/new/mail/postmaster/$i")" "$(owned 700 nobody)" "the Maildir's $i"; done
is "$(mode "$T/new/state/tls/key.pem")" "$(owned 600 root)" "the private key is private"
is "$(mode "$T/new/state/tls/cert.pem")" "$(owned 644 root)" "the certificate is not"
is "$(mode "$T/new/state/auth")" "$(owned 700 root)" "nobody else sees the file of users"
for i in state run log control; do is "$(mode "$T/new/$i")" "$(owned 755 root)" "$i belongs to who runs mailctl"; done
like "$(openssl x509 -in "$T/new/state/tls/cert.pem" -noout -subject -ext subjectAltName)" 'DNS:example.test' \
  "the certificate is for example.test"
openssl x509 -in "$T/new/state/tls/cert.pem" -noout -pubkey >"$T/public"
is "$(openssl pkey -in "$T/new/state/tls/key.pem" -pubout)" "$(cat "$T/public")" "and belongs to the key"

# --- the password

password=$(sed -n 's/^  AUTH password  \([^ ]*\) .*/\1/p' "$T/said")
like "$password" '^[a-z2-9]{20}$' "a password is printed"
unlike "$(cat "$T/new/mailctl.conf" "$T/new/state/auth/users")" "$password" "and kept nowhere"
printf 'postmaster\0%s\0now\0' "$password" >"$T/request"
try "it is the one of postmaster" "$LIBEXEC/checkpassword-file" "$T/new/state/auth/users" true 3<"$T/request"
printf 'postmaster\0%sx\0now\0' "$password" >"$T/request"
"$LIBEXEC/checkpassword-file" "$T/new/state/auth/users" true 3<"$T/request" 2>"$T/err"
is $? 1 "and no other is"

# --- its mailctl.conf

rm -rf "$T/moved"
try "init again, elsewhere" fresh_bundle "$T/moved"
try "check finds nothing wrong with it" mailctl -c "$T/moved/mailctl.conf" check
sed -E '/^#\[/,/^\[/{s/^#([a-z])/##\1/}; s/^#([a-z-]+ = .)/\1/' "$T/moved/mailctl.conf" >"$T/all.conf"
test "$(grep -c '^[a-z]' "$T/all.conf")" -gt $((2 * $(grep -c '^[a-z]' "$T/moved/mailctl.conf")))
ok $? "every default stands there as a comment"
cp "$T/all.conf" "$T/moved/mailctl.conf"
try "and is what holds when it is no comment" mailctl -c "$T/moved/mailctl.conf" check
unlike "$(cat "$T/new/mailctl.conf")" '^.{103}' "no line is too long to read"

# --- what it refuses

find "$T/new" -exec ls -ld --time-style=full-iso {} + >"$T/before"
exits 1 "a directory that has a mailctl.conf is refused" mailctl init $TRIAL "$T/new"
like "$(cat "$T/err")" "mailctl.conf is there already, and stays as it is" "with a reason"
find "$T/new" -exec ls -ld --time-style=full-iso {} + >"$T/after"
try "and left as it is" diff "$T/before" "$T/after"
mkdir "$T/partly" "$T/partly/control"
echo mine >"$T/partly/control/me"
exits 1 "a directory that has a control is refused" mailctl init $TRIAL "$T/partly"
like "$(cat "$T/err")" "stays as it is: $T/partly/control: name another directory\$" "with a reason"
is "$(find "$T/partly" | sort | tr '\n' ' ')" "$T/partly $T/partly/control $T/partly/control/me " "and left as it is"
is "$(cat "$T/partly/control/me")" mine "down to its content"
exits 111 "a parent that is missing" mailctl init $TRIAL "$T/no/where"
like "$(cat "$T/err")" 'unable to find the directory .*: No such file' "with a reason"
exits 100 "no directory" mailctl init
exits 100 "two directories" mailctl init $TRIAL "$T/a" "$T/b"
exits 100 "an unknown option" mailctl init $TRIAL --usre x "$T/a"
exits 100 "an unknown user" mailctl init --user no-such-user "$T/a"
exits 100 "root as the user" mailctl init --user root "$T/a"
long=$T/$(printf '%0110d' 0)
exits 102 "a directory whose name is too long for the sockets in it" mailctl init $TRIAL "$long"
like "$(cat "$T/err")" '\[bundle\] run: too long' "with a reason"
test -e "$long" -o -e "$T/a" -o -e "$T/b"
is $? 1 "none of these made anything"

# --- an existing, empty directory; names; failures on the way

mkdir "$T/empty"
exits 0 "an empty directory will do" sh -c "cd '$T/empty' && mailctl init $TRIAL ."
try "it is complete" test -f "$T/empty/mailctl.conf"
exits 0 "a relative name" sh -c "cd '$T' && mailctl init $TRIAL relative/"
try "is made absolute" grep -q "$T/relative/mailctl.conf" "$T/out"

mkdir "$T/bin"
printf '#!/bin/sh\necho entropy is out >&2\nexit 7\n' >"$T/bin/openssl"
chmod 755 "$T/bin/openssl"
exits 111 "openssl fails" env PATH="$T/bin:$PATH" mailctl init $TRIAL "$T/failed"
like "$(cat "$T/err")" 'entropy is out' "its words are shown"
like "$(cat "$T/err")" 'all that it had made is removed' "and what became of the rest"
test -e "$T/failed"
is $? 1 "nothing is left"
exits 111 "no openssl" env PATH="$T" "$B/bin/mailctl" init $TRIAL "$T/failed"
like "$(head -n 1 "$T/err")" 'the program openssl is not there \(apt-get install openssl\)$' "its package is named"
mkdir "$T/kept"
echo mine >"$T/kept/notes"
exits 111 "openssl fails in a directory with files" env PATH="$T/bin:$PATH" mailctl init $TRIAL "$T/kept"
is "$(ls "$T/kept")" notes "only they are left"

# --- killed

printf '#!/bin/sh\nkill -9 $PPID\n' >"$T/bin/openssl"
mkdir "$T/killed"
echo mine >"$T/killed/notes"
exits 137 "init is killed" env PATH="$T/bin:$PATH" mailctl init $TRIAL "$T/killed"
exits 0 "the next one succeeds" mailctl init $TRIAL "$T/killed"
is "$(ls -A "$T/killed" | tr '\n' ' ')" "control log mail mailctl.conf notes run state " "and leaves nothing else there"
printf '#!/bin/sh\nmailctl init %s "%s"; exit 7\n' "$TRIAL" "$T/two" >"$T/bin/openssl"
exits 111 "an init while another is at work" env PATH="$T/bin:$PATH" mailctl init $TRIAL "$T/two"
like "$(cat "$T/err")" "another init is at work in $T/two\$" "is told so"

# again CALL NUMBER: kills init there, and follows what the next one says
again() {
  rm -rf "$T/places"
  strace -o /dev/null -e "trace=$1" -e "inject=$1:signal=KILL:when=$2" mailctl init $TRIAL "$T/places" >/dev/null 2>&1
  mailctl init $TRIAL "$T/places" >"$T/out" 2>"$T/err" && return
  if grep -q 'mailctl.conf is there already' "$T/err"; then
    mailctl -c "$T/places/mailctl.conf" plan >"$T/out" 2>&1
    test $? -eq 1
    return
  fi
  left=$(sed -n 's/.*an init that was killed has left \(.*\): remove these, and run init again$/\1/p' "$T/err")
  test -n "$left" || return
  echo "$left" | sed 's/, /\n/g' | xargs rm -r
  mailctl init $TRIAL "$T/places" >"$T/out" 2>"$T/err"
}
if strace -o "$T/trace" -e 'trace=/^(mkdir|clone|rename|rmdir)' mailctl init $TRIAL "$T/traced" >/dev/null 2>&1; then
  awk -F'(' '/^[a-z]/ { print $1, ++n[$1] }' "$T/trace" >"$T/calls"
  bad=0
  while read -r call nth; do
    again "$call" "$nth" || { bad=$((bad + 1)); echo "# $call $nth"; sed 's/^/# /' "$T/out" "$T/err"; }
  done <"$T/calls"
  is $bad 0 "init, killed at $(wc -l <"$T/calls") places"
fi

# --- users

if test "$me" -eq 0; then
  exits 0 "init --user" mailctl init "$T/daemon" --user daemon
  is "$(stat -c %U "$T/daemon/mail" "$T/daemon/mail/postmaster" | sort -u)" daemon "gives things to it"
  like "$(cat "$T/daemon/mailctl.conf")" '^user = daemon$' "and names it"
  chmod 700 "$T"
  exits 0 "init where the user cannot reach" mailctl init $TRIAL "$T/shut"
  like "$(cat "$T/out")" "^  chmod o\+x $T " "names the chmod"
  chmod 711 "$T"
else
  exits 100 "--user is root's" mailctl init "$T/daemon" --user daemon
fi
finish
