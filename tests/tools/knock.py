# knock IP PORT CLIENTS [LINE ANSWER]: connections made without a pause by so many clients, each until it has its greeting, until stdin
# ends. Then a line: connections, those that were refused, those that ended without a greeting, the slowest greeting in
# seconds. A line "begun" comes before, once the first is greeted. LINE is said first, for a server that waits for it, and the
# greeting begins with ANSWER.
import select, socket, sys, threading, time
ip, port, clients = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
say, answer = (sys.argv[4].encode() + b"\n", sys.argv[5].encode()) if len(sys.argv) > 4 else (b"", b"220")
over, begun = threading.Event(), threading.Event()
lock = threading.Lock()
made = refused = broken = 0
slowest = 0.0

def knock(begin):
    global slowest
    s = socket.socket()
    s.settimeout(60)
    try:
        s.connect((ip, port))
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "broken"
    try:
        if say: s.sendall(say)
        greeting = s.recv(512)
        took = time.monotonic() - begin
        if not greeting.startswith(answer): return "broken"
        with lock: slowest = max(slowest, took)
        if not say: s.sendall(b"QUIT\r\n")
        while s.recv(512): pass
    except OSError:
        return "broken"
    finally:
        s.close()
    return "greeted"

def client():
    global made, refused, broken
    while not over.is_set():
        how = knock(time.monotonic())
        with lock:
            made += 1
            refused += how == "refused"
            broken += how == "broken"
        if how == "greeted": begun.set()
        if how == "refused" or say: time.sleep(0.01)

threads = [threading.Thread(target=client) for _ in range(clients)]
for t in threads: t.start()
begun.wait()
print("begun", flush=True)
sys.stdin.read()
over.set()
for t in threads: t.join()
print("%d %d %d %.3f" % (made, refused, broken, slowest), flush=True)
