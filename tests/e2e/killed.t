#!/bin/sh
# kill -9 of everything: what s6 brings back by itself comes back, up finds and ends the rest, and no
# stranger's process is touched.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

own_prefix
new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
words() { { tr '\0' ' ' <"$1/cmdline"; } 2>/dev/null; }
supervisor() {
  for p in /proc/[0-9]*; do
    words "$p" | grep -q "^s6-svscan .* $T/b/run/service " && echo "${p#/proc/}"
  done
}
# children PID [NAME]: those of a process, by the last argument of their command line
children() {
  for pid in $(pgrep -P "$1"); do
    test $# -lt 2 || test "$(words "/proc/$pid" | awk '{ print $NF }')" = "$2" || continue
    echo "$pid"
  done
}
all_ready() { m status; }
orphaned() { m status | grep -q "^$1: an orphan runs outside supervision, pid $2:"; }
sends() { swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test >"$T/swaks" 2>&1; }

exits 0 "up" m up

# s6 brings these back by itself.
for i in smtpd spool rater monitor auth; do
  pid=$(pid_of "$C" $i)
  kill -9 "$pid"
  is_new() { all_ready && test "$(pid_of "$C" $i)" != "$pid"; }
  wait_for 30 is_new
  ok $? "$i comes back after kill -9"
done
is "$(sed 1d "$T/b/run/deaths/smtpd" | wc -l)" 1 "its death is remembered"
like "$(cat "$T/b/run/deaths/smtpd")" '^@[0-9a-f]{24} 256 9 [0-9]+$' "with the signal"
logger=$(children "$(children "$(supervisor)" smtpd/log)")
kill -9 "$logger"
new_logger() { l=$(children "$(children "$(supervisor)" smtpd/log)") && test -n "$l" && test "$l" != "$logger"; }
wait_for 30 new_logger
ok $? "a logger comes back"

# An s6-supervise: its daemon runs on and holds the port.
pid=$(pid_of "$C" rater)
kill -9 "$(children "$(supervisor)" rater)"
wait_for 30 orphaned rater "$pid"
ok $? "status names an orphan"
exits 1 "status is not well then" m status
in_log() { m log rater | grep -q 'an earlier process of this service still runs; .mailctl up. ends it'; }
wait_for 30 in_log
ok $? "so does its log"
exits 0 "up ends it" m up
like "$(cat "$T/err")" "ending an orphan of rater, pid $pid\$" "says whom"
is_gone "$pid"
ok $? "it is gone"
exits 0 "all is well again" m status
sends
ok $? "mail is taken"

# s6-svscan: its s6-supervise run on.
s=$(supervisor)
kill -9 "$s"
wait_for 20 is_gone "$s"
exits 1 "status without a supervisor" m status
like "$(cat "$T/out")" '^the supervisor was killed' "names the condition"
pid=$(pid_of "$C" smtpd)
exits 0 "up puts all under a new one" m up
exits 0 "all is well again" m status
is_gone "$pid"
ok $? "the old processes are gone"

# Everything of s6 at once, under load.
while test ! -e "$T/stop"; do sends; done &
load=$!
s=$(supervisor)
victims="$s $(children "$s")"
# shellcheck disable=SC2086
kill -9 $victims
for i in $victims; do wait_for 30 is_gone "$i"; done
exits 0 "up after all of s6 was killed" m up
touch "$T/stop"
wait $load
exits 0 "all is well again" m status
is "$(supervisor | wc -w)" 1 "one supervisor"
is "$(processes | grep -c '/smtpd --listen ')" 4 "one listener a service, and a standby"
is "$(processes | grep -c ' s6-supervise ')" $((2 * $(m status -o name | wc -l) + 1)) "no s6-supervise beside"

# A reused pid is nobody of ours: the record's start time says so.
m down smtpd >/dev/null
sleep 1000 &
stranger=$!
on_exit "kill $stranger 2>/dev/null"
printf '%s 1 0\n' "$stranger" >"$T/b/run/started/smtpd"
printf '%s 1\n' "$stranger" >"$T/b/run/orphans/smtpd"
exits 0 "up with a record whose pid is a stranger's now" m up
kill -0 $stranger
ok $? "leaves the stranger alone"

# A status of before the start: s6-supervise writes the new one a moment after it. What it has is no orphan meanwhile.
m down rater >/dev/null
cp "$T/b/run/servicedirs/rater/supervise/status" "$T/status"
m up rater >/dev/null
pid=$(pid_of "$C" rater)
cp "$T/status" "$T/b/run/servicedirs/rater/supervise/status"
unlike "$(m status)" orphan "a process whose start s6 has not told yet is not taken for an orphan"
exits 0 "up meanwhile" m up
is "$(pid_of "$C" rater)" "$pid" "does not end it"

# What s6-supervise wrote is damaged: it is made to write it anew, and commands reach it.
pid=$(pid_of "$C" rater)
printf 'garbage' >"$T/b/run/servicedirs/smtpd/supervise/status"
printf 'garbage' >"$T/b/run/servicedirs/rater/supervise/status"
exits 0 "up with damaged status files" m up
exits 0 "mends them" m status
is "$(pid_of "$C" rater)" "$pid" "what ran runs on"
sed -i 's/^\[rater\]$/&\nkeys = 5000/' "$C"
printf 'garbage' >"$T/b/run/servicedirs/rater/supervise/status"
exits 0 "up with a new generation" m up
test "$(pid_of "$C" rater)" != "$pid"
ok $? "restarts what changed"
printf 'garbage' >"$T/b/run/servicedirs/smtpd/supervise/status"
exits 0 "down with a damaged status file" m down
is "$(processes | grep -v "^$stranger ")" "" "leaves nothing"
exits 0 "up" m up

# down clears up as well.
s=$(supervisor)
kill -9 "$s"
wait_for 30 is_gone "$s"
exits 0 "down without a supervisor" m down
is "$(processes | grep -v "^$stranger ")" "" "leaves nothing"

# FAILED is not STOPPED.
mv "$LIBEXEC/spool-deliver" "$T/spool-deliver"
printf '#!/bin/sh\necho "bad configuration" >&2\nexit 100\n' >"$LIBEXEC/spool-deliver"
chmod 755 "$LIBEXEC/spool-deliver"
exits 1 "up when a program can never run" m up
is_failed() { m status spool | grep -q '^spool  *FAILED  '; }
wait_for 20 is_failed
ok $? "it is FAILED"
m down rater >/dev/null
like "$(m status rater)" '^rater +stopped ' "what was stopped is not"
printf '#!/bin/sh\nexit 111\n' >"$LIBEXEC/spool-deliver"
m restart spool >/dev/null 2>&1
is_retrying() { m status spool | grep -q '^spool  *FAILED (retrying)'; }
wait_for 30 is_retrying
ok $? "after five deaths: FAILED (retrying)"
cp "$T/spool-deliver" "$LIBEXEC/spool-deliver.new" && mv "$LIBEXEC/spool-deliver.new" "$LIBEXEC/spool-deliver"
exits 0 "up does not wait for the pause" m up
test ! -e "$T/b/run/deaths/spool"
ok $? "and forgets the deaths"
m restart spool smtpd >/dev/null
test ! -e "$T/b/run/deaths/spool"
ok $? "a commanded restart is no death"

# A boot: RUN is empty.
exits 0 "down" m down
rm -rf "$T/b/run"
exits 0 "up with an empty RUN" m up
sends
ok $? "takes mail"
finish
