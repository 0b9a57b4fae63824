#!/bin/sh
# What a session costs while its client is silent: private memory of smtpd and of mailfront, each under its
# own server, after EHLO, MAIL and RCPT; and of a session that is a fork of smtpd --listen, against one that was started. The goal is at most 1024 KiB a session.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

need tcpserver ucspi-tcp-ipv6
need mailfront mailfront
need python3 python3
need swaks swaks

sessions=${SESSIONS:-$(test "${BENCH_SHORT:-}" && echo 5 || echo 200)}
cd "$T" || exit 111
mkdir control dir dir/tmp dir/new
echo example.test >control/me
echo example.test >control/rcpthosts
export QUEUEDIR=dir

cat >idle.py <<'EOF'
# idle IP PORT N SERVER: opens N sessions, then prints the mean of their private memory in KiB
import os, socket, sys, time
ip, port, n, server = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
held = []
for i in range(n):
    s = socket.create_connection((ip, port))
    f = s.makefile("rb")
    f.readline()
    for line in b"EHLO c\r\n", b"MAIL FROM:<a@client.test>\r\n", b"RCPT TO:<u@example.test>\r\n":
        s.sendall(line)
        while f.readline()[3:4] == b"-": pass
    held.append((s, f))

def descendants(pid):
    kids = [int(x) for x in open("/proc/%d/task/%d/children" % (pid, pid)).read().split()]
    return [g for k in kids for g in (k, *descendants(k))]

def is_session(pid):
    try: return open("/proc/%d/comm" % pid).read().strip() in ("smtpd", "mailfront")
    except OSError: return False

# The session that found out whether the server answers may still be ending.
for i in range(1000):
    sessions = [pid for pid in descendants(server)[1:] if is_session(pid)] # the first is the listener
    if len(sessions) == n: break
    time.sleep(0.02)
assert len(sessions) == n, sessions
kib = 0
for pid in sessions:
    for line in open("/proc/%d/smaps_rollup" % pid):
        if line.startswith(("Private_Clean:", "Private_Dirty:")): kib += int(line.split()[1])
print(kib / n)
EOF

greets() { swaks --silent 3 --quit-after CONNECT -s "$IP:2525"; }

measure() {
  start_server "$T/cpu" "$@"
  wait_for 10 greets || exit 1
  python3 idle.py "$IP" 2525 "$sessions" "$server" || exit 1
  stop_server
}

warm() { measure "$LIBEXEC/smtpd" --listen -c 1000 "$IP:2525" -- -q builtin:spool; }
smtpd() { measure "$LIBEXEC/tcplisten" -c 1000 "$IP:2525" -- "$LIBEXEC/smtpd" -q builtin:spool; }
mailfront() { measure "$(command -v tcpserver)" -HRD -l 0 -c 1000 "$IP" 2525 /usr/sbin/mailfront smtp queuedir accept; }

ROUNDS=$(test "$ROUNDS" -gt 3 && echo 3 || echo "$ROUNDS")
echo "$sessions idle sessions"
compare smtpd mailfront private_KiB/session
compare warm smtpd private_KiB/session
