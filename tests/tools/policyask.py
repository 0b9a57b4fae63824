#!/usr/bin/env python3
"""Asks a server of the Postfix policy delegation protocol: policyask.py SOCKET|HOST:PORT NAME=VALUE... [-- NAME=VALUE...]...

Each group of attributes is a question, over one connection; an attribute stands for the following ones too. What a question at RCPT
has otherwise is filled in. Prints each answer's lines, without the empty one.
"""
import socket
import sys

USUAL = {
    "request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": "ESMTP", "helo_name": "mail.good.test",
    "sender": "joe@good.test", "recipient": "jane@here.test", "client_address": "192.0.2.1", "client_name": "unknown",
    "reverse_client_name": "unknown", "instance": "1.1", "size": "0", "sasl_username": "",
}


def main():
    where, args = sys.argv[1], sys.argv[2:]
    if "/" in where:
        s = socket.socket(socket.AF_UNIX)
    else:
        s = socket.socket()
    s.settimeout(30)
    s.connect(where if "/" in where else (where.rsplit(":", 1)[0], int(where.rsplit(":", 1)[1])))
    lines = s.makefile("r", encoding="latin-1")
    attributes = dict(USUAL)
    for arg in args + ["--"]:
        if arg != "--":
            attributes.update([arg.split("=", 1)])
            continue
        s.sendall(("".join("%s=%s\n" % a for a in attributes.items()) + "\n").encode("latin-1"))
        while True:
            line = lines.readline()
            if not line:
                print("closed")
                return 1
            if line == "\n":
                break
            print(line, end="")
    return 0


try:
    sys.exit(main())
except OSError as e:
    print("error: %s" % e)
    sys.exit(2)
