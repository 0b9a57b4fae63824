#!/bin/sh
# tcplisten: the connections' environment, descriptors and limits; drain, and what must not kill it.
# shellcheck disable=SC2317 # wait_for calls functions
. "$(dirname "$0")/lib.sh"

tcplisten=$LIBEXEC/tcplisten

# A client: talk IP PORT [SOURCE] prints what it is told until the end; it leaves when it is killed. $CONNECTED is a file
# that it makes once it is connected.
cat >"$T/talk" <<'EOF'
import os, socket, sys
ip, port = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET6 if ':' in ip else socket.AF_INET)
if len(sys.argv) > 3: s.bind((sys.argv[3], 0))
s.settimeout(60 * int(os.environ['PATIENCE']))
try:
    s.connect((ip, port))
    if 'CONNECTED' in os.environ: open(os.environ['CONNECTED'], 'w')
    while True:
        b = s.recv(4096)
        if not b: break
        sys.stdout.write(b.decode()); sys.stdout.flush()
except socket.timeout:
    sys.exit('timed out')
except OSError as e:
    sys.exit(str(e))
EOF
talk() { python3 "$T/talk" "$@"; }

# hold NAME IP PORT [SOURCE]: a client in the background, as $!; what it is told goes to $T/NAME, and when it is connected
# there is $T/NAME.connected
hold() {
  name=$1
  shift
  : >"$T/$name"
  rm -f "$T/$name.connected"
  CONNECTED=$T/$name.connected python3 "$T/talk" "$@" >"$T/$name" 2>"$T/$name.err" &
  on_exit "kill $! 2>/dev/null"
}

# start OPTIONS...: tcplisten in the background, ready, as $server; its log in $T/log
start() {
  : >"$T/ready"
  "$tcplisten" -d 3 "$@" 3>"$T/ready" 2>"$T/log" &
  server=$!
  on_exit "kill -9 $server 2>/dev/null"
  wait_for 20 test -s "$T/ready"
}
# stop: TERM, and its exit status
stop() {
  kill "$server"
  wait "$server"
}

says() { grep -q -e "$2" "$T/$1"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
refused() { talk "$IP" 2525 2>&1 | grep -q 'Connection refused'; }

script() {
  cat >"$T/$1"
  chmod +x "$T/$1"
}
script show <<'EOF'
#!/bin/sh
env | grep -E '^(PROTO|TCP)' | LC_ALL=C sort
EOF
script wait <<'EOF'
#!/bin/sh
echo "pid $$"
read -r line
EOF
script stubborn <<'EOF'
#!/bin/sh
trap '' TERM
echo "pid $$"
while :; do read -r line; done
EOF

# --- usage

exits 0 "--help" "$tcplisten" --help
like "$(cat "$T/out")" '^usage: tcplisten' "--help says how to use it"
exits 0 "--version" "$tcplisten" --version
exits 100 "no address" "$tcplisten"
exits 100 "no program" "$tcplisten" "$IP:2525"
exits 100 "no program after --" "$tcplisten" "$IP:2525" --
exits 100 "a bad address" "$tcplisten" "$IP" -- true
like "$(cat "$T/err")" 'tcplisten: fatal: .*without a port' "a bad address is explained"
exits 100 "a bad number" "$tcplisten" -c 0 "$IP:2525" -- true
like "$(cat "$T/err")" '-c: not a number from 1 to ' "a bad number is explained"
exits 100 "an unknown option" "$tcplisten" -x "$IP:2525" -- true
exits 100 "an option without its value" "$tcplisten" -c
exits 100 "a line break in the refusal" "$tcplisten" -r "$(printf '421 a\nb')" "$IP:2525" -- true
exits 100 "an unknown user" "$tcplisten" -u no-such-user "$IP:2525" -- true
exits 111 "a missing program" "$tcplisten" "$IP:2525" -- "$T/none"
exits 111 "a program that PATH lacks" "$tcplisten" "$IP:2525" -- no-such-program
exits 111 "a descriptor that is closed" "$tcplisten" fd:9 -- true
exits 111 "an address of another machine" "$tcplisten" 192.0.2.1:2525 -- true

# --- what the program is given

export TCPREMOTEHOST=stale TCPLOCALLABEL=stale PROTO=SSL
start "$IP:2525/tls" "$IP:2526" -- "$T/show"
unset TCPREMOTEHOST TCPLOCALLABEL PROTO
is "$(talk "$IP" 2525 127.0.0.1 | sed 's/REMOTEPORT=.*/REMOTEPORT=N/')" \
  "PROTO=TCP
TCPLOCALIP=$IP
TCPLOCALLABEL=tls
TCPLOCALPORT=2525
TCPREMOTEIP=127.0.0.1
TCPREMOTEPORT=N" "the environment, with a label"
unlike "$(talk "$IP" 2526)" LABEL "no label, no variable"
exits 111 "an address in use" "$tcplisten" "$IP:2525" -- true
like "$(cat "$T/err")" "unable to listen on $IP:2525: Address (already )?in use" "an address in use is explained"
unlike "$(cat "$T/log")" serves "no line a connection without -v"
stop
is $? 0 "TERM without sessions: exit 0"

start "$IP:2525" -- grep SigIgn /proc/self/status
like "$(talk "$IP" 2525)" 'SigIgn:[[:space:]]*[0-9a-f]+[02468ace][0-9a-f]{3}$' "SIGPIPE is as usual"
stop

# An inherited socket of both families: IPv4 clients of :: are shown as such, and nothing else is inherited.
cat >"$T/inherit" <<'EOF'
import os, socket, sys
s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(('::', 0)); s.listen(5)
open(sys.argv[1], 'w').write(str(s.getsockname()[1]))
os.dup2(s.fileno(), 7); os.dup2(2, 8)
os.set_inheritable(7, True); os.set_inheritable(8, True)
os.execv(sys.argv[2], sys.argv[2:])
EOF
# In python, because a shell has descriptors of its own.
cat >"$T/descriptors" <<'EOF'
import os
print(os.environ['TCPLOCALIP'], os.environ['TCPREMOTEIP'], os.environ['TCPLOCALLABEL'])
def kind(fd):
    try: return os.readlink('/proc/self/fd/%d' % fd).split(':')[0]
    except OSError: return ''
print([fd for fd in range(256) if kind(fd)], kind(0), kind(1))
print(''.join(l for l in open('/proc/self/status') if l.startswith(('SigBlk', 'SigIgn'))))
EOF
if python3 -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' 2>/dev/null; then
  python3 "$T/inherit" "$T/port" "$tcplisten" -d 3 fd:7/held -- python3 -c "$(cat "$T/descriptors")" 3>"$T/ready.fd" 2>"$T/log.fd" &
  inherited=$!
  on_exit "kill -9 $inherited 2>/dev/null"
  wait_for 20 test -s "$T/ready.fd"
  port=$(cat "$T/port")
  is "$(talk 127.0.0.1 "$port" | sed -n 1p)" "127.0.0.1 127.0.0.1 held" "an inherited socket; IPv4 under :: is IPv4"
  talk ::1 "$port" >"$T/got"
  is "$(head -n 1 "$T/got")" "::1 ::1 held" "IPv6"
  is "$(sed -n 2p "$T/got")" "[0, 1, 2] socket socket" "descriptors 0, 1 and 2 alone"
  like "$(cat "$T/got")" 'SigBlk:[[:space:]]*0+$' "no signal is blocked"
  kill "$inherited"
  wait "$inherited"
  is $? 0 "it ends with an inherited socket"
else
  ok 0 "an inherited socket # SKIP no IPv6 here"
fi
python3 -c 'import os, socket, sys
s = socket.socket(); os.dup2(s.fileno(), 7); os.set_inheritable(7, True); os.execv(sys.argv[1], sys.argv[1:])' \
  "$tcplisten" fd:7 -- true 2>"$T/err"
is $? 111 "a socket that does not listen"
like "$(cat "$T/err")" 'fd:7: the socket does not listen' "and why"

# --- limits

start -s "$T/counts" -c 3 -C 2 -r '421 too busy' "$IP:2525" "$IP:2465/tls" -- "$T/wait"
hold a "$IP" 2525 127.0.0.1
a=$!
hold b "$IP" 2525 127.0.0.1
b=$!
wait_for 20 says a pid && wait_for 20 says b pid
is "$(talk "$IP" 2525 127.0.0.1 | tr '\r' '$')" '421 too busy$' "-C refuses a client's third connection"
hold c "$IP" 2525 127.0.0.2
c=$!
try "-C serves another client" wait_for 20 says c pid
is "$(talk "$IP" 2525 127.0.0.3 | tr '\r' '$')" '421 too busy$' "-c refuses the fourth in all"
like "$(cat "$T/log")" 'info: refused 127.0.0.1:[0-9]+: the limit of one client' "a refusal is logged"
cat >"$T/counts.py" <<'EOF'
import struct, sys
d = open(sys.argv[1], 'rb').read()
for i in range(struct.unpack_from('I', d, 12)[0]):
    name, value = struct.unpack_from('24sQ', d, 32 + 32 * i)
    print(name.rstrip(b'\0').decode(), value, end=' ')
EOF
is "$(python3 "$T/counts.py" "$T/counts")" "now 3 limit 3 total 3 refused 2 draining 0 draining-of 0 short 1 yielded 0 blocked 0 " "-s counts"
is "$(talk "$IP" 2465 127.0.0.1 | tr '\r' '$')" '' "where TLS begins at once, a refusal is no plain text"
kill "$a"
again() {
  hold d "$IP" 2525 127.0.0.1
  d=$!
  until says d 'pid\|421'; do
    kill -0 "$d" || return
    sleep 0.05
  done
  says d pid
}
try "a session that ends makes room" wait_for 60 again

# Another user's view of TERM: no new connections, the old ones go on to their own end.
kill "$server"
try "TERM: listens no more" wait_for 20 refused
try "TERM: the sessions stay" kill -0 "$(sed 's/pid //' "$T/b")"
try "TERM: it waits for them" kill -0 "$server"
try "TERM: the log says what it waits for" wait_for 20 says log 'stopping: 3 sessions have 60 s'
kill "$b" "$c" "$d"
wait "$server"
is $? 0 "TERM: when the last has ended, exit 0"

start -c 1 "$IP:2525" -- "$T/wait"
hold a "$IP" 2525
a=$!
wait_for 20 says a pid
hold b "$IP" 2525
b=$!
wait_for 20 test -e "$T/b.connected"
test ! -s "$T/b"
ok $? "without -r a connection above -c waits"
kill "$a"
try "and is served in its turn" wait_for 20 says b pid
kill "$server"
try "no new connection" wait_for 20 refused
kill "$b"
wait "$server"
is $? 0 "it ends with its last session, exit 0"

# --- sessions that do not end

start -t 1 "$IP:2525" -- "$T/wait"
hold a "$IP" 2525
wait_for 20 says a pid
session=$(sed 's/pid //' "$T/a")
stop
is $? 0 "the drain has a bound"
try "the session was ended" gone "$session"

start -t 60 "$IP:2525" -- "$T/stubborn"
hold a "$IP" 2525
wait_for 20 says a pid
session=$(sed 's/pid //' "$T/a")
kill "$server"
wait_for 20 refused
kill "$server" # asked twice: at once
wait "$server"
is $? 0 "a second TERM ends the drain"
try "KILL follows where TERM is ignored" gone "$session"

start "$IP:2525" -- "$T/wait"
hold a "$IP" 2525
a=$!
wait_for 20 says a pid
session=$(sed 's/pid //' "$T/a")
kill -9 "$server"
wait "$server" 2>/dev/null
start -v "$IP:2525" -- "$T/wait"
hold b "$IP" 2525
try "after kill -9 the next one serves at once" wait_for 20 says b pid
try "and the old session goes on" kill -0 "$session"
try "-v logs a line a connection" wait_for 20 says log "info: pid [0-9]* serves 127.0.0.1:[0-9]* at $IP:2525"
kill "$a"
kill -SEGV "$(sed 's/pid //' "$T/b")"
try "a session killed by a signal is logged" wait_for 20 says log 'which served .*, was killed by signal 11'
stop
try "the first server's session ends with its client" wait_for 20 gone "$session"

# --- passing failures

start -r '421 later' "$IP:2525" -- "$T/show"
chmod -x "$T/show"
if test -z "${MEMCHECK:-}"; then # where a parent does not learn that an exec failed, because vfork is fork
  is "$(talk "$IP" 2525 | tr '\r' '$')" '421 later$' "a program that vanished: the client is told"
  like "$(cat "$T/log")" 'unable to run the program: Permission denied' "and the log says why"
fi
chmod +x "$T/show"
like "$(talk "$IP" 2525)" PROTO=TCP "it serves again when the program is back"
if test -n "${MEMCHECK:-}"; then
  ok 0 "no descriptor left # SKIP valgrind wants some itself"
elif prlimit --pid "$server" --nofile=3: 2>/dev/null; then
  hold a "$IP" 2525
  try "no descriptor left: logged" wait_for 20 says log 'unable to accept a connection: '
  prlimit --pid "$server" --nofile=100:
  try "and the connection that waited is served" wait_for 20 says a PROTO
else
  ok 0 "no descriptor left # SKIP prlimit does not work here"
fi
stop

if test -z "${MEMCHECK:-}" && strace -o /dev/null true 2>/dev/null; then
  # traced ARGUMENT FAULT ADDRESS: a server with a system call that fails
  traced() {
    : >"$T/ready"
    strace -qq -o /dev/null -e trace="${1%%:*}" -e inject="$1" "$tcplisten" -d 3 "$2" -- "$T/show" 3>"$T/ready" 2>"$T/log" &
    tracer=$!
    on_exit "kill -9 $tracer 2>/dev/null"
    wait_for 20 test -s "$T/ready"
    server=$(pgrep -P "$tracer")
    on_exit "kill -9 $server 2>/dev/null"
  }
  untraced() {
    kill "$server"
    wait "$tracer"
  }
  traced vfork:error=EAGAIN:when=1 "$IP:2525"
  is "$(talk "$IP" 2525)" "" "no process to be had: the client is let go"
  like "$(cat "$T/log")" 'unable to run the program: Resource temporarily unavailable' "and the log says so"
  like "$(talk "$IP" 2525)" PROTO=TCP "the next one is served"
  untraced
  is $? 0 "and TERM still ends it"
  traced accept4:error=ECONNABORTED:when=1 "$IP:2525"
  like "$(talk "$IP" 2525)" PROTO=TCP "a client that gave up before accept harms nobody"
  unlike "$(cat "$T/log")" unable "nor is it worth a line"
  untraced
  port=$(($$ % 10000 + 20000))
  traced socket:error=EAFNOSUPPORT:when=2 "*:$port"
  like "$(talk "$IP" "$port")" "TCPLOCALIP=$IP" "*:PORT without IPv6 is IPv4 alone"
  like "$(cat "$T/log")" "warning: this machine has one family" "and the log says so"
  untraced
else
  ok 0 "failing system calls # SKIP strace does not work here, or would see those of valgrind"
fi

# --- the door: sockets and sessions that go on to the next one

# counter NAME: of $T/counts
counter() { python3 "$T/counts.py" "$T/counts" | tr -s ' ' '\n' | grep -x -A 1 "$1" | tail -n 1; }
counts() { test "$(counter "$1")" = "$2"; }
# second PID: the standby of that process
second() { pgrep -P "$1" -x standby; }
doors() { pgrep -f "tcplisten .*$T/door"; }
none_stand() { ! doors; }
serves() {
  hold x "$IP" 2525 127.0.0.4
  wait_for 20 says x pid
  served=$?
  kill $!
  return $served
}
on_exit 'command kill -9 $(doors) 2>/dev/null' # whose path is this test's own
ln -s generations/0012 "$T/current"
door() { start -D "$T/door" -G "$T/current" -s "$T/counts" -t 60 -c 10 -C 4 -r '421 too busy' "$@" -- "$T/wait"; }

exits 0 "--close where nobody is" "$tcplisten" --close "$T/door"
door "$IP:2525" "$IP:2526"
first=$server
hold a "$IP" 2525 127.0.0.1
a=$!
wait_for 20 says a pid
session=$(sed 's/pid //' "$T/a")
is "$(stat -c %a "$T/door")" 600 "the door is its owner's alone"
rm "$T/current"
ln -s generations/0013 "$T/current"
door "$IP:2525"
wait "$first"
is $? 0 "a successor: the one before ends"
try "its session goes on" kill -0 "$session"
is "$(counter now) $(counter draining) $(counter draining-of)" "1 1 12" "and is counted with its generation"
try "an address that was removed is closed" sh -c "! python3 '$T/talk' $IP 2526"
hold b "$IP" 2525 127.0.0.1
b=$!
wait_for 20 says b pid
hold c "$IP" 2525 127.0.0.1
clients=$!
wait_for 20 says c pid
hold d "$IP" 2525 127.0.0.1
clients="$clients $!"
wait_for 20 says d pid
is "$(talk "$IP" 2525 127.0.0.1 | tr '\r' '$')" '421 too busy$' "-C counts old and new sessions together"
kill "$a"
try "the end of an old one is seen" wait_for 20 counts now 3
is "$(counter draining)" 0 "which drains no more"

try "it has a standby" wait_for 20 second "$server"
kill -9 "$server"
wait "$server" 2>/dev/null
hold e "$IP" 2525 127.0.0.2
clients="$clients $!"
try "kill -9: the standby serves" wait_for 20 says e pid
try "and knows the sessions" wait_for 20 counts now 4
door "$IP:2525"
try "the next one takes over from it" wait_for 20 counts draining 4
kill -9 "$(second "$server")"
hold f "$IP" 2525 127.0.0.3
clients="$clients $!"
try "kill -9 of the standby changes nothing" wait_for 20 says f pid
try "there is another one" wait_for 20 second "$server"
exits 111 "one that cannot have its addresses" "$tcplisten" -D "$T/door" "$IP:2525" 192.0.2.1:25 -- "$T/wait"
try "leaves them to a standby" serves

door "$IP:2525"
stop
is $? 0 "TERM: it leaves at once"
try "the port stays open" serves
door "$IP:2525"
"$tcplisten" --close "$T/door" &
closer=$!
wait "$server"
try "--close: the port is closed at once" wait_for 20 refused
try "the sessions go on" kill -0 "$(sed 's/pid //' "$T/b")"
try "and are waited for" kill -0 "$closer"
door "$IP:2525"
wait "$closer"
is $? 0 "one that is started meanwhile ends the wait"
try "and has the sessions" wait_for 20 counts draining 5
"$tcplisten" --close "$T/door" &
closer=$!
wait "$server"
kill "$b" $clients
wait "$closer"
is $? 0 "--close ends with the last session"
try "and leaves no process" wait_for 20 none_stand

# --- users

if test "$(id -u)" -eq 0 && id nobody >/dev/null 2>&1; then
  chmod 755 "$T"
  start -u nobody "$IP:25" -- id
  like "$(talk "$IP" 25)" "uid=[0-9]+\(nobody\) gid=[0-9]+\(nogroup\) groups=[0-9]+\(nogroup\)$" "-u: a low port, then nobody"
  stop
  start -u 4321 -g 1234 "$IP:25" -- id
  is "$(talk "$IP" 25)" "uid=4321 gid=1234 groups=1234" "-u and -g by number"
  stop
  exits 100 "a number without a user needs -g" "$tcplisten" -u 4321 "$IP:25" -- true
else
  start -u "$(id -un)" "$IP:2525" -- id -u
  is "$(talk "$IP" 2525)" "$(id -u)" "-u of oneself"
  stop
  exits 111 "-u of somebody else" "$tcplisten" -u root "$IP:2525" -- true
fi
finish
