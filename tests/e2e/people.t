#!/bin/sh
# Users, aliases and domains by command: files stay plain, and everything holds at once, with no restart.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

mail_bundle || exit 111
USERS=$T/b/state/auth/users
ALIASES=$T/b/control/aliases
sed -i 's/^\[submission\]/&\nsender-match = yes/' "$C"
exits 0 "up" m up
pids() { m status -o name,pid; }
before=$(pids)

add() { name=$1; shift; echo "secret-$name" | m user add "$name" "$@"; }
send() { swaks --silent 2 --server "$IP:2525" --from you@x.example --to "$1" --header "Subject: $2"; }
got() { grep -rqs "^Subject: $2\$" "$MAIL/$1/new"; }
login() { swaks --server "$IP:2587" --tls --auth PLAIN --auth-user "$1" --auth-password "$2" --from "$1@example.test" --to "$1@example.test" --quit-after AUTH 2>&1; }

# --- users
send ann@example.test early >/dev/null 2>&1
is $? 24 "before, nobody knows ann"
is "$(echo secret-ann | m user add Ann@example.test --quota 10M)" "user ann added" "user add"
try "the password fits" login ann secret-ann
send ann@example.test hello
try "mail arrives" wait_for 20 got ann hello
try "also with an extension" send ann+shop@example.test extended
like "$(grep '^ann:' "$USERS")" '^ann:\$y\$[^:]*::::::userdb_quota_rule=\*:bytes=10485760 userdb_quota_storage_size=10485760B$' \
  "the quota is where Dovecot reads it"
is "$(head -n 1 "$MAIL/ann/maildirsize")" 10485760S "and where Maildir++ has it"
like "$(m user list)" '^ann	yes	10M	' "user list"
add ann >/dev/null 2>"$T/err"
is $? 1 "who is there is not added again"
try "and keeps the password" login ann secret-ann
exits 0 "disable" m user disable ann
like "$(login ann secret-ann)" '^<.*535' "the password fits no more"
like "$(m user show ann)" '^login	disabled' "user show says so"
send ann@example.test "while away"
try "mail still arrives" wait_for 20 got ann "while away"
exits 0 "enable" m user enable ann
try "the old password fits again" login ann secret-ann
exits 0 "passwd" sh -c "echo another | mailctl -c '$C' passwd ann"
like "$(grep '^ann:' "$USERS")" 'userdb_quota_rule=' "it keeps the quota"
exits 0 "set" m user set ann --quota none --sender ann@elsewhere.example --sender @list.example
is "$(grep -c userdb "$USERS")" 0 "no quota"
is "$(grep -v '^#' "$T/b/control/senders")" "ann: ann@elsewhere.example, @list.example" "senders"
exits 0 "set" m user set ann --no-sender @list.example --no-sender nothing@x.example
is "$(cat "$T/b/control/senders")" "ann: ann@elsewhere.example" "one fewer"
exits 100 "no name of a mailbox" m user add ../x
exits 100 "another's domain" m user add joe@nowhere.example
like "$(cat "$T/err")" 'none of our domains; try: mailctl domain add' "is told with the way out"
exits 0 "a mailbox alone" m user add bob --no-password
like "$(m user list)" '^bob	no password' "has no password"

# --- aliases; comments stay
printf '# who gets what\npostmaster: postmaster, ann # both\n' >"$ALIASES"
exits 0 "alias add" m alias add sales ann bob
send sales@example.test offer
try "goes to one" wait_for 20 got ann offer
try "and to the other" wait_for 20 got bob offer
exits 0 "alias add, more" m alias add sales postmaster
exits 1 "what is there already" m alias add sales bob
is "$(cat "$ALIASES")" "# who gets what
postmaster: postmaster, ann # both
sales: ann, bob, postmaster" "the file is as one would write it"
exits 0 "a target less" m alias del sales ann
is "$(m alias list)" "postmaster	postmaster, ann
sales	bob, postmaster" "alias list"
m alias add nowhere nobody 2>"$T/err"
like "$(cat "$T/err")" 'leads nowhere' "an alias that leads nowhere is told"
m alias add bad 'a:b|c' '|x' >/dev/null 2>"$T/err"
is $? 100 "a target that the file cannot have"
like "$(cat "$T/err")" 'nothing is changed: .*aliases:[0-9]+ would be wrong' "is refused"
like "$(m user show ann)" '^alias	postmaster' "user show tells aliases"
exits 0 "alias del" m alias del nowhere

# --- who may send as whom
m alias del sales postmaster
as() { swaks --server "$IP:2587" --tls --auth PLAIN --auth-user ann --auth-password another --from "$1" --to bob@example.test --quit-after MAIL 2>&1; }
for sender in ann@example.test Ann+shop@Example.Test ann postmaster@example.test ann@elsewhere.example '<>'; do
  like "$(as "$sender")" '^<.*250 2\.1\.0' "ann sends as $sender"
done
for sender in bob@example.test sales@example.test nobody@example.test ann@x.example someone@elsewhere.example; do
  like "$(as "$sender")" '^<.*553 5\.7\.1 you may not send' "and not as $sender"
done
m alias add sales ann
like "$(as sales@example.test)" '^<.*250 2\.1\.0' "an alias that leads to her is hers at once"
m user set ann --sender @elsewhere.example
like "$(as someone@elsewhere.example)" '^<.*250 2\.1\.0' "and a domain that she was given"
m alias del sales ann

# --- domains
send ann@second.example x >/dev/null 2>&1
is $? 24 "a domain of others"
exits 0 "domain add" m domain add Second.Example
send ann@second.example second
try "is ours at once" wait_for 20 got ann second
exits 1 "twice" m domain add second.example
like "$(m domain list)" '^second.example$' "domain list"
exits 0 "domain del" m domain del second.example
send ann@second.example x >/dev/null 2>&1
is $? 24 "and others' again"
exits 100 "no domain" m domain add "a b"

# --- who goes keeps the mail
m user del ann >"$T/out" 2>"$T/err"
like "$(cat "$T/out")" 'the mail is kept' "user del"
send ann@example.test x >/dev/null 2>&1
is $? 24 "nobody knows her any more"
like "$(login ann another)" '^<.*535' "nor her password"
is "$(cat "$ALIASES")" "# who gets what
postmaster: postmaster  # both
sales: bob" "no alias leads to her"
is "$(wc -l <"$T/b/control/senders")" 0 "nor is she a sender"
add ann >/dev/null
try "add finds the mail again" got ann second
m user del bob --purge >"$T/out" 2>&1
is "$(ls -A "$MAIL" | tr '\n' ' ')" "ann postmaster " "purged, it is gone"

# --- many at a time
for i in 1 2 3 4 5 6 7 8; do add "u$i" >/dev/null & done
wait
is "$(grep -c '^u[1-8]:.y' "$USERS") $(ls -d "$MAIL"/u? | wc -l)" "8 8" "eight at once: none is lost"
echo u1:x >"$T/plain"
exits 1 "who is there is passed over" m user import plain "$T/plain"
cat >"$T/vpasswd" <<'END'
carl:$1$n0VlJAlB$j3rdaBkAnDYjlIAIEH6Nf/:1:0:Carl:/home/vpopmail/domains/example.test/carl:50000000S,1000C
END
cat >"$T/passwd-file" <<'END'
# Dovecot's
dora@example.test:{SHA512-CRYPT}$6$abcdefgh$yVfUwsw5T.JApa8POvClA1pQ5peiq97DUNyXCZN5IrF.BMSkiaLQ5kvpuEm/VQ1Tvh/KV2TcaWh8qinoW5dhA1::::::userdb_quota_rule=*:storage=1G
emil:{SSHA256}notours
fred:{PLAIN}open:sesame
END
cat >"$T/passwd" <<'END'
gina:*:1001:1001::/home/gina:/bin/sh
hugo:$5$abcdefgh$Vb7XMyvnkLBAV9CBhl7M8yYpYuZgVpgwCWUZ9A9IoS5:1002:1002::/home/hugo:/bin/sh
END
exits 0 "vpopmail" m user import vpopmail "$T/vpasswd"
exits 0 "dovecot" m user import dovecot "$T/passwd-file"
like "$(cat "$T/err")" 'passwd-file:3: emil: was added without a password' "what cannot be taken over is told"
exits 0 "passwd" m user import passwd "$T/passwd"
like "$(m user list | tr '\t' ' ')" '^carl yes 48829K' "a quota of vpopmail's"
like "$(m user list | tr '\t' ' ')" '^dora yes 1024M' "and of Dovecot's"
like "$(m user list | tr '\t' ' ')" '^emil no password' "no password, until passwd"
like "$(m user list | tr '\t' ' ')" '^fred yes' "a plain one is hashed"
is "$(pids)" "$before" "all that without a restart"

if test "$(id -u)" -eq 0; then
  # The mail is another user's, who leaves what he likes there.
  owner=$(stat -c %U "$MAIL/ann")
  s6-setuidgid "$owner" sh -c "rm -rf '$MAIL/u1' && ln -s '$T/b/control' '$MAIL/u1'"
  m user del u1 --purge >/dev/null 2>&1
  try "a link in a Maildir's place leads root nowhere" test -s "$T/b/control/me"
  is "$(stat -c %U "$MAIL/dora/new" "$USERS" | tr '\n' ' ')" "$owner root " "each file has its owner"
fi
finish
