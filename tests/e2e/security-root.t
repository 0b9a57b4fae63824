#!/bin/sh
# What root reads, writes and removes for a bundle, where a service's user or a member of the status group has put
# something of his choice (doc/security.md).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
test "$(id -u)" -eq 0 || skip_all "needs root, who has something to lose"

mkdir -p "$T/b"
mail_bundle || exit 111
sed -i 's/^user = .*/&\nstatus-group = games/; s/^\[auth\]/&\nuser = backup/' "$C"
chown -R backup "$T/b/state/auth"
exits 0 "up" m up
before=$(m status -o name,pid)

# --- a member of the status group --------------------------------------------------------------------

is "$(find "$T/b/run" "$T/b/state" -group games -perm /020)" "" "the status group can write nothing in the bundle"
exits 0 "a second up" m up
is "$(m status -o name,pid)" "$before" "restarts nothing"
exits 0 "plan" m plan

# --- locks -------------------------------------------------------------------------------------------

exits 2 "nobody else can open the lock of commands" s6-setuidgid games sh -c "exec 3<'$T/b/state/lock'"
test "$(stat -c %a "$T/b/state/lock")" = 600
ok $? "it is root's alone"
chmod 644 "$T/b/state/lock" # of an older version
exits 0 "up" m up
is "$(stat -c %a "$T/b/state/lock")" 600 "one that is open to others is shut"

# locks WHO: the locks that WHO may open
locks() {
  (cd "$T/b" && ls -d state/lock run/overload/lock run/*/counters* state/*/counters* state/*/table.lock log/*/lock run/service/.s6-svscan/lock \
    run/servicedirs/*/supervise/lock run/servicedirs/*/log/supervise/lock) >"$T/locks" 2>/dev/null
  (cd "$T/b" && setpriv --reuid=games --regid=games --clear-groups sh -c 'while read -r i; do test -r "$i" && echo "$i"; done' <"$T/locks") |
    grep -v counters\$ | tr '\n' ' '
}
is "$(locks)" "" "nobody of the status group can open any lock"
test "$(grep -c . "$T/locks")" -gt 25
ok $? "of those that there are"
m down smtpd >/dev/null
is "$(setpriv --reuid=games --regid=games --clear-groups mailctl -c "$C" status -o name,state smtpd)" "$(m status -o name,state smtpd)" \
  "and still sees that a service is down, not unsupervised"
exits 0 "up" m up

# --- the user of a service's log ----------------------------------------------------------------------

mkdir -m 700 "$T/own"
printf '@4000000037c219bf2ef02e94 root alone reads this\n' >"$T/own/secret"
log=$T/b/log/smtpd
as_user() { (cd "$log" && s6-setuidgid "$(stat -c %U "$log")" "$@"); }
m down smtpd >/dev/null
as_user mv current away
for way in link hard fifo device; do
  case $way in
    link) as_user ln -s "$T/own/secret" current ;;
    hard) ln "$T/own/secret" "$log/current" ;;
    fifo) as_user mkfifo current ;;
    device) as_user ln -s /dev/zero current ;;
  esac
  for command in "log smtpd" "log -n 100000 smtpd" "status" "status smtpd" "history" "status --json"; do
    # shellcheck disable=SC2086 # words
    (ulimit -v 400000; timeout 20 mailctl -c "$C" $command) >"$T/out" 2>&1
    test $? -lt 120
    ok $? "$way, $command: ends"
    unlike "$(cat "$T/out")" 'root alone reads this' "$way, $command: shows nothing of it"
  done
  rm -f "$log/current"
done
as_user truncate -s 3G current
(ulimit -v 400000; timeout 60 mailctl -c "$C" log smtpd) >"$T/out" 2>&1
is $? 0 "a file of 3 GB without a line is no burden"
as_user mv away current
exits 0 "up" m up smtpd

# --- the user of the passwords ------------------------------------------------------------------------

auth=$T/b/state/auth
as_auth() { (cd "$auth" && s6-setuidgid backup "$@"); }
cp -a "$auth/users" "$T/users"
as_auth ln -s "$T/own/secret" .users.new
echo password1 | m passwd someone >"$T/out" 2>&1
is "$? $(stat -c '%U %a' "$auth/users") $(cut -c 1-8 <"$auth/users" | tail -n 1)" "0 backup 600 someone:" "passwd where its own file is a link: goes on"
is "$(cat "$T/own/secret")" "@4000000037c219bf2ef02e94 root alone reads this" "without following it"
as_auth rm users
as_auth ln -s "$T/own/secret" users
echo password1 | m passwd someone >"$T/out" 2>&1
ok $((! $?)) "passwd where the file is a link: refused"
is "$(grep -rl 'root alone' "$auth")" "" "nothing of what it leads to is copied"
is "$(cat "$T/own/secret")" "@4000000037c219bf2ef02e94 root alone reads this" "nor changed"
as_auth rm users
ln "$T/own/secret" "$auth/users"
echo password1 | m passwd someone >"$T/out" 2>&1
ok $((! $?)) "passwd where it is a second name of root's file: refused"
is "$(cat "$T/own/secret") $(stat -c %U "$T/own/secret")" "@4000000037c219bf2ef02e94 root alone reads this root" "which stays as it is"
rm "$auth/users"
cp -a "$T/users" "$auth/users"

# --- what the monitor's user publishes ---------------------------------------------------------------

overload=$T/b/run/overload
m down monitor >/dev/null
as_monitor() { (cd "$overload" && s6-setuidgid "$(stat -c %U "$overload")" "$@"); }
for file in state hold flag history; do
  as_monitor rm -f $file
  as_monitor ln -s /dev/zero $file
done
timeout 20 mailctl -c "$C" overload >"$T/out" 2>&1
test $? -lt 120
ok $? "overload ends where its files are links to a device"
timeout 20 mailctl -c "$C" status >"$T/out" 2>&1
test $? -lt 120
ok $? "and status"

# --- a service's answer, on root's terminal -----------------------------------------------------------

printf 'network \033[31m192.0.2.0/24 known 1 1\naction=error \033[2J\n\n' >"$T/answer"
s6-ipcserver "$T/b/run/policy.sock" sh -c "cat '$T/answer'; cat >/dev/null" &
policyd=$!
on_exit "kill $policyd 2>/dev/null"
wait_for 10 test -S "$T/b/run/policy.sock"
m policy >"$T/out" 2>&1
like "$(cat "$T/out")" 'policyd says: \?\[2J' "what policyd answers is shown"
unlike "$(cat "$T/out")" "$(printf '\033')" "without its control characters"
kill $policyd

# --- removing -----------------------------------------------------------------------------------------

# A service that the file no longer has: what lies in its directory is removed, and nothing that it leads to.
mkdir "$T/precious"
touch "$T/precious/file"
cp "$C" "$T/without"
printf '[service extra]\ncommand = sleep 1000\n' >>"$C"
m up >/dev/null
extra=$T/b/run/servicedirs/extra
test -d "$extra/event"
ok $? "a service more"
ln -s "$T/precious" "$extra/event/way"
cp "$T/without" "$C"
exits 0 "up without it" m up
is "$(ls "$T/precious")" file "what a link in its directory leads to stays"
test ! -e "$extra"
ok $? "the directory goes"
exits 0 "down" m down
finish
