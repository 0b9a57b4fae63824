#!/usr/bin/env python3
"""status-check.py json MANUAL <DOCUMENT, or: status-check.py metrics MANUAL <TEXT.

Holds what `mailctl status --json` and `--metrics` say against the manual mailctl-status(5): its table of
fields, and the rules of the OpenMetrics text format. Prints what is wrong; exit 1 if anything is."""
import json, re, sys

TYPES = {"text": str, "count": int, "number": (int, float), "percent": (int, float), "bytes": int, "seconds": int,
         "time": str, "yes or no": bool}
STATES = ["ready", "starting", "up", "stopping", "stopped", "retrying", "FAILED", "FAILED (retrying)", "missing", "unknown"]
wrong = []


def bad(*words):
    wrong.append(" ".join(str(w) for w in words))


def fields(manual):
    """name: (type, metric), from the items `.It Li NAME , TYPE` or `.It Li NAME , TYPE , Li METRIC`."""
    found = {}
    for line in open(manual):
        m = re.match(r"\.It Li (\S+) , ([a-z ]+?)(?: , Li (\S+))?$", line)
        if m and m[2] in TYPES:
            found[m[1]] = (m[2], m[3] or "-")
    return found


def check_value(name, kind, v):
    if v is None:
        return
    want = TYPES[kind]
    if not isinstance(v, want) or (isinstance(v, bool) and want is not bool):
        bad(name, "is", repr(v), "and no", kind)
    if kind == "time" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(v)):
        bad(name, "is no time:", v)
    if isinstance(v, (int, float)) and v < 0:
        bad(name, "is", v)


def check_object(prefix, o, table):
    wanted = dict(table)
    for name, (kind, _) in table.items():
        if kind == "time":
            wanted[name + "_seconds"] = ("count", "-")
    for name in wanted:
        if name not in o:
            bad(prefix + name, "is missing")
    for name, v in o.items():
        if name in wanted:
            check_value(prefix + name, wanted[name][0], v)
        elif not isinstance(v, (dict, list)) and (prefix or name not in ("mailctl",)) and not (prefix == "" and v is None):
            bad(prefix + name, "is not in the manual")


def check_json(table):
    doc = json.load(sys.stdin)
    service = {n: t for n, t in table.items() if "." not in n and n not in ("generation", "health", "time")}
    top = {n: t for n, t in table.items() if n in ("generation", "health", "time")}
    check_object("", doc, top)
    groups = {}
    for name, t in table.items():
        if "." in name:
            group, rest = name.split(".", 1)
            groups.setdefault(group, {})[rest] = t
    for group, t in groups.items():
        o = doc.get(group, 0)
        if o is None and group in ("smtpd", "submission", "tls", "rater"):
            continue
        if not isinstance(o, dict):
            bad(group, "is no object")
            continue
        rest = {k: v for k, v in o.items() if k != "offenders"}
        check_object(group + ".", rest, t)
    if set(doc) - set(top) - set(groups) - {"mailctl", "services", "warnings", "unknown", "time_seconds"}:
        bad("unknown parts:", set(doc))
    for s in doc["services"]:
        check_object("services." + str(s.get("name")) + ".", s, service)
        if s["state"] not in STATES or s["log"] not in STATES:
            bad(s["name"], "has the state", s["state"], s["log"])
        if s["state"] in ("ready", "up", "starting") and "services.%s.pid" % s["name"] not in doc["unknown"] and not s["pid"]:
            bad(s["name"], "runs without a pid")
        if s["state"] in ("stopped", "missing", "FAILED") and s["pid"]:
            bad(s["name"], "is", s["state"], "and has a pid")
    for name in doc["unknown"]:
        at = doc
        parts = name.split(".")
        if parts[0] == "services":
            at = next(s for s in doc["services"] if s["name"] == ".".join(parts[1:-1]))
            parts = parts[-1:]
        for p in parts:
            at = at[p]
        if at is not None:
            bad(name, "is called unknown, and is", at)
    for w in doc["warnings"]:
        if set(w) != {"time", "time_seconds", "service", "text"}:
            bad("a warning has", set(w))
    for o in (doc["rater"] or {}).get("offenders") or []:
        if set(o) != {"class", "value", "refusals", "seconds_ago"}:
            bad("an offender has", set(o))
    return doc


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.]+(?:e[+-]?\d+)?)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def check_metrics(table):
    text = sys.stdin.read()
    if not text.endswith("\n# EOF\n") or text.count("# EOF") != 1:
        bad("no # EOF at the end")
    family, kind, seen, samples = None, None, set(), set()
    for line in text.splitlines()[:-1]:
        if line.startswith("# HELP "):
            family, kind = line.split()[2], None
            if family in seen:
                bad(family, "comes twice")
            seen.add(family)
            if not line.split(None, 3)[3:]:
                bad(family, "has no help")
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            if name != family or kind not in ("gauge", "counter"):
                bad("a TYPE out of place:", line)
            if name.endswith("_total"):
                bad("a family's name must not end in _total:", name)
        else:
            m = SAMPLE.match(line)
            if not m:
                bad("no sample:", line)
                continue
            if m[1] != family + ("_total" if kind == "counter" else ""):
                bad("a sample outside its family:", line)
            rest = m[2] or ""
            while rest:
                label = LABEL.match(rest)
                if not label:
                    bad("bad labels:", line)
                    break
                rest = rest[label.end():]
            if (m[1], m[2]) in samples:
                bad("twice:", line)
            samples.add((m[1], m[2]))
            if float(m[3]) < 0:
                bad("negative:", line)
    for name, (_, metric) in table.items():
        if (metric != "-") != (metric in seen):
            bad(name, "should have the metric", metric)
    for name in seen - {m for _, m in table.values()}:
        bad(name, "is not in the manual")


table = fields(sys.argv[2])
if len(table) < 50:
    bad("the manual has", len(table), "fields")
{"json": check_json, "metrics": check_metrics}[sys.argv[1]](table)
for line in wrong:
    print(line)
sys.exit(bool(wrong))
