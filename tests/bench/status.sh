#!/bin/sh
# mailctl status against a shell loop of s6-svstat over the same directories, which are those of 8 and of 100
# services and of their loggers; against a loop that leaves the loggers out; and mailctl's own start. Ratios
# below 1: ours is the faster one; the goals are 0.2 and 0.05. status says much more than either loop:
# processes, restarts, the queue, the counters, the logs.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/../e2e/bundle.sh"

# runs TIMES SCRIPT: milliseconds that a run takes, and the processor's. One shell makes all runs, as the same
# shell would make the one and the other; so many that its own start, and that of the counter, is nothing.
runs() {
  times=$(test "${BENCH_SHORT:-}" && echo 1 || echo "$1")
  from=$(date +%s%N)
  "$TOOLS/cpu" "$T/cpu" sh -c "for i in $(seq -s ' ' "$times"); do $2; done >'$T/out'" || exit 1
  to=$(date +%s%N)
  awk -v n="$times" -v wall=$((to - from)) '{ print wall / 1e6 / n, $1 / 1e3 / n }' "$T/cpu"
}
status() { runs 200 "mailctl -c '$C' status"; }
json() { runs 200 "mailctl -c '$C' status --json"; }
svstat_of() { runs $((1600 / services)) "for dir in $*; do s6-svstat \$dir; done"; }
svstat() { svstat_of "$T/b/run/servicedirs/* $T/b/run/servicedirs/*/log"; }
no_loggers() { svstat_of "$T/b/run/servicedirs/*"; }
version() { runs 500 'mailctl --version'; }
true_loop() { runs 500 /bin/true; }

for services in 8 100; do
  test -z "${BENCH_SHORT:-}" || test "$services" -eq 8 || services=12
  mkdir "$T/b" "$T/b/control"
  C=$T/b/mailctl.conf
  {
    printf '[bundle]\nhostname = bench.example.test\n'
    test "$(id -u)" -ne 0 || echo 'user = nobody'
    for i in $(seq "$services"); do printf '[service s%03d]\ncommand = sleep 1000000\n' "$i"; done
  } >"$C"
  on_exit "mailctl -c '$C' down >/dev/null 2>&1"
  mailctl -c "$C" up >"$T/up" 2>&1 || { cat "$T/up"; exit 1; }
  test "$(find "$T/b/run/servicedirs" -mindepth 1 -maxdepth 1 | wc -l)" -eq "$services" || exit 1
  echo "$services services"
  compare status svstat ms CPU_ms
  compare json svstat ms CPU_ms
  compare status no_loggers ms CPU_ms
  mailctl -c "$C" down >/dev/null
  rm -rf "$T/b"
done
echo "a start"
compare version true_loop ms CPU_ms
