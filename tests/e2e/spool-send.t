#!/bin/sh
# Mail that goes out: spool-deliver hands it over, spool-send schedules it, remote sends it, and who sent it is told of
# failures.
. "$(dirname "$0")/remote-lib.sh"

mkdir control
echo me.test >control/me
echo 2 >control/timeoutconnect
echo $((5 * PATIENCE)) >control/timeoutremote
: >zone
dns

envelope() {
  printf 'F%s\0' "$1"
  shift
  for i; do printf 'T%s\0' "$i"; done
  printf '\0'
}
# queue_from SENDER SUBJECT RECIPIENT...
queue_from() {
  subject=$2
  from=$1
  shift 2
  envelope "$from" "$@" >envelope
  printf 'Subject: %s\nMessage-ID: <%s@me.test>\n\nbody\n' "$subject" "$subject" |
    "$LIBEXEC/spool-queue" queue 1<envelope
}
queue() { queue_from joe@me.test "$@"; }
count() { find "$@" -type f 2>/dev/null | grep -c .; }
has() { test "$(count "$1")" -eq "$2"; }
# nothing is left of any message
gone() { test "$(count queue/todo queue/out queue/remote queue/notes queue/tmp)" -eq 0; }
logged() { grep -Eq "$1" send.log; }
said() { grep -Ec "$1" send.log; }
arrived() { grep -lqs "^Subject: $2" "$1".d/[0-9]*; }
carl_again() { test "$(said '<carl@no\.test>')" -ge 2; }
tried_again() { test "$(said '<bob@no\.test>')" -gt "$before"; }
test_bounced() { test -n "$(bounce joe 'given up by the administrator')"; }
told_delay() { test -n "$(bounce joe '^Subject: Delayed')"; }
# bounce MAILDIR PATTERN: the file of a report that has it
bounce() { grep -lsE "$2" "mail/$1"/new/* | head -1; }

mkdir mail
"$LIBEXEC/spool-deliver" --make mail/postmaster mail/joe mail/ann
served deliver "$LIBEXEC/spool-deliver" -R -d 1 -c control -n me.test -r 2 queue mail
# each of them says that it is ready by a newline
serve() {
  served remote s6-ipcserver -1 -a 0600 remote.sock "$LIBEXEC/remote" -s -n 127.0.0.1
  remote=$!
}
serve
sender=
begin() {
  : >send.ready
  "$LIBEXEC/spool-send" -d 4 -n me.test -r 1 "$@" queue remote.sock 2>>send.log 4>send.ready &
  sender=$!
  wait_for 20 test -s send.ready
}
end() {
  test -n "$sender" || return 0
  kill "-${1:-TERM}" "$sender"
  wait "$sender" 2>/dev/null
  status=$?
  sender=
  return $status
}
on_exit end

exits 0 "spool-send --help" "$LIBEXEC/spool-send" --help
exits 100 "too few arguments" "$LIBEXEC/spool-send" queue
exits 111 "without a spool" "$LIBEXEC/spool-send" nowhere remote.sock
begin
ok $? "spool-send says when it is ready"
exits 111 "a second one" "$LIBEXEC/spool-send" queue remote.sock
like "$(cat err)" 'another process already sends from queue' "is refused"

# --- what is taken -------------------------------------------------------------------------------------

strange good.test refuse=nobody
queue one ann@me.test bob@good.test
try "a message to a host elsewhere arrives" wait_for 20 arrived good.test one
is "$(sed -n 2p good.test.d/1)" "<bob@good.test>" "for the recipient there"
try "and at the recipient here" wait_for 20 has mail/ann/new 1
try "nothing is left of it" wait_for 20 gone
like "$(cat send.log)" 'sent [0-9.MPRa-f]* <bob@good\.test>: 10\.1\.1\.1 accepted message\. Remote host said: 250 2\.0\.0 taken$' "the log has the server's words"
queue two bob@good.test carl@good.test dan@GOOD.test
wait_for 20 arrived good.test two
is "$(sed -n 2p good.test.d/2)" "<bob@good.test> <carl@good.test> <dan@GOOD.test>" "recipients of one host: one transaction"

# --- what is refused -----------------------------------------------------------------------------------

queue three bob@good.test nobody@good.test 'j<x>@nowhere.test'
try "who sent it is told of what failed" wait_for 20 has mail/joe/new 1
try "and nothing is left" wait_for 20 gone
cat >report.py <<'END'
import email, email.policy, sys
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
print(m["from"], "|", m["to"], "|", m["subject"], "|", m["auto-submitted"], "|", m.get_content_type(), m.get_param("report-type"))
text, status, header = m.get_payload()
print(text.get_content_type(), status.get_content_type(), header.get_content_type())
for part in status.get_payload():
    print(sorted((k, v) for k, v in part.items() if k not in ("Arrival-Date", "Will-Retry-Until")))
print(header.get_payload().splitlines()[-2:])
print(text.get_payload())
END
python3 report.py "$(bounce joe .)" >told 2>&1
is "$(sed -n 1,2p told)" "Mail Delivery System <MAILER-DAEMON@me.test> | joe@me.test | Undelivered mail | auto-replied | multipart/report delivery-status
text/plain message/delivery-status text/rfc822-headers" "by a report of RFC 3464"
is "$(sed -n 3,5p told)" "[('Reporting-MTA', 'dns; me.test')]
[('Action', 'failed'), ('Diagnostic-Code', 'smtp; 550 5.1.1 no such user here'), ('Final-Recipient', 'rfc822; nobody@good.test'), ('Status', '5.1.1')]
[('Action', 'failed'), ('Diagnostic-Code', 'x-mailctl; there is no such domain (#5.1.2)'), ('Final-Recipient', 'rfc822; \"j<x>\"@nowhere.test'), ('Status', '5.1.2')]" \
  "one for all failures, with their codes"
is "$(sed -n 6p told)" "['Subject: three', 'Message-ID: <three@me.test>']" "and the message's header"
like "$(cat told)" 'Remote host said: 550 5\.1\.1 no such user here' "and the reasons in words"
is "$(sed -n 1p "$(bounce joe .)")" "Return-Path: <>" "its sender is empty"
queue_from '' four nobody@good.test
try "a report that cannot be delivered goes to the postmaster" wait_for 20 has mail/postmaster/new 1
is "$(sed -n 1p mail/postmaster/new/*)" "Return-Path: <#@[]>" "from whom no report is made"
queue_from '#@[]' five nobody@good.test
try "and is put aside when that fails, too" wait_for 20 has queue/failed 1
like "$(cat queue/failed/*)" '^X-Spool-Failed: <nobody@good\.test>: .*no such user' "with the reason"
rm queue/failed/*
try "nothing is left" wait_for 20 gone

# --- what must wait ------------------------------------------------------------------------------------

strange busy.test 'MAIL=451 4.3.0 later;'
queue six bob@busy.test
try "a message that is refused for now is tried again" wait_for 20 arrived busy.test six
is "$(said 'deferred .*<bob@busy\.test>: .*451 4\.3\.0 later')" 1 "the log has the reason"
try "then nothing is left" wait_for 20 gone
strange mixed.test 'RCPT=450 4.2.1 later;'
queue seven bob@mixed.test nobody@good.test
try "a failure is told when the others are done" wait_for 20 has mail/joe/new 2
try "they have it" arrived mixed.test seven
end
is $? 0 "TERM ends it, exit 0"

strange never.test 'MAIL=451 4.3.0 never'
begin -l 3 -w 1
queue eight bob@never.test
try "after a while the sender is told that it takes long" wait_for 20 told_delay
python3 report.py "$(bounce joe 'Subject: Delayed')" >told 2>&1
like "$(cat told)" "'Action', 'delayed'.*'Final-Recipient', 'rfc822; bob@never.test'.*'4\.3\.0'" "with the reason"
wait_for 30 gone
ok $? "and after its lifetime it is given up"
is "$(grep -lE '^Action: failed' mail/joe/new/* | xargs grep -lE '^Status: 4\.3\.0' | grep -c .)" 1 "with the reason of the last time"
is "$(grep -lE '^Subject: Delayed' mail/joe/new/* | grep -c .)" 1 "it was said once that it takes long"
end

# a host that does not answer: one message finds that out for all
echo 'dead.test A 10.1.200.1' >>zone
begin
for k in 0 1 2 3 4 5 6 7 8 9; do
  queue "dead$k" bob@dead.test
  queue "down$k" bob@dead.test
done
queue nine ann@me.test bob@good.test
try "while nobody answers there, others have their mail" wait_for 20 arrived good.test nine
wait_for 20 logged '<bob@dead\.test>'
try "a few attempts show that a host is down" test "$(said '<bob@dead\.test>')" -lt 15
odd dead.d 10.1.200.1
try "when it is back, all arrive" wait_for 60 sh -c 'test $(find dead.d -name "[0-9]*" | grep -c .) -eq 20'
try "once" sh -c 'test "$(grep -h "^Subject" dead.d/[0-9]* | sort | uniq -d | grep -c .)" -eq 0'
wait_for 20 gone
end

# --- kill -9, and services that are away ---------------------------------------------------------------

strange stalls.test 'DATA=stall;'
begin
queue ten bob@stalls.test
wait_for 20 grep -qs DATA stalls.test.d/log
end KILL
begin
try "killed in the middle: sent again" wait_for 20 arrived stalls.test ten
is "$(got stalls.test.d)" 1 "and delivered once"
end
kill "$remote"
wait "$remote"
begin
queue eleven bob@good.test
try "without remote, mail waits" wait_for 20 logged 'nobody serves remote\.sock: mail to other hosts waits'
is "$(said 'nobody serves')" 1 "which is said once"
serve
try "and goes when it is back" wait_for 20 arrived good.test eleven
end

# --- by hand -------------------------------------------------------------------------------------------

begin
strange held.test 'MAIL=451 4.3.0 later;451 later;'
queue twelve bob@held.test
wait_for 20 logged 'deferred .*<bob@held\.test>'
mkdir held
mv queue/remote/* held/
queue thirteen bob@good.test
wait_for 20 arrived good.test thirteen
try "what is moved out of remote/ is tried no more" test ! -e held.test.d/1
mv held/* queue/out/
try "and is, at once, when it is moved to out/" wait_for 20 arrived held.test twelve
try "nothing is left" wait_for 20 gone

queue_() { "$LIBEXEC/spool-manage" queue "$@"; }
exits 0 "spool-manage --help" "$LIBEXEC/spool-manage" --help
exits 100 "an action that there is not" queue_ eat
exits 100 "an action for nobody knows what" queue_ drop
exits 100 "a state that there is not" queue_ list --state lost
exits 0 "an empty queue" queue_ list
is "$(cat out)" "" "has no lines"
strange no.test 'MAIL=451 4.3.0 not now'
queue fourteen bob@no.test
queue_from ann@me.test fifteen carl@no.test dan@No.test
wait_for 20 logged 'deferred .*<dan@No\.test>'
wait_for 20 logged 'deferred .*<bob@no\.test>'
like "$(queue_ list)" '^[0-9a-f]{16} remote +[0-9]+s +[0-9]+  <joe@me\.test> <bob@no\.test>$' "a line a message"
like "$(queue_ list --sender 'ann@*')" '<ann@me\.test> <carl@no\.test> and 1 more$' "by its sender"
is "$(queue_ list --to 'DAN@*' | grep -c .) $(queue_ list --host no.test | grep -c .) $(queue_ list --older 3600 | grep -c .)" "1 2 0" \
  "by recipient, host and age"
is "$(queue_ list --json | python3 -c 'import json, sys; print(sorted((m["sender"], m["state"], len(m["recipients"])) for m in json.load(sys.stdin)))')" \
  "[('ann@me.test', 'remote', 2), ('joe@me.test', 'remote', 1)]" "and as JSON"
id=$(queue_ list --sender 'joe@*' | cut -d' ' -f1)
like "$(queue_ show "$id")" '^[0-9-]{10} [0-9:]{8} s <bob@no\.test> Connected to .*451 4\.3\.0 not now$' "show: why it waits"
like "$(queue_ show "$id")" '^\| Subject: fourteen$' "and its header"
exits 1 "show of none" queue_ show nothing
exits 0 "--dry-run" queue_ drop --all --dry-run
is "$(tail -1 out) $(queue_ list | grep -c .)" "2 messages 2" "drops nothing"
exits 0 "hold" queue_ hold "$id"
is "$(queue_ list --state held | cut -d' ' -f1)" "$id" "holds it"
before=$(said '<bob@no\.test>')
exits 0 "retry" queue_ retry --host no.test
is "$(cat out)" "retry: 1 of 2 messages" "of those in the schedule"
wait_for 20 carl_again
is "$(said '<bob@no\.test>')" "$before" "what is held is not tried"
exits 0 "release" queue_ release "$id"
try "is tried at once" wait_for 20 tried_again
exits 0 "bounce" queue_ bounce "$id"
try "its sender is told" wait_for 20 test_bounced
exits 0 "drop" queue_ drop --all
try "nothing is left" wait_for 20 gone
end
finish
