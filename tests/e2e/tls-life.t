#!/bin/sh
# tlsd's life: what it refuses to start with, limits, reload, processes that are killed, and its end.
# shellcheck source=tests/e2e/tls-lib.sh
. "$(dirname "$0")/tls-lib.sh"
here=$(dirname "$0")
say() { printf '%s\n' "$@"; }
client() { timeout 1000 "$python" -S "$here/tls-client.py" "$IP" "$1" "$IP"; }
tlsd() { "$LIBEXEC/tlsd" "$@"; }
subject() { echo QUIT | talk_tls 2465 | sed -n 's/^subject=CN = //p'; }

# hold NAME: a session that is there until `release NAME`; its output is in $T/NAME.out
hold() {
  mkfifo "$T/$1"
  : >"$T/$1.out"
  client 2465 <"$T/$1" >>"$T/$1.out" &
  eval "$1=$!"
  # The FIFO's other end: a process of its own, so that each session ends by itself
  sleep 1000 >"$T/$1" &
  eval "$1_hand=$!"
  on_exit "kill $! 2>/dev/null"
  echo tls >"$T/$1"
  wait_for 20 grep -q '^220' "$T/$1.out"
}
# ask NAME: whether the session still answers; one that ended says so
ask() {
  : >"$T/$1.out"
  echo 'say NOOP' >"$T/$1"
  wait_for 20 test -s "$T/$1.out"
  grep -qx '250 2.0.0 ok' "$T/$1.out"
}
release() {
  eval "kill \$$1_hand; wait \$$1_hand; wait \$$1" 2>/dev/null
  rm "$T/$1"
}

# --- what is wrong with files ---

certificate rsa rsa:2048 rsa.example.test
days=5 certificate soon "$ec" soon.example.test
check() { exits "$1" "$2" tlsd --check "$T/tlsd.conf"; }
configure
check 0 'check: nothing is wrong'
like "$(cat "$T/out")" "ec.pem: EC, for mx.example.test" 'it tells the names'
like "$(cat "$T/out")" "ec.pem: (89|90) days left" 'and the days'
configure "certificate $T/rsa.pem" "key $T/ec.key"
check 1 'check: the wrong key'
like "$(cat "$T/out")" "^error: $T/ec.key: not the key of the certificate in $T/rsa.pem" 'is named'
configure "certificate $T/soon.pem" "key $T/soon.key"
check 0 'check: nearly expired'
like "$(cat "$T/out")" "^warning: $T/soon.pem: ends in [45] days" 'is a warning'
cat "$T/ec.pem" "$T/rsa.pem" >"$T/chain.pem"
configure "certificate $T/chain.pem" "key $T/ec.key"
check 1 'check: a chain that is none'
chmod 600 "$T/ec.key"
# What tlsd would refuse, or could never serve, check refuses.
refused() {
  check 1 "check: $1"
  like "$(cat "$T/out")" "^error: $2" 'is an error'
  # shellcheck disable=SC2086
  exits 102 'and tlsd does not start' tlsd $drop ${drop:+-a nobody} "$T/tls.sock" "$T/tlsd.conf"
}
configure 'ciphers NONSENSE'
refused 'ciphers that are none' 'ciphers NONSENSE: '
configure 'groups NONSENSE'
refused 'groups that are none' 'groups NONSENSE: '
configure 'groups brainpoolP256r1'
refused 'groups that no client has' ''
configure 'ciphers ECDHE-RSA-AES256-GCM-SHA384'
refused 'ciphers without a certificate for them' 'ciphers TLS 1.2 cannot be served'
configure 'ciphers ECDHE-RSA-AES256-GCM-SHA384' 'protocol 1.3'
check 0 'check: of which TLS 1.3 has no need'
certificate weak rsa:1024 weak.example.test
configure "certificate $T/weak.pem" "key $T/weak.key"
refused 'RSA of 1024 bits' "certificate $T/weak.pem"
certificate odd 'ec -pkeyopt ec_paramgen_curve:secp256k1' odd.example.test
configure "certificate $T/odd.pem" "key $T/odd.key"
refused 'a curve that no client has' "$T/odd.pem"

# days NAME DAYS ISSUER OPTION...: a certificate that ends so many days from now, or ended
signed() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.csr" 2>/dev/null
  openssl x509 -req "${digest:--sha256}" -in "$T/$1.csr" -CA "$T/$3.pem" -CAkey "$T/$3.key" -CAcreateserial -days "$2" -out "$T/$1.pem" \
    -extfile "$T/$1.ext" 2>/dev/null
  chmod 600 "$T/$1.key"
}
echo 'basicConstraints=critical,CA:TRUE' >"$T/old-ca.ext"
echo 'subjectAltName=DNS:leaf.example.test' >"$T/leaf.ext"
signed old-ca -1 ec
signed leaf 90 old-ca
cat "$T/leaf.pem" "$T/old-ca.pem" >"$T/leaf-chain.pem"
configure "certificate $T/leaf-chain.pem" "key $T/leaf.key"
check 0 'check: an expired certificate in the chain'
like "$(cat "$T/out")" "^warning: $T/leaf-chain.pem: certificate 2 of the chain, /CN=old-ca, has expired" 'is a warning with its subject'
digest=-sha1 signed leaf 90 ec
configure "certificate $T/leaf.pem" "key $T/leaf.key"
refused 'a certificate signed by SHA-1' "certificate $T/leaf.pem: "
signed leaf -1 ec
configure "certificate $T/leaf.pem" "key $T/leaf.key"
check 0 'check: an expired certificate'
like "$(cat "$T/out")" "^warning: $T/leaf.pem: has expired" 'is a warning'
chmod 644 "$T/rsa.key"
configure "certificate $T/rsa.pem" "key $T/rsa.key"
check 1 'check: a key that others may read'
like "$(cat "$T/out")" "chmod u=rw,g=r,o= $T/rsa.key" 'and the chmod to type'
# shellcheck disable=SC2086
exits 102 'tlsd does not start with it' tlsd $drop "$T/tls.sock" "$T/tlsd.conf"
like "$(cat "$T/err")" "chmod u=rw,g=r,o= $T/rsa.key" 'and says why'
chmod 600 "$T/rsa.key"
configure 'nonsense yes'
check 1 'check: an unknown key'
like "$(cat "$T/out")" "tlsd.conf:3: unknown key" 'with its line'
configure "certificate $T/none.pem"
# shellcheck disable=SC2086
exits 102 'no such file' tlsd $drop "$T/tls.sock" "$T/tlsd.conf"
like "$(cat "$T/err")" "$T/none.pem: No such file" 'is named'
exits 100 'bad usage' tlsd
like "$(cat "$T/err")" '^tlsd: usage: ' 'shows how'
exits 0 'help' tlsd --help
exits 0 'version' tlsd --version
test "$(id -u)" -ne 0 || exits 100 'as root, it wants a user' tlsd "$T/tls.sock" "$T/tlsd.conf"
is "$(ls "$T"/*.sock 2>/dev/null)" '' 'and leaves no socket'

# --- limits ---

start_tls 'workers 4' 'per-client 2' 'spare 1'
serve
hold one
hold two
out=$(say 'say EHLO x' starttls 'say NOOP' | client 2525)
like "$out" '^454' 'a third session of a client with two is answered 454'
like "$out" '^250 2' 'and goes on in the clear'
like "$(cat "$T/tls.log")" "$IP: too many sessions of this client" 'the log tells'
is "$(echo QUIT | timeout 60 openssl s_client -connect "$IP:2465" -bind 127.0.0.1:0 -quiet 2>&1 | grep -c ^220)" 1 'another client is served'
wait_for 20 counts sessions-refused 1
is "$(counter sessions-refused)" 1 'refusals are counted'
wait_for 20 counts sessions-now 2
is "$(counter sessions-now)" 2 'and sessions'
release one
wait_for 20 counts sessions-now 1
is "$(subject)" mx.example.test 'when one ends there is room again'

# --- silence of tlsd's own ---

pool=$(pool)
kill -STOP "$pool"
stands() { grep -q '^State:.T' "/proc/$pool/status"; }
wait_for 20 stands # and starts no worker any more
waiting=$(pgrep -P "$pool")
# shellcheck disable=SC2086
kill -STOP $waiting
out=$(say starttls 'say NOOP' | client 2525)
like "$out" '^454' 'tlsd hangs: STARTTLS is answered 454 after a while'
like "$out" '^250 2' 'and the plain session goes on'
# shellcheck disable=SC2086
kill -CONT $pool $waiting
is "$(subject)" mx.example.test 'it goes on: so does TLS'

# --- reload ---

cp "$T/tlsd.conf" "$T/good.conf"
configure "certificate $T/none.pem"
kill -HUP "$tlsd"
wait_for 20 grep -q 'unable to reload: the certificates of before stay' "$T/tls.log"
is $? 0 'HUP with a bad configuration is told'
is "$(subject)" mx.example.test 'and the old certificate stays'
cp "$T/rsa.pem" "$T/ec.pem"
cp "$T/rsa.key" "$T/ec.key"
configure
kill -HUP "$tlsd"
wait_for 20 grep -q 'info: reloaded' "$T/tls.log"
renewed() { test "$(subject)" = rsa.example.test; }
wait_for 20 renewed
ok $? 'HUP: new sessions see the new certificate'
ask two
ok $? 'a session from before goes on'
echo QUIT | talk_tls 2465 -sess_out "$T/session" >/dev/null
kill -HUP "$tlsd"
twice() { test "$(grep -c 'info: reloaded' "$T/tls.log")" -eq 2; }
wait_for 20 twice
out=$(echo QUIT | talk_tls 2465 -sess_in "$T/session")
like "$out" '^Reused' 'a ticket from before a reload is good'
has() { test "$(pgrep -P "$tlsd" | wc -l)" -eq "$1"; }
try 'two pairs of keeper and pool: those of the old session, and the last' wait_for 20 has 4
release two
wait_for 20 has 2
is $? 0 'with the last old session the old processes end'

# --- a worker is killed ---

hold one
hold two
kill -9 "$(busy_workers | head -n 1)"
wait_for 20 counts sessions-now 1
is "$(counter sessions-now)" 1 'a worker that is killed takes its session along'
lived=0
for name in one two; do ask $name && lived=$((lived + 1)); done
is $lived 1 'and no other'
like "$(cat "$T/tls.log")" 'a worker was killed by signal 9' 'the log tells'
release one
release two
wait_for 20 counts sessions-now 0

# --- tlsd is killed ---

for victim in tlsd pool keeper; do
  hold one
  pool=$(pool)
  keeper=$(keeper)
  eval "kill -9 \$$victim"
  wait "$tlsd" 2>/dev/null
  start_tls
  is "$(subject)" rsa.example.test "$victim is killed: the next tlsd serves at once"
  ask one
  ok $? 'the running session goes on'
  release one
  left() { test -z "$(ps -o pid= -p "$pool,$keeper")"; }
  wait_for 20 left
  ok $? 'when it ends, nothing is left of the old processes'
done

# The signal comes when a spare worker has looked for one, and before it waits for a request. Valgrind and the sanitizers
# want to be the first in LD_PRELOAD.
if test -z "${MEMCHECK:-}" && ! grep -q __asan_init "$LIBEXEC/tlsd" && command -v cc >/dev/null; then
  stop_tls
  cat >"$T/late.c" <<'END'
#define _GNU_SOURCE
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
int accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)
{
  static int late;
  if (!late++ && write(2, "late\n", 5) == 5) poll(0, 0, -1);
  return (int)syscall(SYS_accept4, fd, a, n, flags);
}
END
  cc -shared -fPIC -o "$T/late.so" "$T/late.c"
  LD_PRELOAD=$T/late.so
  export LD_PRELOAD
  start_tls 'spare 2'
  unset LD_PRELOAD
  are_late() { test "$(grep -c '^late$' "$T/tls.log")" -eq 2; }
  try 'spare workers between a look and the wait' wait_for 20 are_late
  pool=$(pool)
  # shellcheck disable=SC2046 # several
  all=$(printf ',%s' "$pool" "$(keeper)" $(pgrep -P "$pool"))
  all=${all#,}
  kill -9 "$pool"
  wait "$tlsd"
  none() { test -z "$(ps -o pid= -p "$all")"; }
  try 'end with the pool, and so does the keeper' wait_for 20 none
  tlsd=
fi

# --- silence ---

stop_tls
start_tls 'idle 300'
ended=$(counter sessions)
hold one
wait_for 20 counts sessions $((ended + 1))
ok $? 'a silent session is ended'
release one

# --- the end ---

stop_tls
start_tls 'drain 3600000'
hold one
kill -TERM "$tlsd"
wait_for 20 sh -c "! test -e '$T/tls.sock'"
out=$(say starttls | client 2525)
like "$out" '^454' 'TERM: no new sessions'
ask one
ok $? 'the running one goes on'
release one
wait_gone "$tlsd"
ok $? 'and with it tlsd ends'
tlsd=
start_tls 'drain 200'
hold one
kill -TERM "$tlsd"
wait_gone "$tlsd"
ok $? 'the drain time is a bound'
tlsd=
like "$(cat "$T/tls.log")" 'out of time: ending 1 sessions' 'and the log tells'
release one
stop_server
is "$(pgrep -f "$T" | grep -vx $$ | wc -l)" 0 'no process is left'
finish
