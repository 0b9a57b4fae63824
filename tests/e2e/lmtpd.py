# An LMTP server on a unix socket: lmtpd.py SOCKET LOG [NAME=CODE]...
# Answers for each recipient, NAME's with CODE after the message; writes what it hears to LOG.
import socket
import sys

codes = dict(a.split("=") for a in sys.argv[3:])
log = open(sys.argv[2], "a", buffering=1)
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(5)
while True:
    c, _ = s.accept()
    f = c.makefile("rwb")
    log.write("connection\n")

    def say(text):
        f.write(text.encode() + b"\r\n")
        f.flush()

    say("220 lmtp")
    to = []
    while True:
        line = f.readline().decode("utf8", "replace").rstrip("\r\n")
        if not line:
            break
        log.write(line + "\n")
        verb = line[:4]
        if verb == "LHLO":
            say("250-lmtp")
            say("250 PIPELINING")
        elif verb == "RCPT":
            to.append(line.split("<")[1].split("@")[0])
            say("250 2.1.5 ok")
        elif verb == "DATA":
            say("354 go on")
            while True:
                line = f.readline()
                if line == b".\r\n" or not line:
                    break
                log.write(line.decode("utf8", "replace").rstrip("\r\n") + "\n")
            for name in to:
                code = codes.get(name, "250")
                if code == "250":
                    log.write("taken %s\n" % name)
                say("%s %s.2.0 for %s" % (code, code[0], name))
            to = []
        else:
            to = [] if verb in ("MAIL", "RSET") else to
            say("250 ok")
    c.close()
