# Mail while software is switched: switchload.py DIR IP PASSWORD RATER STOP
#
# Strangers (smtpd), users (submission: STARTTLS, AUTH) and questions to raterd, until the file STOP is there. DIR/acked gets
# the subject of each message that was answered 250; the last line of the output has the numbers.
import os, smtplib, socket, ssl, sys, threading, time

where, ip, password, rater, stop = sys.argv[1:]
patience = 30 * int(os.environ.get("PATIENCE", "1"))
lock = threading.Lock()
reasons = {}  # of what was cut
count = dict(sent=0, acked=0, refused=0, cut=0, later=0, asked=0, unanswered=0)
slowest = [0.0]
acked = open(os.path.join(where, "acked"), "w")
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def add(what):
    with lock:
        count[what] += 1
        return count[what]


def cut(port, when, e):
    """The process that had it was killed."""
    with lock:
        key = "%d %s: %s" % (port, when, repr(e)[:100])
        reasons[key] = reasons.get(key, 0) + 1
    return add("cut")


def message(n, port):
    """What became of it: a refused connection or greeting is what must never be."""
    subject = "switch-%d-%d" % (port, n)
    begun = time.monotonic()
    try:
        s = smtplib.SMTP(ip, port, timeout=patience)
    except (ConnectionRefusedError, smtplib.SMTPConnectError) as e:
        print("# refused:", port, repr(e), flush=True)
        return add("refused")
    except (OSError, smtplib.SMTPException) as e:
        return cut(port, "at the greeting", e)
    with lock:
        slowest[0] = max(slowest[0], time.monotonic() - begun)
    stage = "session"
    try:
        if port == 2587:
            stage = "STARTTLS"
            s.starttls(context=context)
            stage = "AUTH"
            s.login("postmaster", password)
            stage = "message"
        s.sendmail("postmaster@example.test", ["postmaster@example.test"], "Subject: %s\r\n\r\nx\r\n" % subject)
        with lock:
            acked.write(subject + "\n")
            acked.flush()
        add("acked")
    except smtplib.SMTPResponseException as e:
        add("later" if 400 <= e.smtp_code < 500 or e.smtp_code == 0 else "refused")
        if e.smtp_code >= 500:
            print("# refused:", port, repr(e), flush=True)
    except smtplib.SMTPRecipientsRefused as e:
        add("later" if all(r[0] < 500 for r in e.recipients.values()) else "refused")
    except (OSError, smtplib.SMTPException) as e:
        cut(port, "in " + stage, e)
    finally:
        s.close()


def mail(port):
    while not os.path.exists(stop):
        message(add("sent"), port)
        time.sleep(0.02)


def questions():
    while not os.path.exists(stop):
        add("asked")
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(patience)
                s.connect(rater)
                s.sendall(b"ip 192.0.2.1\n")
                if not s.recv(100):
                    add("unanswered")
        except OSError:
            add("unanswered")
        time.sleep(0.02)


threads = [threading.Thread(target=mail, args=(p,)) for p in (2525, 2525, 2587)] + [threading.Thread(target=questions)]
for t in threads:
    t.start()
for t in threads:
    t.join()
for key, n in sorted(reasons.items()):
    print("# cut", n, "times:", key)
print(" ".join("%s=%d" % i for i in count.items()), "slowest=%.2f" % slowest[0])
