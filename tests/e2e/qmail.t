#!/bin/sh
# mta = qmail, with a made-up qmail home of small programs that stand in for its own.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

Q=$T/qmail
mkdir -p "$Q/bin" "$Q/control" "$Q/queue/lock" "$Q/queue/todo" "$Q/queue/mess" "$T/b"
mkfifo "$Q/queue/lock/trigger"
chmod 777 "$Q/queue/todo"
chmod 622 "$Q/queue/lock/trigger"
echo mx.example.test >"$Q/control/me"
echo example.test >"$Q/control/rcpthosts"

# What qmail-start does, as far as a supervisor sees it: children, qmail-send's record on descriptor 1, the FIFO.
cat >"$Q/bin/qmail-start" <<EOF
#!/bin/sh
cd / && umask 077
{ printf '%s\n' "\$@"; env | sort; } >$T/start.\$\$
mv $T/start.\$\$ $T/started
exec qmail-send
EOF
cat >"$Q/bin/qmail-send" <<EOF
#!/bin/sh
qmail-clean <&- >&- &
trap 'kill \$!; echo "status: exiting"; exit 0' TERM
exec 8>>$Q/queue/lock/sendmutex
flock -n 8 || exit 111
echo "status: local 0/10 remote 0/20"
exec 3<>$Q/queue/lock/trigger
while :; do sleep 0.1 8>&-; done
EOF
printf '#!/bin/sh\nexec sleep 1000\n' >"$Q/bin/qmail-clean"
for i in qmail-lspawn qmail-rspawn; do cp "$Q/bin/qmail-clean" "$Q/bin/$i"; done
cat >"$Q/bin/qmail-queue" <<EOF
#!/bin/sh
cat >$Q/queue/todo/.\$\$ && tr '\0' '\n' <&1 >>$Q/queue/todo/.\$\$ && mv $Q/queue/todo/.\$\$ $Q/queue/todo/\$\$
EOF
cat >"$Q/bin/my-smtpd" <<'EOF'
#!/bin/sh
printf '220 %s a patched qmail-smtpd in %s for %s at %s\r\n' "$(cat control/me)" "$PWD" "$TCPREMOTEIP" "$TCPLOCALHOST"
read -r line
printf '221 bye\r\n'
EOF
chmod 755 "$Q"/bin/*

C=$T/b/mailctl.conf
on_exit "mailctl -c '$C' down >/dev/null 2>&1"
user=
test "$(id -u)" -eq 0 && user='user = nobody'
cat >"$C" <<EOF
[bundle]
hostname = box.example.test
mta = qmail
qmail-home = $Q
$user
[qmail-send]
default-delivery = ./Mail box/
[smtpd]
listen = $IP:2525
[monitor]
EOF
# The one of before, which the bundle is to replace, still runs.
sh -c "exec 8>>'$Q/queue/lock/sendmutex' && flock 8 && exec sleep 1000" &
old=$!
on_exit "kill $old 2>/dev/null"
holds() { ! flock -n "$Q/queue/lock/sendmutex" true; }
wait_for 30 holds
mkfifo "$T/listens"
"$LIBEXEC/tcplisten" -d 3 "$IP:2525" -- true 3>"$T/listens" 2>"$T/tcplisten" &
listener=$!
on_exit "kill $listener 2>/dev/null"
read -r _ <"$T/listens"
exits 102 "check while the old ones run" m check
like "$(cat "$T/err")" "$IP:2525 is in use, by the process $listener " "names who listens"
like "$(cat "$T/err")" "warning: the process $old .*sendmutex" "and the other qmail-send, in one go"
kill "$listener"
wait "$listener"
exits 0 "check while another qmail-send runs" m check
like "$(cat "$T/err")" "warning: the process $old \(.*\) has $Q/queue/lock/sendmutex, and is none of the bundle's: qmail-send cannot start" \
  "says which process is in the way"
exits 0 "up of what does not need it" m up smtpd monitor
unlike "$(m status)" '^qmail-send +ready' "leaves it alone"
kill "$old"
wait "$old" 2>/dev/null
exits 0 "check" m check
unlike "$(cat "$T/err")" 'sendmutex' "says no more of it"
test "$(id -u)" -eq 0 || like "$(cat "$T/err")" 'mta: warning: qmail-start must be started by root' "warns that it is not root"
exits 0 "up" m up
like "$(cat "$T/out")" '^qmail-send +ready' "qmail-send is a service"
unlike "$(m status)" '^spool ' "and spool is none"
exits 0 "check of what runs" m check
unlike "$(cat "$T/err")" 'sendmutex' "does not take the bundle's own for another"
# It is ready once it runs: what the stand-in does then may come later.
wait_for 30 test -e "$T/started"
wait_for 30 grep -q status: "$T/b/log/qmail-send/current"
is "$(sed 1q "$T/started")" "./Mail box/" "it gets the default delivery"
is "$(sed 1d "$T/started" | grep -Ev '^(PWD|OLDPWD|SHLVL|_)=')" "PATH=$Q/bin:/usr/local/bin:/usr/bin:/bin" "and a clean environment"
like "$(cat "$T/b/log/qmail-send/current")" 'status: local 0/10 remote 0/20' "its record is in its log"

swaks --silent 3 -s "$IP:2525" -f a@b.example -t joe@example.test >"$T/swaks" 2>&1
ok $? "smtpd accepts a message"
like "$(cat "$Q"/queue/todo/*)" '^Tjoe@example.test$' "for qmail's qmail-queue"
like "$(cat "$Q"/queue/todo/*)" '^  by box.example.test with ESMTP;' "with the bundle's name in its Received line"
swaks --silent 3 -s "$IP:2525" -f a@b.example -t joe@elsewhere.test >"$T/swaks" 2>&1
is $? 24 "and keeps to its rcpthosts"

cp "$Q/bin/qmail-send" "$Q/bin/new"
mv "$Q/bin/new" "$Q/bin/qmail-send"
exits 1 "plan after qmail-send was replaced" m plan
like "$(cat "$T/out")" '^restart +qmail-send' "says so"

sed -i '/^\[qmail-send\]/,/^default/d' "$C"
exits 1 "plan without a section [qmail-send]" m plan
unlike "$(cat "$T/out")" '^remove' "it is there all the same"
sed -i "s/^\[smtpd\]/&\nprogram = bin\/my-smtpd/" "$C"
exits 0 "up with a program of the user's own for smtpd" m up
like "$(printf 'QUIT\r\n' | swaks --quit-after CONNECT -s "$IP:2525" 2>&1)" "220 mx.example.test a patched qmail-smtpd in $Q for 127.0.0.1 at box.example.test" \
  "which runs in qmail's home, and knows the bundle's name"
# The second one, now: the first was replaced.
both_ran() { test "$(grep -c 'status: local' "$T/b/log/qmail-send/current")" -eq 2; }
wait_for 30 both_ran
exits 0 "down" m down
is "$(grep -c 'status: exiting' "$T/b/log/qmail-send/current")" 2 "TERM reaches qmail-send"
wait_for 20 none_left
is "$(processes)" "" "nothing is left"

rm "$Q/queue/lock/trigger"
exits 102 "check without a queue" m check
like "$(cat "$T/err")" "qmail-home: $Q/queue/lock/trigger: there is no such FIFO" "says what is missing"
finish
