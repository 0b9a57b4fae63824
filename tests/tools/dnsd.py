#!/usr/bin/python3
"""A DNS server for tests. usage: dnsd.py ADDRESS PORT ZONE

Answers questions over UDP by the file ZONE, read anew for each. A line is `NAME TYPE DATA`, names without a dot at the end:

  NAME A 10.1.0.1       NAME AAAA fd00::1     NAME MX 10 HOST      NAME MX 0 .
  NAME CNAME HOST       NAME TXT any text     NAME PTR HOST        NAME TLSA 3 1 1 HEX
  NAME SRV 0 1 587 HOST   NAME CAA 0 issue "NAME"
  NAME FAIL             SERVFAIL for every question about the name
  NAME SILENT           no answer at all
  NAME AD               its answers say that they were validated, if the question asks for that

Writes a newline to stdout once it serves.
"""
import socket
import struct
import sys

TYPES = {"A": 1, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "TLSA": 52, "CAA": 257}


def name(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".") if p) + b"\0"


def data(kind, text):
    if kind == "A":
        return socket.inet_aton(text)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, text)
    if kind == "MX":
        preference, host = text.split()
        return struct.pack(">H", int(preference)) + name(host)
    if kind == "TXT":
        raw = text.encode()
        return b"".join(bytes([len(raw[i : i + 255])]) + raw[i : i + 255] for i in range(0, len(raw) or 1, 255))
    if kind == "SRV":
        numbers = text.split()
        return struct.pack(">HHH", *map(int, numbers[:3])) + name(numbers[3])
    if kind == "CAA":
        flags, tag, value = text.split(None, 2)
        return bytes([int(flags), len(tag)]) + tag.encode() + value.strip('"').encode()
    if kind == "TLSA":
        usage, selector, matching, digest = text.split()
        return bytes([int(usage), int(selector), int(matching)]) + bytes.fromhex(digest)
    return name(text)


def zone(path):
    lines = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            words = line.split(None, 2)
            if len(words) >= 2 and not line.startswith("#"):
                lines.setdefault(words[0].lower(), []).append((words[1], words[2].strip() if len(words) > 2 else ""))
    return lines


def question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    return ".".join(labels).lower(), struct.unpack(">H", packet[at + 1 : at + 3])[0], at + 5


def answer(packet, records):
    asked, kind, end = question(packet)
    flags = struct.unpack(">H", packet[2:4])[0]
    found, code, validated, names = [], 0, True, asked in records
    for _ in range(8):
        lines = records.get(asked, [])
        kinds = [k for k, _ in lines]
        if "SILENT" in kinds:
            return None
        if "FAIL" in kinds:
            code = 2
        validated &= "AD" in kinds
        names = names and bool(lines)
        alias = [d for k, d in lines if k == "CNAME"]
        found += [(asked, k, data(k, d)) for k, d in lines if TYPES.get(k) in (kind, 5)]
        if not alias or code:
            break
        asked = alias[0].lower()
    if not names and not code:
        # a name above others exists, too
        code = 0 if any(n.endswith("." + asked) for n in records) else 3
    if code == 2:
        found = []
    out = struct.pack(
        ">HHHHHH", struct.unpack(">H", packet[:2])[0], 0x8180 | (flags & 0x20 if validated else 0) | code, 1, len(found), 0, 0
    )
    out += packet[12:end]
    for owner, k, d in found:
        out += name(owner) + struct.pack(">HHIH", TYPES[k], 1, 60, len(d)) + d
    return out


def main():
    address, port, path = sys.argv[1:4]
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, int(port)))
    print(flush=True)
    while True:
        packet, peer = s.recvfrom(4096)
        try:
            out = answer(packet, zone(path))
        except (IndexError, UnicodeError, struct.error):
            continue
        if out:
            s.sendto(out, peer)


if __name__ == "__main__":
    main()
