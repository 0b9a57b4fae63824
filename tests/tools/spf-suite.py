#!/usr/bin/env python3
"""Turns SPF test suites in YAML (openspf.org's form) into lines for tests/tools/spf-suite.c.

Each field but the first two words is `=` and the percent-encoded bytes:
    scenario
    zone TYPE =NAME =VALUE      TYPE: A AAAA MX PTR TXT CNAME; or TIMEOUT =NAME
    test =ID =HOST =HELO =MAILFROM =EXPLANATION|- =RESULT...
--qualify puts `.test` behind names of one label, which RFC 7208, 7.1 does not let a record use.
"""
import gzip
import re
import sys
import urllib.parse

import yaml


def field(s):
    data = str(s).encode("latin-1", "ignore")
    return "=" + urllib.parse.quote_from_bytes(data, safe="")


def listed(v):
    return v if isinstance(v, list) else [v]


def records(name, entries):
    """TXT records are made of SPF ones where the name has no TXT of its own."""
    has_txt = any(isinstance(e, dict) and "TXT" in e for e in entries)
    for e in entries:
        if isinstance(e, str) or "TIMEOUT" in e or "SERVFAIL" in e:
            yield "TIMEOUT", ""
            continue
        for kind, value in e.items():
            if kind == "SPF" and not has_txt:
                yield "TXT", "".join(listed(value))
            elif kind == "TXT" and value != "NONE":
                yield "TXT", "".join(listed(value))
            elif kind == "MX":
                yield "MX", value[1]
            elif kind not in ("SPF", "TXT"):
                for one in listed(value):
                    yield kind, one


def qualified(scenario):
    single = [n for n in scenario["zonedata"] if "." not in n]
    single += ["doesnotexist"]
    text = yaml.safe_dump(scenario, width=10**6)
    for n in single:
        text = re.sub(r"(?<=[\s:@=\"'])%s(?=[\s:\"'\]]|$)" % n, n + ".test", text)
    return yaml.safe_load(text)


def main():
    qualify = "--qualify" in sys.argv
    for path in [a for a in sys.argv[1:] if a != "--qualify"]:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
            for scenario in yaml.safe_load_all(f):
                if qualify:
                    scenario = qualified(scenario)
                print("scenario")
                for name, entries in scenario["zonedata"].items():
                    for kind, value in records(name, entries):
                        print("zone", kind, field(str(name).rstrip(".")), field(value))
                for name, t in scenario["tests"].items():
                    explanation = t.get("explanation")
                    print("test", field(name), field(t["host"]), field(t.get("helo", "")), field(t["mailfrom"]),
                          "-" if explanation is None else field(explanation), *map(field, listed(t["result"])))


main()
