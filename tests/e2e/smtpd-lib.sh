# shellcheck shell=sh
# What the tests of smtpd share: a qmail home, a queue program that keeps what it gets, a server.
#
#   $H            the home; $H/control is filled
#   $H/bin/queue  the queue program: $H/queue/PID.message and PID.envelope (NULs as newlines), exit $QUEUE_EXIT
#   serve [NAME=VALUE...] [OPTION...]   (re)starts tcplisten and smtpd on $IP:2525; log in $H/log
#   talk          sends its input, CRLF for each newline, and prints the answers without CR
#   over          whether all sessions have ended, and with each its queue program

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

H=$T/home
PORT=2525
server=
mkdir -p "$H/control" "$H/bin" "$H/queue" "$T/tmp"
chmod 1777 "$H/queue"
echo mx.example.test >"$H/control/me"
echo example.test >"$H/control/rcpthosts"

cat >"$H/bin/queue" <<'EOF'
#!/bin/sh
# The message first: a queue program that loses it must not say 0.
cat >queue/$$.tmp || exit 53
tr '\0' '\n' <&1 >queue/$$.envelope || exit 54
case $(tail -c 1 queue/$$.envelope | od -An -c) in *'\n'*) ;; *) rm -f queue/$$.*; exit 91 ;; esac
test -z "$(tail -n 1 queue/$$.envelope)" || { rm -f queue/$$.*; exit 91; }
mv queue/$$.tmp queue/$$.message
exit "${QUEUE_EXIT:-0}"
EOF
chmod 755 "$H/bin/queue"

stop() {
  if test "$server"; then
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
  fi
}
on_exit stop

serve() {
  stop
  rm -f "$T/ready"
  (
    cd "$H" || exit 111
    while :; do
      case ${1-} in
        [A-Z]*=*) export "${1?}" ;;
        *) break ;;
      esac
      shift
    done
    exec "$LIBEXEC/tcplisten" -d 3 -t 60 "$IP:$PORT" -- "$LIBEXEC/smtpd" -q bin/queue "$@" 3>"$T/ready" 2>>"$H/log"
  ) &
  server=$!
  wait_for 20 test -s "$T/ready" || exit 111
}

talk() {
  sed 's/$/\r/' | nc_crlf
}

# A client that says it all at once and reads until the server ends the session.
nc_crlf() {
  timeout 60 python3 -c '
import socket, sys
data = sys.stdin.buffer.read()
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
try:
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
except OSError:
    pass
while True:
    try:
        b = s.recv(65536)
    except OSError:
        break
    if not b:
        break
    sys.stdout.buffer.write(b.replace(b"\r", b""))
' "$IP" "$PORT"
}

over() { ! pgrep -P "$server" >/dev/null; }

clean() {
  rm -f "$H"/queue/*
}

queued() {
  find "$H/queue" -name '*.message' | wc -l | tr -d ' '
}
