"""Postfix's smtp-source as a client of which one knows what was acknowledged: with -v it tells each reply, and -N
numbers the recipients. A session that is lost or refused ends it."""

import re
import subprocess


def pour(source, ip, port, file, to, messages):
    """Sends copies of FILE to 1TO, 2TO, ...; gives (RECIPIENT, False) for each that is sent, then (RECIPIENT, True) if it
    is acknowledged."""
    with subprocess.Popen(
        [source, "-v", "-N", "-d", "-s", "1", "-m", str(messages), "-F", file, "-M", "client.test",
         "-f", "a@client.test", "-t", to, f"inet:{ip}:{port}"],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
        name, sent = None, False
        for line in run.stderr:
            line = line.rstrip("\n").split(": ", 1)[-1]
            rcpt = re.match("RCPT TO:<(.*)>", line)
            if rcpt:
                name = rcpt.group(1)
            if sent and line.startswith("<<< 250 "):
                yield name, True
            sent = line == "."
            if sent:
                yield name, False
