#!/bin/sh
# spool-queue and spool-deliver from the outside: exit codes, mapping, waking up, retrying, refusing.
. "$(dirname "$0")/lib.sh"

cd "$T" || exit 111
mkdir control
echo example.test >control/me
cat >aliases <<'EOF'
info: joe, ann   # both
round: round
away: someone@elsewhere.test
EOF

envelope() {
  printf 'F%s\0' "$1"
  shift
  for i; do printf 'T%s\0' "$i"; done
  printf '\0'
}
# queue_to RECIPIENT...: queues stdin
queue_to() {
  envelope sender@example.org "$@" >"$T/envelope"
  "$LIBEXEC/spool-queue" queue 1<"$T/envelope"
}
message() { printf 'Subject: %s\n\nbody\n' "$1"; }
count() { find "$@" -type f 2>/dev/null | grep -c .; }
has() { test "$(count "$1")" -eq "$2"; }
holds() { grep -q "^Subject: $2\$" "$1"/new/* 2>/dev/null; }
logged() { grep -Eq "$1" deliver.log; }
empty() { has queue/todo 0; }

deliverer=
begin() {
  : >ready
  "$LIBEXEC/spool-deliver" -d 4 -c control -a aliases -n host.test -r 2 "$@" queue mail 2>>deliver.log 4>ready &
  deliverer=$!
  wait_for 20 test -s ready
}
end() {
  test -n "$deliverer" || return 0
  kill "$deliverer" 2>/dev/null
  wait "$deliverer"
  status=$?
  deliverer=
  return $status
}
on_exit end

# --- spool-queue: what comes out as which exit code ---------------------------------------------------

exits 0 "spool-queue --help" "$LIBEXEC/spool-queue" --help
like "$(cat out)" '^usage: spool-queue' "says how it is used"
exits 0 "spool-queue --version" "$LIBEXEC/spool-queue" --version
exits 100 "an unknown option" "$LIBEXEC/spool-queue" --nonsense
exits 100 "too many arguments" "$LIBEXEC/spool-queue" a b

# code WANTED NAME FILE-OF-ENVELOPE
code() {
  message x | "$LIBEXEC/spool-queue" queue 1<"$3" 2>err
  is $? "$1" "$2"
}
envelope a@b c@d >good
code 61 "exit 61 without a spool" good
like "$(cat err)" '^spool-queue: fatal: unable to create a file in queue: No such file or directory$' "which says what and where"
(unset SPOOL; message x | "$LIBEXEC/spool-queue" 1<good 2>err)
is $? 61 "exit 61 without any name of a spool"

begin
ok $? "spool-deliver makes its directories and says when it is ready"
try "a Maildir for postmaster is made with the mail directory" test -d mail/postmaster/new
end
is $? 0 "TERM ends it, exit 0"
"$LIBEXEC/spool-deliver" --make mail/joe mail/ann

code 0 "exit 0: queued" good
rm queue/todo/*
message x | SPOOL=queue "$LIBEXEC/spool-queue" 1<good
is $? 0 "the spool may come from the environment"
is "$(count queue/todo)" 1 "a message is one regular file in todo/"
rm queue/todo/*
printf 'Fa@b\0Tc@d\0' >bad
code 54 "exit 54: an envelope that ends early" bad
: >bad
code 54 "exit 54: no envelope" bad
printf 'Xa@b\0Tc@d\0\0' >bad
code 91 "exit 91: not an envelope" bad
printf 'Fa@b\0\0' >bad
code 91 "exit 91: no recipients" bad
envelope a@b "$(head -c 1003 /dev/zero | tr '\0' x)" >bad
code 11 "exit 11: an address of 1003 bytes" bad
envelope a@b "$(head -c 1002 /dev/zero | tr '\0' x)" >bad
code 0 "exit 0: an address of 1002 bytes" bad
rm queue/todo/*
{ printf 'Fa@b\0'; yes "T$(head -c 999 /dev/zero | tr '\0' x)" | head -1100 | tr '\n' '\0'; printf '\0'; } >bad
code 31 "exit 31: more than a mebibyte of envelope" bad
"$LIBEXEC/spool-queue" queue <good 2>err 1>&-
is $? 54 "exit 54: descriptor 1 is closed"
"$LIBEXEC/spool-queue" queue <&- 2>err 1<good
is $? 54 "exit 54: descriptor 0 is closed"
mv queue/todo queue/todo.not
code 53 "exit 53: no todo/" good
mv queue/todo.not queue/todo
is "$(count queue/todo queue/tmp)" 0 "what was not queued leaves nothing behind"

i=0
while test $i -lt 20; do
  message $i | "$LIBEXEC/spool-queue" queue 1<good &
  pids="${pids-} $!"
  i=$((i + 1))
done
bad=0
for p in $pids; do wait "$p" || bad=1; done
is $bad 0 "20 at once are all queued"
is "$(count queue/todo)" 20 "as 20 files"
rm queue/todo/*

# --- what a header says of an address -------------------------------------------------------------------

begin -i 3600
envelope 'victim@other.test> x@b.test' 'joe@example.test' 'nobody <x>@example.test' >odd
message quoted | "$LIBEXEC/spool-queue" queue 1<odd
wait_for 20 holds mail/joe quoted
is "$(head -1 mail/joe/new/*)" 'Return-Path: <"victim@other.test> x"@b.test>' 'a sender is quoted'
wait_for 20 has queue/failed 1
is "$(head -1 queue/failed/*)" 'X-Spool-Failed: <"nobody <x>"@example.test>: no such user: nobody <x>' 'and a recipient'
printf ' for <forged@a.b>\nX: y\n\nbody\n' | queue_to joe@example.test
wait_for 20 has mail/joe/new 2
is "$(cat mail/joe/new/* | grep -B1 -A1 '^ for')" "
 for <forged@a.b>
X: y" 'a message that begins with a blank does not continue our Received field'
end
rm mail/joe/new/* queue/failed/*

# --- one message, many recipients -----------------------------------------------------------------------

begin -i 3600
many() { i=0; while test $i -lt "$1"; do i=$((i + 1)); echo "$2$i$3"; done; }
# shellcheck disable=SC2046 # words
message many | queue_to $(many 300 joe+ @example.test) joe@example.test joe@example.test info@example.test
wait_for 20 holds mail/ann many
wait_for 20 empty
is "$(count mail/joe/new mail/ann/new)" 2 "a Maildir gets a message once, however many recipients lead to it"
rm mail/joe/new/* mail/ann/new/*
end
# A message for six hundred is no reason for another's to wait; one of the same sender does.
i=0
while test $i -lt 600; do
  i=$((i + 1))
  mkdir -p "mail/many$i/tmp" "mail/many$i/new" "mail/many$i/cur"
done
from() { echo "Received: from x (192.0.2.$1)"; echo '  by y'; message "$2"; }
# shellcheck disable=SC2046 # words
from 1 first | queue_to $(many 600 many @example.test)
from 1 second | queue_to joe@example.test
from 2 third | queue_to ann@example.test
ls queue/todo >names
: >deliver.log
begin -i 3600
wait_for 60 empty
is "$(count mail/many*/new)" 600 "each of six hundred gets his copy"
order() { grep -n "delivered $(sed -n "$1p" names)" deliver.log | tail -n 1 | cut -d: -f1; }
test "$(order 3)" -lt "$(order 1)" && test "$(order 2)" -gt "$(order 3)"
ok $? "another's mail is delivered before the last of them"
end
rm -rf mail/many* mail/joe/new/* mail/ann/new/*
# The header is read once: what a message makes spool-deliver read does not grow with its recipients.
begin -i 3600
read_so_far() { awk '$1 == "rchar:" { print $2 }' "/proc/$deliverer/io"; }
before=$(read_so_far)
# shellcheck disable=SC2046 # words
{ yes 'X-Long: header' | head -17000; message long; } | queue_to $(many 500 joe- @example.test)
wait_for 20 empty
try "a long header is read once, not for each recipient" test $(($(read_so_far) - before)) -lt 2000000
end
rm mail/joe/new/*

# --- delivery -----------------------------------------------------------------------------------------

begin -i 3600
message one | queue_to Joe-list@EXAMPLE.test
wait_for 20 holds mail/joe one
ok $? "a message wakes spool-deliver up"
is "$(head -3 mail/joe/new/* | sed 's/queue [0-9]* invoked by uid [0-9]*); .*/queue/')" \
  "Return-Path: <sender@example.org>
Delivered-To: Joe-list@EXAMPLE.test
Received: (spool-queue" "with Return-Path, Delivered-To and Received"
is "$(find mail/joe/new -type f -perm 600 | grep -c .)" 1 "readable by its owner alone"
message info | queue_to info@example.test
wait_for 20 holds mail/joe info && wait_for 20 holds mail/ann info
ok $? "an alias of two"
rm mail/*/new/*

message unknown | queue_to nobody@example.test joe@example.test ../ann@example.test
wait_for 20 has queue/failed 1 && wait_for 20 empty
ok $? "unknown users go to failed/"
try "the known one gets it" holds mail/joe unknown
like "$(cat queue/failed/*)" '^X-Spool-Failed: <nobody@example.test>: no such user: nobody$' "with the reason"
like "$(cat queue/failed/*)" '^X-Spool-Failed: <"../ann"@example.test>: no such user' "a path leads nowhere"
is "$(count queue/failed)" 1 "one file a message"
"$LIBEXEC/spool-deliver" --make mail/nobody
mv queue/failed/* queue/todo/
wait_for 20 holds mail/nobody unknown
ok $? "moved to todo/ after the user was made, it arrives"
wait_for 20 has queue/failed 1
like "$(cat queue/failed/*)" '^X-Spool-Failed: <"../ann"@example.test>' "and the other is back in failed/"
rm -rf queue/failed/* mail/nobody mail/*/new/*

message away | queue_to away@example.test joe@elsewhere.test
wait_for 20 has queue/failed 1
like "$(cat queue/failed/*)" 'away@example.test>: not a local domain, and spool delivers locally only' "no alias leads out"
like "$(cat queue/failed/*)" 'joe@elsewhere.test>: not a local domain, and spool delivers locally only' "no foreign address"
rm queue/failed/*
{ echo "Delivered-To: joe@example.test"; message loop; } | queue_to joe@example.test
wait_for 20 has queue/failed 1
like "$(cat queue/failed/*)" 'joe@example.test>: .* loop \(#5\.4\.6\)$' "a loop is refused"
rm queue/failed/*
printf 'no newline at the end' | queue_to joe@example.test
wait_for 20 grep -q 'no newline at the end' -r mail/joe/new
is "$(tail -c 21 mail/joe/new/*)" 'no newline at the end' "the message stays as it came"
rm -f mail/*/new/*
end

# --- what stands in todo/ and is no message -----------------------------------------------------------

mkfifo queue/todo/a-fifo
ln -s /etc/passwd queue/todo/a-link
mkdir queue/todo/a-directory
echo junk >queue/todo/junk
: >queue/todo/nothing
head -c 300 /dev/urandom >queue/todo/noise
message torn | queue_to joe@example.test
for file in queue/todo/1*; do
  size=$(($(wc -c <"$file") - 1))
  head -c $size "$file" >queue/tmp/half
  mv queue/tmp/half "$file"
done
message after | queue_to joe@example.test
begin -i 3600
wait_for 20 holds mail/joe after
ok $? "strange things in todo/ hold up nobody"
nothing_in() { test -z "$(ls -A "$1")"; }
wait_for 20 nothing_in queue/todo
ok $? "and are put into failed/"
like "$(head -1 queue/failed/junk)" '^X-Spool-Failed: not a message' "with the reason"
is "$(find queue/failed | grep -c .)" 8 "all of them"
unlike "$(cat queue/failed/junk queue/failed/noise queue/failed/1*)" 'root:' "no link is followed"
rm -rf queue/failed/* mail/*/new/*

# --- what may get better ------------------------------------------------------------------------------

mv mail/joe/tmp mail/joe/tmp.away
message later | queue_to joe@example.test ann@example.test
wait_for 20 logged 'deferred .*<joe@example.test>: unable to write to mail/joe: No such file or directory'
ok $? "a broken Maildir: the message waits, and the log says what and where"
wait_for 20 holds mail/ann later
ok $? "the other recipient does not"
try "it stays in todo/" has queue/todo 1
mv mail/joe/tmp.away mail/joe/tmp
wait_for 20 holds mail/joe later
ok $? "once mended, it arrives by itself"
wait_for 20 empty
is "$(count mail/joe/new mail/ann/new)" 2 "once each"
rm mail/*/new/*

# One that was queued long ago is tried each hour.
end
mkdir elsewhere
mv mail/* elsewhere/
message mount | queue_to joe@example.test
for file in queue/todo/*; do mv "$file" "queue/todo/1000000000.${file#*.}"; done
begin -i 3600 -r 3600
wait_for 20 logged 'deferred .*unable to find even a postmaster'
ok $? "an empty mail directory (not mounted?): nobody is unknown then"
mv elsewhere/* mail/
kill -HUP "$deliverer"
wait_for 20 holds mail/joe mount
ok $? "HUP tries at once"
is "$(count queue/failed)" 0 "nothing went to failed/"
rm mail/*/new/*

echo 'broken' >>aliases
message ok | queue_to info@example.test
wait_for 20 holds mail/ann ok
ok $? "a broken alias file: what was read before stays in force"
wait_for 20 logged 'warning: aliases:4: no colon'
ok $? "and the log says which line"
sed -i '$d' aliases
echo 'new: ann' >>aliases
message new | queue_to new@example.test
wait_for 20 holds mail/ann new
ok $? "a changed alias file is read by itself"
rm mail/*/new/*

exits 111 "a second spool-deliver is refused" timeout 60 "$LIBEXEC/spool-deliver" -c control queue mail
like "$(cat err)" "another process already delivers from queue\$" "and says why"
end

# --- catch-all, rcpthosts, locals ---------------------------------------------------------------------

printf '.wild.test\nsecond.test\n' >control/rcpthosts
begin -k ann
message caught | queue_to whoever@second.test
wait_for 20 holds mail/ann caught
ok $? "the catch-all"
message wild | queue_to joe@x.wild.test
wait_for 20 holds mail/joe wild
ok $? "without locals, what rcpthosts accepts is local"
echo example.test >control/locals
message locals | queue_to joe@second.test
wait_for 20 has queue/failed 1
ok $? "with locals, nothing else is"
rm -rf queue/failed/* control/locals mail/*/new/*
end

# --- few descriptors ----------------------------------------------------------------------------------

i=0
while test $i -lt 40; do
  message $i | queue_to joe@example.test ann@example.test
  i=$((i + 1))
done
# shellcheck disable=SC3045 # dash, bash and busybox have it
(test -n "${MEMCHECK:-}" || ulimit -n 24; exec "$LIBEXEC/spool-deliver" -1 -c control queue mail 2>>deliver.log)
is $? 0 "with 24 descriptors"
is "$(count mail/joe/new mail/ann/new)" 80 "all arrives"
rm mail/*/new/*

# --- failed/ has an end ------------------------------------------------------------------------------

rm -rf queue/failed/*
(cd queue/failed && seq 10001 | xargs touch)
touch -d '31 days ago' queue/failed/1
: >deliver.log
"$LIBEXEC/spool-deliver" -1 -c control queue mail 2>>deliver.log
is "$(count queue/failed)" 9000 "failed/ holds ten thousand"
try "the log tells how many went" logged 'removed the 1001 oldest messages of queue/failed: see spool\(5\)$'
is "$(ls queue/failed/1 2>/dev/null)" "" "the oldest"
rm -rf queue/failed/*

# --- many recipients, many messages -------------------------------------------------------------------

# shellcheck disable=SC2046
message many | queue_to $(seq -f 'joe-%g@example.test' 500)
try "a message for 500" "$LIBEXEC/spool-deliver" -1 -c control queue mail
is "$(count mail/joe/new)" 1 "arrives once, for they are one Maildir"
rm -rf mail/*/new/*

exits 100 "spool-deliver without arguments" "$LIBEXEC/spool-deliver"
exits 100 "an option that takes a number" "$LIBEXEC/spool-deliver" -r x queue mail
exits 0 "spool-deliver --help" "$LIBEXEC/spool-deliver" --help
exits 0 "spool-deliver --version" "$LIBEXEC/spool-deliver" --version
finish
