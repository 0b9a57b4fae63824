#!/bin/sh
# smtpd and milters: what they hear, and every answer and change that they may give, by libmilter.
# shellcheck source=tests/e2e/smtpd-lib.sh
. "$(dirname "$0")/smtpd-lib.sh"
tools=$(cd "$(dirname "$0")/../tools" && pwd)
python=/usr/bin/python3
"$python" -c 'import Milter' 2>/dev/null || skip_all "python3-milter is not there"

# milter N: starts the N-th; what it hears is in $T/heard.N, what it shall do in $T/do.N
milter() {
  : >"$T/heard.$1"
  rm -f "$T/milter.$1"
  # libmilter gives its socket no mode of our choice
  (umask 0; exec "$python" "$tools/miltertry.py" "unix:$T/milter.$1" "$T/do.$1" >>"$T/heard.$1" 2>&1) &
  eval "milter_$1=$!"
  wait_for 20 test -S "$T/milter.$1"
}
on_exit 'kill ${milter_1-} ${milter_2-} 2>/dev/null'
# do_1 LINE...: what the first shall do from now on
do_1() { printf '%s\n' "$@" >"$T/do.1"; : >"$T/heard.1"; }
do_2() { printf '%s\n' "$@" >"$T/do.2"; : >"$T/heard.2"; }
do_1 ''
do_2 ''
milter 1
milter 2

# message [COMMAND...]: one message, whose replies are in $T/said
message() {
  clean
  printf '%s\n' 'EHLO client.test' 'MAIL FROM:<a@client.test> SIZE=77' 'RCPT TO:<u@example.test>' "$@" DATA 'Subject: x' 'X-Two: one' 'X-Two: two' 'X-Long: a' ' b' '' y '..z' . QUIT | talk >"$T/said"
}
# the reply to the N-th line
reply_to() { sed '/^250-/d' "$T/said" | sed -n "$1p"; }
got() { cat "$H"/queue/*.message; }
envelope() { tr '\n' ' ' <"$(echo "$H"/queue/*.envelope)"; }
heard() { grep -v '^macros' "$T/heard.${1:-1}" | tr '\n' ';'; }

serve -M "unix:$T/milter.1"
message
is "$(queued)" 1 "a message passes"
wait_for 10 grep -q '^close' "$T/heard.1"
is "$(heard)" "negotiate 0x1df 0x1fffff;connect unknown 2 ('127.0.0.1', $(sed -n "s/^connect .*, \([0-9]*\))/\1/p" "$T/heard.1"));helo client.test;mail <a@client.test> SIZE=77;rcpt <u@example.test>;data;header Subject:x;header X-Two:one;header X-Two:two;header X-Long:a\\n b;eoh;body 7 b'y\\r\\n.z\\r\\n';eom;close;" "what it hears, step by step"
like "$(cat "$T/heard.1")" '^macros j=mx.example.test _=unknown \[127.0.0.1\] \{daemon_name\}=smtpd \{client_addr\}=127.0.0.1$' "the macros of the connection"
like "$(cat "$T/heard.1")" '^macros .* i=[0-9a-f.]+ \{mail_addr\}=a@client.test$' "and of MAIL"
got >"$T/untouched"

do_1 'negotiate noreply' 'negotiate space' 'negotiate symlist 0|j {client_port}'
message
is "$(queued)" 1 "one that answers to nothing but the end"
wait_for 10 grep -q '^close' "$T/heard.1"
like "$(heard)" 'header Subject: x;header X-Two: one;.*eom;' "hears it all, with the blanks behind the colons"
like "$(cat "$T/heard.1")" '^macros j=mx.example.test$' "and of the macros what it has listed"
is "$(got | sed 1,2d)" "$(sed 1,2d "$T/untouched")" "the message is as it was"

# --- answers
do_1 'connect reject'
message
is "$(cat "$T/said")" "554 5.7.1 a filter refuses this connection" "a connection refused"
do_1 'connect tempfail'
message
is "$(cat "$T/said")" "451 4.7.1 a filter says: try again later" "and for now"
do_1 'connect accept'
message
is "$(queued) $(heard | grep -c helo)" "1 0" "a connection accepted: no more is asked"
do_1 'helo reply 550|5.7.9|your name|is not nice, 100%%'
message
is "$(sed -n 2,3p "$T/said")" "550-5.7.9 your name
550 5.7.9 is not nice, 100%" "a reply of two lines"
do_1 'mail reject'
message
is "$(reply_to 3)" "550 5.7.1 refused by a filter" "a sender refused"
do_1 'mail reply 421|4.7.1|go'
message
is "$(tail -n 1 "$T/said")" "421 4.7.1 go" "421 ends the session"
do_1 'rcpt tempfail'
message
is "$(reply_to 4) $(reply_to 5)" "451 4.7.1 a filter says: try again later 503 5.5.1 RCPT first" "a recipient refused"
do_1 'negotiate rejected'
message 'RCPT TO:<x@elsewhere.test>'
like "$(heard)" "rejected <x@elsewhere.test> 553 5.7.1 sorry, that domain" "it may hear of recipients that were refused"
do_1 'data reply 451|4.7.1|not now'
message
is "$(reply_to 5)" "451 4.7.1 not now" "DATA refused"
do_1 'unknown reject'
message 'FROB x'
is "$(reply_to 5) $(queued)" "550 5.7.1 refused by a filter 1" "a command that is none"
like "$(heard)" 'unknown FROB' "it is told"
for step in header eoh body eom; do
  do_1 "$step reply 554|5.7.1|bad at $step"
  message
  is "$(reply_to 6) $(queued)" "554 5.7.1 bad at $step 0" "refused at $step"
done
do_1 'body skip'
message
like "$(queued) $(heard)" '^1 .*body.*eom' "it may skip the body"
for step in mail rcpt data header eoh body eom; do
  do_1 "$step discard"
  message
  like "$(queued) $(reply_to 6)" '^0 250 ' "discarded at $step"
done
like "$(cat "$H/log")" 'discarded: .* milter=unix:' "which is logged"
for step in mail rcpt header body; do
  do_1 "$step accept"
  message
  is "$(queued) $(heard | grep -c eom)" "1 0" "accepted at $step: no more is asked"
done

# --- changes
do_1 'eom addheader X-New|at the end' 'eom addheader X-Fold|one\ntwo\n three'
message
is "$(got | sed '1,2d;/^$/,$d')" "Subject: x
X-Two: one
X-Two: two
X-Long: a
 b
X-New: at the end
X-Fold: one
	two
 three" "fields added; a line that would be another field goes on"
is "$(got | sed '1,/^$/d')" "y
.z" "the body is as it was"
do_1 'eom insheader 1|X-One|1' 'eom insheader 0|X-Zero|0' 'eom insheader 4|X-Four|4' 'eom insheader 99|X-Last|99'
message
is "$(got | sed -n 's/^\([A-Za-z-]*\):.*/\1/p' | tr '\n' ' ')" "X-Zero Received X-One Subject X-Four X-Two X-Two X-Long X-Last " "fields inserted, as Sendmail counts them"
do_1 'eom chgheader 1|subject|y' 'eom chgheader 2|X-Two|' 'eom chgheader 1|X-Long|c' 'eom chgheader 3|X-Two|third' 'eom chgheader 1|Received|mine'
message
is "$(got | sed '1,2d;/^$/,$d')" "subject: y
X-Two: one
X-Long: c
X-Two: third
Received: mine" "fields changed, deleted, and added where there are not so many; ours is not theirs"
do_1 'eom body hello\r\nthere' 'eom body \nmore\n'
message
is "$(got | sed '1,/^$/d')" "hello
there
more" "the body replaced"
do_1 'eom addrcpt <v@example.test>' 'eom addrcpt u@example.test' 'eom chgfrom <b@client.test>'
message
is "$(envelope)" "Fb@client.test Tu@example.test Tv@example.test  " "recipients added, each once; another sender"
do_1 'eom delrcpt <U@example.test>' 'eom addrcpt <w@example.test>'
message 'RCPT TO:<v@example.test>'
is "$(envelope)" "Fa@client.test Tv@example.test Tw@example.test  " "a recipient deleted"
do_1 'eom delrcpt <u@example.test>'
message
like "$(queued) $(reply_to 6)" '^0 250 ' "without any it goes nowhere"
do_1 'eom addheader X-New|no' 'eom reject'
message
is "$(reply_to 6) $(queued)" "550 5.7.1 refused by a filter 0" "changes, and a refusal after all"
do_1 'eom progress' 'eom progress' 'eom sleep 0.1' 'eom addheader X-Slow|yes'
message
like "$(got)" '^X-Slow: yes' "progress is waited for"

# --- several: each sees what the one before it made
serve -M "unix:$T/milter.1" -M "unix:$T/milter.2"
do_1 'eom chgheader 1|Subject|from one' 'eom body changed\n' 'eom insheader 0|X-Top|1' 'eom addheader X-New|1'
do_2 'eom addheader X-Newer|2'
message
like "$(heard 2)" "header X-Top:1;header Subject:from one;.*header X-New:1;eoh;body 9 b'changed.r.n';eom;" "the second hears what the first has changed"
is "$(got | sed '/^[ 	]/d;s/:.*//' | tr '\n' ' ')" "X-Top Received Subject X-Two X-Two X-Long X-New X-Newer  changed " "and what both have changed is queued"
do_1 'mail accept'
message
like "$(heard 2)" 'header Subject:x;.*eom;' "one that has accepted leaves the message to the next"
do_1 'eom body one\n'
do_2 'eom body two\n'
message
is "$(got | sed '1,/^$/d')" "two" "two bodies: the last"
do_2 'header reply 554|5.7.1|two says no'
message
is "$(reply_to 6) $(queued)" "554 5.7.1 two says no 0" "the second refuses"
do_1 'rcpt reject'
do_2 ''
message 'RSET'
wait_for 10 grep -q '^close' "$T/heard.1"
like "$(heard 1)" 'rcpt <u@example.test>;abort;' "RSET: it is told that the message is over"
do_1 ''

# --- one connection a session
clean
for i in 1 2 3; do printf '%s\n' 'MAIL FROM:<a@client.test>' 'RCPT TO:<u@example.test>' DATA "Subject: $i" '' y .; done >"$T/three"
(echo EHLO c; cat "$T/three"; echo QUIT) | talk >"$T/said"
is "$(queued) $(grep -c ^connect "$T/heard.1") $(grep -c ^eom "$T/heard.1") $(grep -c ^abort "$T/heard.1")" "3 1 3 0" "three messages, one connection"

# --- large
python3 - >"$T/large" <<'END'
print("EHLO c\nMAIL FROM:<a@client.test>\nRCPT TO:<u@example.test>\nDATA\nSubject: large\n")
for i in range(40000): print("line %07d of a message that is in no buffer" % i)
print(".\nQUIT")
END
do_1 'eom addheader X-Large|1'
do_2 ''
clean
talk <"$T/large" >"$T/said"
is "$(got | grep -c '^line ') $(got | grep -c '^X-Large: 1')" "40000 1" "a large message, with a field added"
is "$(sed -n 's/^body \([0-9]*\) .*/\1/p' "$T/heard.2" | awk '{s += $1} END {print s}')" "$(sed '1,/^$/d;/^\.$/,$d; s/$/\r/' "$T/large" | wc -c)" "the second hears all of it"
is "$(got | sed '1,/^$/d' | md5sum)" "$(sed '1,/^$/d;/^\.$/,$d' "$T/large" | md5sum)" "byte by byte"
do_1 'eom body small\n'
clean
talk <"$T/large" >"$T/said"
is "$(got | sed '1,/^$/d')" "small" "its body replaced by a small one"
do_1 ''
clean
(sed '/^DATA/,$d' "$T/large"; echo DATA; python3 -c '
for i in range(5000): print("X-%d: %s" % (i, "x" * 60))'; printf '\n.\nQUIT\n') | talk >"$T/said"
like "$(cat "$T/said")" '^552 5.3.4 the header is too long' "a header without end is refused"

# --- who is asked
serve -M "unix:$T/milter.1 size 1K"
: >"$T/heard.1"
clean
talk <"$T/large" >"$T/said"
is "$(queued) $(grep -c ^eom "$T/heard.1")" "1 0" "what is larger than size is not asked about to the end"
message 'RSET' 'MAIL FROM:<a@client.test> SIZE=2000' 'RCPT TO:<u@example.test>'
is "$(queued) $(grep -c ^eom "$T/heard.1")" "1 0" "nor what says so at once"
serve RELAYCLIENT= -M "unix:$T/milter.1 own no"
: >"$T/heard.1"
message
is "$(queued) $(heard)" "1 " "own no: our own users' mail goes by it"
serve -M "unix:$T/milter.1 until-level 1" -o control/overloaded
: >"$T/heard.1"
echo level 1 >"$H/control/overloaded"
message
is "$(queued) $(heard)" "1 " "until-level: not asked under overload"
rm -f "$H/control/overloaded"
message
like "$(queued) $(heard)" '^1 .*eom' "and asked again afterwards"
clean
finish
