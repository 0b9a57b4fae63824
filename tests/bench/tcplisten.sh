#!/bin/sh
# tcplisten against Debian's tcpserver, both running the same trivial program: connections a second, and
# processor time a connection (the server's and the program's), at 1 and at 20 connections at a time.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

need tcpserver ucspi-tcp-ipv6

count=$(scale 3000)

# measure COMMAND...: starts the server, loads it, stops it; prints connections/s and us a connection
measure() {
  start_server "$T/cpu" "$@"
  wait_for 10 answers "$IP" 2525 || exit 1
  rate=$("$TOOLS/load" "$IP" 2525 "$count" "$parallel") || exit 1
  stop_server
  echo "$rate $(awk -v n="$count" '{ print $1 / (n + 1) }' "$T/cpu")"
}

tcplisten() { measure "$LIBEXEC/tcplisten" -c 40 "$IP:2525" -- "$TOOLS/hello"; }
tcpserver() { measure "$(command -v tcpserver)" -HRD -l 0 -c 40 "$IP" 2525 "$TOOLS/hello"; }

for parallel in 1 20; do
  echo "$count connections, $parallel at a time"
  compare tcplisten tcpserver connections/s CPU_us/connection
done
