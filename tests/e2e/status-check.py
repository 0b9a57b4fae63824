#!/usr/bin/env python3
"""status-check.py json MANUAL [STATE SERVICE] <DOCUMENT, or: status-check.py metrics MANUAL <TEXT.

Holds what `mailctl status --json` and `--metrics` say against the manual mailctl-status(5), from which it takes
the schema (fields, types, metrics, states, members), and against the rules of the OpenMetrics text format.
With STATE and SERVICE, that service must have that state. Prints what is wrong; exit 1 if anything is."""
import json, re, sys

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
TYPES = {
    "text": {"type": ["string", "null"]},
    "count": {"type": ["integer", "null"], "minimum": 0},
    "bytes": {"type": ["integer", "null"], "minimum": 0},
    "seconds": {"type": ["integer", "null"], "minimum": 0},
    "number": {"type": ["number", "null"], "minimum": 0},
    "percent": {"type": ["number", "null"], "minimum": 0},
    "time": {"type": ["string", "null"], "pattern": TIME},
    "yes or no": {"type": ["boolean", "null"]},
}
UNITS = {"bytes": "_bytes", "seconds": "_seconds", "percent": "_ratio", "time": "_timestamp_seconds"}
# Fields whose values are words of their description.
WORDS = ["health", "supervisor.state", "overload.state", "overload.maker", "runs"]
wrong = []


def bad(*words):
    wrong.append(" ".join(str(w) for w in words))


# --- the manual ---------------------------------------------------------------------------------------


class Manual:
    def __init__(self, file):
        self.sections = {}
        section = None
        for line in open(file):
            line = line.rstrip("\n")
            if line.startswith((".Ss ", ".Sh ")):
                section = self.sections.setdefault(line[4:], [])
            elif section is not None:
                section.append(line)
        self.service = self.fields("Fields of each service")
        self.whole = self.fields("Fields of the whole")
        self.states = [m[1] for m in self.items("States", r"\.It Li (.*)$")]

    def items(self, section, pattern):
        return [m for m in (re.match(pattern, s) for s in self.sections[section]) if m]

    def fields(self, section):
        """name: (type, metric or None, description)"""
        found, name = {}, None
        for line in self.sections[section]:
            m = re.match(r"\.It Li (\S+) , ([a-z ]+?)(?: , Li (\S+))?$", line)
            if m:
                name = m[1]
                found[name] = (m[2], m[3], "")
            elif name and not line.startswith("."):
                found[name] = found[name][:2] + (found[name][2] + " " + line,)
        return found

    def members(self):
        """Of the document: name: the names of the objects in it, if it is an array of such."""
        found, now = {}, []
        for line in self.sections["JSON"]:
            if line.startswith(".It Li "):
                now = re.split(r" ?, ?", line[len(".It Li "):])
                found.update({name: None for name in now})
            elif line.endswith("each an object of"):
                found[now[0]] = []
            elif line == ".El":
                break
            elif line.startswith(".Li ") and now and found[now[0]] is not None:
                found[now[0]].append(line.split()[1])
        return found

    def never_null(self):
        text = " ".join(self.sections["JSON"])
        m = re.search(r"\.Dv null are never((?: \.Li \S+,?| ,| and)+)", text.replace(" ,", ""))
        return re.findall(r"\.Li ([a-z.]+)", m[1]) if m else []


# --- JSON ---------------------------------------------------------------------------------------------


def properties(table, words=""):
    """The schema of an object with these fields; a time has a number beside it."""
    found = {}
    for name, (kind, _, text) in table.items():
        found[name] = dict(TYPES[kind])
        if words + name in WORDS:
            found[name]["among"] = text
        if kind == "time":
            found[name + "_seconds"] = TYPES["count"]
    return found


def an_object(found):
    return {"type": "object", "properties": found}


def plain_member(name):
    return {"time": TYPES["time"], "time_seconds": TYPES["count"], "refusals": TYPES["count"],
            "seconds_ago": TYPES["seconds"], "asked": TYPES["count"], "refused": TYPES["count"], "failed": TYPES["count"],
            "median_ms": TYPES["count"], "worst_ms": TYPES["count"]}.get(name, TYPES["text"])


def schema(manual):
    """As JSON Schema has it; every member is required and no other is allowed."""
    groups, top = {}, {}
    for name, field in manual.whole.items():
        group, _, rest = name.rpartition(".")
        (groups.setdefault(group, {}) if group else top)[rest] = field
    found = properties(top)
    for group, table in groups.items():
        found[group] = an_object(properties(table, group + "."))
    one = properties(manual.service)
    for name in ("state", "log"):
        one[name]["enum"] = manual.states
    for name, inner in manual.members().items():
        place, _, rest = name.rpartition(".")
        of = found[place]["properties"] if place else found
        if inner is not None:
            of[rest] = {"type": ["array", "null"] if place else "array",
                        "items": an_object({n: dict(plain_member(n), null=False) for n in inner})}
        elif name not in found:
            of[rest] = {"mailctl": {"type": "string"}, "unknown": {"type": "array", "items": {"type": "string"}},
                        "notes": {"type": "array", "items": {"type": "string"}},
                        "services": {"type": "array", "items": an_object(one)}}[name]
    for name in ("imap", "outbound", "smtpd", "submission", "tls", "rater", "policy"):
        found[name]["type"] = ["object", "null"]
    for name in manual.never_null():
        group, _, rest = name.rpartition(".")
        (one if group == "services" else found)[rest]["null"] = False
    return an_object(found)


def type_of(v):
    if v is None or isinstance(v, bool):
        return ["null"] if v is None else ["boolean"]
    return {str: ["string"], int: ["integer", "number"], float: ["number"], list: ["array"], dict: ["object"]}[type(v)]


def validate(v, s, path):
    kinds = s["type"] if isinstance(s["type"], list) else [s["type"]]
    if not set(type_of(v)) & set(kinds) or (v is None and s.get("null") is False):
        return bad(path, "is", repr(v), "and should be", " or ".join(kinds))
    if v is None:
        return
    if "enum" in s and v not in s["enum"] or "among" in s and v not in s["among"]:
        bad(path, "is", repr(v), "which the manual does not have")
    if "pattern" in s and not re.fullmatch(s["pattern"], v):
        bad(path, "is no time:", v)
    if "minimum" in s and v < s["minimum"]:
        bad(path, "is", v)
    for i, item in enumerate(v if "items" in s else []):
        validate(item, s["items"], "%s[%s]" % (path, item.get("name", i) if isinstance(item, dict) else i))
    if "properties" in s:
        for name in set(s["properties"]) ^ set(v):
            bad(path + "." + name, "is missing" if name in s["properties"] else "is not in the manual")
        for name in set(s["properties"]) & set(v):
            validate(v[name], s["properties"][name], path + "." + name)


def at(doc, name):
    """The member of that name, as in `unknown`."""
    parts = name.split(".")
    if parts[0] == "services":
        doc = next(s for s in doc["services"] if s["name"] == ".".join(parts[1:-1]))
        parts = parts[-1:]
    for p in parts:
        doc = doc[p]
    return doc


def check_json(manual, state=None, service=None):
    doc = json.load(sys.stdin)
    validate(doc, schema(manual), "")
    if wrong:
        return
    for name in doc["unknown"]:
        if at(doc, name) is not None:
            bad(name, "is called unknown, and is", at(doc, name))
    for s in doc["services"]:
        runs = s["state"] in ("ready", "up", "starting", "stopping")
        if runs and s["pid"] is None and "services.%s.pid" % s["name"] not in doc["unknown"]:
            bad(s["name"], "runs without a pid")
        if s["state"] in ("stopped", "missing", "FAILED", "retrying", "FAILED (retrying)") and s["pid"] is not None:
            bad(s["name"], "is", s["state"], "and has a pid")
    if state and [s["state"] for s in doc["services"] if s["name"] == service] != [state]:
        bad(service, "is not", state)


# --- metrics ------------------------------------------------------------------------------------------

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(r"(%s)(?:\{(.*)\})? (-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?)" % NAME)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=.)|$)')
RESERVED = ("_total", "_created", "_count", "_sum", "_bucket", "_info")


class Family:
    def __init__(self, name):
        self.name, self.kind, self.labels = name, None, None


def read_labels(line, text):
    """name: value; None where the text is none."""
    found = {}
    while text:
        m = LABEL.match(text)
        if not m or m[1] in found or m[1].startswith("__"):
            return bad("bad labels:", line)
        found[m[1]] = m[2]
        text = text[m.end():]
    return found


def check_sample(line, family, samples):
    m = SAMPLE.fullmatch(line)
    if not m or not family or not family.kind:
        return bad("no sample, or without HELP and TYPE:", line)
    if m[1] != family.name + ("_total" if family.kind == "counter" else ""):
        bad("a sample outside its family:", line)
    labels = read_labels(line, m[2]) if m[2] is not None else {}
    if labels is None:
        return
    if family.labels not in (None, set(labels)):
        bad("other labels than the family's first sample:", line)
    family.labels = set(labels)
    key = (m[1], tuple(sorted(labels.items())))
    if key in samples:
        bad("twice:", line)
    samples.add(key)
    if float(m[3]) < 0:
        bad("negative:", line)


def begin_family(line, families):
    m = re.fullmatch(r"# HELP (%s) (?=\S)(?:[^\\]|\\[\\n\"])+" % NAME, line)
    if not m:
        return bad("no HELP:", line)
    if m[1] in families:
        bad(m[1], "comes twice")
    if m[1].endswith(RESERVED):
        bad(m[1], "ends in what the format keeps for itself")
    families[m[1]] = Family(m[1])
    return families[m[1]]


def check_metrics(manual):
    text = sys.stdin.buffer.read().decode("utf-8")
    lines = text.split("\n")
    families, samples, family = {}, set(), None
    if lines[-2:] != ["# EOF", ""] or lines.count("# EOF") != 1:
        bad("the end is not # EOF and a newline")
    for line in lines[:-2]:
        if line != line.strip() or not line or re.search(r"[\0-\x1f]|  ", line):
            bad("blanks, or none but these:", repr(line))
        if line.startswith("# HELP "):
            family = begin_family(line, families)
        elif line.startswith("#"):
            if not family or family.kind or not re.fullmatch(r"# TYPE %s (gauge|counter)" % family.name, line):
                bad("a TYPE out of place:", line)
            else:
                family.kind = line.rsplit(" ", 1)[1]
        else:
            check_sample(line, family, samples)
    names = list(families) + [f.name + "_total" for f in families.values() if f.kind == "counter"]
    if len(set(names)) != len(names):
        bad("two families have samples of one name")
    check_manual(manual, families)


def check_manual(manual, families):
    """The families are those of the manual, with the units of their types."""
    known = {}
    for kind, metric, _ in list(manual.service.values()) + list(manual.whole.values()):
        if metric:
            known[metric] = kind
    for name in set(known) ^ set(families):
        bad(name, "is not in the manual" if name in families else "is missing")
    for name, kind in known.items():
        if kind in UNITS and not name.endswith(UNITS[kind]):
            bad(name, "should end in", UNITS[kind])


manual = Manual(sys.argv[2])
if len(manual.service) < 15 or len(manual.whole) < 50 or len(manual.states) < 10 or len(manual.never_null()) < 3:
    bad("the manual has", len(manual.service), len(manual.whole), manual.states, manual.never_null())
{"json": check_json, "metrics": check_metrics}[sys.argv[1]](manual, *sys.argv[3:])
for line in wrong:
    print(line)
sys.exit(bool(wrong))
