#!/bin/sh
# Ten million questions of all kinds from fifty clients, and a kill -9 of raterd every second: nothing is admitted
# beyond the guarantee of rater-rules(5), and nobody waits longer than his timeout. SOAK_SHORT=1: a few seconds.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

count=10000000 every=1000
test -z "${SOAK_SHORT:-}" || count=200000 every=300

# storm.c knows these limits.
cat >"$T/rules" <<'RULES'
fast * 2000/1s burst 100
slow * 20/1s burst 10
strict * 50/1s burst 20 strict
penalty * 100/10s burst 50 penalty 1s
hour * 3600/1h burst 30
bytes * 1000000/1s burst 500000
RULES

exits 0 "$count questions" "$B/tests/soak/storm" "$T/s" "$IP:1999" "$count" 50 "$every" \
  "$LIBEXEC/raterd" -d 7 -s "$T/s" -l "$IP:1999" -t "$T/table" "$T/rules"
sed 's/^/# /' "$T/out"
is "$(ls "$T"/table.bad 2>/dev/null)" '' 'the table was good after every kill'
is "$(grep -v 'raterd: info:' "$T/err" | sort -u | head -5)" '' 'and raterd complained of nothing'
finish
