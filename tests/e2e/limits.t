#!/bin/sh
# The daemons of a bundle run out of descriptors and of memory while they run, by limits that are lowered and raised
# again: each says once what it lacks and for what, none of them dies, nothing acknowledged is lost, and what was
# refused or waited is served as soon as there is room.
# shellcheck disable=SC2317 # wait_for calls functions
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
m() { mailctl -c "$C" "$@"; }
SPOOL=$T/b/state/spool
MAIL=$T/b/mail/postmaster
sed -i 's/^#retry = .*/retry = 1s/; s/^#spare = .*/spare = 1/; s/^#recipients = .*/recipients = 0/' "$C"
# Whom the daemons run as: root's rights over their limits may be taken from a container.
as=
test "$(id -u)" -ne 0 || as='s6-setuidgid nobody'
mkdir "$T/c"
chmod 777 "$T/c"
# A sanitizer's run-time takes more memory than any limit would leave.
sanitized=
if grep -q __asan_init "$LIBEXEC/smtpd"; then sanitized=1; fi

# A plugin for every message; one sender's are for the queue program, as another qmail-queue's would be.
cat >"$T/plugin" <<EOF2
#!/bin/sh
case \$SMTPMAILFROM in program@*) echo SQMAILQUEUE=$T/queue ;; esac
EOF2
printf '#!/bin/sh\nexec %s/spool-queue %s\n' "$LIBEXEC" "$SPOOL" >"$T/queue"
chmod 755 "$T/plugin" "$T/queue"
echo "
[mail]
$T/plugin" >>"$T/b/control/smtpplugins"

# client IP STEP...: one session. A step is a command, or one of
#   limit=WHAT:N   of the smtpd that serves us; `-` is as much as it may have
#   tls            the handshake;   text=SUBJECT   what follows DATA
#   flood          recipients without an end, until the session ends
#   busy=FILE      makes FILE and waits until it is gone
# Prints the code of each reply, and of the flood what its replies are and how often.
cat >"$T/client" <<'EOF2'
import collections, os, resource, socket, ssl, sys, time

def parent(pid):
    try:
        return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0

listener, ip = int(sys.argv[1]), sys.argv[2]
before = {p for p in os.listdir("/proc") if p.isdigit() and parent(p) == listener}
s = socket.create_connection((ip, 2525), 40)
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
        s.sendall(b"".join(b"RCPT TO:<%s@example.test>\r\n" % (b"x" * 800) for k in range(5)))
        for k in range(5):
            last = f.readline().strip()
            seen[last.decode()] += 1
            if last[:3] == b"421": break
        if last[:3] == b"421": break
    rest = f.read()
    return ["flood:", ", ".join(sorted(seen)), "end:", repr(rest)]

codes.append(reply()[:3])
session = [int(p) for p in os.listdir("/proc") if p.isdigit() and parent(p) == listener and p not in before]
for step in sys.argv[3:]:
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
    if word == "text":
        step = f"Subject: {rest}\r\n\r\nsome text\r\n."
    s.sendall(step.encode() + b"\r\n")
    codes.append(reply()[:3])
print(*codes)
EOF2
# shellcheck disable=SC2086
client() { $as python3 "$T/client" "$tcplisten" "$IP" "$@" 2>&1; }
send() { client 'EHLO c' "MAIL FROM:<a@example.org>" 'RCPT TO:<postmaster@example.test>' DATA "text=$1" QUIT; }
sent='220 250 250 250 354 250 221'
arrived() { grep -rqs "^Subject: $1\$" "$MAIL/new"; }
current() { cat "$T/b/log/$1/current"; }
said() { current "$1" | grep -Eqs "$2"; }
# lines SERVICE PATTERN: how many there are
lines() { current "$1" | grep -Ec "$2"; }
# limit PID WHAT NUMBER; NUMBER `-` is as much as it may have
limit() {
  number=$3
  # shellcheck disable=SC2086
  test "$number" != - || number=$($as prlimit --pid "$1" "--$2" --noheadings -o HARD | tr -d ' ')
  # shellcheck disable=SC2086
  $as prlimit --pid "$1" "--$2=$number:"
}
# Its sleeps and its CPU time in ticks: what waits does much of the first, and what is busy only of the other.
sleeps() { sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' "/proc/$1/status"; }
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }
slept() { test "$(sleeps "$1")" -ge "$2"; }
# waits NAME PID N: it is seen to wait N times more, and takes less than half a second of CPU for them
waits() {
  from=$(ticks "$2")
  wait_for 20 slept "$2" $(($(sleeps "$2") + $3))
  ok $? "$1: it waits"
  ok $(($(ticks "$2") - from >= 50)) "$1: and is not busy meanwhile"
}

exits 0 "up" m up
tcplisten=$(pid_of "$C" smtpd)
spool=$(pid_of "$C" spool)
monitor=$(pid_of "$C" monitor)
rater=$(pid_of "$C" rater)
tls=$(pid_of "$C" tls)
pool=$(pgrep -P "$tls" -x tlsd-pool)
before=$(m status -o name,pid)
is "$(send first)" "$sent" "a message is accepted"
limit "$tcplisten" nofile - || { ok 0 "limits # SKIP prlimit does not work here"; finish; }

# --- a session of smtpd -------------------------------------------------------------------------------

is "$(client 'EHLO c' limit=files:3 'MAIL FROM:<a@example.org>' limit=files:- 'MAIL FROM:<a@example.org>' \
  'RCPT TO:<postmaster@example.test>' limit=files:3 DATA limit=files:- DATA text=session QUIT)" \
  '220 250 451 250 250 451 354 250 221' "no descriptors: 451 for the plugin and the spool, then all is well"
wait_for 5 said smtpd "unable to run $T/plugin: Too many open files"
ok $? "the log says that the plugin cannot run, and why"
wait_for 5 said smtpd "unable to create a file in $SPOOL: Too many open files"
ok $? "and that nothing can be queued"
is "$(client 'EHLO c' 'MAIL FROM:<program@example.org>' 'RCPT TO:<postmaster@example.test>' limit=files:3 DATA \
  limit=files:- DATA text=program QUIT)" '220 250 250 250 451 354 250 221' "no descriptors for the queue program: 451"
wait_for 5 said smtpd "unable to run $T/queue: Too many open files"
ok $? "the log says so"
is "$(client 'EHLO c' limit=files:3 STARTTLS limit=files:- STARTTLS tls 'EHLO c' 'MAIL FROM:<a@example.org>' \
  'RCPT TO:<postmaster@example.test>' DATA text=tls QUIT)" '220 250 454 220 250 250 250 354 250 221' \
  "no descriptors for TLS: 454, and later TLS"
wait_for 5 said smtpd "unable to begin TLS with .*: Too many open files"
ok $? "the log says so"
if test -z "$sanitized"; then
  is "$(client 'EHLO c' 'MAIL FROM:<a@example.org>' 'RCPT TO:<postmaster@example.test>' DATA text=before \
    'MAIL FROM:<a@example.org>' limit=memory:4096 flood)" \
    "220 250 250 250 354 250 250 flood: 250 2.1.5 ok, 421 4.3.0 out of memory end: b''" \
    "no memory: whole replies, then 421 and the end"
  wait_for 5 said smtpd "out of memory: the session ends"
  ok $? "the log says so"
else
  ok 0 "no memory # SKIP a sanitizer takes more than any limit leaves"
fi
is "$(send after-sessions)" "$sent" "the next session is served"

# --- tcplisten ----------------------------------------------------------------------------------------

limit "$tcplisten" nofile 3
send waited >"$T/waited" &
waiting=$!
on_exit "kill $waiting 2>/dev/null"
wait_for 10 said smtpd "unable to accept a connection: Too many open files"
ok $? "tcplisten: the log says that it cannot accept"
waits tcplisten "$tcplisten" 3
is "$(lines smtpd 'unable to accept a connection')" 1 "tcplisten: it says so once"
limit "$tcplisten" nofile -
wait "$waiting"
is "$(cat "$T/waited")" "$sent" "tcplisten: who waited is served"
wait_for 5 said smtpd "connections are served again"
ok $? "tcplisten: the log says that, too"

# --- raterd -------------------------------------------------------------------------------------------

# asks N: an old client's question, with N new ones; all of them wait for their answer
cat >"$T/asks" <<'EOF2'
import os, socket, sys, time
path, go = sys.argv[1], sys.argv[2]
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
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
  wait_for 10 test -e "$T/go"
  limit "$rater" "$1" "$2"
  rm "$T/go"
  wait_for 10 test -e "$T/go"
}
asked_under nofile 3 20
wait_for 10 said rater "unable to accept a client: Too many open files"
ok $? "raterd: the log says that it cannot accept"
waits raterd "$rater" 12
is "$(lines rater 'unable to accept a client')" 1 "raterd: it says so once"
limit "$rater" nofile -
wait "$asking"
is "$(tr '\n' ' ' <"$T/asked")" "old 1 old 1 new 20 " "raterd: the old client was answered meanwhile, the new ones are now"
wait_for 5 said rater "clients are accepted again"
ok $? "raterd: the log says that, too"
rm -f "$T/go"
if test -z "$sanitized"; then
  asked_under data 4096 200
  wait_for 10 said rater "unable to take a client: Cannot allocate memory"
  ok $? "raterd: no memory: the log says so"
  limit "$rater" data -
  wait "$asking"
  like "$(tr '\n' ' ' <"$T/asked")" "old 1 old 1 new" "raterd: no memory: the old client was answered meanwhile"
  rm -f "$T/go"
  asked_under nofile - 200
  wait "$asking"
  is "$(tr '\n' ' ' <"$T/asked")" "old 1 old 1 new 200 " "raterd: and then all are"
fi

# --- tlsd ---------------------------------------------------------------------------------------------

limit "$pool" nofile 11
client 'EHLO c' STARTTLS tls 'EHLO c' "busy=$T/c/busy" QUIT >"$T/held" &
holding=$!
on_exit "kill $holding 2>/dev/null"
wait_for 20 test -e "$T/c/busy"
wait_for 10 said tls "unable to start a worker: Too many open files"
ok $? "tlsd: the log says that no worker starts"
waits tlsd "$pool" 3
is "$(lines tls 'unable to start a worker')" 1 "tlsd: it says so once"
client 'EHLO c' STARTTLS QUIT >"$T/refused" &
refused=$!
on_exit "kill $refused 2>/dev/null"

# --- monitor ------------------------------------------------------------------------------------------

limit "$monitor" nofile 3
wait_for 10 said monitor "unable to read $SPOOL/todo: Too many open files: the backlog is unknown"
ok $? "monitor: the log says what it cannot read"
waits monitor "$monitor" 3
is "$(lines monitor 'the backlog is unknown')" 1 "monitor: it says so once"
is "$(current monitor | grep -E 'unable' | sed 's/^[^ ]* //' | sort | uniq -d)" "" "monitor: and nothing else more often"
limit "$monitor" nofile -
wait_for 10 said monitor "$SPOOL/todo can be read again"
ok $? "monitor: it can again"

# --- tlsd again ---------------------------------------------------------------------------------------

wait "$refused"
is "$(cat "$T/refused")" '220 250 454 221' "tlsd: a client without a worker is told 454"
client 'EHLO c' STARTTLS tls 'EHLO c' 'MAIL FROM:<a@example.org>' 'RCPT TO:<postmaster@example.test>' DATA \
  text=tls-waited QUIT >"$T/waited" &
waiting=$!
on_exit "kill $waiting 2>/dev/null"
limit "$pool" nofile -
wait "$waiting"
is "$(cat "$T/waited")" '220 250 220 250 250 250 354 250 221' "tlsd: who waited is served"
wait_for 10 said tls "workers start again"
ok $? "tlsd: the log says that, too"
rm "$T/c/busy"
wait "$holding"
is "$(cat "$T/held")" '220 250 220 250 221' "tlsd: a session of before went on"

limit "$pool" nproc 1
is "$(client 'EHLO c' STARTTLS tls QUIT)" '220 250 220 221' "tlsd: a worker of before serves"
wait_for 10 said tls "unable to start a worker: Resource temporarily unavailable"
ok $? "tlsd: no process: the log says so"
limit "$pool" nproc -
is "$(client 'EHLO c' STARTTLS tls QUIT)" '220 250 220 221' "tlsd: and the next client is served"

# --- spool-deliver ------------------------------------------------------------------------------------

# delayed NAME WHAT NUMBER PATTERN: a message is accepted, but not delivered before the limit is raised
delayed() {
  limit "$spool" "$2" "$3"
  is "$(send "$1")" "$sent" "$1: smtpd accepts"
  wait_for 10 said spool "$4"
  ok $? "$1: the log says what spool-deliver cannot do"
  waits "$1" "$spool" 3
  arrived "$1"
  ok $((!$?)) "$1: it is not there yet"
  limit "$spool" "$2" -
  wait_for 20 arrived "$1"
  ok $? "$1: it arrives"
}
delayed spool-none nofile 3 "unable to read $SPOOL/todo: Too many open files"
is "$(lines spool "unable to read $SPOOL/todo: Too many")" 1 "spool-none: it says so once"
delayed spool-few nofile "$(($($as find "/proc/$spool/fd" -type l | grep -c .) + 1))" \
  "deferred .*unable to .* $MAIL: Too many open files"

# --- in the end ---------------------------------------------------------------------------------------

is "$(m status -o name,pid)" "$before" "no service was restarted"
for i in first session program tls before after-sessions waited tls-waited spool-none spool-few; do
  test "$i" != before || test -z "$sanitized" || continue
  wait_for 10 arrived "$i"
  is "$(grep -l "^Subject: $i\$" "$MAIL"/new/* | grep -c .)" 1 "$i: it is there, once"
done
is "$(find "$SPOOL" "$MAIL/tmp" -type f)" "" "no file is left over"
well() { m status; }
wait_for 20 well
ok $? "all is well"

# --- mailctl's own first allocation -------------------------------------------------------------------

if test -z "$sanitized" && command -v cc >/dev/null; then
  echo '#include <stddef.h>
void *calloc(size_t n, size_t size) { (void)n; (void)size; return NULL; }' >"$T/none.c"
  cc -shared -fPIC -o "$T/none.so" "$T/none.c"
  exits 111 "status without memory" env LD_PRELOAD="$T/none.so" mailctl -c "$C" status
  is "$(cat "$T/err")" "mailctl: out of memory" "says so"
fi
exits 0 "down" m down
is "$(processes)" "" "no process is left over"
finish
