#!/usr/bin/env python3
"""A milter for tests that breaks the protocol: milterodd.py SOCKET ACTIONS.

It answers `continue` to all, until a packet of the letter (O C H M R T L N B E) that ACTIONS, read anew at each connection, begins
with; then it does what the next word says: SILENT, CLOSE, HALF (of a packet), GARBAGE, ZERO (a packet of no bytes), HUGE (one of two
gigabytes), UNASKED (a change that was not agreed on), BADHEADER (a name that is none), BADREPLY, ENDLESS (changes for ever), PROGRESS
(for ever), BODY (a new body for ever), TWO (answers at once), DRIP (a byte a second), TEXT (a text without its end), WANTS (what was
not offered), OLD (version 1), LATE (another answer, unasked), GONE (CLOSE), HEADERBOMB,
 CHANGES (each kind once, then CLOSE). LATE and GONE make ACTIONS.done.
"""
import os
import socket
import struct
import sys
import threading
import time


def packet(what, data=b""):
    return struct.pack(">I", len(data) + 1) + what + data


def read(c, n):
    data = b""
    while len(data) < n:
        more = c.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


ADD = packet(b"h", b"X-Odd\0yes\0")
CHANGES = (ADD + packet(b"i", b"\0\0\0\1X-First\0one\0") + packet(b"m", b"\0\0\0\1Subject\0changed\0") + packet(b"e", b"<new@c.test>\0") +
           packet(b"+", b"<added@example.test>\0") + packet(b"b", b"new body\r\n") + packet(b"q", b"held\0"))


def forever(c, data):
    while True:
        c.sendall(data)


def drip(c, data):
    for i in range(len(data)):
        c.sendall(data[i:i + 1])
        time.sleep(1)


def odd(c, how):
    if how == "SILENT":
        read(c, 1 << 30)
    elif how == "CLOSE":
        raise EOFError
    elif how == "HALF":
        c.sendall(packet(b"h", b"X-Odd\0yes\0")[:8])
        raise EOFError
    elif how == "GARBAGE":
        c.sendall(b"\0\0\0\x0bwho are you?")
    elif how == "ZERO":
        c.sendall(b"\0\0\0\0")
    elif how == "HUGE":
        c.sendall(b"\x7f\xff\xff\xffb")
    elif how == "UNASKED":
        c.sendall(ADD + packet(b"c"))
    elif how == "BADHEADER":
        c.sendall(packet(b"h", b"X Odd:\0yes\0") + packet(b"c"))
    elif how == "BADREPLY":
        c.sendall(packet(b"y", b"250 fine\0"))
    elif how == "ENDLESS":
        forever(c, ADD)
    elif how == "HEADERBOMB":
        forever(c, packet(b"h", b"X-Odd\0" + b"x" * 60000 + b"\0"))
    elif how == "PROGRESS":
        forever(c, packet(b"p"))
    elif how == "BODY":
        forever(c, packet(b"b", b"x" * 65000 + b"\r\n"))
    elif how == "TWO":
        c.sendall(packet(b"c") + packet(b"r"))
    elif how == "DRIP":
        drip(c, packet(b"h", b"X-Odd\0yes\0") + packet(b"c"))
    elif how == "TEXT":
        c.sendall(packet(b"h", b"X-Odd\0yes"))
    elif how == "LATE":
        c.sendall(packet(b"c"))
        c.sendall(packet(b"r"))
        open(sys.argv[2] + ".done", "w").close()
    elif how == "GONE":
        c.close()
        open(sys.argv[2] + ".done", "w").close()
        raise EOFError
    elif how == "CHANGES":
        c.sendall(CHANGES)
        raise EOFError


def one(c):
    words = open(sys.argv[2]).read().split() + ["-", "-"]
    while True:
        n = struct.unpack(">I", read(c, 4))[0]
        what, data = read(c, 1), read(c, n - 1)
        letter = what.decode()
        if letter in "DA":
            continue
        if letter == "Q":
            return
        if letter == "O":
            version, actions, steps = 6, 0 if "UNASKED" in words else 0x3f | 0x40, 0x400
            if letter == words[0] and words[1] == "WANTS":
                steps |= 0x80000000
            elif letter == words[0] and words[1] == "OLD":
                version = 1
            elif letter == words[0]:
                odd(c, words[1])
            c.sendall(packet(b"O", struct.pack(">III", version, actions, steps)))
        elif letter == words[0]:
            odd(c, words[1])
        else:
            c.sendall(packet(b"c"))


def serve(c):
    try:
        one(c)
    except (OSError, EOFError):
        pass
    c.close()


s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1] + ".new")
s.listen(64)
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
