# shellcheck shell=sh disable=SC2016
# raterd for tests: source it after lib.sh.
#
#   $S, $A          its unix socket, its TCP address
#   start [ARG]...  starts it with $T/rules and waits until it is ready; $pid
#   stop            ends it with TERM
#   ask LINE...     each line on a connection of its own, over TCP, as old clients do; prints the answers
#   talk            lines from standard input, all at once over one connection to the unix socket

S=$T/rater.sock
A=$IP:1999
RATER=$S
export RATER
pid=

start() {
  rm -f "$T/ready"
  mkfifo "$T/ready"
  "$LIBEXEC/raterd" -d 7 -s "$S" -l "$A" -t "$T/table" "$@" "$T/rules" 7>"$T/ready" 2>>"$T/log" &
  pid=$!
  read -r _ <"$T/ready"
}

stop() {
  kill "$pid" && wait "$pid"
  status=$?
  pid=
  return "$status"
}
on_exit 'test -z "$pid" || kill "$pid"'

ask() {
  for line in "$@"; do
    python3 -c '
import os, socket, sys
s = socket.create_connection((sys.argv[1], 1999), 60 * int(os.environ["PATIENCE"]))
s.sendall(sys.argv[2].encode() + b"\n")
out = b""
while True:
    d = s.recv(4096)
    if not d: break
    out += d
sys.stdout.write(repr(out)[2:-1] + "\n")' "$IP" "$line"
  done
}

talk() {
  python3 -c '
import os, socket, sys, threading
s = socket.socket(socket.AF_UNIX)
s.settimeout(60 * int(os.environ["PATIENCE"]))
s.connect(sys.argv[1])
lines = sys.stdin.buffer.read()
threading.Thread(target=lambda: s.sendall(lines)).start()
out = b""
while out.count(b"\n") < lines.count(b"\n"):
    d = s.recv(65536)
    if not d: break
    out += d
sys.stdout.write(out.decode("latin-1").replace("\r", ""))' "$S"
}
