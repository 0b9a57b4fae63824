#!/usr/bin/env python3
"""A milter by libmilter (python3-milter) for tests: miltertry.py SOCKET ACTIONS. What it hears goes to stdout, a line a step.

ACTIONS is read at each step; each line `STEP VERB [ARGUMENT...]` of that step is done, in order, arguments being separated by `|`.
STEP: negotiate connect helo mail rcpt data unknown header eoh body eom. VERB: continue accept reject tempfail discard skip,
reply CODE|STATUS|LINE..., sleep SECONDS, die; at negotiate noreply, space, rejected, or symlist STAGE|MACRO...; at eom addheader
NAME|VALUE, insheader INDEX|NAME|VALUE, chgheader INDEX|NAME|VALUE, addrcpt ADDRESS, delrcpt ADDRESS, chgfrom ADDRESS, body TEXT,
quarantine REASON, progress. `\\n` and `\\r` in an argument are what they are in C.
"""
import os
import sys
import time

import Milter

VERDICTS = {"continue": Milter.CONTINUE, "accept": Milter.ACCEPT, "reject": Milter.REJECT, "tempfail": Milter.TEMPFAIL,
            "discard": Milter.DISCARD, "skip": Milter.SKIP}
NOREPLY = {"connect": Milter.P_NR_CONN, "helo": Milter.P_NR_HELO, "mail": Milter.P_NR_MAIL, "rcpt": Milter.P_NR_RCPT,
           "data": Milter.P_NR_DATA, "unknown": Milter.P_NR_UNKN, "header": Milter.P_NR_HDR, "eoh": Milter.P_NR_EOH,
           "body": Milter.P_NR_BODY}
MACROS = ["j", "_", "{daemon_name}", "{client_addr}", "{tls_version}", "i", "{auth_authen}", "{mail_addr}", "{rcpt_addr}",
          "{rcpt_mailer}"]


def say(*words):
    os.write(1, (" ".join(str(w) for w in words) + "\n").encode("utf-8", "replace"))


def lines(step):
    for row in open(sys.argv[2], encoding="utf-8"):
        words = row.rstrip("\n").split(None, 2)
        if words and words[0] == step:
            yield words[1], [a.replace("\\n", "\n").replace("\\r", "\r") for a in (words[2] if len(words) > 2 else "").split("|")]


class Try(Milter.Base):
    def negotiate(self, opts):
        self.steps = 0
        wanted = list(lines("negotiate"))
        offered = opts[1]
        for verb, args in wanted:
            if verb == "noreply":
                for bit in NOREPLY.values():
                    self.steps |= bit & offered
            elif verb == "space":
                self.steps |= Milter.P_HDR_LEADSPC & offered
            elif verb == "rejected":
                self.steps |= Milter.P_RCPT_REJ & offered
            elif verb == "symlist":
                self._ctx.setsymlist(int(args[0]), args[1])
        self.steps |= Milter.P_SKIP & offered
        opts[1] = self._protocol = self.steps
        say("negotiate", hex(opts[0]), hex(offered))
        opts[2] = opts[3] = 0
        return Milter.CONTINUE

    def act(self, step):
        verdict = Milter.NOREPLY if self.steps & NOREPLY.get(step, 0) else Milter.CONTINUE
        for verb, a in lines(step):
            if verb in VERDICTS:
                verdict = VERDICTS[verb]
            elif verb == "reply":
                self.setreply(a[0], a[1], *a[2:])
                verdict = Milter.REJECT if a[0][0] == "5" else Milter.TEMPFAIL
            elif verb == "sleep":
                time.sleep(float(a[0]))
            elif verb == "die":
                os._exit(0)
            elif verb == "addheader":
                self.addheader(a[0], a[1])
            elif verb == "insheader":
                self.addheader(a[1], a[2], int(a[0]))
            elif verb == "chgheader":
                self.chgheader(a[1], int(a[0]), a[2])
            elif verb == "body":
                self.replacebody(a[0].encode())
            else:
                getattr(self, verb)(*[x for x in a if x])
        return verdict

    def heard(self, step, *words):
        say(step, *words)
        return self.act(step)

    def connect(self, name, family, address):
        say("macros", *["%s=%s" % (m, self.getsymval(m)) for m in MACROS if self.getsymval(m) is not None])
        return self.heard("connect", name, family, address)

    def hello(self, name):
        return self.heard("helo", name)

    def envfrom(self, sender, *args):
        say("macros", *["%s=%s" % (m, self.getsymval(m)) for m in MACROS if self.getsymval(m) is not None])
        return self.heard("mail", sender, *args)

    def envrcpt(self, to, *args):
        if self.getsymval("{rcpt_mailer}") == "error":
            say("rejected", to, self.getsymval("{rcpt_addr}"))
            return Milter.CONTINUE
        return self.heard("rcpt", to, *args)

    def data(self):
        return self.heard("data")

    def header(self, name, value):
        return self.heard("header", name + ":" + value.replace("\n", "\\n"))

    def eoh(self):
        return self.heard("eoh")

    def body(self, block):
        return self.heard("body", len(block), repr(block[:60]))

    def unknown(self, line):
        return self.heard("unknown", line)

    def eom(self):
        say("macros", "i=%s" % self.getsymval("i"))
        return self.heard("eom")

    def abort(self):
        say("abort")
        return Milter.CONTINUE

    def close(self):
        say("close")
        return Milter.CONTINUE


Milter.factory = Try
Milter.set_flags(Milter.CURR_ACTS)
Milter.runmilter("try", sys.argv[1], 120)
