#!/bin/sh
# kill -9 of smtpd, of the queue program and of plugins while mail comes in: what was answered 250 is in the spool,
# once, and whole; nothing else that is there is half. The clients are a program of our own, and Postfix's smtp-source,
# of whose messages each has a recipient of its own.
# shellcheck source=tests/e2e/smtpd-lib.sh
. "$(dirname "$0")/smtpd-lib.sh"

SPOOL=$T/spool
export SPOOL
printf '[mail]\n:echo HX-Plugin: ran\n' >"$H/control/smtpplugins"

cat >"$T/storm.py" <<'EOF'
# storm IP PORT SERVER SPOOL SECONDS [SMTP-SOURCE]: clients whose messages have names, and a killer; for longer where
# too little comes of it. Then the account.
import os, random, re, signal, smtpsource, socket, sys, threading, time
ip, port, server, spool = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
patience = int(os.environ["PATIENCE"])
begin, least = time.monotonic(), float(sys.argv[5])
source = sys.argv[6] if len(sys.argv) > 6 else None
acked, kills, lock = [], [0], threading.Lock()

def enough():
    return acked and kills[0] > 5

def over():
    now = time.monotonic() - begin
    return now > least and (enough() or now > least + 100 * patience)

def lines(n):
    return ["Subject: storm", "X-Size: %d" % n, ""] + ["x" * 70] * n + ["the end"]

def smtp_source(k):
    n = 0
    files = []
    for size in 1, 30, 3000:
        files.append("%s.%d.%d" % (spool, k, size))
        open(files[-1], "w").write("\n".join(lines(size)) + "\n")
    while not over():
        n += 1
        for to, acknowledged in smtpsource.pour(source, ip, port, random.choice(files), "c%dn%d@example.test" % (k, n), 30):
            if acknowledged:
                with lock: acked.append(to.split("@")[0])

def client(k):
    n = 0
    while not over():
        n += 1
        name = "c%dn%d" % (k, n)
        try:
            s = socket.create_connection((ip, port), timeout=60 * patience)
            f = s.makefile("rb")
            assert f.readline()[:3] == b"220"
            s.sendall(("EHLO c\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<%s@example.test>\r\nDATA\r\n" % name).encode())
            while True:
                l = f.readline()
                if l[:3] in (b"354", b""): break
            if not l: continue
            s.sendall(("\r\n".join(lines(random.choice([1, 30, 3000]))) + "\r\n.\r\n").encode())
            if f.readline()[:3] == b"250":
                with lock: acked.append(name)
            s.close()
        except (OSError, AssertionError):
            pass

def children(pid):
    try:
        return [int(x) for x in open("/proc/%d/task/%d/children" % (pid, pid)).read().split()]
    except OSError:
        return []

def killer():
    while not over():
        # smtp-source takes long to start, and ends with the session that is killed.
        time.sleep(random.uniform(0, 0.15 if source else 0.02))
        pids = children(server)
        pids += [q for p in pids for q in children(p)]
        if pids:
            try:
                os.kill(random.choice(pids), signal.SIGKILL)
                kills[0] += 1
            except OSError:
                pass

threads = [threading.Thread(target=smtp_source if source else client, args=(k,)) for k in range(6)] + [threading.Thread(target=killer)]
for t in threads: t.start()
for t in threads: t.join()
deadline = time.monotonic() + 60 * patience
while children(server) and time.monotonic() < deadline: time.sleep(0.05)

found = {}
for file in os.listdir(spool + "/todo"):
    data = open(spool + "/todo/" + file, "rb").read()
    # spool(5): the message, the envelope, and a trailer that says how long the message is.
    assert data[-28:-21] == b"spool1 " and data[-1:] == b"\n", "no trailer: " + file
    length = int(data[-21:-1])
    message, envelope = data[:length], data[length:-28]
    m = re.fullmatch(b"Fa@client.test\0T([0-9a-z]+)@example.test\0\0", envelope)
    assert m, envelope
    size = re.search(b"^X-Size: ([0-9]+)$", message, re.M)
    whole = size and "\n".join(lines(int(size.group(1))))
    # smtp-source ends a file with an empty line.
    assert whole and message.rstrip(b"\n").endswith(whole.encode()), "half a message: " + file
    found.setdefault(m.group(1).decode(), []).append(file)
twice = [n for n in found if len(found[n]) > 1]
lost = [n for n in acked if n not in found]
print("acked %d, found %d, kills %d, twice %d, lost %d" % (len(acked), len(found), kills[0], len(twice), len(lost)))
sys.exit(0 if enough() and not twice and not lost else 1)
EOF

# storm CLIENT [SMTP-SOURCE]
storm() {
  client=$1
  shift
  for queue in "$LIBEXEC/spool-queue" builtin:spool; do
    rm -rf "$SPOOL"
    mkdir -p "$SPOOL/tmp" "$SPOOL/todo"
    serve -q "$queue"
    try "kill -9 at random, queueing with ${queue##*/}, $client" \
      env PYTHONPATH="$(dirname "$0")/../tools" PYTHONDONTWRITEBYTECODE=1 python3 "$T/storm.py" "$IP" "$PORT" "$server" "$SPOOL" "${STORM:-4}" "$@"
    sed 's/^/# /' "$T/.try"
  done
}

storm 'sessions of one message'
if smtp_source; then
  storm "Postfix's smtp-source" "$SMTP_SOURCE"
else
  ok 0 "Postfix's smtp-source # SKIP its package cannot be downloaded (apt-get download postfix)"
fi

finish
