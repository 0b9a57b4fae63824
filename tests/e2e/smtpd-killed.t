#!/bin/sh
# kill -9 of smtpd, of the queue program and of plugins while mail comes in: what was answered 250 is in the spool,
# once, and whole; nothing else that is there is half
# shellcheck source=tests/e2e/smtpd-lib.sh
. "$(dirname "$0")/smtpd-lib.sh"

SPOOL=$T/spool
export SPOOL
printf '[mail]\n:echo HX-Plugin: ran\n' >"$H/control/smtpplugins"

cat >"$T/storm.py" <<'EOF'
# storm IP PORT SERVER SPOOL SECONDS: clients that send numbered messages, and a killer. Then the account.
import os, random, signal, socket, sys, threading, time
ip, port, server, spool = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
end = time.monotonic() + float(sys.argv[5])
acked, kills, lock = [], [0], threading.Lock()
body = "x" * 70

def client(k):
    n = 0
    while time.monotonic() < end:
        n += 1
        name = "c%dn%d" % (k, n)
        lines = random.choice([1, 30, 3000])
        try:
            s = socket.create_connection((ip, port), timeout=20)
            f = s.makefile("rb")
            assert f.readline()[:3] == b"220"
            s.sendall(b"EHLO c\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\n")
            while True:
                l = f.readline()
                if l[:3] in (b"354", b""): break
            if not l: continue
            s.sendall(("X-Name: %s\r\n\r\n%send of %s\r\n.\r\n" % (name, (body + "\r\n") * lines, name)).encode())
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
    while time.monotonic() < end:
        time.sleep(random.uniform(0, 0.02))
        pids = children(server)
        pids += [q for p in pids for q in children(p)]
        if pids:
            try:
                os.kill(random.choice(pids), signal.SIGKILL)
                kills[0] += 1
            except OSError:
                pass

threads = [threading.Thread(target=client, args=(k,)) for k in range(6)] + [threading.Thread(target=killer)]
for t in threads: t.start()
for t in threads: t.join()
deadline = time.monotonic() + 10
while children(server) and time.monotonic() < deadline: time.sleep(0.05)

found = {}
for file in os.listdir(spool + "/todo"):
    data = open(spool + "/todo/" + file, "rb").read()
    # spool(5): the message, the envelope, and a trailer that says how long the message is.
    assert data[-28:-21] == b"spool1 " and data[-1:] == b"\n", "no trailer: " + file
    length = int(data[-21:-1])
    message, envelope = data[:length], data[length:-28]
    assert envelope == b"Fa@client.test\0Tu@example.test\0\0", envelope
    i = message.find(b"X-Name: ")
    assert i >= 0, "half a message: " + file
    name = message[i + 8:message.index(b"\n", i)]
    assert message.endswith(b"end of " + name + b"\n"), "half a message: " + file
    found.setdefault(name.decode(), []).append(file)
twice = [n for n in found if len(found[n]) > 1]
lost = [n for n in acked if n not in found]
print("acked %d, found %d, kills %d, twice %d, lost %d" % (len(acked), len(found), kills[0], len(twice), len(lost)))
sys.exit(0 if acked and kills[0] > 5 and not twice and not lost else 1)
EOF

for queue in "$LIBEXEC/spool-queue" builtin:spool; do
  rm -rf "$SPOOL"
  mkdir -p "$SPOOL/tmp" "$SPOOL/todo"
  serve -q "$queue"
  try "kill -9 at random, queueing with ${queue##*/}" python3 "$T/storm.py" "$IP" "$PORT" "$server" "$SPOOL" "${STORM:-4}"
  sed 's/^/# /' "$T/.try"
done

finish
