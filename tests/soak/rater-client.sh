#!/bin/sh
# A million questions of the client under valgrind: no memory is lost, and no descriptor.
# SOAK_SHORT=1: three thousand.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/../e2e/rater-lib.sh"

command -v valgrind >/dev/null || skip_all 'no valgrind: install the package valgrind'
count=1000000
test -z "${SOAK_SHORT:-}" || count=3000

echo 'a * 100/1s' >"$T/rules"
start
# Valgrind cannot run what AddressSanitizer was built into, but that finds leaks by itself.
if grep -q __asan_init "$B/tests/soak/askmany"; then
  exits 0 "$count questions under LeakSanitizer" env ASAN_OPTIONS=detect_leaks=1:log_path=stderr:exitcode=99 \
    "$B/tests/soak/askmany" "$S" "$count"
  is "$(cat "$T/out")" "$((count - count / 50))" 'were answered'
  stop
  finish
fi
exits 0 "$count questions under valgrind" valgrind --leak-check=full --show-leak-kinds=all --track-fds=yes \
  --error-exitcode=99 "$B/tests/soak/askmany" "$S" "$count"
is "$(cat "$T/out")" "$((count - count / 50))" 'were answered'
like "$(cat "$T/err")" 'no leaks are possible|in use at exit: 0 bytes' 'nothing is lost'
like "$(cat "$T/err")" 'FILE DESCRIPTORS: [0-9]+ open' 'descriptors are counted'
unlike "$(cat "$T/err")" 'Open AF_(UNIX|INET)' 'and no socket is among them'
stop
finish
