#!/bin/sh
# Where a message goes beyond Maildirs: aliases to other hosts and to several, programs, LMTP; and what comes back.
. "$(dirname "$0")/lib.sh"
cp "$(dirname "$0")/lmtpd.py" "$T/"
cd "$T" || exit 111

mkdir -p control queue/todo queue/tmp mail
echo example.test >control/locals
"$LIBEXEC/spool-deliver" --make mail/postmaster mail/ann mail/bob mail/sales
cat >aliases <<'END'
team: ann, bob
away: Bob.B@Far.test, ann, bob, bob
round: round@far.test
loop: team, loop2
loop2: loop
both: away, ann
sales: sales, ann
run: ann, |cat >>ran; echo "$SENDER $RECIPIENT" >>ran.to
no: |exit 100
later: bob, |test -e ready && cat >/dev/null
END
envelope() {
  printf 'F%s\0' "$1"
  shift
  for i; do printf 'T%s\0' "$i"; done
  printf '\0'
}
# queue SUBJECT SENDER RECIPIENT...
queue() {
  subject=$1
  shift
  envelope "$@" >envelope
  printf 'Subject: %s\n\n.dot\nbody\n' "$subject" | "$LIBEXEC/spool-queue" queue 1<envelope
}
deliver() { "$LIBEXEC/spool-deliver" -1 -n me.test -c control -a aliases "$@" queue mail >>log 2>&1; }
got() { grep -ls "^Subject: $2\$" "mail/$1"/new/* | grep -c .; }
# out SUBJECT: the envelope of what goes out, of that subject
leaving() { grep -ls "^Subject: $1\$" queue/out/*; }
out() { leaving "$1" | xargs -r cat | sed -n '/^body$/,$p' | tail -n +2 | tr '\0' ' ' | sed 's/  spool1.*//'; }

# --- other hosts
queue away joe@sender.test away@example.test
deliver -R -P
is "$(got ann away) $(got bob away)" "1 1" "an alias to several: each has it once"
like "$(out away)" '^FSRS0=[a-z2-7]{8}=[a-z2-7]{2}=sender\.test=joe@example\.test OBob\.B@Far\.test$' \
  "and it goes on, from an address of ours"
is "$(stat -c %a queue/srs.key)" 600 "whose key is the spool's alone"
is "$(leaving away | xargs head -1)" "Delivered-To: away@example.test" "it says where it has been"
srs=$(out away | sed 's/^F\([^ ]*\) .*/\1/')
rm -f queue/out/*
queue both joe@sender.test both@example.test team+x@example.test away@example.test
deliver -R -P
is "$(got ann both) $(got bob both) $(grep -ls '^Subject: both' queue/out/* | grep -c .)" "1 1 1" \
  "several ways to one address: one copy"
rm -f queue/out/*
queue ours ann@example.test away@example.test
deliver -R -P
like "$(out ours)" '^Fann@example\.test O' "a sender of ours stays"
rm -f queue/out/*
queue report '' "$srs"
deliver -R -P
is "$(out report)" "F Ojoe@sender.test" "a report comes back to who sent it"
rm -f queue/out/*
queue forged '' "srs0=aaaaaaaa=aa=victim.test=joe@example.test"
deliver -R -P
like "$(out forged)" '^F Bsrs0=' "a forged address leads nowhere"
like "$(cat queue/notes/*)" 'none of ours, or too old' "and spool-send knows why"
{ echo "Delivered-To: round@example.test"; printf 'Subject: round\n\nbody\n'; } >message
envelope joe@example.test round@example.test >envelope
"$LIBEXEC/spool-queue" queue <message 1<envelope
queue circle ann@example.test loop@example.test
deliver -R -P
deliver -R -P
like "$(cat queue/notes/*)" 'h <loop@example\.test> no such alias' "aliases in a circle lead nowhere"
like "$(cat queue/notes/*)" 'h <round@example\.test> .*delivered to this address before: a loop' "a loop through others is found"
rm -rf queue/out/* queue/notes/* mail/*/new/*

# Killed before it could forget the message: what was forwarded is not forwarded again.
queue twice joe@sender.test away@example.test
mkdir again
cp -p queue/todo/* again/
deliver -R -P
cp -p again/* queue/todo/
deliver -R -P
is "$(grep -ls '^Subject: twice' queue/out/* | grep -c .) $(got ann twice) $(got bob twice)" "1 1 1" "delivered again, it is one"
rm -rf queue/out/* mail/*/new/*
queue closed ann@example.test away@example.test
deliver -P
like "$(cat mail/ann/new/*)" 'not a local domain, and spool delivers locally only' "where nothing goes out, the sender is told"

# --- what fails here comes back
rm -rf mail/*/new/*
queue nobody ann@example.test nobody@example.test ghost@example.test bob@example.test
deliver -P
is "$(got bob nobody) $(cat mail/ann/new/* | grep -c '^Action: failed')" "1 2" "one report for all who fail here"
like "$(cat mail/ann/new/*)" '^Diagnostic-Code: x-mailctl; no such user: ghost' "with the reasons"
queue stranger a@sender.test nobody@example.test
deliver -P
like "$(cat queue/failed/*)" '^X-Spool-Failed: <nobody@example.test>: no such user' "who cannot be told: it is put aside"
rm -rf queue/failed/* mail/*/new/*
queue mixed a@sender.test nobody@example.test joe@far.test
deliver -R -P
is "$(out mixed)" "Fa@sender.test Bnobody@example.test Ojoe@far.test" "where mail goes out, spool-send makes one report of all"
like "$(cat queue/notes/*)" '^[0-9]+ h <nobody@example\.test> no such user: nobody$' "from its notes"
rm -rf queue/out/* queue/notes/*

# --- quota
"$LIBEXEC/spool-deliver" --make -q 3000 mail/bob
head -c 2000 /dev/zero | tr '\0' x | fold >large
for i in 1 2; do
  envelope ann@example.test bob@example.test >envelope
  { printf 'Subject: large\n\n'; cat large; } | "$LIBEXEC/spool-queue" queue 1<envelope
done
deliver -P
is "$(got bob large)" 1 "a Maildir takes what its quota lets it"
like "$(cat mail/ann/new/*)" '^Status: 5\.2\.2' "and the sender hears of the rest"
is "$(tail -n +2 mail/bob/maildirsize | awk '{ s += $1; n += $2 } END { print n }')" 1 "maildirsize counts it"
rm -rf mail/*/new/*
touch -d '1 hour ago' mail/bob/maildirsize
queue room ann@example.test bob@example.test
deliver -P
is "$(got bob room)" 1 "what was removed is counted again"
queue default joe@sender.test sales@example.test
deliver -P -q 10
is "$(got sales default) $(head -1 mail/sales/maildirsize)" "0 10S" "a quota for all"
rm -rf mail/*/new/* mail/*/maildirsize queue/failed/*

# --- programs
queue program "joe@sender.test" run@example.test
deliver -P
is "$(cat ran.to mail/ran.to 2>/dev/null)" "joe@sender.test run@example.test" "a program runs"
is "$(head -3 mail/ran | tr '\n' '|')" "Return-Path: <joe@sender.test>|Delivered-To: run@example.test|$(sed -n 3p mail/ran)|" \
  "with the message as a Maildir has it"
is "$(tail -n 1 mail/ran) $(got ann program)" "body 1" "whole, without the envelope; and the other target has it"
queue refused ann@example.test no@example.test
deliver -P
like "$(cat mail/ann/new/*)" 'exit code 100' "exit code 100 is a refusal"
queue later joe@sender.test later@example.test
deliver -P
is "$(find queue/todo -type f | grep -c .)" 1 "others are tried again"
touch mail/ready
touch -d '1 hour ago' queue/todo/*
deliver -P
is "$(find queue/todo queue/notes -type f | grep -c .)" 0 "until it is there"
deliver
like "$(tail -3 log)" 'aliases:8: a program, which is not allowed' "off unless they are allowed"
chmod g+w aliases
deliver -P
like "$(tail -3 log)" 'others than its owner may write it: chmod go-w' "or where another may write the file"
chmod g-w aliases
rm -rf queue/todo/* mail/*/new/*

# --- LMTP
lmtpd() {
  python3 lmtpd.py lmtp.sock lmtp.log "$@" &
  server=$!
  wait_for 20 test -S lmtp.sock
  on_exit "kill $server 2>/dev/null"
}
lmtpd bob=452 sales=550
queue lmtp joe@example.test team@example.test nobody@example.test
queue second ann@example.test ann@example.test sales@example.test bob@example.test
deliver -P -L "$T/lmtp.sock"
is "$(grep -c '^connection' lmtp.log) $(grep '^RCPT' lmtp.log | sort | tr '\n' ';')" \
  "1 RCPT TO:<ann@example.test>;RCPT TO:<ann@example.test>;RCPT TO:<bob@example.test>;RCPT TO:<bob@example.test>;RCPT TO:<sales@example.test>;" \
  "one connection, recipients as the aliases say"
like "$(cat lmtp.log)" '^\.\.dot' "dots are doubled"
is "$(grep -c '^taken ann' lmtp.log)" 2 "who is accepted has it"
kill "$server"
wait "$server" 2>/dev/null
rm lmtp.sock lmtp.log
like "$(cat log)" 'deferred .*<bob@example.test>: Remote host said: 452 ' "452 waits"
lmtpd sales=550
touch -d '1 hour ago' queue/todo/*
deliver -P -L "$T/lmtp.sock"
is "$(grep '^taken' lmtp.log | sort | tr '\n' ' ')" "taken ann taken bob taken bob taken postmaster " \
  "who waited has it; ann has hers once, and a report"
like "$(cat lmtp.log)" 'Diagnostic-Code: smtp; 550 ' "which tells what LMTP said"
is "$(find queue/todo queue/notes -type f | grep -c .)" 0 "and nothing is left"
kill "$server"; rm lmtp.sock
queue down joe@example.test ann@example.test
deliver -P -L "$T/lmtp.sock"
like "$(tail -1 log)" 'deferred .*unable to hand it over to .*lmtp.sock' "nobody serves: it waits"
finish
