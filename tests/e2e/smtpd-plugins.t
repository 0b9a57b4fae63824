#!/bin/sh
# smtpd as the host of qmail-spp plugins: what they are given, and what becomes of the session
# shellcheck source=tests/e2e/smtpd-lib.sh
. "$(dirname "$0")/smtpd-lib.sh"

mkdir "$H/plugins"

# plugin NAME: its text on standard input; $home in it is the home directory
plugin() {
  { printf '#!/bin/sh\nhome=%s\n' "$H"; cat; } >"$H/plugins/$1"
  chmod 755 "$H/plugins/$1"
}

# plugins LINE...: control/smtpplugins
plugins() {
  printf '%s\n' "$@" >"$H/control/smtpplugins"
}

mail='EHLO client.test\nMAIL FROM:<a@client.test>\nRCPT TO:<u@example.test>\n'

# say TEXT: what comes after the answer to EHLO
say() {
  # shellcheck disable=SC2059
  printf "$1" | talk | sed '1,/^250 ENH/d'
}

serve -p 60000

plugin env <<'E'
env | sort >"$home/queue/env.$$"
pwd >"$home/queue/pwd"
echo $# >"$home/queue/argc"
exec ls -l /proc/self/fd 2>"$home/queue/err" >"$home/queue/fds"
E
plugins '# a comment' '' '[rcpt]' 'plugins/env   '
say "${mail}QUIT\n" >/dev/null
env=$(cat "$H"/queue/env.*)
for i in SMTPHELOHOST=client.test SMTPMAILFROM=a@client.test SMTPRCPTTO=u@example.test SMTPRCPTCOUNT=0 SMTPRCPTCOUNTALL=1 \
  SMTPRCPTHOSTSOK=1 "TCPLOCALIP=$IP" TCPLOCALPORT=2525 PROTO=TCP; do
  like "$env" "^$i\$" "a plugin's environment: $i"
done
like "$env" '^TCPREMOTEIP=127\.' "a plugin's environment: TCPREMOTEIP"
unlike "$env" '^SMTPAUTHUSER=' 'no SMTPAUTHUSER'
is "$(cat "$H/queue/argc") $(cat "$H/queue/pwd")" "0 $H" 'no arguments, in the home directory'
unlike "$(cat "$H/queue/fds")" 'socket' 'the connection is not given to it'
# ls itself opens the directory, as the first descriptor that is free.
is "$(sed -n '/\/proc\//d; s/.* \([0-9]*\) ->.*/\1/p' "$H/queue/fds" | tr '\n' ' ')" '1 2 ' 'nothing but 1 and 2 is'
clean

# shellcheck disable=SC2016 # for the shell that smtpd runs
plugins '[mail]' ':echo "E550 $SMTPMAILFROM is not welcome"'
is "$(say "$mail")" '550 5.7.1 a@client.test is not welcome
503 5.5.1 MAIL first' 'a line with a colon'

plugin headers <<'E'
echo 'HX-Plugin: one'
echo 'SFROMPLUGIN=yes'
echo 'Cchanged@client.test'
E
plugins '[mail]' "$H/plugins/headers"
cat >"$H/bin/envqueue" <<'E'
#!/bin/sh
env >queue/queue.env
exec bin/queue
E
chmod 755 "$H/bin/envqueue"
serve QMAILQUEUE=bin/envqueue -p 60000
say "${mail}DATA\nSubject: x\n\n.\nQUIT\n" >/dev/null
like "$(cat "$H"/queue/*.message)" '^X-Plugin: one' 'H: a header'
like "$(cat "$H/queue/queue.env")" '^FROMPLUGIN=yes' 'S: a variable that reaches the queue program'
like "$(cat "$H/queue/queue.env")" '^SMTPMAILFROM=changed@client.test' 'C: and its variable'
like "$(cat "$H"/queue/*.envelope)" '^Fchanged@client.test' 'C: the sender'
clean

# The original plugin, as it is found on people's machines.
plugin overload <<'E'
if [ -e control/overloaded ] && [ -z "$SMTPAUTHUSER" ]; then
  echo "overload: $PPID Temporary Failure: Server overload" >&2
  echo "R451 Temporary Failure: Server overload"
fi
E
plugins '[mail]' plugins/overload
serve -p 60000
is "$(say "${mail}QUIT\n" | cut -c1-3 | tr '\n' ' ')" '250 250 221 ' 'overload: clear'
touch "$H/control/overloaded"
is "$(say "${mail}QUIT\n")" '451 4.7.1 Temporary Failure: Server overload' 'overload: refused and dropped'
like "$(cat "$H/log")" '^overload: [0-9]+ Temporary Failure: Server overload' "a plugin's standard error is the log"
plugins '[mail]' builtin:overload
is "$(say "${mail}QUIT\n")" '451 4.3.2 Temporary Failure: Server overload' 'builtin:overload says the same'
rm "$H/control/overloaded"
is "$(say "${mail}QUIT\n" | cut -c1-3 | tr '\n' ' ')" '250 250 221 ' 'builtin:overload: clear'

plugin crash <<'E'
echo "E550 never seen"
kill -SEGV $$
E
plugins '[mail]' plugins/crash
is "$(say "$mail" | head -1)" '451 4.3.0 qmail-spp failure: plugins/crash: child crashed (#4.3.0)' 'a plugin that crashes'
plugins '[mail]' plugins/none
test -n "${MEMCHECK:-}" || # where a parent does not learn that an exec failed, because vfork is fork
  is "$(say "$mail" | head -1)" "451 4.3.0 qmail-spp failure: plugins/none: can't execute (#4.3.0)" 'a plugin that is not there'
plugins '[mail]' ':exit 120'
is "$(say "$mail" | head -1)" "451 4.3.0 qmail-spp failure: :exit 120: can't execute (#4.3.0)" 'exit 120'
plugins '[mail]' ':echo E550 no; exit 3'
is "$(say "$mail" | head -1)" '550 5.7.1 no' 'any other exit code does not matter'

# A grandchild that keeps the output open, longer than any test may take.
plugin daemon <<'E'
sleep 1000 &
echo $! >"$home/queue/grandchild"
echo 'E550 quick'
E
plugins '[mail]' plugins/daemon
serve -p 1000000
is "$(say "$mail" | head -1)" '550 5.7.1 quick' 'a grandchild that holds the pipe does not block the session'
kill "$(cat "$H/queue/grandchild")"
ok $? 'and is left alone'

plugin slow <<'E'
sleep 1000 &
echo $! >"$home/queue/sleeper"
wait
E
# The next one needs no process, and so no time.
touch "$H/control/overloaded"
next='451 4.3.2 Temporary Failure: Server overload'
plugins '[mail]' plugins/slow builtin:overload
serve -p 700
# Once more if its time was over before it had begun.
slept() { out=$(say "$mail" | head -1) && test -s "$H/queue/sleeper"; }
wait_for 60 slept
is "$out" "$next" 'time-out: as if it had said nothing'
like "$(cat "$H/log")" 'plugin: timed out plugin=plugins/slow' 'time-out: logged'
wait_for 20 sh -c "! kill -0 $(cat "$H/queue/sleeper")"
ok $? 'time-out: its process group is killed'
serve -p 700 -f -c "$T/counters"
is "$(say "$mail" | head -1)" '451 4.3.0 qmail-spp failure: plugins/slow: timed out (#4.3.0)' 'time-out with -f: refused'
like "$(od -An -v -c "$T/counters" | tr -d ' \n')" 'plugin_timeouts[\\0]*001' 'time-out: counted'

# TERM while a plugin runs: the command is answered, then the session ends.
mkfifo "$H/queue/go"
plugin waits <<'E'
echo $PPID >"$home/queue/session"
read -r _ <"$home/queue/go"
echo 'E550 after all'
E
plugins '[mail]' plugins/waits
serve -p 60000
timeout 60 python3 -c '
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(b"EHLO c\r\nMAIL FROM:<>\r\n")
sys.stdout.buffer.write(s.makefile("rb").read().replace(b"\r", b""))' "$IP" "$PORT" >"$T/out" &
client=$!
wait_for 20 test -s "$H/queue/session"
kill "$(cat "$H/queue/session")"
echo go >"$H/queue/go"
wait "$client"
is "$(tail -n 2 "$T/out")" '550 5.7.1 after all
421 4.3.2 the service is stopping' 'TERM while a plugin runs'

plugin flood <<'E'
yes 'PX' | head -c 3000000
echo 'E550 the end'
E
plugins '[mail]' plugins/flood
serve -p 60000
like "$(say "${mail}QUIT\n" | tail -1)" '^221 ' 'a plugin that never stops talking'

plugins '[mail]' ':exec yes' builtin:overload
serve -p 700
is "$(say "$mail" | head -1)" "$next" 'one that really never does'
rm "$H/control/overloaded"

serve -p 60000
plugins '[connection]' ':echo E554 go away' '[helo]' ':echo E550 still no'
is "$(printf 'EHLO c\nQUIT\n' | talk | cut -c1-3 | tr '\n' ' ')" '554 550 221 ' 'E in [connection] takes the place of the greeting'
serve NOSPP=1
is "$(printf 'EHLO c\nQUIT\n' | talk | cut -c1-3 | uniq | tr '\n' ' ')" '220 250 221 ' 'NOSPP'
printf '[connection]\n:echo R421 from elsewhere\n' >"$H/control/others"
serve SPPCONFFILE=control/others
is "$(printf 'EHLO c\nQUIT\n' | talk)" '421 4.7.1 from elsewhere' 'SPPCONFFILE'

finish
