#!/bin/sh
# up, down and what lies between: one file becomes a running bundle, and nothing is left of it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

own_prefix
new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
mails() { find "$T/b/mail/postmaster/new" -type f | wc -l; }
has_mails() { test "$(mails)" -eq "$1"; }

drop_section() {
  awk -v s="[$1]" '/^\[/ { out = $0 == s } !out' "$C" >"$T/conf" && cat "$T/conf" >"$C"
}

# A file that is not there, and of which nothing runs, is most likely mistyped.
for i in status history 'log smtpd' down 'restart smtpd' 'reload tls' overload plan up; do
  # shellcheck disable=SC2086
  exits 102 "$i of a file that is not there" mailctl -c "$T/none.conf" $i
  is "$(head -n 1 "$T/err")" "mailctl: unable to read $T/none.conf: No such file or directory" "says so"
done
exits 102 "run of one" mailctl -c "$T/none.conf" run
is "$(wc -l <"$T/err")" 2 "says it once"

exits 3 "status of a bundle that was never up" m status
exits 0 "down of one, too" m down
exits 1 "plan says that there is something to do" m plan
like "$(cat "$T/out")" '^add +smtpd$' "and what"

umask 077 # of a careful administrator
exits 0 "up" m up
umask 022
like "$(cat "$T/out")" '^smtpd +ready in [0-9]+ ms$' "a line for each service in a pipe"
exits 0 "status: all is well" m status
is "$(m status -o state | sort -u)" ready "every service is ready"
exits 0 "plan: nothing to do" m plan
is "$(cat "$T/out")" "nothing to do" "and it says so"

swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test >"$T/swaks" 2>&1
ok $? "swaks sends a message"
wait_for 30 has_mails 1
ok $? "it arrives in the Maildir"

# Two commands at once: the second waits, and says for whom.
hold_lock() {
  python3 -c 'import fcntl, os, sys
f = open(sys.argv[1], "r+")
fcntl.lockf(f, fcntl.LOCK_EX)
f.truncate(0)
f.write(sys.argv[2].replace("OWN", str(os.getpid())))
f.flush()
print("held", flush=True)
sys.stdin.read()' "$T/b/state/lock" "$1" >"$T/lock.out" <"$T/lock.in" &
  holder=$!
  exec 7>"$T/lock.in"
  is_held() { grep -q held "$T/lock.out"; }
  wait_for 30 is_held
  (exec 7>&- && m up >"$T/up.out" 2>&1) &
  second=$!
  waits() { grep -Fqx "mailctl: waiting for $1 to finish" "$T/up.out"; }
  wait_for 30 waits "$(echo "$2" | sed "s/OWN/$holder/")"
  ok $? "up waits for $2"
  exec 7>&-
  wait $holder
  wait $second
  is $? 0 "and goes on"
}
mkfifo "$T/lock.in"
hold_lock 'OWN down' "\`mailctl down\` (pid OWN)"
hold_lock '4711 down' 'another mailctl' # the file lies
hold_lock '' 'another mailctl'

smtpd=$(pid_of "$C" smtpd)
spool=$(pid_of "$C" spool)
exits 0 "up again" m up
is "$(pid_of "$C" smtpd)" "$smtpd" "leaves alone what has not changed"
is "$(readlink "$T/b/state/current")" generations/0001 "and writes no generation"

sed -i 's/^\[smtpd\]/&\nper-client = 7/' "$C"
exits 1 "plan after a change" m plan
like "$(cat "$T/out")" '^restart +smtpd: its files change$' "names the service"
like "$(cat "$T/out")" '^\+.*-C 7' "and shows the difference"
is "$(grep -c '^restart' "$T/out")" 1 "and no other service"
yes | head -c 1000000 >"$T/b/state/current/more" # than a pipe holds
m plan 2>"$T/err" | head -n 1 >"$T/out"
is "$(cat "$T/out" "$T/err")" "restart  smtpd: its files change" "plan ends quietly when its reader goes away"
mkfifo "$T/pipe"
mailctl -c "$C" plan >"$T/pipe" &
plan=$!
exec 7<"$T/pipe"
compares() { directory=$(readlink "/proc/$(pgrep -P $plan -x diff)/cwd"); }
wait_for 30 compares
ok $? "plan compares in $directory"
kill $plan "$(pgrep -P $plan)"
wait $plan 2>/dev/null
is "$? $(ls -d "$directory" 2>/dev/null)" "143 " "and leaves nothing of it when it is interrupted"
exec 7<&-
rm "$T/b/state/current/more"
exits 0 "up after a change" m up
test "$(pid_of "$C" smtpd)" != "$smtpd"
ok $? "restarts the service"
is "$(pid_of "$C" spool)" "$spool" "and no other"
is "$(readlink "$T/b/state/current")" generations/0002 "a new generation is current"
test -e "$T/b/state/generations/0001/smtpd/run"
ok $? "the old one is kept"

for i in 1 2 3 4; do
  sed -i "s/^\[bundle\]/&\ngenerations = 3\nlog-files = $i/" "$C"
  m up >/dev/null
  sed -i '/^generations = 3/d; /^log-files/d' "$C"
done
is "$(echo "$T"/b/state/generations/*)" "$(echo "$T"/b/state/generations/000[456])" "as many generations are kept as the file says"

cp "$LIBEXEC/smtpd" "$LIBEXEC/smtpd.new" && mv "$LIBEXEC/smtpd.new" "$LIBEXEC/smtpd"
smtpd=$(pid_of "$C" smtpd)
m plan >"$T/plan"
like "$(cat "$T/plan")" '^restart +smtpd: its program was replaced$' "a replaced program is a change"
exits 0 "up after that" m up
test "$(pid_of "$C" smtpd)" != "$smtpd"
ok $? "restarts its service"
is "$(pid_of "$C" spool)" "$spool" "and no other"

exits 0 "down of one service" m down submission
exits 0 "status: what is held down by command is not missed" m status
like "$(cat "$T/out")" '^submission +stopped' "and which"
like "$(cat "$T/out")" '^smtpd +ready' "the others run"
exits 1 "but who asks for it hears that it is not ready" m status submission
like "$(m history submission)" '^20[0-9-]+ [0-9:.]+ command down submission uid [0-9]+$' "history says who"
unlike "$(m history smtpd)" 'command down' "of that one alone"
exits 0 "up of one service" m up submission
like "$(m status)" '^submission +ready' "brings it back"
smtpd=$(pid_of "$C" smtpd)
exits 0 "restart" m restart smtpd
test "$(pid_of "$C" smtpd)" != "$smtpd"
ok $? "gives a new process"
m history smtpd >"$T/history"
like "$(tail -n 2 "$T/history" | sed 's/^[^ ]* [^ ]* //')" "^stop smtpd exit 0 lived [0-9]+$" "history has the stop"
like "$(tail -n 1 "$T/history")" "^20[0-9-]+ [0-9:.]+ start smtpd pid $(pid_of "$C" smtpd)$" "and the start"
like "$(m history)" '^20[0-9-]+ [0-9:.]+ command restart smtpd uid [0-9]+$' "and the command"
exits 0 "reload" m reload rater

m up >"$T/up1" 2>&1 &
first=$!
m restart smtpd rater >"$T/up2" 2>&1
ok $? "two commands at once"
wait $first
ok $? "both succeed"

wait_for 30 said smtpd 'smtpd: info: listening'
exits 0 "log" m log smtpd -n 1000
like "$(cat "$T/out")" '^20[0-9-]+ [0-9:.]+ smtpd: info: listening' "has local times"
exits 0 "log -n 1" m log smtpd -n 1
is "$(wc -l <"$T/out")" 1 "is one line"
exits 100 "log of a stranger" m log nobody-knows

drop_section submission
pid=$(pid_of "$C" submission)
exits 0 "up when a section is gone" m up
unlike "$(m status)" submission "removes the service"
kill -0 "$pid" 2>/dev/null
is $? 1 "and its process"
test ! -e "$T/b/run/servicedirs/submission"
ok $? "and its directory"

echo 'nonsense' >>"$C"
exits 102 "a broken file" m up
exits 102 "cannot be planned" m plan
exits 0 "but status works" m status
exits 0 "and down" m down
is "$(processes)" "" "down leaves no process"
exits 0 "down again" m down
exits 3 "status then" m status
m log smtpd -n 1000 >"$T/lines"
mv "$T/b/log/smtpd/current" "$T/b/log/smtpd/previous"
is "$(m log smtpd -n 1000)" "$(cat "$T/lines")" "log at the moment when s6-log rotates has all lines"
sed -i '/^nonsense$/d' "$C"

# A service that dies, one that never says that it is ready, and what needs them.
mv "$LIBEXEC/spool-deliver" "$T/spool-deliver"
printf '#!/bin/sh\necho "the reason for it" >&2\nexit 42\n' >"$LIBEXEC/spool-deliver"
chmod 755 "$LIBEXEC/spool-deliver"
exits 1 "up when a service dies" m up
like "$(cat "$T/err")" '^mailctl: spool died before it was ready: exit 42$' "says which, and how"
like "$(cat "$T/err")" '^  20.* the reason for it$' "with its last words"
like "$(cat "$T/err")" '^mailctl: not started, because it needs spool: smtpd$' "and what was not started"
like "$(m status)" '^rater +ready' "what does not need it runs"
logger=$(m status -o log_pid spool)
kill -STOP "$logger"
m restart spool >"$T/out" 2>"$T/err" &
restart=$!
wait_for 30 grep -q 'spool died' "$T/err"
wait_for 1 grep -q 'it said nothing' "$T/err"
kill -CONT "$logger"
wait $restart
like "$(cat "$T/err")" '^  20.* the reason for it$' "a logger that is slow is waited for"
m down >/dev/null
printf '#!/bin/sh\nexec sleep 1000\n' >"$LIBEXEC/spool-deliver"
sed -i 's/^\[bundle\]/&\nready-timeout = 300ms/' "$C"
exits 99 "up when a service never becomes ready" m up
like "$(cat "$T/err")" '^mailctl: spool was not ready within 300 ms$' "says which"
m down >/dev/null
mv "$T/spool-deliver" "$LIBEXEC/spool-deliver"
sed -i '/^ready-timeout/d' "$C"

# In the foreground.
mailctl -c "$C" run >"$T/run.out" 2>&1 &
run=$!
is_ready() { m status; }
wait_for 30 is_ready
ok $? "run: the bundle is ready"
commanded() { m history | grep -c 'command down uid'; }
before=$(commanded)
is "$(tr '\0' ' ' <"/proc/$run/cmdline" | cut -d' ' -f1)" s6-svscan "the process in the foreground is the supervisor"
exits 111 "run of a bundle that runs" m run
# Somebody is impatient. s6-svscan runs a command for each: with the first one's lock held, the others have nothing to do.
stopping() { test "$(commanded)" -gt "$before"; }
kill -TERM $run
wait_for 20 stopping
kill -TERM $run
kill -INT $run
wait $run
status=$?
# s6-svscan lets go of its signals as its very last: what comes then is the end, too.
case $status in 130 | 143) status=0 ;; esac
is $status 0 "TERM ends it"
is "$(commanded)" $((before + 1)) "once, whatever comes after it"
# The `mailctl down` that it ran sees it end, and ends then.
wait_for 30 none_left
is "$(processes)" "" "in order, with nothing left"

manual=$(dirname "$0")/../../doc/mailctl.8
for command in $(mailctl --help | sed -n 's/^  \([a-z]\+\) .*/\1/p'); do
  exits 0 "mailctl $command --help" mailctl "$command" --help
  grep -Eq "^\.(It )?Cm $command( |\$)" "$manual"
  ok $? "mailctl(8) has it"
done
exits 100 "no such command" m frobnicate
exits 100 "no such service" m up frobnicate
exits 100 "restart of nothing" m restart
exits 0 "--help" mailctl --help
exits 0 "--version" mailctl --version
exits 0 "help of a command" mailctl up --help
exits 102 "no such file" mailctl -c "$T/nowhere.conf" up
finish
