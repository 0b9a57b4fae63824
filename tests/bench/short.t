#!/bin/sh
# Each bench, as short as it goes: it runs, and prints its ratio. Nothing is measured here.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
BENCH_SHORT=1
export BENCH_SHORT

for bench in "$here"/*.sh; do
  name=$(basename "$bench" .sh)
  test "$name" = lib && continue
  "$bench" >"$T/out" 2>&1
  status=$?
  if test "$status" -eq 77; then
    ok 0 "$name # SKIP $(tail -n 1 "$T/out")"
    continue
  fi
  ok "$status" "$name runs"
  sed 's/^/# /' "$T/out"
done
finish
