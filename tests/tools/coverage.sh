#!/bin/sh
# What the tests reached, a line a directory: tests/tools/coverage.sh BUILD, after they ran with the programs in BUILD.
set -eu
cd "$1/obj"
find . -name '*.gcno' | sed 's/gcno$/o/' | xargs gcov -n -o . 2>/dev/null | awk '
/^File / { file = $2; gsub(/\047/, "", file); next }
/^Lines executed:/ {
  split($2, part, ":"); percent = part[2]; sub("%", "", percent)
  if (file !~ "^(ctl|runlib|services)/") next
  sub("/[^/]*$", "", file)
  lines[file] += $4; hit[file] += $4 * percent / 100; all += $4; allhit += $4 * percent / 100
}
END {
  for (d in lines) printf "%-22s %6d lines %5.1f %%\n", d, lines[d], 100 * hit[d] / lines[d] | "sort"
  close("sort")
  if (all) printf "%-22s %6d lines %5.1f %%\n", "all", all, 100 * allhit / all
}'
