#!/bin/sh
# What a configuration becomes, byte for byte: tests/golden/plan/NAME.conf, and the service directories in NAME/.
# After a change that is meant: `make golden`, and read the difference.
. "$(dirname "$0")/lib.sh"
golden=$(cd "$(dirname "$0")/../golden/plan" && pwd)

for conf in "$golden"/*.conf; do
  which=$(basename "$conf" .conf)
  exits 0 "$which is planned" "$B/tests/tools/plandump" "$conf" "$T/$which"
  try "$which: its service directories" diff -r "$golden/$which" "$T/$which"
done
printf '[bundle]\nnosuch = 1\n' >"$T/wrong.conf"
exits 102 "a file with a mistake has no plan" "$B/tests/tools/plandump" "$T/wrong.conf" "$T/wrong"
finish
