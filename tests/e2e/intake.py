"""A client of spool-intake that does what no client should: intake.py SOCKET WHAT [FILE]; prints the answer's code."""
import array, os, socket, struct, sys

NAME = 80


def ask(path, what, name=b""):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect(path)
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine.settimeout(30)
    request = what + name.ljust(NAME, b"\0")
    s.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]))])
    theirs.close()
    answer, ancillary, _, _ = mine.recvmsg(200, socket.CMSG_SPACE(4))
    fd = array.array("i", ancillary[0][2])[0] if ancillary else -1
    return (answer[0] if answer else -1), answer[2:].rstrip(b"\0"), fd


def message(text=b"Subject: x\n\nbody\n", envelope=b"Fa@b\0Tjoe@example.test\0\0"):
    return text + envelope + b"spool1 %020d\n" % len(text)


def odd(path, fds):
    """A request whose answer should go to what is no socket of ours. Who sends it ends then: nobody else has it."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect(path)
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        os.read(r, 1)
        s.sendmsg([b"o".ljust(NAME + 1, b"\0")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        os._exit(0)
    for fd in fds:
        os.close(fd)
    os.write(w, b"x")
    os.waitpid(pid, 0)


def lingering():
    """A connection that takes five minutes to be closed, since nobody reads what waits in it."""
    door = socket.create_server(("127.0.0.1", 0))
    s = socket.create_connection(door.getsockname())
    peer, _ = door.accept()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 300))
    s.setblocking(False)
    try:
        while True:
            s.send(b"x" * 65536)
    except BlockingIOError:
        pass
    return s.detach(), peer


path, what = sys.argv[1:3]
if what == "odd":
    first, kept = lingering()
    odd(path, [first])  # as the answer's socket
    second, kept2 = lingering()
    odd(path, [second, os.dup(0)])  # among too many
    third, kept3 = lingering()
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [third]))])
    os.close(third)  # it waits in the queue of one that is ours
    odd(path, [theirs.detach()])
    mine.close()
    r, w = os.pipe()
    odd(path, [w])
code, name, fd = ask(path, b"o")
keep = -1
if what == "sparse":
    text = message(b"x" * (1 << 20))
    os.write(fd, text[:10])
    os.lseek(fd, (1 << 20) - 10, os.SEEK_SET)
    os.write(fd, text[(1 << 20) - 10:])
elif what == "long":
    text = message(b"x" * int(sys.argv[3]))
    while text:
        text = text[os.write(fd, text):]
elif what == "marked":
    os.write(fd, message(envelope=b"Fa@b\0Djoe@example.test\0\0"))
elif what == "torn":
    os.write(fd, message()[:-5])
else:
    os.write(fd, message())
if what == "kept":
    keep = os.dup(fd)
if what == "sent":  # the descriptor is in a socket, on the way to ourselves
    pair = socket.socketpair()
    socket.send_fds(pair[0], [b"x"], [fd])
if what == "read":
    try:
        os.read(fd, 1)
        print("read")
    except OSError:
        pass
    try:
        os.open("/proc/self/fd/%d" % fd, os.O_RDONLY)
        print("opened")
    except OSError:
        pass
os.close(fd)
if what == "guess":
    name = b"../todo/" + name
code, _, _ = ask(path, b"c", name)
if what == "twice":
    code, _, _ = ask(path, b"c", name)
print(code)
