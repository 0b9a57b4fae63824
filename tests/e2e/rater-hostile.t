#!/bin/sh
# shellcheck disable=SC2016,SC3045
# A thousand clients, and none of them means well: raterd goes on answering the one that does.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rater-lib.sh"

# What AddressSanitizer keeps of freed memory is no growth.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1"

echo 'a * 1000000/40d' >"$T/rules"
start -c 300

cat >"$T/hostile" <<'EOF2'
import errno, os, random, select, socket, sys, time
path, ip, pid, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
random.seed(int(pid))
def rss():
    for l in open("/proc/%s/status" % pid):
        if l.startswith("VmRSS:"): return int(l.split()[1])
def unix():
    s = socket.socket(socket.AF_UNIX); s.setblocking(False)
    try: s.connect(path)
    except BlockingIOError: s.close(); return None
    return s
def tcp():
    s = socket.socket(); s.setblocking(False)
    try: s.connect((ip, 1999))
    except BlockingIOError: pass
    return s
def junk(n): return bytes(random.getrandbits(8) for _ in range(n))
kinds = [b"", b"a half", b"x" * 1000, b"a \0b\n" * 50, b"a v\n" * 700, b"!limits\n" * 400, b"!stats\n" * 500,
         b"\n" * 3000, b"x" * 4000 + b"\n", b"!add 99999999999999999999 a v\n", b"a " + b"v" * 1021 + b"\r\n"]
good = socket.socket(socket.AF_UNIX); good.settimeout(60 * int(os.environ["PATIENCE"])); good.connect(path); f = good.makefile("rwb")
crowd, refused, first, patience = [], 0, None, int(os.environ["PATIENCE"])
# A machine that is busy elsewhere holds up an answer, too: of three times the quickest counts.
for _ in range(3):
    worst, asked, end = 0.0, 0, time.time() + seconds
    while time.time() < end or asked < 40:
        for _ in range(20):
            s = unix() if random.random() < 0.7 else tcp()
            if s is None: refused += 1; continue
            try:
                s.send(random.choice(kinds) if random.random() < 0.8 else junk(random.randrange(1, 3000)))
            except OSError: pass
            if random.random() < 0.3: s.close()
            else: crowd.append(s)
        for s in crowd[:]:
            if random.random() < 0.05:
                try:
                    if random.random() < 0.5: s.send(b"a more\n")
                    else: s.recv(1000)
                except OSError: pass
        while len(crowd) > 700: crowd.pop(random.randrange(len(crowd))).close()
        t = time.time()
        f.write(b"a good\n"); f.flush(); l = f.readline()
        if not l.startswith(b"0 "): sys.exit("the good client was answered %r" % l)
        worst = max(worst, time.time() - t); asked += 1
        if first is None and asked > 20: first = rss()
    if worst <= 2 * patience: break
print("asked %d, worst %.3f s, rss %d -> %d kB, crowd %d" % (asked, worst, first, rss(), len(crowd)))
if worst > 2 * patience: sys.exit("too slow")
if rss() > first + int(sys.argv[5]): sys.exit("it grew")
EOF2
# AddressSanitizer and valgrind keep what was freed for a while.
grow=8192
if test -n "${MEMCHECK:-}" || grep -q __asan_init "$LIBEXEC/raterd"; then grow=65536; fi
try 'a crowd of hostile clients' python3 "$T/hostile" "$S" "$IP" "$pid" 3 "$grow"
ok "$(kill -0 "$pid"; echo $?)" 'it lives'
is "$(echo 'a calm' | talk)" '0 1/1000000' 'and answers'
unlike "$(cat "$T/log")" 'fatal' 'without a fatal word'

# Each by itself, with the exact answer. CASES: what is sent; how many lines come back.
cat >"$T/cases" <<'EOF2'
import os, socket, sys, threading, time
path, ip = sys.argv[1], sys.argv[2]
def unix():
    s = socket.socket(socket.AF_UNIX); s.settimeout(60 * int(os.environ["PATIENCE"])); s.connect(path); return s
def lines(s, n):
    out = b""
    while out.count(b"\n") < n:
        d = s.recv(65536)
        if not d: break
        out += d
    return out.replace(b"\r", b"").decode().split("\n")[:-1]
def case(name, sent, wanted):
    s = unix(); s.sendall(sent); got = lines(s, len(wanted))
    s.setblocking(False)
    try: extra = s.recv(100)
    except BlockingIOError: extra = b""
    good = got == wanted and not extra
    print("%s%s" % ("" if good else "BAD: ", name), "" if good else (got, wanted, extra))
    s.close(); return good
ok = True
ok &= case("one byte at a time is one request", b"a z1\n", ["0 1/1000000"])
ok &= case("too long: one answer, and the next is heard", b"x" * 5000 + b"\na z2\n", ["2 line too long", "0 1/1000000"])
ok &= case("too long twice", b"x" * 2000 + b"\n" + b"y" * 9000 + b"\na z3\n", ["2 line too long"] * 2 + ["0 1/1000000"])
ok &= case("exactly long enough", b"a " + b"x" * 1022 + b"\na " + b"x" * 1022 + b"\r\na " + b"x" * 1023 + b"\n", ["0 1/1000000", "0 2/1000000", "2 line too long"])
ok &= case("NUL", b"a x\0y\na\0\n\0\n", ["2 NUL in request"] * 3)
ok &= case("binary", bytes(range(128, 256)) + b"\na " + bytes(range(128, 256)) + b"\n", ["2 no value", "0 1/1000000"])
ok &= case("empty lines", b"\n\r\n\n", ["2 empty request"] * 3)
s = unix()
for c in b"a slow\n": s.sendall(bytes([c])); time.sleep(0.01)
ok &= lines(s, 1) == ["0 1/1000000"]
# Reads nothing until everything is sent: all answers, in order.
s = unix(); n = 30000
t = threading.Thread(target=lambda: s.sendall(b"".join(b"a back\n" for i in range(n))))
t.start(); time.sleep(0.3); got = lines(s, n); t.join()
good = got == ["0 %d/1000000" % (i + 1) for i in range(n)]
print("a client that reads late gets every answer" if good else "BAD: late %d" % len(got)); ok &= good
# Long reports, not read for a while.
s = unix(); t = threading.Thread(target=lambda: s.sendall(b"!limits\n!stats\n" * 2000)); t.start(); time.sleep(0.3)
got = lines(s, 4000); t.join(); good = len(got) == 4000 and all(g.startswith("0 {") for g in got)
print("reports too" if good else "BAD: reports %d" % len(got)); ok &= good
# TCP: half a request, then the end; and a client that says nothing is let go in time.
s = socket.create_connection((ip, 1999), 60 * int(os.environ["PATIENCE"])); s.sendall(b"a ha"); s.shutdown(socket.SHUT_WR); good = s.recv(100) == b""
print("half a request" if good else "BAD: half"); ok &= good
sys.exit(not ok)
EOF2
try 'each case by itself' python3 "$T/cases" "$S" "$IP"
sed 's/^/# /' "$T/.try"

# Full: whoever was silent longest goes, whoever asks stays.
stop
start -c 20
cat >"$T/full" <<'EOF2'
import os, socket, sys
def unix():
    s = socket.socket(socket.AF_UNIX); s.settimeout(60 * int(os.environ["PATIENCE"])); s.connect(sys.argv[1]); return s
def ask(s):
    s.sendall(b"a f\n"); return s.recv(100)
good = unix(); assert ask(good)
crowd = []
for i in range(200):
    crowd.append(unix())
    assert ask(good).startswith(b"0 "), i
    assert ask(crowd[-1]).startswith(b"0 "), i
assert ask(good).startswith(b"0 ")
gone = 0
for s in crowd:
    s.setblocking(False)
    try: gone += s.recv(10) == b""
    except BlockingIOError: pass
print(gone, "of 200 were let go")
sys.exit(gone < 180)
EOF2
try 'a full house has room for who asks' python3 "$T/full" "$S"

# Descriptors run out: it waits and goes on. Valgrind wants some itself.
if test -z "${MEMCHECK:-}"; then
  stop
  (
    ulimit -n 40
    exec "$LIBEXEC/raterd" -s "$S" -c 1000 "$T/rules" 2>"$T/few"
  ) &
  pid=$!
  try 'ready with few descriptors' wait_for 20 grep -q ready "$T/few"
  cat >"$T/many" <<'EOF2'
import os, socket, sys
def unix():
    s = socket.socket(socket.AF_UNIX); s.settimeout(60 * int(os.environ["PATIENCE"])); s.connect(sys.argv[1]); return s
good = unix(); good.sendall(b"a g\n"); assert good.recv(100)
crowd = [unix() for i in range(100)]
good.sendall(b"a g\n"); assert good.recv(100) == b"0 2/1000000\r\n"
for s in crowd: s.close()
s = unix(); s.sendall(b"a g\n"); assert s.recv(100) == b"0 3/1000000\r\n"
EOF2
  try 'out of descriptors' python3 "$T/many" "$S"
  like "$(cat "$T/few")" 'unable to accept a client: Too many open files' 'says so'
  is "$(grep -c 'unable to accept' "$T/few" | awk '{ print ($1 < 10) }')" 1 'and not a thousand times'
fi

# TERM answers what was read.
stop
start
cat >"$T/term" <<'EOF2'
import os, signal, socket, sys, time
s = socket.socket(socket.AF_UNIX); s.settimeout(60 * int(os.environ["PATIENCE"])); s.connect(sys.argv[1])
idle = socket.socket(socket.AF_UNIX); idle.settimeout(60 * int(os.environ["PATIENCE"])); idle.connect(sys.argv[1])
s.sendall(b"a term\n" * 20000)
os.kill(int(sys.argv[2]), signal.SIGTERM)
out = b""
while True:
    try: d = s.recv(65536)
    except ConnectionResetError: break # what it sent after the end was not read
    if not d: break
    out += d
n = out.count(b"\n")
print(n, "answers")
assert out.endswith(b"\r\n") and n > 0
assert idle.recv(10) == b""
EOF2
try 'TERM while asked' python3 "$T/term" "$S" "$pid"
sed 's/^/# /' "$T/.try"
try 'and it ends' wait "$pid"
pid=
finish
