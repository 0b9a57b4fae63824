#!/usr/bin/python3
"""An SMTP server for tests, as odd as it is told. usage: oddsmtp.py DIRECTORY ADDRESS PORT [WORD[=VALUE]]...

Each message becomes DIRECTORY/N with the envelope in its first lines, DIRECTORY/log has what clients said. Words:

  offer=A|B      what EHLO offers (PIPELINING|8BITMIME|SIZE 10000000|SMTPUTF8|ENHANCEDSTATUSCODES|DSN); empty: nothing
  STAGE=ANSWER   what is said at connect, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, DOT or QUIT instead; `close`, `reset` and
                 `stall` say nothing, and `A;B` is A the first time and B from then on
  lines=N        the greeting has N lines
  refuse=NAME    answers 550 to recipients that begin with NAME, and 450 to those that begin with `later`
  early          after DATA, reads nothing, says 552 and closes
  cert=FILE      certificate and key: offers STARTTLS
  login=U:P      offers AUTH PLAIN LOGIN and takes these alone
  inject         says more in the clear, right after its answer to STARTTLS

Writes a newline to stdout once it serves.
"""
import base64
import os
import socket
import ssl
import struct
import sys
import threading

options = dict(a.partition("=")[::2] for a in sys.argv[4:])
directory = sys.argv[1]
count = 0
times = {}
lock = threading.Lock()


class End(Exception):
    pass


class Session:
    def __init__(self, s):
        self.s, self.f, self.tls = s, s.makefile("rb"), False
        self.sender, self.recipients = None, []

    def log(self, line):
        with lock, open(os.path.join(directory, "log"), "ab") as f:
            f.write(line + b"\n")

    def say(self, text):
        self.s.sendall(text.encode() + b"\r\n")

    def odd(self, stage):
        """Whether something else was said at this stage."""
        if stage not in options:
            return False
        with lock:
            answers = options[stage].split(";")
            what = answers[min(times.get(stage, 0), len(answers) - 1)]
            times[stage] = times.get(stage, 0) + 1
        if what == "close":
            raise End
        if what == "reset":
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise End
        if what == "stall":
            self.s.recv(1) if self.tls else self.s.settimeout(600)
            self.f.read()
            raise End
        if not what:
            return False
        for line in what.split("|"):
            self.say(line)
        return True

    def line(self):
        line = self.f.readline(10000)
        if not line:
            raise End
        self.log(line.rstrip(b"\r\n"))
        if not line.endswith(b"\r\n"):
            self.log(b"BARE LF")
        return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")

    def ehlo(self):
        offers = [o for o in options.get("offer", "PIPELINING|8BITMIME|SIZE 10000000|SMTPUTF8|DSN").split("|") if o]
        if "cert" in options and not self.tls:
            offers.append("STARTTLS")
        if "login" in options:
            offers.append("AUTH " + options.get("mechanisms", "PLAIN LOGIN"))
        lines = ["odd.test"] + offers
        for i, text in enumerate(lines):
            self.say("250%s%s" % (" " if i == len(lines) - 1 else "-", text))

    def starttls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["cert"])
        self.s.sendall(b"220 go\r\n" + (b"250 injected\r\n" if "inject" in options else b""))
        self.s = context.wrap_socket(self.s, server_side=True)
        self.f, self.tls = self.s.makefile("rb"), True
        self.log(b"TLS")

    def auth(self, words):
        if words[1].upper() == "PLAIN":
            _, user, password = base64.b64decode(words[2]).decode().split("\0")
        else:
            self.say("334 " + base64.b64encode(b"Username:").decode())
            user = base64.b64decode(self.line()).decode()
            self.say("334 " + base64.b64encode(b"Password:").decode())
            password = base64.b64decode(self.line()).decode()
        self.say("235 ok" if user + ":" + password == options["login"] else "535 no")

    def rcpt(self, address):
        if self.sender is None:
            self.say("503 no sender")
        elif "refuse" in options and address.startswith("<" + options["refuse"]):
            self.say("550 5.1.1 no such user here")
        elif address.startswith("<later"):
            self.say("450 4.2.1 try later")
        else:
            self.recipients.append(address)
            self.say("250 ok")

    def data(self):
        global count
        if not self.recipients:
            self.say("503 no recipients")
            return
        self.say("354 go")
        if "early" in options:
            self.say("552 5.3.4 too much")
            self.s.shutdown(socket.SHUT_WR)
            raise End
        body = bytearray()
        while True:
            line = self.f.readline(1000000)
            if not line:
                self.log(b"EOF IN DATA")
                raise End
            if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
                self.log(b"BARE CR OR LF IN DATA")
            if line == b".\r\n":
                break
            body += line[1:] if line.startswith(b".") else line
        if self.odd("DOT"):
            return
        with lock:
            count += 1
            path = os.path.join(directory, str(count))
            with open(path + ".new", "wb") as f:
                f.write(("%s\n%s\n" % (self.sender, " ".join(self.recipients))).encode("utf-8", "surrogateescape") + body)
            os.rename(path + ".new", path)
        self.say("250 2.0.0 taken")

    def run(self):
        if not self.odd("connect"):
            n = int(options.get("lines", 1))
            for i in range(n):
                self.say("220%sodd.test ready" % ("-" if i < n - 1 else " "))
        while True:
            line = self.line()
            words = line.split()
            verb = words[0].upper() if words else ""
            if self.odd({"HELO": "HELO"}.get(verb, verb)):
                continue
            if verb == "EHLO":
                self.ehlo()
            elif verb == "HELO":
                self.say("250 odd.test")
            elif verb == "STARTTLS":
                self.starttls()
            elif verb == "AUTH":
                self.auth(words)
            elif verb == "MAIL":
                self.sender, self.recipients = line[10:], []
                self.say("250 ok")
            elif verb == "RCPT":
                self.rcpt(line[8:])
            elif verb == "DATA":
                self.data()
            elif verb == "QUIT":
                self.say("221 bye")
                raise End
            else:
                self.say("500 what?")


def serve(s):
    session = Session(s)
    try:
        session.run()
    except (End, OSError, ssl.SSLError) as e:
        if not isinstance(e, End):
            session.log(b"ERROR " + str(e).encode())
    session.f.close()
    session.s.close()


def main():
    address, port = sys.argv[2:4]
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address:
        listener.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND: an address that is only routed to us
    listener.bind((address, int(port)))
    listener.listen(64)
    print(flush=True)
    while True:
        s, _ = listener.accept()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(s,), daemon=True).start()


if __name__ == "__main__":
    main()
