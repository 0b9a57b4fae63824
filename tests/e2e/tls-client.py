"""tls-client.py IP PORT SOURCE: an SMTP client that does odd things, a command of its own a line on stdin:
  starttls        EHLO, STARTTLS, handshake; prints the reply to STARTTLS, then the protocol
  tls             handshake at once, and prints the greeting;   handshake: the one without the other
  hello           begins a handshake, and prints how many bytes the server answers to the ClientHello
  say TEXT        sends a line, prints the reply
  send TEXT       sends TEXT with Python's escapes, waits for nothing;   ask TEXT: and prints the reply
  fill TEXT       sends TEXT with Python's escapes again and again, reading nothing, until nobody takes any more
  read            prints what comes until the end, or `reset`
  shut            close-notify
  cut             closes the TCP connection without it;   reset: the same with RST
  renegotiate is openssl's to try."""
import os, socket, ssl, struct, sys

ip, port, source = sys.argv[1], int(sys.argv[2]), sys.argv[3]
raw = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET)
raw.settimeout(60 * int(os.environ["PATIENCE"]))
if os.environ.get("RCVBUF"):
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(os.environ["RCVBUF"]))
raw.bind((source, 0))
raw.connect((ip, port))
conn = raw
context = ssl._create_unverified_context()
context.minimum_version = ssl.TLSVersion.TLSv1_2


def out(text):
    print(text, flush=True)


def reply():
    data = b""
    while True:
        try:
            b = conn.recv(1)
        except (ConnectionError, ssl.SSLError):
            return "lost"
        if not b:
            return "end" if not data else data.decode("latin-1").strip()
        data += b
        if b == b"\n":
            line = data.splitlines()[-1]
            if line[3:4] != b"-":
                return line.decode("latin-1").strip()


def say(text):
    try:
        conn.sendall(text.encode() + b"\r\n")
    except OSError:
        return "lost"
    return reply()


def handshake():
    global conn
    try:
        conn = context.wrap_socket(raw, server_hostname="asked.example.test", suppress_ragged_eofs=False)
        out(conn.version())
    except OSError as e:
        out("no TLS: %s" % (getattr(e, "reason", None) or type(e).__name__))


def hello():
    answer, question = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(answer, question).do_handshake()
    except ssl.SSLWantReadError:
        raw.sendall(question.read())
    return len(raw.recv(65536))


if port % 1000 != 465:
    out(reply())
for line in sys.stdin:
    word, _, text = line.rstrip("\n").partition(" ")
    if word == "starttls":
        say("EHLO client.example")
        r = say("STARTTLS")
        out(r)
        if r.startswith("220"):
            handshake()
    elif word == "handshake":
        handshake()
    elif word == "tls":
        handshake()
        if conn is not raw:
            out(reply())
    elif word == "hello":
        out(hello())
    elif word == "say":
        out(say(text))
    elif word in ("send", "ask"):
        conn.sendall(text.encode().decode("unicode_escape").encode("latin-1"))
        if word == "ask":
            out(reply())
    elif word == "fill":
        text = text.encode().decode("unicode_escape").encode("latin-1") * 100
        raw_timeout = conn.gettimeout()
        conn.settimeout(1)
        try:
            while True:
                conn.sendall(text)
        except OSError as e:
            out("full" if isinstance(e, socket.timeout) else "lost")
        conn.settimeout(raw_timeout)
    elif word == "read":
        try:
            data = b""
            while True:
                b = conn.recv(65536)
                if not b:
                    break
                data += b
            out(data.decode("latin-1").strip() or "end")
        except ConnectionResetError:
            out("reset")
        except (ssl.SSLError, socket.timeout) as e:
            out("broken: %s" % type(e).__name__)
    elif word == "shut":
        try:
            conn.unwrap()
        except OSError:
            pass
    elif word == "cut":
        conn.close()
        break
    elif word == "reset":
        raw_fd = socket.socket(fileno=conn.detach())
        raw_fd.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw_fd.close()
        break
