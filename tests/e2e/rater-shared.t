#!/bin/sh
# Three raterds share limits by one Redis, which is killed, stopped, emptied, slow, shut, and fails over; each time what is
# admitted is what raterd(8) guarantees.
# shellcheck disable=SC2317 # wait_for calls functions
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
command -v redis-server >/dev/null || skip_all "no redis-server"

redis() { redis-cli -s "$T/redis.sock" "$@"; }
redis_start() {
  redis-server --port 0 --unixsocket "$T/redis.sock" --save '' --appendonly no --dir "$T" "$@" >>"$T/redis.log" 2>&1 &
  redis=$!
  on_exit "kill -CONT $redis 2>/dev/null; kill $redis 2>/dev/null"
  wait_for 20 redis ping
}
# raterds URL [OPTION]...: three of them, each with a third of a limit while Redis is away. They wait for Redis for longer than
# they need to, but where that is what is tried.
raterds() {
  url=$1
  shift
  test $# -gt 0 || set -- -T 9000
  pids=
  for i in 1 2 3; do
    rm -f "$T/ready"
    mkfifo "$T/ready"
    "$LIBEXEC/raterd" -d 7 -s "$T/r$i" -S "$url" -F 34 "$@" "$T/rules" 7>"$T/ready" 2>>"$T/log$i" &
    pids="$pids $!"
    on_exit "kill $! 2>/dev/null"
    read -r _ <"$T/ready"
  done
}
stop() {
  # shellcheck disable=SC2086 # words
  kill $pids
  # shellcheck disable=SC2086
  wait $pids
}
at() {
  i=$1
  shift
  rater -s "$T/r$i" -t 60000 "$@"
}
# all_at N VALUE [CLASS]: N questions to each of the three, at once; prints how many were admitted
all_at() {
  asking=
  for i in 1 2 3; do
    (for _ in $(seq "$1"); do at $i "${3-ten}" "$2"; done) >"$T/said$i" &
    asking="$asking $!"
  done
  # shellcheck disable=SC2086
  wait $asking
  cat "$T/said1" "$T/said2" "$T/said3" | grep -c '^0'
}
stat_of() { at "$1" --stats | sed -n "s/^shared_$2	//p"; }
there() { for i in 1 2 3; do test "$(stat_of $i away) $(stat_of $i owed)" = "0 0" || return; done; }
away() { for i in 1 2 3; do test "$(stat_of $i away)" = 1 || return; done; }
held() { at 1 --peek "${2-ten}" "$1" | cut -d/ -f1 | cut -c3-; }

printf '%s\n' 'ten * 10/1h shared' 'hard * 10/1h shared strict' 'mine * 10/1h' 'addr 0.0.0.0/0 10/1h shared group /24' \
  'sent * 10/1h shared' 'sent policy=RCPT sender' >"$T/rules"
redis_start
raterds "unix:$T/redis.sock"
try "Redis is there" wait_for 20 there
is "$(all_at 10 a)" 10 "three machines, one limit"
is "$(all_at 3 a mine)" 9 "and a local one each"
like "$(at 2 ten a)" '^1 11/10 3[56][0-9]$' "the time to wait"
is "$(at 3 --add 3 addr 192.0.2.7) $(at 1 --peek addr 192.0.2.99) $(at 2 --peek addr 192.0.3.1)" "0 3/10 0 3/10 0 0/10" "groups of addresses"
is "$(at 1 --add 11 ten b)" "1 11/10 -" "more than ever"
is "$(at 2 --peek ten b)" "0 0/10" "is not counted"
at 1 --add 9 ten c >/dev/null
is "$(at 2 --add 2 ten c | cut -c1) $(at 2 ten c | cut -c1)" "1 0" "a refusal is remembered for as much, and not for less"
before=$(stat_of 3 asked)
for _ in 1 2 3; do at 3 ten c; done >/dev/null
is "$(($(stat_of 3 asked) - before))" 1 "and asked about once"
is "$(printf '!undo 4 ten c\n' | python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read()); print(s.recv(100).decode().strip())' "$T/r3")" "0 1" "taken back"
is "$(at 3 --peek ten c)" "0 6/10" "for all"
is "$(at 2 --reset ten c) $(at 1 --peek ten c)" "0 1 0 0/10" "reset for all"
is "$(all_at 5 d hard)" 10 "strict: ten"
test "$(at 1 --peek hard d | cut -d/ -f1 | cut -c3-)" -gt 10
ok $? "and what was refused counts, too"

# --- killed
at 1 --add 4 ten k >/dev/null
kill -9 "$redis"
wait "$redis" 2>/dev/null
try "killed: known at once" wait_for 20 away
is "$(all_at 10 k)" 9 "killed: a third of the limit each"
is "$(all_at 3 j mine)" 9 "killed: local limits are as ever"
redis_start
try "back: told what was admitted meanwhile" wait_for 60 there
begin=$(date +%s%N)
is "$(held k)" 9 "back: which it counts"
test $((($(date +%s%N) - begin) / 1000000)) -lt $((4000 * PATIENCE))
ok $? "back: and answers at once"
is "$(all_at 5 k)" 1 "back: so that one is left"

# --- stopped
stop
raterds "unix:$T/redis.sock" -T 20
wait_for 20 there
kill -STOP "$redis"
begin=$(date +%s%N)
is "$(all_at 10 s)" 9 "stopped: a third each"
# three that wait 20 ms each; the rest do not
test $((($(date +%s%N) - begin) / 1000000)) -lt $((3000 * PATIENCE))
ok $? "stopped: nobody waits for long"
try "stopped: known" wait_for 20 away
kill -CONT "$redis"
try "goes on: told" wait_for 60 there
test "$(held s)" -ge 9
ok $? "goes on: nothing is counted less"
test "$(all_at 5 s)" -le 1
ok $? "goes on: no more than the limit"

# --- emptied, and its scripts
stop
raterds "unix:$T/redis.sock"
wait_for 20 there
is "$(all_at 5 f)" 10 "emptied: ten before"
redis flushall >/dev/null
for i in 1 2 3; do rm -f "$T/said$i"; done
stop
raterds "unix:$T/redis.sock"
wait_for 20 there
is "$(all_at 5 f)" 10 "emptied: at most ten more"
redis script flush >/dev/null
at 1 ten g >/dev/null
try "its scripts are gone: given again" wait_for 60 there
is "$(at 1 --add 2 ten g | cut -c1)" 0 "and it goes on"

# --- Postfix's protocol
stop
pids=
for i in 1 2 3; do
  "$LIBEXEC/raterd" -s "$T/r$i" -p "$T/p$i" -S "unix:$T/redis.sock" -T 9000 -F 34 "$T/rules" 2>>"$T/log$i" &
  pids="$pids $!"
  on_exit "kill $! 2>/dev/null"
done
is_there() { at 3 --stats >/dev/null 2>&1 && at 2 --stats >/dev/null 2>&1 && there; }
wait_for 20 is_there
cat >"$T/policy.py" <<'E2'
import os, socket, sys
good = 0
for i in range(5):
    for path in sys.argv[1:]:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60 * int(os.environ["PATIENCE"]))
        s.connect(path)
        s.sendall(b"request=smtpd_access_policy\nprotocol_state=RCPT\nsender=a@b.test\n\n" * 2)
        data = b""
        while data.count(b"\n\n") < 2: data += s.recv(1000)
        good += data.count(b"DUNNO")
print(good)
E2
is "$(python3 "$T/policy.py" "$T/p1" "$T/p2" "$T/p3")" 10 "by Postfix's protocol"
# many lines ahead, of which some are shared: answers in order
is "$(printf 'mine o\nten o\nmine o\nten o\nnosuch o\n!peek ten o\n' | python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read())
d = b""
while d.count(b"\n") < 6: d += s.recv(1000)
print(d.decode().replace("\r\n", ";"))' "$T/r1")" "0 1/10;0 1/10;0 2/10;0 2/10;2 unknown class;0 2/10;" "answers in their order"
stop

# --- slow: a proxy that holds each answer back
cat >"$T/slow.py" <<'E2'
import socket, sys, threading, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(9)
def carry(a, b, delay):
    while True:
        try: data = a.recv(65536)
        except OSError: data = b""
        if not data: break
        time.sleep(delay)
        try: b.sendall(data)
        except OSError: break
    for x in a, b:
        try: x.shutdown(socket.SHUT_RDWR)
        except OSError: pass
while True:
    a, _ = listener.accept()
    b = socket.socket(socket.AF_UNIX)
    b.connect(sys.argv[2])
    threading.Thread(target=carry, args=(a, b, 0), daemon=True).start()
    threading.Thread(target=carry, args=(b, a, float(sys.argv[3])), daemon=True).start()
E2
python3 "$T/slow.py" "$T/slow.sock" "$T/redis.sock" 0.2 &
slow=$!
on_exit "kill $slow 2>/dev/null"
wait_for 20 test -S "$T/slow.sock"
raterds "unix:$T/slow.sock" -T 20
wait_for 20 there
admitted=$(all_at 10 slow)
test "$admitted" -ge 9 && test "$admitted" -le 19
ok $? "slow: no more than the limit and three thirds ($admitted)"
settled() { there && test "$(redis get rater:ten:slow)" != ""; }
try "slow: what was admitted is told" wait_for 60 settled
kill "$slow"
wait "$slow" 2>/dev/null
stop
raterds "unix:$T/redis.sock"
wait_for 20 there
n=$(held slow)
test "$n" -ge "$admitted" || test "$n" -ge 10
ok $? "slow: and not counted less ($n)"
stop

# --- a password
kill "$redis"
wait "$redis"
echo secret >"$T/password"
redis_start --requirepass secret --port 6390 --bind "$IP"
raterds "redis://$IP:6390/3"
try "no password: away" wait_for 20 away
try "and why" grep -q 'Redis is away: NOAUTH' "$T/log1"
stop
raterds "redis://$IP:6390/3" -A "$T/password" -T 9000
try "a password, TCP, a database" wait_for 20 there
is "$(all_at 5 p)" 10 "one limit"
stop
kill "$redis"
wait "$redis"

# --- sentinel: the master is killed, a replica takes its place
redis_start --port 6391 --bind "$IP"
master=$redis
redis-server --port 6392 --bind "$IP" --save '' --appendonly no --dir "$T" --replica-announce-ip "$IP" --replicaof "$IP" 6391 >>"$T/replica.log" 2>&1 &
replica=$!
on_exit "kill $replica 2>/dev/null"
replicates() { redis-cli -h "$IP" -p 6392 info replication | grep -q 'master_link_status:up'; }
wait_for 30 replicates
printf '%s\n' "port 26390" "bind $IP" "dir $T" "sentinel monitor mx $IP 6391 1" "sentinel down-after-milliseconds mx 500" \
  "sentinel failover-timeout mx 2000" >"$T/sentinel.conf"
redis-server "$T/sentinel.conf" --sentinel >>"$T/sentinel.log" 2>&1 &
sentinel=$!
on_exit "kill $sentinel 2>/dev/null"
knows_replica() { redis-cli -h "$IP" -p 26390 sentinel replicas mx | tr "\n" " " | grep -q "flags slave .*master-link-status ok"; }
wait_for 60 knows_replica
raterds "sentinel://mx@$IP:26390"
try "sentinel: there" wait_for 20 there
is "$(all_at 5 v)" 10 "sentinel: one limit"
kill -9 "$master"
wait "$master" 2>/dev/null
try "failed over: there" wait_for 60 there
like "$(all_at 5 v)" '^([0-9]|1[0-9])$' "failed over: no more than ten and three thirds more"
try "the new master counts" test "$(at 1 ten w | cut -c1)" = 0
stop

# --- in a bundle
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"
new_bundle "$T/b"
C=$T/b/mailctl.conf
printf '[limit ten]\nrule = * 10/1h shared\n' >>"$C"
exits 102 "shared, and no Redis" m check
like "$(cat "$T/out" "$T/err")" '\[rater\] a rule is `shared`: say by which Redis' "is said"
sed -i "s|^\[rater\]|&\nshared = redis://localhost:1|" "$C"
exits 102 "by a name" m check
like "$(cat "$T/out" "$T/err")" '\[rater\] shared: not ADDRESS:PORT' "is said"
sed -i "s|^shared = .*|shared = redis://$IP:6393/1\nshared-timeout = 9s\nshared-share = 30|" "$C"
redis-server --port 6393 --bind "$IP" --save '' --appendonly no --dir "$T" >>"$T/redis.log" 2>&1 &
on_exit "kill $! 2>/dev/null"
try "up" m up
bundle_there() { rater -s "$T/b/run/rater.sock" --stats | grep -q '^shared_away	0$'; }
try "raterd of a bundle asks Redis" wait_for 30 bundle_there
is "$(rater -s "$T/b/run/rater.sock" --add 7 ten x) $(redis-cli -h "$IP" -p 6393 -n 1 keys '*')" "0 7/10 rater:ten:x" "and counts there"
m down >/dev/null 2>&1

# --- what is wrong is said
for url in rediss://127.0.0.1:1/0 redis://localhost:6379 redis://:x@127.0.0.1:1 sentinel://127.0.0.1:1 unix:x; do
  exits 100 "-S $url: refused" "$LIBEXEC/raterd" -s "$T/r4" -S "$url" "$T/rules"
done
finish
