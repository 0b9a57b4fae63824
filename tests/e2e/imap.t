#!/bin/sh
# People read their mail: Dovecot as a service of the bundle, with the same users, certificates and Maildirs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
test -x /usr/sbin/dovecot || skip_all "no dovecot: make deps-test installs it"

mkdir "$T/b"
mail_bundle || exit 111
cat >>"$C" <<END
[limit window]
window = yes
rule = $IP/32 1/30m
[imap]
listen = $IP:2143, $IP:2993/tls
pop3 = $IP:2995/tls
lmtp = yes
sieve = yes
quota = 100K
window = window
END
sed -i 's/^\[submission\]/&\nwindow = window/' "$C"
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

# What our own spool delivers is within the quota, too; each has his own, whichever way the mail comes.
echo password3 | m user add ann --quota 1M >/dev/null
send() { swaks --silent 2 --server "$IP:2525" --from postmaster@example.test --to "$1@example.test" --header "Subject: $2" --body "@$T/large"; }
took() { grep -rqs "^Subject: $2\$" "$MAIL/$1"/new "$MAIL/$1"/cur; }
in_as_ann() { curl -sk --max-time 20 --user ann:password3 "imaps://$IP:2993/" | grep -q Sent; }
wait_for 20 in_as_ann
send ann first
try "a larger quota takes it" wait_for 20 took ann first
like "$(lmtp --to ann@example.test --body "@$T/large")" '250 2.0.0 <ann@example.test>' "by LMTP, too"
send ann third
like "$(lmtp --to ann@example.test --body "@$T/large")" '552 5.2.2' "until it is full"
send ann fourth
bounced() { grep -rlqs '^Status: 5.2.2' "$MAIL"/postmaster/new "$MAIL"/postmaster/cur; }
try "then the sender is told" wait_for 20 bounced
like "$(curl -sk --user ann:password3 "imaps://$IP:2993/" --max-time 20 -X 'GETQUOTAROOT INBOX')" 'STORAGE [0-9]+ 1024' "IMAP shows the quota"

# A user disabled in the middle of a session; and what is counted.
cat >"$T/session.py" <<'END'
import imaplib, ssl, sys
context = ssl._create_unverified_context()
m = imaplib.IMAP4_SSL(sys.argv[1], 2993, ssl_context=context)
m.login("ann", "password3")
m.select("INBOX")
m.store("1", "+FLAGS", "(\\Answered)")
print(m.fetch("1", "(FLAGS)")[1][0].decode())
print("in", flush=True)
sys.stdin.readline()
try:
    m.noop()
    print("still in")
except (imaplib.IMAP4.abort, OSError) as e:
    print("out")
END
mkfifo "$T/go"
python3 "$T/session.py" "$IP" <"$T/go" >"$T/session" 2>&1 &
session=$!
exec 9>"$T/go"
wait_for 20 grep -q '^in' "$T/session"
like "$(cat "$T/session")" 'Answered' "imaplib sets a flag"
like "$(m status -o imap.sessions,imap.logins,imap.failures)" '^1	[1-9][0-9]*	[1-9]' "status counts sessions, logins, failures"
like "$(m status)" '^imap: 1 session' "and says so"
like "$(m user show ann)" 'session.*imap' "user show knows whose"
m user disable ann
echo >&9
wait "$session"
like "$(tail -1 "$T/session")" '^out' "disabled, the session is over"
curl -sk --max-time 20 --user ann:password3 "imaps://$IP:2993/" >/dev/null
is $? 67 "and no other begins"
m user enable ann

# Reading mail opens submission for a device that cannot log in; from there alone, and for the time that it has.
device() { swaks --server "$IP:2587" --local-interface "$1" --from ann@example.test --to postmaster@example.test --header "Subject: device" 2>&1; }
like "$(device 127.0.0.1)" '^<.*530' "without a login, nobody sends"
imap_from() { curl -sk --max-time 20 --interface "$1" --user ann:password3 "imaps://$IP:2993/" >/dev/null; }
imap_from "$IP"
RATER=$T/b/run/rater.sock
export RATER
opened() { rater -q --peek window "$IP"; }
try "a login by IMAP opens a window" wait_for 20 opened
like "$(device "$IP")" '^<.*250 2.0.0' "through which a device sends"
imap_from 127.0.0.1
like "$(device 127.0.0.1)" '^<.*530' "no network but those that are named"
rater --reset window "$IP" >/dev/null
like "$(device "$IP")" '^<.*530' "closed, it is closed"
like "$(rater --open window "$IP" 1h)" '^0 1/1 1(800|799)' "another IMAP server's hook opens it, for as long as the rule lets it"
like "$(device "$IP")" '^<.*250 2.0.0' "and it is open"
exits 1 "not for others" rater --open window 127.9.9.9 1h
if test "$(id -u)" -eq 0; then
  s6-setuidgid daemon rater --open window "$IP" 1h >"$T/out" 2>&1
  is $? 2 "and not by anybody"
fi

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
