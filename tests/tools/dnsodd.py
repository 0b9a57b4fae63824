#!/usr/bin/env python3
"""A DNS server for tests, of answers good and odd: dnsodd.py ADDRESS[:PORT] ZONE [READY-FILE]

ZONE is read at each question; lines of `NAME TYPE VALUE...`, `#` begins a comment, * as NAME is whatever has no line of its own.
    A, AAAA, PTR, TXT, CNAME     MX VALUE (preference 10; `.`: null MX)
    SERVFAIL, REFUSED, SILENT    no value; TRUNCATED: over UDP nothing but the flag
    GARBAGE                      bytes that are no message
    LOOP                         a name that points at itself
    SLOW MS                      before what else the name has
Every question is written to stderr, `NAME TYPE udp|tcp`. It serves UDP and TCP on a port that it prints.
"""
import os
import socket
import struct
import sys
import threading
import time

TYPES = {"A": 1, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
NAMES = {v: k for k, v in TYPES.items()}


def encode(name):
    out = b""
    for label in name.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode("latin-1")
    return out + b"\0"


def decode(msg, at):
    labels = []
    while msg[at]:
        labels.append(msg[at + 1 : at + 1 + msg[at]].decode("latin-1"))
        at += 1 + msg[at]
    return ".".join(labels).lower(), at + 1


def rdata(kind, value):
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "MX":
        return struct.pack(">H", 10) + encode(value)
    if kind == "TXT":
        data = value.encode("latin-1")
        return b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255)) or b"\0"
    return encode(value)


def load(path):
    zone = {}
    with open(path, encoding="latin-1") as f:
        for line in f:
            w = line.split("#")[0].rstrip("\n").split(None, 2)
            if len(w) >= 2:
                zone.setdefault(w[0].lower(), []).append((w[1], w[2].strip() if len(w) > 2 else ""))
    return zone


def answer(msg, zone, tcp):
    name, end = decode(msg, 12)
    kind = NAMES.get(struct.unpack(">H", msg[end : end + 2])[0], "?")
    question = msg[12 : end + 4]
    print(name, kind, "tcp" if tcp else "udp", file=sys.stderr, flush=True)
    has = zone.get(name, zone.get("*"))
    words = [t for t, _ in has or []]

    def reply(rcode, answers=(), flags=0x8180):
        head = msg[:2] + struct.pack(">HHHHH", flags | rcode, 1, len(answers), 0, 0)
        return head + question + b"".join(answers)

    for t, value in has or []:
        if t == "SLOW":
            time.sleep(int(value) / 1000)
    if has is None:
        return reply(3)
    if "SILENT" in words:
        return None
    if "SERVFAIL" in words:
        return reply(2)
    if "REFUSED" in words:
        return reply(5)
    if "GARBAGE" in words:
        return msg[:2] + b"\x81\x80" + b"\xff" * 40
    if "TRUNCATED" in words and not tcp:
        return reply(0, flags=0x8380)
    if "LOOP" in words:
        head = msg[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
        return head + question + struct.pack(">H", 0xC000 + len(head + question)) + struct.pack(">HHIH", 1, 1, 60, 4) + b"\1\2\3\4"
    records, at = [], name
    for _ in range(8):
        alias = [v for t, v in zone.get(at, []) if t == "CNAME"]
        if not alias:
            break
        records.append(encode(at) + struct.pack(">HHIH", 5, 1, 60, len(encode(alias[0]))) + encode(alias[0]))
        at = alias[0].lower()
    for t, value in zone.get(at, has if at == name else []):
        if t == kind:
            data = rdata(t, value)
            records.append(encode(at) + struct.pack(">HHIH", TYPES[t], 1, 60, len(data)) + data)
    out = reply(0, records)
    return reply(0, flags=0x8380) if len(out) > 1200 and not tcp else out


def serve_udp(s, path):
    def one(msg, peer):
        out = answer(msg, load(path), False)
        if out:
            s.sendto(out, peer)

    while True:
        msg, peer = s.recvfrom(4096)
        threading.Thread(target=one, args=(msg, peer), daemon=True).start()


def serve_tcp(s, path):
    def one(c):
        with c:
            while True:
                head = c.recv(2, socket.MSG_WAITALL)
                if len(head) < 2:
                    return
                out = answer(c.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL), load(path), True)
                if out:
                    c.sendall(struct.pack(">H", len(out)) + out)

    while True:
        threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()


def main():
    ip, _, port = sys.argv[1].partition(":")
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind((ip, int(port or 0)))
    t = socket.socket()
    t.bind(u.getsockname())
    t.listen(64)
    threading.Thread(target=serve_tcp, args=(t, sys.argv[2]), daemon=True).start()
    print(u.getsockname()[1], flush=True)
    if len(sys.argv) > 3:
        with open(sys.argv[3] + ".new", "w") as f:
            f.write("%d\n" % u.getsockname()[1])
        os.rename(sys.argv[3] + ".new", sys.argv[3])
    serve_udp(u, sys.argv[2])


main()
