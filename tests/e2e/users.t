#!/bin/sh
# Services that get another user: what the old one wrote becomes the new one's.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

test "$(id -u)" -eq 0 || skip_all "needs root, to become users"
for i in nobody mail games; do id -u $i >/dev/null 2>&1 || skip_all "no user $i"; done

mail_bundle || exit 111
sed -i 's/^user = .*/user = nobody/' "$C"
# deliver SUBJECT, and wait for it;   queue SUBJECT, while spool is down
queue() { swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test --header "Subject: $1" >"$T/swaks" 2>&1; }
deliver() { queue "$1" && wait_for 10 arrived "$1"; }
well() { m status -q --wait=20; }
# whose DIRECTORY...: who owns what is there, but for root
whose() { find "$@" ! -user root -printf '%u\n' | sort -u | tr '\n' ' '; }

exits 0 "up" m up
try "a message arrives" deliver one
m down spool >/dev/null
try "another waits" queue waits
echo kept >"$T/b/log/smtpd/@400000006b0353f4328fe0f9.s"
chown nobody: "$T/b/log/smtpd/@400000006b0353f4328fe0f9.s"
ln "$T/b/log/smtpd/@400000006b0353f4328fe0f9.s" "$T/linked"
echo "root's" >"$T/b/state/smtpd/root"
ln -s "$T/linked" "$T/b/state/smtpd/link"

sed -i 's/^user = nobody/user = mail/' "$C"
exits 0 "check with another user for all services" m check
exits 0 "up" m up
try "every service and every logger is well" well
is "$(whose "$T/b/log" "$T/b/state" "$T/b/run/overload" "$T/b/run/spool")" "mail nobody " "all is the new user's"
is "$(find "$T/b/log" "$T/b/state" "$T/b/run/overload" "$T/b/run/spool" -user nobody)" "$T/b/log/smtpd/@400000006b0353f4328fe0f9.s" \
  "but a file that has another name elsewhere"
is "$(stat -c %U "$T/b/state/smtpd/root")" root "what is another's stays so"
is "$(m log smtpd | grep -c listening)" 2 "the logs go on"
try "what waited arrives" wait_for 10 arrived waits
try "and what is new" deliver two
unlike "$(m status)" 'Permission denied' "nobody complains"
logger_is() { test "$(stat -c %U "/proc/$(s6-svstat -o pid "$T/b/run/service/s6-svscan-log")")" = "$1"; }
try "the supervisor's logger is the new user" wait_for 10 logger_is mail
echo "the log goes on" >"$T/b/run/service/s6-svscan-log/fifo"
try "and hears" wait_for 10 grep -q "the log goes on" "$T/b/log/supervisor/current"
unlike "$(m log supervisor)" 's6-log: (warning|fatal)' "no logger complained"

# One user more: what smtpd's user hands over is spool's.
m down spool >/dev/null
try "a message waits again" queue "waits longer"
sed -i 's/^\[spool\]/&\nuser = games/' "$C"
exits 0 "check with a user of its own for spool" m check
exits 0 "up" m up
try "every service is well" well
chown -R games: "$MAIL"
try "what waited arrives" wait_for 20 arrived "waits longer"
m down spool >/dev/null
try "a message waits, which is smtpd's user's" queue "waits again"
is "$(stat -c '%U %G' "$SPOOL"/todo/*)" "games $(id -gn games)" "is spool's alone"
sed -i 's/^user = games/user = nobody/' "$C"
exits 0 "up with a third one" m up
is "$(stat -c '%U %G' "$SPOOL"/todo)" "nobody $(id -gn nobody)" "todo is its own"
chown -R nobody: "$MAIL"
try "and the message arrives" wait_for 20 arrived "waits again"
# up NAME is not for others.
sed -i 's/^\[monitor\]/&\nuser = games/' "$C"
before=$(pid_of "$C" monitor)
exits 0 "up of one service, when another has a new user" m up smtpd
is "$(stat -c %U "$T/b/run/overload") $(pid_of "$C" monitor)" "mail $before" "leaves the other alone"
exits 0 "up" m up
is "$(stat -c %U "$T/b/run/overload" "$T/b/run/overload/state" | tr '\n' ' ')" "games games " "moves it"
try "and it is well" well
exits 0 "down" m down
sed -i 's/^user = games/user = mail/' "$C"
exits 0 "up with another user again, from nothing" m up
try "is well" well
exits 0 "down" m down
finish
