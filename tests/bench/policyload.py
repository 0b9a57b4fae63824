#!/usr/bin/env python3
"""Asks a policy server many questions over several connections: policyload.py SOCKET QUESTIONS CONNECTIONS FIRST. Prints answers a second."""
import select
import socket
import sys
import time

path, total, width, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
asked = answered = 0


def ask(s):
    global asked
    i = first + asked
    asked += 1
    s.sendall(("request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nhelo_name=h.test\nsender=joe%d@%s\n"
               "recipient=jane@here.test\nclient_address=192.0.%d.%d\nclient_name=unknown\nreverse_client_name=unknown\n"
               "instance=%d\nsasl_method=\nsasl_username=\nsize=0\n\n"
               % (i, "known%d.test" % (i % 50) if i % 2 else "unknown%d.test" % i, i // 250 % 250, i % 250, i)).encode())


waiting = {}
for _ in range(width):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    waiting[s] = b""
    ask(s)
start = time.time()
while answered < total:
    for s in select.select(list(waiting), [], [], 60)[0]:
        waiting[s] += s.recv(4096)
        if waiting[s].endswith(b"\n\n"):
            waiting[s] = b""
            answered += 1
            if asked < total:
                ask(s)
print("%.0f" % (answered / (time.time() - start)))
