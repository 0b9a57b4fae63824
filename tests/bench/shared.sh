#!/bin/sh
# Shared limits: raterds in front of one Redis, against clients that ask the same script there themselves (redis-benchmark).
# 50 connections, one check at a time on each, and sixteen; one raterd, and three at once; then refusals from memory.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

need redis-server redis-server
need redis-benchmark redis-tools
keys=100000
printf '%s\n' 'incr * 1000000/1h shared' 'no * 1/1h shared' >"$T/rules"
redis-server --port 0 --unixsocket "$T/redis.sock" --save '' --appendonly no --dir "$T" >"$T/redis.log" 2>&1 &
redis=$!
on_exit "kill $redis 2>/dev/null"
wait_for 10 redis-cli -s "$T/redis.sock" ping
for i in 1 2 3; do
  "$LIBEXEC/raterd" -s "$T/r$i" -S "unix:$T/redis.sock" -T 9000 "$T/rules" 2>>"$T/server.log" &
  eval "pid$i=$!"
  on_exit "kill $! 2>/dev/null"
done
there() { for i in 1 2 3; do rater -s "$T/r$i" --stats | grep -q '^shared_away	0$' || return; done; }
wait_for 10 there || exit 1
# raterd's script, as the source has it: its name is its hash
sha=$(python3 -c '
import hashlib, re, sys
text = open(sys.argv[1]).read()
text = text[text.index("shared_script[]"):]
print(hashlib.sha1("".join(re.findall(r"\"(.*)\"", text)).encode().decode("unicode_escape").encode()).hexdigest())' \
  "$(dirname "$0")/../../services/rater/sharedscript.c")
redis-cli -s "$T/redis.sock" script exists "$sha" | grep -q 1 || {
  echo "Redis has another script than the source"
  exit 1
}

# cpu PID: microseconds on a processor so far
cpu() { awk '{ printf "%.0f\n", $1 / 1000 }' "/proc/$1/schedstat"; }
# prints: checks a second, the processor time a check of all that serve (us), p99 (us)
direct() {
  before=$(cpu $redis)
  redis-benchmark -s "$T/redis.sock" -n "$count" -c 50 -P "$pipeline" -r $keys --csv \
    evalsha "$sha" 1 rater:incr:key__rand_int__ 3600 3600000000 1 check >"$T/benchmark"
  tail -n 1 "$T/benchmark" | tr -d '"' | awk -F, -v n="$count" -v c=$(($(cpu $redis) - before)) '{ print $2, c / n, $7 * 1000 }'
}
one() {
  before=$(cpu $redis)
  # shellcheck disable=SC2154 # set by eval
  "$TOOLS/ask" "$T/r1" "$pid1" incr "$count" 50 "$pipeline" $keys >"$T/asked1"
  awk -v n="$count" -v c=$(($(cpu $redis) - before)) '{ print $1, $2 + c / n, $4 }' "$T/asked1"
}
three() {
  before=$(cpu $redis)
  asking=
  for i in 1 2 3; do
    eval "pid=\$pid$i"
    # shellcheck disable=SC2154
    "$TOOLS/ask" "$T/r$i" "$pid" incr $((count / 3)) 17 "$pipeline" $keys >"$T/asked$i" &
    asking="$asking $!"
  done
  # shellcheck disable=SC2086 # words
  wait $asking
  cat "$T/asked1" "$T/asked2" "$T/asked3" | awk -v n="$count" -v c=$(($(cpu $redis) - before)) \
    '{ r += $1; u += $2 / 3; if ($4 > p) p = $4 } END { print r, u + c / n, p }'
}
for pipeline in 1 16; do
  count=$(scale $((60000 * (1 + pipeline / 4))))
  echo "$count checks over 50 connections, $pipeline at a time"
  compare one direct checks/s CPU_us/check p99_us
  compare three direct checks/s CPU_us/check p99_us
done

# one connection, one refusal after the other, against a shared check that is asked
"$TOOLS/ask" "$T/r1" "$pid1" no 400 1 1 100 >/dev/null || exit 1
count=$(scale 20000)
remembered() { "$TOOLS/ask" "$T/r1" "$pid1" no "$count" 1 1 100 | awk '{ print $1, $2, $3, $4 }'; }
asked() { "$TOOLS/ask" "$T/r1" "$pid1" incr "$count" 1 1 $keys | awk '{ print $1, $2, $3, $4 }'; }
compare remembered asked answers/s CPU_us/answer median_us p99_us
