#!/bin/sh
# SPF evaluations a second of CPU, on the records of RFC 7208's test suite: ours, libspf2, pyspf.
. "$(dirname "$0")/lib.sh"

suite=/usr/share/doc/python3-spf/rfc7208-tests.yml.gz
test -f "$suite" || { echo "spf: no $suite (package python3-spf)"; exit 0; }
here=$(cd "$(dirname "$0")/.." && pwd)
python3 "$here/tools/spf-suite.py" "$suite" >"$T/lines"
ours=$("$B/tests/tools/spf-suite" -b "$(scale 200)" <"$T/lines")
echo "ours: $ours a second of CPU"
pyspf=$(/usr/bin/python3 "$here/bench/spfpeer.py" "$suite" 3)
echo "pyspf: $pyspf; ours is $((ours / pyspf)) times as fast"
if test -x "$B/tests/bench/spfpeer"; then
  libspf2=$("$B/tests/bench/spfpeer" "$(scale 200)" <"$T/lines" 2>/dev/null)
  echo "libspf2: ${libspf2:-it crashed}; ours is $(echo "$ours ${libspf2:-0}" | awk '{ printf "%.1f", $2 ? $1 / $2 : 0 }') times as fast"
fi
