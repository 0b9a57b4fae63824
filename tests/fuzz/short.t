#!/bin/sh
# Each fuzzer, briefly, from its corpus: it builds, runs, and what it once found stays mended.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
fuzzers=$(cd "$here/../.." && pwd)/build/fuzz/tests/fuzz

for source in "$here"/*.c; do
  test -e "$source" || skip_all "no fuzzers"
  fuzzer=$(basename "$source" .c)
  mkdir "$T/$fuzzer"
  set -- "$T/$fuzzer"
  test -d "$here/corpus/$fuzzer" && set -- "$@" "$here/corpus/$fuzzer"
  try "$fuzzer" "$fuzzers/$fuzzer" -runs=3000 -max_total_time=10 -timeout=$((10 * PATIENCE)) -verbosity=0 \
    -artifact_prefix="$fuzzers/crash-$fuzzer-" "$@"
done
finish
