#!/bin/bash
# The monitor: one measurement against the cron line's `find todo -type f | wc -l`, and against the kernel's
# listing alone, below which no exact count can be; what a refusal costs without
# a plugin, with smtpd's own, with our program, and with a stand-in for the original in bash; the idle loop.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$T" || exit 1
mkdir control

# --- one measurement ----------------------------------------------------------------------------------

# mean TIMES COMMAND...: microseconds that the command takes
mean() {
  local n=$1 begin end i
  shift
  begin=$(date +%s%N)
  for ((i = 0; i < n; i++)); do "$@" >"$T/out" || exit 1; done
  end=$(date +%s%N)
  echo $(((end - begin) / n / 1000))
}
find_wc() {
  begin=$(date +%s%N)
  "$TOOLS/cpu" "$T/cpu" sh -c "for i in $(seq -s ' ' "$times"); do find todo -type f | wc -l; done" >"$T/out" || exit 1
  end=$(date +%s%N)
  echo "$(((end - begin) / times / 1000)) $(awk -v n="$times" '{ print $1 / n }' "$T/cpu")"
}
exact() { "$TOOLS/queue" count todo 0 0 "$times"; }
kernel() { "$TOOLS/queue" read todo "$times"; }
exact_age() { "$TOOLS/queue" count todo 0 18446744073709551615 "$times"; }
early() { "$TOOLS/queue" count todo 400 100 $((10 * times)); }

for files in 1000 100000 1000000; do
  files=$(scale "$files")
  times=$((200000 / files + 1))
  most=$(scale 100)
  test "$times" -le "$most" || times=$most
  mkdir todo
  "$TOOLS/queue" fill todo "$files" || exit 1
  find_wc >/dev/null
  echo "$files files"
  compare exact find_wc microseconds CPU_us
  compare exact kernel microseconds CPU_us
  compare early find_wc microseconds CPU_us
  compare exact_age find_wc microseconds CPU_us
  rm -rf todo
done

# --- refusals -----------------------------------------------------------------------------------------

# From tests/bench/talk: smtp-source gives up at the first refusal, so that it can measure mail that passes alone (below).

count=$(scale 3000)
echo example.test >control/me
echo example.test >control/rcpthosts
cat >overload.bash <<'EOF'
#!/bin/bash
if [ -e control/overloaded ] && [ -z "$SMTPAUTHUSER" ]; then
  echo "overload: $PPID Temporary Failure: Server overload" >&2
  echo "R451 Temporary Failure: Server overload"
fi
EOF
chmod +x overload.bash

# sessions CODE: smtpd with the plugins as they are: sessions/s and its us of CPU a session
sessions() {
  start_server "$T/cpu" "$LIBEXEC/tcplisten" -c 40 -C 0 "$IP:2525" -- "$LIBEXEC/smtpd" -q "$TOOLS/sink"
  wait_for 10 "$TOOLS/talk" "$IP" 2525 1 1 250 'HELO x.test' || exit 1
  rate=$("$TOOLS/talk" "$IP" 2525 "$count" 8 "$1" 'HELO x.test' 'MAIL FROM:<a@example.org>') || exit 1
  stop_server
  echo "$rate $(awk -v n="$count" '{ print $1 / (n + 1) }' "$T/cpu")"
}
refuse_with() {
  printf '[mail]\n%s\n' "$1" >control/smtpplugins
  : >control/overloaded
  sessions 451
}
pass_with() {
  printf '[mail]\n%s\n' "$1" >control/smtpplugins
  rm -f control/overloaded
  sessions 250
}
no_plugin() {
  rm -f control/overloaded control/smtpplugins
  sessions 250
}
builtin_refuses() { refuse_with builtin:overload; }
plugin_refuses() { refuse_with "$LIBEXEC/plugins/overload"; }
bash_refuses() { refuse_with "$T/overload.bash"; }
builtin_clear() { pass_with builtin:overload; }
plugin_clear() { pass_with "$LIBEXEC/plugins/overload"; }
bash_clear() { pass_with "$T/overload.bash"; }

echo "$count sessions of HELO, MAIL; 8 at a time"
compare builtin_refuses no_plugin sessions/s CPU_us/session
compare plugin_refuses no_plugin sessions/s CPU_us/session
compare bash_refuses no_plugin sessions/s CPU_us/session
compare plugin_refuses bash_refuses sessions/s CPU_us/session
compare builtin_clear no_plugin sessions/s CPU_us/session
compare plugin_clear bash_clear sessions/s CPU_us/session

# What the program costs by itself: a process that reads the flag and answers.
: >control/overloaded
export SMTPMAILFROM=a@example.org
plugin() { mean "$(scale 1000)" "$LIBEXEC/plugins/overload" 2>/dev/null; }
in_bash() { mean "$(scale 1000)" "$T/overload.bash" 2>/dev/null; }
compare plugin in_bash microseconds

# --- the idle loop ------------------------------------------------------------------------------------

seconds=$(test "${BENCH_SHORT:-}" && echo 2 || echo 30)
mkdir -p todo run
"$B/bin/mailctl" monitor -D "$T/run/overload" "$T/todo" &
monitor=$!
on_exit "kill $monitor 2>/dev/null"
wait_for 10 test -s run/overload/state || exit 1
before=$(cut -d ' ' -f 1 "/proc/$monitor/schedstat")
sleep "$seconds"
after=$(cut -d ' ' -f 1 "/proc/$monitor/schedstat")
kill "$monitor"
wait "$monitor"
awk -v ns="$((after - before))" -v s="$seconds" \
  'BEGIN { printf "the idle monitor: %.4f %% of a CPU (%.0f us a poll, each second)\n", ns / s / 1e7, ns / s / 1e3 }'

# --- mail that passes, under smtp-source ---------------------------------------------------------------

test -z "${BENCH_SHORT:-}" || test -e "$PEERS/deb/postfix" || exit 0
smtp_source || skip "no smtp-source: cannot download these packages, or run it: postfix libicu72"
messages=$(scale 2000)
source_with() {
  printf '[mail]\n%s\n' "$1" >control/smtpplugins
  rm -f control/overloaded
  start_server "$T/cpu" "$LIBEXEC/tcplisten" -c 40 -C 0 "$IP:2525" -- "$LIBEXEC/smtpd" -q "$TOOLS/sink"
  wait_for 10 "$TOOLS/talk" "$IP" 2525 1 1 250 'HELO x.test' || exit 1
  begin=$(date +%s%N)
  "$SMTP_SOURCE" -s 8 -m "$messages" -f a@example.org -t b@example.test "$IP:2525" || exit 1
  end=$(date +%s%N)
  stop_server
  echo "$((messages * 1000000000 / (end - begin))) $(awk -v n="$messages" '{ print $1 / n }' "$T/cpu")"
}
source_none() { source_with '# nothing'; }
source_builtin() { source_with builtin:overload; }
echo "$messages messages from smtp-source, 8 at a time"
compare source_builtin source_none messages/s CPU_us/message
