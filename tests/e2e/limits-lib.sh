# shellcheck shell=sh disable=SC2034,SC2086 # variables for the tests; $as is a command and its arguments
# For tests that lower the limits of running daemons: source it after lib.sh and bundle.sh. It makes a bundle with few
# processes, and has what such a test needs to talk to it and to watch it.
#
#   starts                    brings it up: $before is what status says of its processes; ends a test that may not limit
#   client STEP...            a session with smtpd, or of $PORT
#   send SUBJECT              a message to postmaster; prints $sent if it is accepted
#   limit PID WHAT NUMBER     NUMBER `-` is as much as it may have
#   lines SERVICE PATTERN     how many lines of its log match
#   waits NAME PID N          two tests: that the process waits N times, and hardly uses the CPU meanwhile
#   spare                     whether a worker of tlsd waits for a session
#   asked_under WHAT NUMBER N raterd has this limit while $asking, in the background, has one client of before ask it and
#                             N new ones; who was answered is then in $T/asked
#   once SUBJECT...           tests that each has arrived, once
#   ends                      tests that no service was restarted and nothing is left over, after down

mail_bundle || exit 111
PORT=2525
sed -i 's/^#spare = .*/spare = 1/; s/^#recipients = .*/recipients = 0/' "$C"
# Whom the daemons run as: root's rights over their limits may be taken from a container.
as=
test "$(id -u)" -ne 0 || as='s6-setuidgid nobody'
mkdir "$T/c"
chmod 777 "$T/c"
# A sanitizer's run-time takes more memory than any limit would leave.
sanitized=
if grep -q __asan_init "$LIBEXEC/smtpd"; then sanitized=1; fi

# client IP STEP...: one session. A step is a command, or one of
#   limit=WHAT:N   of the smtpd that serves us; `-` is as much as it may have
#   tls            the handshake
#   text=SUBJECT   what follows DATA;   large=SUBJECT   200 kB of it
#   flood          recipients without an end, until the session ends
#   busy=FILE      makes FILE and waits until it is gone
#   auth=NAME      a login with the password `secret`
# Prints the code of each reply, and of the flood what its replies are and how often.
cat >"$T/client" <<'EOF2'
import base64, collections, os, resource, socket, ssl, sys, time

def parent(pid):
    try:
        return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0

listener, ip, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
before = {p for p in os.listdir("/proc") if p.isdigit() and parent(p) == listener}
s = socket.create_connection((ip, port), 60 * int(os.environ["PATIENCE"]))
f = s.makefile("rb")
codes = []

def reply():
    while True:
        line = f.readline().decode()
        if line[3:4] != "-":
            return line.strip()

def flood():
    seen = collections.Counter()
    last = b""
    for i in range(100):
        s.sendall(b"".join(b"RCPT TO:<postmaster-%d-%s@example.test>\r\n" % (5 * i + k, b"x" * 150) for k in range(5)))
        for k in range(5):
            last = f.readline().strip()
            seen[last.decode()] += 1
            if last[:3] == b"421": break
        if last[:3] == b"421": break
    rest = f.read()
    return ["flood:", ", ".join(sorted(seen)), "end:", repr(rest)]

codes.append(reply()[:3])
session = [int(p) for p in os.listdir("/proc") if p.isdigit() and parent(p) == listener and p not in before]
for step in sys.argv[4:]:
    word, _, rest = step.partition("=")
    if word == "limit":
        what, n = rest.split(":")
        what = {"files": resource.RLIMIT_NOFILE, "memory": resource.RLIMIT_DATA}[what]
        for p in session:
            hard = resource.prlimit(p, what)[1]
            resource.prlimit(p, what, (hard if n == "-" else int(n), hard))
        continue
    if word == "tls":
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
        s = c.wrap_socket(s)
        f = s.makefile("rb")
        continue
    if word == "busy":
        open(rest, "w").close()
        while os.path.exists(rest): time.sleep(0.02)
        continue
    if word == "flood":
        codes += flood()
        continue
    if word == "auth":
        step = "AUTH PLAIN " + base64.b64encode(f"\0{rest}\0secret".encode()).decode()
    if word == "text":
        step = f"Subject: {rest}\r\n\r\nsome text\r\n."
    if word == "large":
        step = f"Subject: {rest}\r\n\r\n" + 2700 * ("x" * 72 + "\r\n") + "."
    s.sendall(step.encode() + b"\r\n")
    codes.append(reply()[:3])
print(*codes)
EOF2
client() { $as python3 "$T/client" "$listener" "$IP" "$PORT" "$@" 2>&1; }
send() { client 'EHLO c' "MAIL FROM:<a@example.org>" 'RCPT TO:<postmaster@example.test>' DATA "text=$1" QUIT; }
sent='220 250 250 250 354 250 221'
lines() { grep -Ec "$2" "$T/b/log/$1/current"; }
limit() {
  number=$3
  who=$as
  grep -q '^Uid:.0' "/proc/$1/status" && who=
  test "$number" != - || number=$($who prlimit --pid "$1" "--$2" --noheadings -o HARD | tr -d ' ')
  $who prlimit --pid "$1" "--$2=$number:"
}
# Its sleeps and its CPU time in ticks: what waits does much of the first, and what is busy only of the other.
sleeps() { sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' "/proc/$1/status"; }
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }
slept() { test "$(sleeps "$1")" -ge "$2"; }
# Less than half a second of CPU.
waits() {
  from=$(ticks "$2")
  wait_for 20 slept "$2" $(($(sleeps "$2") + $3))
  ok $? "$1: it waits"
  ok $(($(ticks "$2") - from >= 50)) "$1: and is not busy meanwhile"
}

spare() { pgrep -P "$pool" -x tlsd-spare; }

# asks N: an old client's question, with N new ones; all of them wait for their answer
cat >"$T/asks" <<'EOF2'
import os, socket, sys, time
path, go = sys.argv[1], sys.argv[2]
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60 * int(os.environ["PATIENCE"]))
    s.connect(path)
    return s
def answer(s):
    try:
        s.sendall(b"authfail 192.0.2.1\n")
        return 1 if s.recv(100) else 0
    except OSError:
        return 0
old = connect()
print("old", answer(old), flush=True)
open(go, "w").close()
while os.path.exists(go): time.sleep(0.02)
new = [connect() for i in range(int(sys.argv[3]))]
for s in new:
    try:
        s.sendall(b"authfail 192.0.2.1\n")
    except OSError:
        pass # it is shut again already
print("old", answer(old), flush=True)
open(go, "w").close()
got = 0
for s in new:
    try:
        if s.recv(100): got += 1
    except OSError:
        pass
print("new", got)
EOF2
# asked_under WHAT NUMBER CLIENTS: raterd under a limit
asked_under() {
  python3 "$T/asks" "$T/b/run/rater.sock" "$T/go" "$3" >"$T/asked" 2>&1 &
  asking=$!
  on_exit "kill $asking 2>/dev/null"
  wait_for 30 test -e "$T/go"
  limit "$rater" "$1" "$2"
  rm "$T/go"
  wait_for 30 test -e "$T/go"
}

starts() {
  exits 0 "up" m up
  listener=$(pid_of "$C" smtpd)
  spool=$(pid_of "$C" spool)
  monitor=$(pid_of "$C" monitor)
  rater=$(pid_of "$C" rater)
  tls=$(pid_of "$C" tls)
  pool=$(pgrep -P "$tls" -x tlsd-pool)
  before=$(m status -o name,pid)
  limit "$listener" nofile - || { ok 0 "limits # SKIP prlimit does not work here"; finish; }
  is "$(send first)" "$sent" "a message is accepted"
}
# once SUBJECT...: each has arrived, once
once() {
  for i in "$@"; do
    wait_for 20 arrived "$i"
    is "$(grep -l "^Subject: $i\$" "$MAIL/postmaster"/new/* | grep -c .)" 1 "$i: it is there, once"
  done
}
# ends: no service was restarted, nothing is left over
ends() {
  is "$(m status -o name,pid)" "$before" "no service was restarted"
  nothing() { test -z "$(find "$SPOOL" "$MAIL/postmaster/tmp" -type f ! -name srs.key)"; }
  wait_for 30 nothing
  ok $? "no file is left over"
  wait_for 20 m status
  ok $? "all is well"
  exits 0 "down" m down
  is "$(processes)" "" "no process is left over"
}
