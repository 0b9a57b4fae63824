# shellcheck shell=sh
# What the tests of TLS share: certificates, tlsd, and smtpd below tcplisten with STARTTLS on 2525 and
# implicit TLS on 2465.
#
#   start_tls [LINE...]   tlsd on $T/tls.sock with $T/ec.pem, and these lines more in its configuration
#   serve [OPTION...]     smtpd, with these options more
#   talk_tls PORT [OPTION...]   openssl s_client, says its input a line at a time; \r are dropped from the output
#   counter NAME          one of tlsd's counters
#   pool, keeper, busy_workers   its processes

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# The system's own, which starts faster than a wrapper may
python=$(command -v /usr/bin/python3 || command -v python3)
H=$T/home
tlsd=
server=
mkdir -p "$H/control" "$H/bin" "$H/queue"
chmod 711 "$T"
chmod 1777 "$H/queue"
echo mx.example.test >"$H/control/me"
echo example.test >"$H/control/rcpthosts"
cat >"$H/bin/queue" <<'END'
#!/bin/sh
# An envelope that has no end is no envelope.
cat >queue/$$.tmp || exit 53
tr '\0' '\n' <&1 >queue/$$.envelope || exit 54
case $(tail -c 2 queue/$$.envelope | od -An -c | tr -d ' ') in '\n\n') ;; *) exit 91 ;; esac
mv queue/$$.tmp queue/$$.message
END
chmod 755 "$H/bin/queue"

# certificate NAME KEY-OPTIONS DNS-NAME...
certificate() {
  file=$1
  key=$2
  shift 2
  names=
  for name in "$@"; do names=$names${names:+,}DNS:$name; done
  # shellcheck disable=SC2086
  openssl req -x509 -newkey $key -nodes -days "${days:-90}" -subj "/CN=$1" -addext "subjectAltName=$names" \
    -keyout "$T/$file.key" -out "$T/$file.pem" 2>/dev/null
  chmod 600 "$T/$file.key"
}
ec='ec -pkeyopt ec_paramgen_curve:P-256'
certificate ec "$ec" mx.example.test

# As root, tlsd drops to a user, and smtpd is that user, too: the one who may ask.
drop=
test "$(id -u)" -ne 0 || drop='-u nobody'

wait_gone() { wait_for 20 sh -c "! kill -0 $1"; }

# TERM, and KILL if that does not do
end_process() {
  kill "$1" 2>/dev/null
  wait_gone "$1" || kill -9 "$1"
  wait "$1" 2>/dev/null
}
stop_tls() {
  test -z "$tlsd" || end_process "$tlsd"
  tlsd=
}
stop_server() {
  test -z "$server" || end_process "$server"
  server=
}
on_exit 'stop_server; stop_tls'

configure() {
  printf 'certificate %s\nkey %s\n' "$T/ec.pem" "$T/ec.key" >"$T/tlsd.conf"
  for line in "$@"; do echo "$line" >>"$T/tlsd.conf"; done
}

start_tls() {
  configure "$@"
  mkfifo "$T/ready"
  # shellcheck disable=SC2086
  "$LIBEXEC/tlsd" -d 7 $drop ${drop:+-a nobody} -c "$T/counters" "$T/tls.sock" "$T/tlsd.conf" \
    7>"$T/ready" 8>&- 2>>"$T/tls.log" &
  tlsd=$!
  read -r _ <"$T/ready"
  rm "$T/ready"
}

listens() { grep -q "listening on $1" "$T/smtpd.log"; }

serve() {
  : >"$T/smtpd.log"
  # shellcheck disable=SC2086
  (cd "$H" && exec "$LIBEXEC/tcplisten" $drop -t 2 -c 1000 -C 1000 "$IP:2525" "$IP:2465/tls" -- \
    "$LIBEXEC/smtpd" -q bin/queue -T "$T/tls.sock" -t offer "$@" 2>>"$T/smtpd.log") &
  server=$!
  wait_for 20 listens "$IP:2465" || exit 1
}

# A command goes out when the reply to the one before has come, as -crlf -ign_eof alone would not wait.
talk_tls() {
  port=$1
  shift
  starttls=
  test "$port" = 2465 || starttls='-starttls smtp'
  # shellcheck disable=SC2086
  timeout 60 openssl s_client -connect "$IP:$port" -bind "$IP:0" $starttls -crlf -ign_eof "$@" 2>&1 | tr -d '\r'
}

counter() {
  "$python" - "$T/counters" "$1" <<'END'
import struct, sys
page = open(sys.argv[1], "rb").read()
for i in range(struct.unpack_from("I", page, 12)[0]):
    name, value = struct.unpack_from("24sQ", page, 32 + 32 * i)
    if name.rstrip(b"\0").decode() == sys.argv[2]:
        print(value)
END
}
counts() { test "$(counter "$1")" -eq "$2"; }

# Its processes, by their short names: in valgrind their titles cannot be seen. A confined worker's title alone
# tells that it is busy; one in valgrind is not confined.
pool() { pgrep -P "$tlsd" -x tlsd-pool; }
keeper() { pgrep -P "$tlsd" -x tlsd-keeper; }
busy_workers() {
  pool=$(pool | head -n 1)
  { pgrep -P "$pool" -f '^tlsd: worker'; pgrep -P "$pool" -x tlsd-worker; } | sort -u
}
