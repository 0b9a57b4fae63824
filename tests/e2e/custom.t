#!/bin/sh
# [service NAME]: daemons that are none of the bundle's own.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

mkdir "$T/b" "$T/b/control" "$T/b/here"
chmod 777 "$T/b/here"
C=$T/b/mailctl.conf
on_exit "mailctl -c '$C' down >/dev/null 2>&1"
user=
test "$(id -u)" -eq 0 && user='user = nobody'

# A daemon like clamd: it is some time before it listens, and it tells nobody when it does.
cat >"$T/b/scanner" <<'EOF'
import os, signal, socket, sys
signal.signal(signal.SIGUSR1, lambda *a: (open("ended", "w").write("USR1"), os._exit(0)))
for i in range(50):
    if os.path.exists("loaded"): break
    signal.sigtimedwait([], 0.1)
s = socket.socket(socket.AF_UNIX)
s.bind("socket")
s.listen()
print("scanner: listening as", os.getuid(), os.environ.get("MODE"), os.environ.get("EMPTY", "unset"), flush=True)
while True:
    c, _ = s.accept()
    c.recv(100)
    c.sendall(b"PONG")
    c.close()
EOF
cat >"$T/b/ping" <<'EOF'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("socket")
s.sendall(b"PING")
sys.exit(s.recv(10) != b"PONG")
EOF

cat >"$C" <<EOF
[bundle]
$user

[service plain]
command = sh -c "echo plain; exec sleep 1000"

[service scanner]
command = python3 $T/b/scanner
directory = here
env = MODE=fast and  loud
env = EMPTY=
needs = plain
ready-check = python3 $T/b/ping
stop-signal = USR1
stop-timeout = 7s

[service teller]
command = sh -c "echo >&9; exec 9>&-; exec sleep 1000"
needs = scanner
ready = 9
EOF
exits 0 "check" m check
: >"$T/b/here/loaded"
exits 0 "up" m up
order=$(sed 's/ .*//' "$T/out" | grep -E '^(plain|scanner|teller)$' | tr '\n' ' ')
is "$order" "plain scanner teller " "each waits for what it needs to be ready"
exits 0 "status: all is well" m status
wait_for 30 said scanner "listening as"
like "$(cat "$T/b/log/scanner/current")" "listening as $(id -u ${user:+nobody}) fast and  loud \$" "runs as its user, with its environment"
wait_for 30 said plain plain
ok $? "output goes to its log"
is "$(cat "$T/b/state/current/scanner/down-signal" "$T/b/state/current/scanner/timeout-kill")" "SIGUSR1
7000" "stop signal and patience are s6's files"

exits 0 "down" m down scanner
is "$(cat "$T/b/here/ended")" USR1 "the stop signal ends it"
exits 0 "down of all" m down
is "$(processes)" "" "nothing is left"

# --- not ready ----------------------------------------------------------------------------------------

rm "$T/b/here/"*
cat >"$C" <<EOF
[bundle]
$user
[service never]
command = sleep 1000
ready-check = sh -c "echo not yet >&2; false"
ready-timeout = 300ms
[service after]
command = sleep 1000
needs = never
EOF
exits 99 "a check that never succeeds" m up --no-rollback
like "$(cat "$T/err")" "never was not ready within 300 ms" "says so after its own ready-timeout"
like "$(cat "$T/err")" "not started, because it needs never: after" "and what was not started"
wait_for 30 said never "not yet"
ok $? "what the check says is in the log"
m down >/dev/null
is "$(processes)" "" "the check ends with the service"

# One that cannot tell when it is ready must live for a while.
cat >"$C" <<EOF
[bundle]
$user
[service brief]
command = sh -c "echo my file is bad >&2; exit 100"
[service slow]
command = sh -c "sleep 0.3; exit 1"
[service quick]
command = sh -c "sleep 0.3; exit 1"
alive = 0
EOF
exits 1 "services that end soon" m up --no-rollback
like "$(cat "$T/err")" "brief died before it was ready: exit 100" "one that ended at once was never ready"
like "$(cat "$T/err")" "my file is bad" "its last words are shown"
like "$(cat "$T/err")" "slow died before it was ready: exit 1" "nor was one that lived for less than a second"
like "$(cat "$T/out")" "^quick +ready" "unless it is said to be enough"
m down >/dev/null
is "$(processes)" "" "nothing is left"

# --- mistakes -----------------------------------------------------------------------------------------

wrong() {
  printf '[bundle]\n%s\n[service x]\n%s\n' "$user" "$1" >"$C"
  exits 102 "$3" m check
  like "$(cat "$T/err")" "$2" "says what"
}
wrong 'user = nobody' 'command: there is none' "no command"
wrong 'command = x
env = A' '"A" is not NAME=VALUE' "env without a value"
wrong 'command = x
env = 1A=2' '"1A=2" is not NAME=VALUE' "env with a bad name"
wrong 'command = x
env = A=1
env = A=2' 'A is set twice' "env twice"
wrong 'command = x
ready = soon' '"soon" is neither none nor a descriptor' "a bad descriptor"
wrong 'command = x
ready = 2' '"2" is neither none nor a descriptor' "a descriptor that is taken"
wrong 'command = x
ready = 4
ready-check = true' 'ready: and ready-check cannot both be' "two kinds of readiness"
wrong 'command = x
stop-signal = STOP' 'stop-signal' "a signal that ends nothing"
wrong 'command = x
needs = y' 'needs' "a need that is not there"

# --- redis ----------------------------------------------------------------------------------------------

if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then
  cat >"$C" <<EOF
[bundle]
$user
[service redis]
command = redis-server --bind $IP --port 6379 --save "" --appendonly no --daemonize no
directory = here
ready-check = redis-cli -h $IP ping
EOF
  exits 0 "up with redis-server" m up
  is "$(redis-cli -h "$IP" ping)" PONG "it is ready when up says so"
  exits 0 "down" m down
  is "$(processes)" "" "nothing is left"
else
  echo "# no redis-server: not tried"
fi
finish
