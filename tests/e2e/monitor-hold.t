#!/bin/sh
# The monitor as a service, and the hold by hand: mailctl overload, touch, rm, and what check says.
. "$(dirname "$0")/lib.sh"

chmod 755 "$T"
cd "$T" || exit 111
MAILCTL_CONF=$T/mailctl.conf
export MAILCTL_CONF
on_exit 'mailctl down >/dev/null 2>&1'
mkdir control queue
flag=$T/run/overload/flag

conf() {
  printf '%s\n' '[bundle]' 'hostname = example.test' 'user = nobody' '[monitor]' 'queue = queue' 'poll = 50ms' \
    'dwell-up = 100ms' 'dwell-down = 100ms' "$@" >mailctl.conf
}
raised() { test -e control/overloaded; }
clear() { ! raised; }
mode() { sed -n 's/^mode //p' run/overload/state; }
mode_is() { test "$(mode)" = "$1"; }
says() { mailctl overload | grep -Eq "$1"; }
logged() { mailctl log monitor -n 100 | grep -Eq "$1"; }

conf
exits 3 'without a monitor ever there is nothing to hold' mailctl overload on
exits 3 'nor to end' mailctl overload auto
like "$(cat err)" 'no monitor was ever started' 'which is said'
try 'up' mailctl up
is "$(readlink control/overloaded)" "$flag" 'up makes the link'
exits 0 'level 0 is well' mailctl overload
like "$(cat out)" '^level 0, clear, auto$' 'and said'
like "$(cat out)" '^backlog 0$' 'with the count'
exits 0 'auto where nobody holds' mailctl overload auto
is "$(cat out)" 'there was no hold' 'says that there was nothing to end'

# --- on, off, auto ---
try 'on' mailctl overload on -r 'a new disk' -t 1h
try 'works at once' raised
exits 1 'level 1 is not well' mailctl overload
like "$(cat out)" '^level 1, overloaded, held on$' 'it shows the hold'
like "$(cat out)" '^reason a new disk$' 'the reason'
like "$(cat out)" '^until 20.* left\)$' 'the end'
me=$(id -un 2>/dev/null) || me='an unknown user'
like "$(cat out)" "^by $me\$" 'and who said so'
try 'the monitor follows' wait_for 20 mode_is on
try 'and says so in the log' wait_for 20 logged 'level 0 -> 1, on: a new disk; backlog 0, oldest 0s'
mailctl overload on -l 2
severe() { grep -qs '^level 2$' control/overloaded; }
# At once, but for a monitor that is in the middle of a poll with what was before.
try 'level 2 can be held too' wait_for 20 severe
for i in 1 2 3 4 5; do
  for j in 0 1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m; do : >queue/$i$j; done
done
try 'off' mailctl overload off -r 'a test'
try 'works at once, too' wait_for 20 clear
try 'the monitor follows it' wait_for 20 mode_is off
measures() { grep -q "^measured $1\$" run/overload/state; }
try 'though it measures otherwise' wait_for 20 measures 1
try 'and it stays off' clear
like "$(mailctl overload)" '^level 0, clear, held off$' 'which is shown'
like "$(mailctl overload)" '^backlog 115, oldest [0-9]+s$' 'with the exact count'
exits 0 'auto' mailctl overload auto
is "$(cat out)" '' 'ends a hold of level 0, and has nothing to say'
try 'lets the monitor decide' wait_for 20 raised
mailctl overload off -t 1s
try 'a hold that is over' wait_for 20 raised
try 'is logged' wait_for 20 logged 'the hold by .* has ended'
rm -rf queue/*
wait_for 20 clear

# --- touch and rm ---
touch control/overloaded
try 'touch is a hold' wait_for 20 mode_is hand
like "$(mailctl overload)" '^level 1, overloaded, made by hand$' 'and shown as one'
try 'up does not mind' mailctl up
try 'nor remove it' raised
rm -f control/overloaded
try 'rm ends it' clear
try 'up puts the link back' mailctl up
is "$(readlink control/overloaded)" "$flag" 'where it was'
try 'and not the hold' clear
try 'the monitor sees that it is over' wait_for 20 mode_is auto
touch control/overloaded
wait_for 20 mode_is hand
exits 0 'auto ends a hold by touch' mailctl overload auto
is "$(cat out)" '' 'which was one'
try 'really' clear
wait_for 20 mode_is auto
rm -f control/overloaded
touch control/overloaded
try 'a file in the place of the link is a hold' wait_for 20 mode_is hand
exits 0 'check says so' mailctl check
like "$(cat out err)" 'is a file that somebody made' 'in words'
mailctl overload off
is "$(readlink control/overloaded)" "$flag" 'off puts the link in its place'
mailctl overload auto
rm -f control/overloaded
try 'check changes nothing' mailctl check
is "$(readlink control/overloaded)" '' 'not even the link'
mailctl up >/dev/null
like "$(mailctl history)" "command overload on .*uid $(id -u)" 'history tells who held the level'

# --- without a monitor ---
mailctl down monitor >/dev/null
try 'on works without a monitor' mailctl overload on -t 1s
try 'at once' raised
over() { test "$(mailctl overload | head -n 1)" = 'level 0, clear, auto (there is a flag that nobody keeps alive: it is ignored)'; }
try 'and is ignored once it is over' wait_for 20 over
exits 0 'auto then' mailctl overload auto
is "$(cat out)" 'there was no hold' 'has nothing to end'
mailctl overload on -t 1s
wait_for 20 over
try 'the next monitor' mailctl up
try 'takes it away' wait_for 20 clear
if test "$(id -u)" -eq 0; then
  is "$(stat -c %U run/overload/flag run/overload/state 2>/dev/null | sort -u | tr '\n' ' ')" 'nobody ' 'the loop is not root'
  exits 111 'another user may not hold' setpriv --reuid 65533 --regid 65533 --clear-groups "$(command -v mailctl)" overload on
  exits 111 'nor end what nobody holds' setpriv --reuid 65533 --regid 65533 --clear-groups "$(command -v mailctl)" overload auto
  like "$(cat err)" "only root and the monitor's user may" 'which is said'
  exits 0 "the monitor's user may" setpriv --reuid nobody --regid nogroup --clear-groups "$(command -v mailctl)" overload auto
else
  ok 0 'the loop is not root # SKIP not root'
  ok 0 'another user may not hold # SKIP not root'
fi

# --- usage, and what the file may say ---
exits 100 'no such word' mailctl overload maybe
exits 100 'no such option' mailctl overload on -x
exits 100 'no such level' mailctl overload on -l 3
exits 100 'no such time' mailctl overload on -t soon
exits 100 'auto takes no reason' mailctl overload auto -r because
conf 'enter = 10' 'leave = 20'
exits 102 'leave beyond enter' mailctl check
like "$(cat out err)" 'mailctl.conf:9: \[monitor\] enter: what ends it must be less than what begins it' 'is told with its line'
conf 'load = 200 severe 100'
exits 102 'severe below the other' mailctl check
like "$(cat out err)" '\[monitor\] load: severe must begin higher' 'is told'
conf 'free-bytes = much'
exits 102 'a signal without a number' mailctl check
like "$(cat out err)" 'free-bytes: not ENTER' 'is told'
conf 'enter = 0'
exits 102 'nothing to watch' mailctl check
conf 'load = 100000' 'free-bytes = 1K 2K severe 512 dwell 1s 1m' 'on-enter = echo "two words"' "text = try it's later"
try 'a file with everything' mailctl check
try 'comes up' mailctl up
like "$(cat run/servicedirs/monitor/run)" '-t free-bytes:1:1024:2048:1000:60000 -t free-bytes:2:512:1024:1000:60000' \
  'with its thresholds'

# --- a bundle that runs as an ordinary user sheds a service of its own ---
mailctl down >/dev/null 2>&1
rm -rf state run log
conf 'on-enter = mailctl down scanner' 'on-leave = mailctl up scanner' '[service scanner]' 'command = sleep 1000'
user=
if test "$(id -u)" -eq 0; then
  user='setpriv --reuid nobody --regid nogroup --clear-groups'
  chown -R nobody:nogroup "$T"
fi
as() {
  # shellcheck disable=SC2086 # words
  $user "$(command -v mailctl)" "$@"
}
on_exit 'as down >/dev/null 2>&1'
scanner() { as status scanner | grep -q "^scanner *$1"; }
try 'up as an ordinary user' as up
try 'the scanner runs' scanner ready
try 'overloaded' as overload on
try 'the scanner is stopped' wait_for 20 scanner stopped
try 'clear' as overload auto
try 'the scanner is started' wait_for 20 scanner ready
try 'down as an ordinary user' as down
rm -rf state run log
conf
chmod 700 queue
if test "$(id -u)" -eq 0; then
  chown -R root:root "$T"
  exits 102 'a queue that it may not read' mailctl check
  like "$(cat out err)" 'queue: .*/queue: Permission denied; let it in: usermod -aG qmail nobody' 'is told'
fi
finish
