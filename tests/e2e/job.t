#!/bin/sh
# [job NAME]: commands at their time, one run at a time, missed ones made up for, failures told once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
command -v snooze >/dev/null || skip_all "no snooze"

mail_bundle || skip_all "no bundle"
mkdir "$T/here"
chmod 777 "$T/here"
user=
test "$(id -u)" -eq 0 && user='user = nobody'
cp "$C" "$T/plain.conf"
write_jobs() { { cat "$T/plain.conf"; cat; } >"$C"; }
last() { sed -n "s/^$2 //p" "$T/b/state/jobs/$1/last"; }
# the subjects of what postmaster got
told() { cat "$MAIL/postmaster/new"/* 2>/dev/null | sed -n 's/^Subject: \[[^ ]*\] job //p' | sort; }
lines() { test "$(grep -c . "$T/here/$1" 2>/dev/null)" -ge "$2"; }
recorded() { grep -qs "^$2" "$T/b/state/jobs/$1/last"; }

write_jobs <<EOF
[job tick]
schedule = every 1s
command = sh -c "echo \$(id -u) \$(nice) \$MAILCTL_CONF >>$T/here/tick; echo tick; mailctl --version"
$user
nice = 3
[job slow]
schedule = daily 00:00
command = sh -c "echo begun >>$T/here/slow; while test ! -e $T/here/go; do sleep 0.05; done; cat $T/here/go; test ! -e $T/here/bad"
timeout = 1h
[job late]
schedule = monthly 1 04:05
jitter = 2m
command = sh -c "echo run >>$T/here/late"
EOF
exits 0 "check" m check
exits 0 "up" m up
exits 0 "a job that waits is well" m status
wait_for 20 lines tick 2
ok $? "it runs again and again"
is "$(head -n 1 "$T/here/tick")" "$(id -u ${user:+nobody}) 3 $C" "as its user, as nice as it should be, with the bundle's file"
wait_for 10 said tick "mailctl [0-9]"
ok $? "its output is in its log; it finds mailctl"
wait_for 10 said tick "job: exit 0, after"
ok $? "and how each run ended"
is "$(m status -o restarts tick)" 0 "a run is no death"
test -e "$T/here/late"
is $? 1 "what was due before there was the job is not run"
wait_for 10 recorded late next
like "$(m status -o run_result,last_run,run_seconds late)" '^-	-	-$' "it has no run yet"
is "$(date -d "@$(last late next)" '+%d %H:%M')" "01 04:05" "but a next one"
like "$(m status)" 'job: late next run in' "status tells it"

# --- run-job, and never two at a time

m run-job slow >"$T/run" 2>&1 &
running=$!
wait_for 20 lines slow 1
exits 1 "run-job of one that runs" m run-job slow
like "$(cat "$T/err")" "slow runs already" "says so"
pid=$(pid_of "$C" slow)
s6-svc -a "$T/b/run/servicedirs/slow"
like "$(m status)" "job: slow has been running for" "status tells it"
printf 'a\033[31mword' >"$T/here/go"
wait "$running"
is "$? $(sed 's/[0-9]* s$/N s/' "$T/run")" "0 slow: exit 0, after N s" "run-job waits for the end, and tells it"
is "$(grep -c . "$T/here/slow")" 1 "one run"
is "$(pid_of "$C" slow)" "$pid" "the service is the same process all the time"
is "$(told)" "" "nobody is told"
exits 100 "run-job of no job" m run-job spool
exits 100 "run-job of nothing" m run-job

# --- failures are told once

: >"$T/here/bad"
exits 1 "a run that fails" m run-job slow
like "$(cat "$T/out")" '^slow: exit 1, after [0-9]* s$' "is told by run-job"
exits 1 "and again" m run-job slow
wait_for 20 sh -c "grep -rqs 'job slow failed' '$MAIL/postmaster/new'"
ok $? "postmaster is told"
is "$(cat "$MAIL/postmaster/new"/* | sed '1,/^$/d' | tr -d '\n')" "a?[31mword" "with its last words, as text"
rm "$T/here/bad"
exits 0 "a run that succeeds" m run-job slow
wait_for 20 sh -c "grep -rqs 'job slow is well' '$MAIL/postmaster/new'"
is "$(told)" "slow failed: exit 1
slow is well again" "once each"
rm "$MAIL/postmaster/new"/*

# --- time-out, stop, missed, killed

rm "$T/here/go"
sed -i 's/^timeout = 1h/timeout = 1s/' "$C"
exits 0 "up with a shorter time" m up
like "$(m run-job slow)" "^slow: timed out, after [0-9]* s" "a run that takes too long is ended"
sed -i 's/^timeout = 1s/timeout = 1h/' "$C"
exits 0 "up" m up
m run-job slow >/dev/null 2>&1 &
running=$!
wait_for 20 recorded slow running
exits 0 "a run that is stopped" m down slow
kill "$running" 2>/dev/null
wait "$running"
is "$(last slow result)" stopped "is told as that"
is "$(processes | grep -c '^[0-9]* sh -c')" 0 "it is gone"
n=$(grep -c . "$T/here/slow")
: >"$T/here/go"
touch -d '40 days ago' "$T/b/state/jobs/slow/time" "$T/b/state/jobs/late/time"
exits 0 "up" m restart slow late
wait_for 20 recorded slow 'result exit 0'
wait_for 20 recorded slow next
is "$(grep -c . "$T/here/slow")" $((n + 1)) "what was missed is made up for, once, however often it was"
test "$(last slow next)" -gt "$(date +%s)"
ok $? "and then it is as ever"
rm "$T/here/go"
m run-job slow >/dev/null 2>&1 &
running=$!
wait_for 20 recorded slow running
begun() { test "$(grep -c . "$T/here/slow")" -eq $((n + 2)); }
wait_for 20 begun
s6-svc -k "$T/b/run/servicedirs/slow"
wait_for 20 recorded slow 'result interrupted'
ok $? "a run that was killed with its service is told as interrupted"
wait "$running"
is "$?" 1 "by run-job, too"
is "$(processes | grep -c '^[0-9]* sh -c')" 0 "nothing of it is left"
is "$(grep -c . "$T/here/slow")" $((n + 2)) "nor is it made up for: it may be what killed the machine"

# --- output

write_jobs <<EOF
[job talk]
schedule = weekly sun 00:00
mail = output
command = sh -c "cat $T/here/words"
[job mute]
schedule = weekly sun 00:00
mail = never
command = false
EOF
: >"$T/here/words"
exits 0 "up" m up
wait_for 20 sh -c "grep -rqs 'failed: interrupted' '$MAIL/postmaster/new'"
rm -f "$MAIL/postmaster/new"/*
exits 0 "a job that has nothing to say" m run-job talk
echo hello >"$T/here/words"
exits 0 "one that has" m run-job talk
exits 1 "one of which nobody wants to hear" m run-job mute
wait_for 20 sh -c "grep -rqs '^hello' '$MAIL/postmaster/new'"
is "$(told)" "talk says" "what it has to say is mailed"
exits 0 "down" m down
exits 3 "run-job of what is down" m run-job talk
is "$(processes)" "" "nothing is left"

# --- mistakes

wrong() {
  printf '%s\n' "[job x]" "command = true" "$1" | write_jobs
  exits 102 "$1" m check
  like "$(cat "$T/err")" "$2" "says what"
}
wrong 'nice = 1' '\[job x\] schedule: there is none'
wrong 'schedule = hourly' 'write daily 03:30, weekly sunday 03:30'
wrong 'schedule = daily 24:00' 'HH:MM, from 00:00 to 23:59'
wrong 'schedule = weekly someday 10:00' 'the day of the week'
wrong 'schedule = monthly 31 10:00' '1 to 28'
wrong 'schedule = every 0s' 'too small'
finish
