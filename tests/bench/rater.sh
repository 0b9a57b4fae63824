#!/bin/sh
# raterd against Debian's redis-server, both over a unix socket, asked by the same program: a check there, an
# INCR here. 50 connections, one request at a time on each, and sixteen; then the memory of a million keys.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

unpack redis-server redis-tools liblzf1 libjemalloc2
redis=$PEERS/usr/bin/redis-server
libraries=$PEERS/usr/lib/$(gcc -print-multiarch)
LD_LIBRARY_PATH=$libraries "$redis" --version >/dev/null 2>&1 || skip "redis-server does not run here"

echo 'incr * 1000000000/1h' >"$T/rules"
keys=100000

start_raterd() {
  "$LIBEXEC/raterd" -s "$T/rater.sock" -t "$T/table" -k "$1" "$T/rules" 2>>"$T/server.log" &
  server=$! socket=$T/rater.sock word=incr
  on_exit "kill $server 2>/dev/null"
  wait_for 10 "$TOOLS/ask" "$socket" "$server" "$word" 1 1 1 1 || exit 1
}
start_redis() {
  LD_LIBRARY_PATH=$libraries "$redis" --port 0 --unixsocket "$T/redis.sock" --save '' --appendonly no \
    --daemonize no --dir "$T" >>"$T/server.log" &
  server=$! socket=$T/redis.sock word=INCR
  on_exit "kill $server 2>/dev/null"
  wait_for 10 "$TOOLS/ask" "$socket" "$server" "$word" 1 1 1 1 || exit 1
}
stop() {
  kill "$server"
  wait "$server"
}

# measure START: warms the server up with every key, then prints what `ask` measured
measure() {
  "$1" $keys
  "$TOOLS/ask" "$socket" "$server" "$word" $keys 1 16 $keys >/dev/null || exit 1
  "$TOOLS/ask" "$socket" "$server" "$word" "$count" 50 "$pipeline" $keys || exit 1
  stop
}
raterd() { measure start_raterd; }
redis() { measure start_redis; }

for pipeline in 1 16; do
  count=$(scale $((400000 * (1 + pipeline / 4))))
  echo "$count checks over 50 connections, $pipeline at a time"
  compare raterd redis checks/s CPU_us/check median_us p99_us
done

# resident START: bytes of memory that the process has for each of the keys
resident() {
  "$1" "$many"
  "$TOOLS/ask" "$socket" "$server" "$word" "$many" 1 100 "$many" >/dev/null || exit 1
  awk -v n="$many" '$1 == "VmRSS:" { print $2 * 1024 / n }' "/proc/$server/status"
  stop
}
memory_raterd() { resident start_raterd; }
memory_redis() { resident start_redis; }

many=$(scale 1000000)
ROUNDS=1
echo "$many keys"
compare memory_raterd memory_redis bytes/key

# What a check costs in the plugin, over a start of a program that does nothing.
plugin() { "$TOOLS/start" "$starts" "$LIBEXEC/plugins/rate"; }
bare() { "$TOOLS/start" "$starts" "$TOOLS/bare"; }
command_rater() { "$TOOLS/start" "$starts" "$B/bin/rater" incr 192.0.2.1; }
starts=$(scale 1000)
test "${BENCH_SHORT:-}" || ROUNDS=5
start_raterd $keys
RATER=$T/rater.sock RATE=incr:192.0.2.1
export RATER RATE
echo "$starts starts"
compare plugin bare us/start CPU_us/start
compare command_rater bare us/start CPU_us/start
stop
