"""Sends mail through a bundle while killing its processes.

storm.py BUNDLE IP SECONDS SEED CLIENTS [SMTP-SOURCE]

Each client sends messages of its own, each once: a line `ID DIRECTORY...` goes to BUNDLE/../acked when the server
answered 250, to BUNDLE/../sent before. Two more clients are Postfix's smtp-source, if given: each of its messages is
for a user of its own, ID, whom nobody knows, and so arrives in the directory flood, the catch-all. Every second a random
process of the bundle gets SIGKILL; when it was one of the supervision's, `mailctl up` repairs. Prints what was
killed, and how often.
"""

import collections
import os
import random
import signal
import smtplib
import smtpsource
import subprocess
import sys
import threading
import time

bundle, ip, seconds, seed, clients = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
directory = os.path.dirname(bundle)
source = sys.argv[6] if len(sys.argv) > 6 else None
end = time.monotonic() + seconds
conf = bundle + "/mailctl.conf"
people = ["postmaster@example.test", "joe@example.test", "ann-list@example.test"]
names = ("tcplisten", "smtpd", "spool-deliver", "mailctl", "raterd", "s6-log", "s6-supervise", "s6-svscan", "s6-ipcserverd", "tlsd")
lock = threading.Lock()
tally = collections.Counter()


def note(file, line):
    with lock:
        file.write(line + "\n")
        file.flush()


def reason(e):
    if isinstance(e, smtplib.SMTPResponseException):
        return f"{e.smtp_code} {e.smtp_error.decode(errors='replace')[:60]}"
    if isinstance(e, smtplib.SMTPRecipientsRefused):
        return "{} {}".format(*next(iter(e.recipients.values())))[:60]
    return type(e).__name__


def client(number, sent, acked):
    rng = random.Random(seed * 1000 + number)
    count = 0
    while time.monotonic() < end:
        try:
            with smtplib.SMTP(ip, 2525, timeout=30) as s:
                for _ in range(rng.randrange(1, 4)):
                    count += 1
                    name = f"{number}.{count}"
                    to = rng.sample(people, rng.randrange(1, 4))
                    body = f"Subject: soak {name}\r\n\r\n" + "a line of the body\r\n" * rng.choice((1, 20, 5000)) + "end\r\n"
                    line = " ".join([name] + [x.split("@")[0].split("-")[0] for x in to])
                    note(sent, line)
                    s.sendmail("soak@example.org", to, body)
                    note(acked, line)
                    tally["acknowledged"] += 1
        except (smtplib.SMTPException, OSError) as e:
            tally["sessions that failed: " + reason(e)] += 1
            time.sleep(0.05)


def flood(number, sent, acked):
    rng = random.Random(seed * 1000 + 500 + number)
    files = []
    for lines in (1, 20, 300):
        files.append(f"{directory}/flood.{number}.{lines}")
        with open(files[-1], "w") as f:
            f.write("Subject: flood\n\n" + "a line of the body\n" * lines + "end\n")
    count = 0
    while time.monotonic() < end:
        count += 1
        to = f"s{number}n{count}@example.test"
        for to, acknowledged in smtpsource.pour(source, ip, 2525, rng.choice(files), to, 100):
            note(acked if acknowledged else sent, to.split("@")[0] + " flood")
        time.sleep(0.05)
    tally["runs of smtp-source"] += count


def own_processes():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as f:
                name = f.read().strip()
            if name not in names:
                continue
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read()
            if directory.encode() in line or os.readlink(f"/proc/{pid}/cwd").startswith(directory):
                found.append((name, int(pid)))
        except OSError:
            pass
    return sorted(found)


def await_end(pid):
    """Its locks and sockets are free then, as a person finds them who comes to repair."""
    while os.path.exists(f"/proc/{pid}"):
        try:
            with open(f"/proc/{pid}/stat") as f:
                if f.read().rsplit(")", 1)[1].split()[0] in "ZX":
                    return
        except OSError:
            return
        time.sleep(0.005)


def killer():
    rng = random.Random(seed)
    mended = time.monotonic()
    while time.monotonic() < end:
        time.sleep(rng.uniform(0.5, 1.5))
        found = own_processes()
        kinds = sorted({n for n, _ in found})
        if not kinds:
            continue
        kind = rng.choice(kinds)
        if kind in ("s6-svscan", "s6-supervise") and rng.random() < 0.5:
            continue
        pid = rng.choice([p for n, p in found if n == kind])
        try:
            os.kill(pid, signal.SIGKILL)
            tally["killed " + kind] += 1
            await_end(pid)
        except OSError:
            continue
        if kind in ("s6-svscan", "s6-supervise") or time.monotonic() - mended > 10:
            mended = time.monotonic()
            r = subprocess.run(["mailctl", "-c", conf, "up"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
            tally[f"up: exit {r.returncode}"] += 1
            if r.returncode:
                print("mailctl up:", r.stderr.strip().replace("\n", "\n  "))


with open(directory + "/sent", "w") as sent, open(directory + "/acked", "w") as acked:
    threads = [threading.Thread(target=client, args=(i, sent, acked)) for i in range(clients)]
    if source:
        threads += [threading.Thread(target=flood, args=(i, sent, acked)) for i in range(2)]
    threads.append(threading.Thread(target=killer))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
for what in sorted(tally):
    print(f"{tally[what]} {what}")
