#!/usr/bin/env python3
"""A policy server for tests: policyodd.py SOCKET ANSWERS. Each question goes to stdout, its lines and an empty one.

ANSWERS is read at each question; the first line `STATE ANSWER` whose STATE is the question's protocol_state, or `*`, is the answer:
an action, or one of SILENT, CLOSE, HALF (closes in the middle), GARBAGE, TWO (answers at once), NUL, LONG, SLAM (answers, and closes).
"""
import os
import socket
import sys
import threading


def one(c):
    f = c.makefile("rb")
    while True:
        lines = []
        while True:
            line = f.readline()
            if not line:
                return
            if line == b"\n":
                break
            lines.append(line)
        sys.stdout.buffer.write(b"".join(lines) + b"\n")
        sys.stdout.flush()
        state = [x[15:].strip().decode() for x in lines if x.startswith(b"protocol_state=")][0]
        answer = "DUNNO"
        for row in open(sys.argv[2]):
            w = row.rstrip("\n").split(None, 1)
            if w and w[0] in (state, "*"):
                answer = w[1]
                break
        if answer == "SILENT":
            continue
        if answer == "CLOSE":
            return
        out = {"HALF": b"action=DUN", "GARBAGE": b"\xff\xfe who are you?\n\n", "TWO": b"action=DUNNO\n\naction=REJECT\n\n",
               "NUL": b"action=\0\n\n", "LONG": b"action=" + b"x" * 20000 + b"\n\n", "SLAM": b"action=DUNNO\n\n"}.get(
                   answer, b"action=" + answer.encode("latin-1").replace(b"\\a", b"\x07") + b"\n\n")
        c.sendall(out)
        if answer in ("HALF", "SLAM"):
            return


def serve(c):
    try:
        one(c)
    except OSError:
        pass
    c.close()


s = socket.socket(socket.AF_UNIX)
if os.path.exists(sys.argv[1]):
    os.unlink(sys.argv[1])
s.bind(sys.argv[1] + ".new")
s.listen(64)
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
