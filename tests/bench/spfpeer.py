#!/usr/bin/env python3
"""pyspf on the records of a suite: spfpeer.py FILE ROUNDS. Prints evaluations a second of CPU."""
import gzip
import socket
import sys
import time

import spf
import yaml

zone = {}


def lookup(name, qtype, strict=True, timeout=None, level=0):
    for record in zone.get(name.lower().rstrip("."), []):
        if record == "TIMEOUT":
            raise spf.TempError("DNS timeout")
        kind, value = record
        if kind == qtype:
            yield (name, kind), value
        elif kind == "CNAME" and level < 8:
            yield from lookup(value, qtype, strict, timeout, level + 1)


def load(scenario):
    zone.clear()
    for name, entries in scenario["zonedata"].items():
        to = zone.setdefault(str(name).lower(), [])
        for e in entries:
            if isinstance(e, str):
                to.append(e)
                continue
            for kind, v in e.items():
                if kind in ("SPF", "TXT"):
                    to.append(("TXT", tuple(s.encode() for s in (v if isinstance(v, list) else [v]))))
                elif kind == "AAAA":
                    to.append((kind, socket.inet_pton(socket.AF_INET6, v)))
                elif kind == "MX":
                    to.append((kind, tuple(v)))
                else:
                    to.append((kind, v))


spf.DNSLookup = lookup
spent, n = 0.0, 0
with gzip.open(sys.argv[1]) as f:
    for scenario in yaml.safe_load_all(f):
        load(scenario)
        for t in scenario["tests"].values():
            start = time.process_time()
            for _ in range(int(sys.argv[2])):
                try:
                    spf.query(i=t["host"], s=t["mailfrom"], h=t["helo"]).check()
                except Exception:
                    pass
                n += 1
            spent += time.process_time() - start
print("%.0f" % (n / spent))
