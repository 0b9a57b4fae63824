#!/bin/sh
# mailctl.conf as people meet it: every mistake in one go, exit 102, nothing written, and what only the machine tells.
. "$(dirname "$0")/lib.sh"
me=$(id -u)
bundle=$T/bundle
conf=$bundle/mailctl.conf
fresh_bundle "$bundle" || exit 111
cp "$conf" "$T/good.conf"
MAILCTL_CONF=$conf
export MAILCTL_CONF

# says NAME EXTENDED-REGEX: what check says of $conf
says() {
  exits 102 "$1" mailctl check
  like "$(cat "$T/err")" "$2" "$1: the message"
  cp "$T/good.conf" "$conf"
}

# change SECTION LINE...: adds lines below [SECTION]
change() {
  section=$1
  shift
  for i; do sed -i "/^\[$section\]/a $i" "$conf"; done
}

# drop SECTION...: without them
drop() {
  for section; do awk -v s="[$section]" '/^\[/ { out = $0 == s } !out' "$conf" >"$T/conf" && cat "$T/conf" >"$conf"; done
}

exits 0 "check finds nothing wrong" mailctl check
like "$(cat "$T/out")" "^$conf: nothing is wrong" "and says so"

unlike "$(cat "$T/err")" 'nobody counts wrong passwords' "which has a limit of failed logins"
(
  conf=$T/guessed.conf
  cp "$bundle/mailctl.conf" "$conf"
  drop "limit authfail"
)
cp "$bundle/mailctl.conf" "$T/kept.conf"
cp "$T/guessed.conf" "$bundle/mailctl.conf"
mailctl check >"$T/out" 2>"$T/err"
like "$(cat "$T/err")" '\[auth\] warning: nobody counts wrong passwords: add \[rater\]' "without one it warns, with the lines to add"
cp "$T/kept.conf" "$bundle/mailctl.conf"

exits 0 "check of a relative name" sh -c "cd '$bundle' && mailctl -c ./mailctl.conf check"
like "$(cat "$T/out")" "^$conf: nothing is wrong" "shows the whole one"

# --- all mistakes in one go, and nothing written

printf '%s\n' '[smtdp]' '[smtpd]' "listne = $IP:1" 'concurrency = lots' 'session-time = 5 minutes' "listen = $IP:1025" '[bundle]' 'state = s' \
  'control = c' 'user = nobody' >"$conf"
exits 102 "mistakes" mailctl check
is "$(grep -c '' "$T/err")" 8 "all are reported in one go, those of the services too"
is "$(sed -n 1p "$T/err")" "$conf:1: [smtdp] there is no such section (did you mean [smtpd]?)" "a section"
is "$(sed -n 2p "$T/err")" "$conf:3: [smtpd] listne: there is no such key (did you mean \`listen\`?)" "a key"
is "$(sed -n 3p "$T/err")" "$conf:4: [smtpd] concurrency: \`lots\` is not a number" "a number"
like "$(sed -n 4p "$T/err")" "^$conf:5: \[smtpd\] session-time: .* is not a time" "a time"
like "$(sed -n 5p "$T/err")" "^$conf:9: \[bundle\] control: .* must be called" "a directory"
like "$(sed -n 6p "$T/err")" "^$conf:9: \[bundle\] control: .*/c: No such file" "and the machine's share"
exits 102 "up refuses it" mailctl up
exits 102 "plan refuses it" mailctl plan
is "$(ls "$bundle")" "$(printf 'control\nlog\nmail\nmailctl.conf\nrun\nstate')" "nothing is written"
is "$(find "$bundle/state" -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')" "$bundle/state/auth $bundle/state/tls " "not in state either"
cp "$T/good.conf" "$conf"
rm "$conf"
exits 102 "no file" mailctl check
like "$(cat "$T/err")" "mailctl init DIR" "leads to init"
cp "$T/good.conf" "$conf"

# A section that there is not, and a service that nobody knows, hide nothing that comes after them.
printf '%s\n' '[nosuch]' 'any = thing' '[spol]' 'retry = soon' '[service one]' 'needs = nobody-knows' 'env = no-value' '[service two]' 'command = /no/such/program' >>"$conf"
exits 102 "mistakes of the file, of the plan and of the machine" mailctl check
like "$(cat "$T/err")" '\[nosuch\] there is no such section' "a section that there is not"
like "$(cat "$T/err")" '\[spool\] retry: `soon` is not a time' "what stands in a misspelt one"
like "$(cat "$T/err")" '\[service one\] needs: there is no service' "a service that nobody knows"
like "$(cat "$T/err")" '\[service one\] command: there is none' "what is missing"
like "$(cat "$T/err")" '\[service one\] env: "no-value" is not NAME=VALUE' "what the plan finds"
like "$(cat "$T/err")" 'the program /no/such/program: No such file' "and what the machine tells"
cp "$T/good.conf" "$conf"
sed -i 's/^\[tls\]/[tsl]/' "$conf"
exits 102 "a misspelt section" mailctl check
is "$(cat "$T/err")" "$(grep -n tsl "$conf" | sed "s|^\([0-9]*\):.*|$conf:\1: [tsl] there is no such section (did you mean [tls]?)|")" \
  "is one mistake, not two"
cp "$T/good.conf" "$conf"

# --- one by one, as the command tells them

change smtpd "listen = 127.0.0.1:http"
says "an address" 'listen: stands twice|listen: .127.0.0.1:http. is '
sed -i "/^listen = $IP:2587/s/.*/listen = $IP:2525/" "$conf"
says "two services on one address" "\[submission\] listen: $IP:2525: \[smtpd\] listens on $IP:2525 already"
change smtpd 'greet-delay = 1s ; patience'
says "a comment behind a value" 'a comment needs a line of its own'
printf '[bundle]\nstate = a\0b\n' >"$conf"
says "a NUL in a path" ':2: a NUL byte'
printf '[bundle]\nrun = /%0100d\n' 0 >"$conf"
says "a socket's path too long for the kernel" '\[bundle\] run: too long: the socket RUN/'
echo '[bundle]' >>"$conf"
says "a section twice" '\[bundle\] this section has begun before, in line'
change smtpd 'errors = 1' 'errors = 2'
says "a key twice" '\[smtpd\] errors: stands twice'

printf '[service %s]\ncommand = sleep 1000\nneeds = %s\n' one two two three three one >>"$conf"
says "a dependency cycle" '(one|two|three).*cycle: (one|two|three)'
printf '[service smtpd]\ncommand = sleep 1000\n' >>"$conf"
says "a name that is taken" '\[service smtpd\] a service of the bundle itself has this name'
printf '[service one]\ncommand = sleep 1000\nneeds = spol\n' >>"$conf"
says "a service that there is not" '\[service one\] needs: there is no service .spol. \(did you mean .spool.\?\)'

# --- what services need of each other

drop tls
says "an address with TLS, and nobody to do it" 'submission\] listen: an address with the label tls needs a \[tls\] section'
drop tls
change smtpd 'starttls = require'
says "STARTTLS, and nobody to do it" 'smtpd\] starttls: needs a \[tls\] section'
drop auth
says "nobody to check the passwords of submission" 'submission\] needs an \[auth\] section'
drop auth submission
change smtpd 'auth = yes'
says "or of smtpd" 'smtpd\] auth: needs an \[auth\] section'
sed -i '/^certificate = /d; /^key = /d' "$conf"
says "no certificate" 'tls\] certificate: not set: tlsd has nothing to show'
sed -i '/^certificate = /d; /^key = /d' "$conf"
change tls 'certificate = state/tls/cert.pem' 'key = state/tls/key.pem'
says "a key before its certificate" 'tls\] key: it has no certificate before it'
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do change monitor "queue = todo$i"; done
says "more queues than the monitor counts" 'monitor\] queue: more than 16'

# --- programs

change monitor 'queue = /no/such/queue'
exits 0 "a queue that there is not yet is no mistake" mailctl check
like "$(cat "$T/err")" '\[monitor\] queue: warning: /no/such/queue is not there' "and warned of"
cp "$T/good.conf" "$conf"
change smtpd 'queue = /no/such/program'
says "a queue program that there is not" 'smtpd\] queue: /no/such/program: No such file'
printf '[service one]\ncommand = /no/such/program\n' >>"$conf"
says "a program that there is not" 'service one\] the program /no/such/program: No such file'
printf '[service one]\ncommand = %s\n' "$conf" >>"$conf"
says "one that is no program" "service one\\] (user: )?[a-z]+ may not run the program $conf: chmod [ou]\\+x $conf"
printf '[service one]\ncommand = sh -c "sleep 1000\n' >>"$conf"
says "a quote that does not end" 'service one\] command: `sh -c .* has a quote that does not end'
printf '[service one]\ncommand = foreground { true sleep 1000\n' >>"$conf"
says "a brace that does not end" 'service one\] command: .* has a \{ without its \}'
change smtpd 'program = sh -c "exit'
says "a quote in another command" 'smtpd\] program: .* has a quote that does not end'
printf '[service one]\ncommand = no-such-program -x\n' >>"$conf"
says "a program that is not in PATH" 'service one\] command: there is no program `no-such-program` in PATH'
printf '[service one]\ncommand = bin/no-such-program -x\n' >>"$conf"
says "one below the directory" "service one\\] the program $bundle/bin/no-such-program: No such file"
printf '[service one]\ncommand = sleep 1000\nready-check = no-such-ping\n' >>"$conf"
says "a ready-check that there is not" 'service one\] ready-check: there is no program `no-such-ping` in PATH'
change smtpd 'program = bin/no-smtpd'
says "an SMTP server that there is not" "smtpd\\] the program $bundle/bin/no-smtpd: No such file"
change smtpd 'program = /tmp'
says "one that is a directory" 'smtpd\] the program /tmp: Is a directory'
change smtpd 'queue = /tmp'
says "a queue program that is a directory" 'smtpd\] the program /tmp: Is a directory'
change smtpd 'queue = /no/queue'
says "and one that there is not" 'smtpd\] the program /no/queue: No such file'
change monitor 'on-enter = no-such-hook'
says "a hook that there is not" 'monitor\] on-enter: there is no program `no-such-hook` in PATH'
printf '[service one]\ncommand = foreground { true } sleep 1000\ndirectory = %s\n' "$bundle/absent" >>"$conf"
says "a directory that there is not" "service one\\] directory: $bundle/absent: No such file"
printf '[service supervisor]\ncommand = sleep 1000\n' >>"$conf"
says "the supervisor's own name" '\[service supervisor\] a service of the bundle itself has this name'
exits 102 "no s6" env PATH="$T" "$B/bin/mailctl" check
like "$(cat "$T/err")" 'the program s6-svscan is not there \(apt-get install s6\)$' "its package is named"
like "$(cat "$T/err")" 'the program execlineb is not there \(apt-get install execline\)$' "and that of execline"

# --- where mail goes

change spool 'aliases = no-aliases'
says "a file of aliases that there is not" "spool\\] aliases: $bundle/no-aliases: No such file"
printf '%s\n' 'good: postmaster' 'bad: nobody-here' 'round: about' 'about: round' >"$bundle/aliases"
change spool 'aliases = aliases' 'catch-all = no-maildir'
exits 0 "aliases that lead nowhere stop nobody" mailctl check
like "$(cat "$T/err")" 'spool\] aliases: warning: bad leads to no Maildir' "but are told"
like "$(cat "$T/err")" 'round leads to no Maildir' "a loop, too"
like "$(cat "$T/err")" 'no-maildir leads to no Maildir' "and a catch-all"
unlike "$(cat "$T/err")" 'good leads' "and none that is right"
cp "$T/good.conf" "$conf"

# --- users and groups

sed -i 's/^user = .*//' "$conf"
change bundle 'user = no-such-user'
says "a user that there is not" 'bundle\] user: there is no user .no-such-user. .*useradd --system'
change bundle 'status-group = no-such-group'
says "a group that there is not" 'bundle\] status-group: there is no group .no-such-group. .*groupadd --system'
if test "$me" -eq 0; then
  change smtpd 'user = root'
  says "root on the network" 'smtpd\] user: it listens on the network and must not run as root'
  sed -i 's/^user = .*//' "$conf"
  says "no user at all" 'smtpd\] user: it listens on the network and must not run as root: name a user'
  change smtpd 'auth = yes' 'user = daemon'
  says "two users who log in" "smtpd\] auth: smtpd and submission both ask auth, whose socket is one user's"
  change monitor 'user = root'
  says "root as the monitor" 'monitor\] user: never runs as root: name a user'
  change tls 'user = root'
  says "root as tlsd" 'tls\] user: tlsd talks to the network: give it a user other than root'
  chmod 700 "$bundle"
  says "a directory that the user cannot reach" "nobody cannot reach ${bundle}[^:]*: chmod o\\+x $bundle( \\(or chgrp .*)?\$"
  is "$(grep -c 'cannot reach' "$T/err")" 1 "which is said once"
  chmod 711 "$bundle"
  chmod 1777 "$bundle/state"
  exits 0 "a sticky directory is safe" mailctl check
  chmod 777 "$bundle/state"
  says "a directory where others may plant what root runs" "bundle\] state: root runs what is in .*: chmod go-w"
  chmod 755 "$bundle/state"
  chown daemon "$bundle/run"
  says "one that is another user's" 'bundle\] run: root runs what is in .*: chown root'
  chown root "$bundle/run"
  chown daemon "$bundle"
  says "one below what is another user's" "bundle\] run: root runs what is below $bundle, which belongs to another user: chown root $bundle\$"
  chown root "$bundle"
  mkdir -m 777 "$T/open"
  ln -s "$bundle/state" "$T/open/state"
  change bundle "state = $T/open/state"
  says "one that is reached by a link where others may plant one" "bundle\] state: root runs what is below $T/open, where others may write: chmod go-w $T/open\$"
else
  sed -i "s/^listen = $IP:2525/listen = $IP:25/" "$conf"
  says "a port for root" "smtpd\] listen: $IP:25: only root may listen on so low a port"
  chmod 500 "$bundle/state"
  says "a directory that we may not write to" "bundle\] state: we may not write to $bundle/state"
  chmod 755 "$bundle/state"
fi

# --- directories

rmdir "$bundle/log"
exits 0 "up makes a directory that is missing" mailctl check
echo >"$bundle/log"
says "a directory that is a file" 'bundle\] log: .*/log is not a directory'
rm "$bundle/log"
mv "$bundle/control" "$bundle/gone"
says "no control" 'bundle\] control: .*/control: No such file'
mv "$bundle/gone" "$bundle/control"

# --- addresses

sed -i "s/^listen = $IP:2525/listen = 192.0.2.1:2525/" "$conf"
says "an address of another machine" 'smtpd\] listen: 192.0.2.1:2525: this machine does not have that address'
mkfifo "$T/ready"
"$LIBEXEC/tcplisten" -d 5 "$IP:2525" -- true 5>"$T/ready" 2>/dev/null &
stranger=$!
on_exit "kill $stranger 2>/dev/null"
read -r _ <"$T/ready"
says "an address that is taken" "smtpd\] listen: $IP:2525 is in use, by the process $stranger \(tcplisten\)"
kill "$stranger"
wait "$stranger" 2>/dev/null

# --- commands that change nothing

rm -f "$bundle/control/overloaded"
touch "$T/before"
ls -lR --time-style=full-iso "$bundle" >"$T/tree"
exits 0 "check of a bundle whose link somebody removed" mailctl check
exits 1 "and its plan" mailctl plan
is "$(ls -lR --time-style=full-iso "$bundle" | diff "$T/tree" -)" '' "neither changes anything"

# --- what is up does not stand in its own way

on_exit 'mailctl down >/dev/null 2>&1'
try "up" mailctl up
exits 0 "check while it is up" mailctl check
echo '[smtdp]' >>"$conf"
exits 0 "a broken file does not prevent down" mailctl down
cp "$T/good.conf" "$conf"

# Nothing stays up longer than s6-svscan's own logger takes to start.
printf '[bundle]\nuser = nobody\n[service quick]\ncommand = sleep 1000000\n' >"$conf"
for i in 1 2 3 4 5; do
  rm -rf "$bundle/run"
  exits 0 "up of a bundle of next to nothing ($i)" mailctl up
  exits 0 "and down at once ($i)" mailctl down
done
is "$(pgrep -f "$T" -d ' ')" '' "no process is left"
cp "$T/good.conf" "$conf"

# --- examples/

for file in "$(dirname "$0")"/../../examples/*.conf; do
  example=examples/$(basename "$file")
  sed -E "s/(\*|127\.0\.0\.1|\[::1?\]):([0-9]+)/$IP:\2/g; s/:([0-9]{2})([^0-9.]|\$)/:40\1\2/g; s/:([0-9]{3})([^0-9.]|\$)/:4\1\2/g" "$file" >"$conf"
  # The daemons of other packages need not be on this machine.
  sed -i 's/^user = .*//; s/^command = .*/command = sleep 1000000/; s/^ready-check = .*/ready-check = true/' "$conf"
  test "$me" -eq 0 && change bundle 'user = nobody'
  if grep -q '^mta = qmail' "$conf"; then
    sed -i "s#= /#= $bundle/#" "$conf"
    exits 1 "$example makes a plan" mailctl plan
    continue
  fi
  exits 0 "$example has no mistakes" mailctl check
  exits 0 "$example comes up" mailctl up
  exits 0 "$example goes down" mailctl down
done
finish
