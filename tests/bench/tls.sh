#!/bin/sh
# TLS in front of smtpd: tlsd, to which smtpd passes the client's socket, against Debian's stunnel4, which
# relays to the same smtpd on a plain port. The same client, implicit TLS, the same certificates and protocol.
# Sessions (greeting, QUIT) a second, full and resumed, at 1 and 20 at a time, with the processor time a session
# of all the server's processes; megabytes a second in DATA; memory of the TLS part at 200 idle sessions.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

need openssl openssl
unpack stunnel4 libwrap0
peer_libs=$PEERS/lib/x86_64-linux-gnu:$PEERS/usr/lib/x86_64-linux-gnu
port=2525
count=$(scale 1000)

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mx.example.test \
  -keyout "$T/ec.key" -out "$T/ec.pem" 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=mx.example.test \
  -keyout "$T/rsa.key" -out "$T/rsa.pem" 2>/dev/null

mkdir "$T/home" "$T/home/control"
echo mx.example.test >"$T/home/control/me"
echo example.test >"$T/home/control/rcpthosts"
printf '#!/bin/sh\ncat >/dev/null\ncat <&1 >/dev/null\n' >"$T/queue"
chmod 755 "$T" "$T/queue"
chmod 640 "$T"/*.key

# As root, tlsd and its client want users.
drop=
if test "$(id -u)" -eq 0; then drop='-u nobody -a nobody'; fi

listen() {
  # shellcheck disable=SC2086
  (cd "$T/home" && exec "$TOOLS/cpu" "$T/cpu-listen" "$LIBEXEC/tcplisten" -c 1000 -C 1000 ${drop:+-u nobody} \
    "$@" -q "$T/queue" 2>>"$T/log-listen") &
  listener=$!
}

wait_gone() { ! kill -0 "$1"; }

stop() {
  for pid in $tls $listener; do kill "$pid"; done
  for pid in $tls $listener; do wait "$pid"; done 2>/dev/null
  tls=
  listener=
}
tls=
listener=
on_exit 'for pid in $tls $listener; do kill $pid; done 2>/dev/null'

start_ours() {
  printf 'certificate %s\nkey %s\nworkers 1000\nper-client 1000\n' "$T/$kind.pem" "$T/$kind.key" >"$T/tlsd.conf"
  # shellcheck disable=SC2086
  "$TOOLS/cpu" "$T/cpu-tls" "$LIBEXEC/tlsd" $drop "$T/tls.sock" "$T/tlsd.conf" 2>>"$T/log-tls" &
  tls=$!
  wait_for 10 test -S "$T/tls.sock" || exit 1
  listen "$IP:$port/tls" -- "$LIBEXEC/smtpd" -T "$T/tls.sock"
}

start_stunnel() {
  cat >"$T/stunnel.conf" <<END
foreground = yes
pid =
debug = 3
${drop:+setuid = nobody}
[smtps]
accept = $IP:$port
connect = $IP:2526
cert = $T/$kind.pem
key = $T/$kind.key
sslVersionMin = TLSv1.2
END
  LD_LIBRARY_PATH=$peer_libs "$TOOLS/cpu" "$T/cpu-tls" "$PEERS/usr/bin/stunnel4" "$T/stunnel.conf" 2>>"$T/log-tls" &
  tls=$!
  listen "$IP:2526" -- "$LIBEXEC/smtpd"
}

greets() { "$TOOLS/tlsload" sessions "$IP" "$port" 1 1 full; }

# run START: sessions a second, and microseconds of processor time a session: of the TLS part, and of all
run() {
  "$1"
  wait_for 10 greets || { cat "$T/log-tls" "$T/log-listen" >&2; exit 1; }
  rate=$("$TOOLS/tlsload" sessions "$IP" "$port" "$count" "$parallel" "$how") || exit 1
  stop
  echo "$rate $(cat "$T/cpu-tls" "$T/cpu-listen" | awk -v n="$count" '{ x[NR] = $1 } END { print x[1] / n, (x[1] + x[2]) / n }')"
}
ours() { run start_ours; }
stunnel() { run start_stunnel; }

for kind in ec rsa; do
  for how in full resumed; do
    for parallel in 1 20; do
      echo "$kind, $how, $count sessions, $parallel at a time"
      compare ours stunnel sessions/s TLS_CPU_us/session all_CPU_us/session
    done
  done
done

size=$(scale 200)
data() {
  "$1"
  wait_for 10 greets || exit 1
  "$TOOLS/tlsload" data "$IP" "$port" "$size" || exit 1
  stop
}
ours_data() { data start_ours; }
stunnel_data() { data start_stunnel; }
kind=ec
echo "a message of $size MB"
compare ours_data stunnel_data MB/s

held=$(scale 200)
# The proportional share of memory of a process and all below it, kB
memory() {
  for p in $(ps -e -o pid=,ppid= | awk -v top="$1" '{ up[$1] = $2 } END { for (p in up) { q = p; while (q && q != top) q = up[q]; if (q) print p } }'); do
    cat "/proc/$p/smaps_rollup" 2>/dev/null
  done | awk '$1 == "Pss:" { sum += $2 } END { print sum }'
}
idle() {
  "$1"
  wait_for 10 greets || exit 1
  mkfifo "$T/hold"
  "$TOOLS/tlsload" hold "$IP" "$port" "$held" <"$T/hold" >"$T/held" &
  holder=$!
  exec 9>"$T/hold"
  wait_for 30 grep -q open "$T/held" || exit 1
  memory "$tls"
  exec 9>&-
  wait "$holder"
  stop
  rm "$T/hold" "$T/held"
}
ours_idle() { idle start_ours; }
stunnel_idle() { idle start_stunnel; }
echo "$held idle sessions"
compare ours_idle stunnel_idle kB_of_the_TLS_part
