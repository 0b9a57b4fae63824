#!/bin/sh
# up --confirm: back by itself when nobody confirms, or as soon as health falls; with mailctl killed, with the watcher
# killed, and over a boot.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
awk '/^\[/ { out = $0 !~ /bundle|smtpd|spool/ } !out' "$C" >"$T/conf" && cat "$T/conf" >"$C"
cp "$C" "$T/good"
current() { readlink "$T/b/state/current"; }
is_current() { test "$(current)" = "generations/000$1" && m status; }
change() { sed "s/^\[smtpd\]/&\nper-client = $1/" "$T/good" >"$C"; }
watcher() { s6-svstat -o pid "$T/b/run/service/confirm"; }
watched() { test "$(watcher)" -gt 1; }
done_watching() { test "$(watcher)" = -1; }

exits 1 "confirm of nothing" m confirm
exits 0 "up" m up
change 2
exits 100 "no time" m up --confirm smtpd
exits 0 "up --confirm" m up --confirm 10m
try "somebody watches" wait_for 10 watched
like "$(m generations)" '^2 \(current, back to 1 unless confirmed by ' "generations tells it"
like "$(m status)" '^what runs is to be confirmed by .*; or generation 1 is back$' "and status, too"
exits 0 "confirm" m confirm
like "$(cat "$T/out")" '^generation 2 is kept$' "keeps it"
try "nobody watches any more" wait_for 20 done_watching
is "$(current)" generations/0002 "it stays"

change 3
exits 0 "up --confirm with a short time" m up --confirm 3s
try "goes back when it is over" wait_for 30 is_current 2
try "and is done" wait_for 20 done_watching
like "$(m generations)" 'failed nobody confirmed it' "and says why"
exits 1 "too late to confirm" m confirm
like "$(cat "$T/b/log/supervisor/current")" 'going back: nobody confirmed it' "the supervisor's log has it"

change 4
exits 0 "up --confirm" m up --confirm 10m
try "somebody watches" wait_for 10 watched
# It dies, twice.
old=$(pid_of "$C" smtpd)
kill -9 "$old"
try "it comes back" wait_for 20 another smtpd "$old"
old=$(pid_of "$C" smtpd)
kill -9 "$old"
try "goes back as soon as health falls" wait_for 60 is_current 2
try "and is done" wait_for 20 done_watching
like "$(m generations)" 'failed smtpd dies' "and says why"

# The watcher is killed.
change 5
exits 0 "up --confirm" m up --confirm 6s
wait_for 10 watched
kill -9 "$(watcher)"
try "goes back, with a watcher that was killed" wait_for 40 is_current 2

# mailctl is killed as soon as the new generation is current.
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
  change 6
  strace -o /dev/null -e trace=syncfs,fsync -e inject=fsync:signal=KILL:when=3 mailctl -c "$C" up --confirm 6s >"$T/up" 2>&1
  test -e "$T/b/state/confirm" && echo "# killed with $(current)"
  try "goes back, with mailctl killed" wait_for 40 is_current 2
fi

# A boot: the time goes on.
change 7
exits 0 "up --confirm" m up --confirm 8s
m down >"$T/down" 2>&1
is "$(cat "$T/b/state/confirm" | wc -l)" 2 "down: it is still to be confirmed"
mailctl -c "$C" run >"$T/run.out" 2>&1 &
main=$!
on_exit "kill $main 2>/dev/null"
try "goes back after a boot" wait_for 40 is_current 2
kill "$main"
wait "$main"
wait_for 30 none_left
is "$(processes)" "" "nothing is left"
finish
