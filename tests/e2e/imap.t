#!/bin/sh
# People read their mail: Dovecot as a service of the bundle, with the same users, certificates and Maildirs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
test -x /usr/sbin/dovecot || skip_all "no dovecot: make deps-test installs it"

mkdir "$T/b"
mail_bundle || exit 111
cat >>"$C" <<END
[imap]
listen = $IP:2143, $IP:2993/tls
pop3 = $IP:2995/tls
lmtp = yes
sieve = yes
quota = 100K
END
exits 0 "check, with what doveconf says" m check
exits 0 "up" m up
like "$(m status -o name,state)" '^imap	ready' "imap is ready"
echo password1 | m passwd postmaster >/dev/null

imap() { curl -sk --max-time $((20 * PATIENCE)) --user "postmaster:$1" "$2" ${3:+-X "$3"}; }
swaks --silent 2 --server "$IP:2525" --from you@example.test --to postmaster@example.test --header "Subject: read me"
wait_for 20 arrived "read me"
like "$(imap password1 "imaps://$IP:2993/INBOX;UID=1")" '^Subject: read me' "a message is read over IMAP"
like "$(curl -sk --ssl-reqd --user postmaster@example.test:password1 "imap://$IP:2143/" --max-time 20)" 'Sent' "by the whole address, after STARTTLS"
imap wrong "imaps://$IP:2993/" >/dev/null
is $? 67 "a wrong password is refused"
like "$(imap password1 "pop3s://$IP:2995/1")" '^Subject: read me' "and over POP3"
imap password1 "imaps://$IP:2993/INBOX" 'STORE 1 +FLAGS (\Flagged)' >/dev/null
like "$(imap password1 "imaps://$IP:2993/INBOX" 'FETCH 1 (FLAGS)')" 'Flagged' "flags are kept"

# One password, in force at once: Dovecot looks at the file again each second.
echo password2 | m passwd postmaster >/dev/null
serves() { imap password2 "imaps://$IP:2993/" | grep -q Sent; }
try "after passwd the new one is taken" wait_for 20 serves
imap password1 "imaps://$IP:2993/" >/dev/null
is $? 67 "and the old one refused"

# LMTP answers for each recipient; quota and Sieve are Dovecot's.
lmtp() { swaks --protocol LMTP --socket "$T/b/run/imap/lmtp" --from you@example.test "$@" 2>&1; }
lmtp --to postmaster@example.test,nosuch@example.test >"$T/out"
like "$(cat "$T/out")" '250 2.0.0 <postmaster@example.test>' "LMTP takes a message"
like "$(cat "$T/out")" '550 5.1.1 <nosuch@example.test>' "and refuses who is not there"
head -c 300000 /dev/zero | tr '\0' 'x' | fold -w 70 >"$T/large"
like "$(lmtp --to postmaster@example.test --body "@$T/large")" '552 5.2.2' "beyond the quota it refuses"
home=$MAIL/postmaster
printf 'require "fileinto";\nif header :contains "subject" "sorted" { fileinto "Junk"; }\n' >"$home/.dovecot.sieve"
test "$(id -u)" -ne 0 || chown "$(stat -c %U "$home")" "$home/.dovecot.sieve"
lmtp --to postmaster@example.test --header "Subject: sorted" >/dev/null
like "$(imap password2 "imaps://$IP:2993/Junk" 'FETCH 1 (BODY[HEADER.FIELDS (SUBJECT)])')" 'EXISTS|FETCH' "Sieve sorts"

exits 0 "reload" m reload imap
try "it goes on" wait_for 20 serves
pid=$(pid_of "$C" imap)
kill -9 "$pid"
again() { another imap "$pid"; }
try "killed, it is back" wait_for 60 again
try "and serves" wait_for 20 serves
like "$(m log imap)" 'Login: user=<postmaster>' "its log is in ours"

printf 'nosuch_setting = 1\n' >"$T/more"
echo "include = $T/more" >>"$C"
exits 102 "a mistake in the file of include" m check
like "$(cat "$T/err")" '\[imap\].*Dovecot says: .*nosuch_setting' "is told in Dovecot's words"
sed -i '$d' "$C"
exits 0 "down" m down
is "$(processes)" "" "nothing of it stays"
finish
