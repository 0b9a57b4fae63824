#!/bin/sh
# Switches between two software sets and back while mail pours in, with kill -9 of a random process of the bundle, or of
# mailctl, in each. Nobody is refused; what was answered 250 is in its Maildir, once; the next switch ends what a killed one
# began.
#
#   SWITCHES=100 SEED=1 tests/soak/switch.sh
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/../e2e/bundle.sh"

here=$(cd "$(dirname "$0")" && pwd)
switches=${SWITCHES:-100}
seed=${SEED:-$(date +%s)}
mail_bundle || exit 111
S=$T/opt
mkdir "$S"
for i in a b; do mkdir "$S/$i" && cp -a "$B/bin" "$B/libexec" "$S/$i/"; done
sed -i "s|^\[bundle\]|&\nsoftware = $S|; s/^probe = .*/probe = light/; s/^#per-client = .*/per-client = 100/
  s/^#concurrency = 100\$/concurrency = 300/" "$C"
# A login is counted before it is tried, and forgiven afterwards, which a raterd that is killed in between does not hear: once
# a week that is nothing, a hundred times in ten minutes it is the limit.
sed -i 's|10/10m penalty 30m|100000/10m|' "$C"
at() { "$S/current/bin/mailctl" -c "$C" "$@"; }
on_exit "at down >/dev/null 2>&1"
exits 0 "up" "$S/a/bin/mailctl" -c "$C" up
echo secret | at passwd postmaster >"$T/out" 2>&1

python3 "$here/switchload.py" "$T" "$IP" secret "$T/b/run/rater.sock" "$T/stop" >"$T/load.out" 2>&1 &
load=$!
# With Postfix's smtp-source as well, where it is there: of a run that ends well, all messages were answered 250.
: >"$T/source"
if smtp_source; then
  while test ! -e "$T/stop"; do
    "$SMTP_SOURCE" -s 2 -m 10 -f s@example.test -t postmaster@example.test -S source "$IP:2525" >/dev/null 2>&1 && echo 10 >>"$T/source"
    sleep 0.2
  done &
  source=$!
fi

echo "# $switches switches, SEED=$seed"
# Which process dies, and when, in each.
awk -v n="$switches" -v seed="$seed" 'BEGIN { srand(seed); for (; n; n--) print int(1500 * rand()), rand() }' >"$T/dice"
ours() { processes | grep -E "mailctl|s6-|/libexec/" | grep -vE 'switchload|smtp-source|prove|/switch.sh|awk ' | sed 's/ .*//'; }
times=
bad=0
target=b
while read -r ms which; do
  begin=$(date +%s%N)
  "$S/current/bin/mailctl" -c "$C" switch "$target" >"$T/switch" 2>&1 &
  switch=$!
  sleep "$(echo "$ms" | awk '{ print $1 / 1000 }')"
  victim=$({ echo "$switch"; ours; } | awk -v which="$which" '{ v[NR] = $1 } END { print which < .2 ? v[1] : v[1 + int(NR * which)] }')
  who=$({ tr '\0' ' ' <"/proc/$victim/cmdline" | cut -c -120; } 2>/dev/null)
  kill -9 "$victim" 2>/dev/null
  wait "$switch" 2>/dev/null
  again() { test "$(readlink "$S/current")" = "$target" && at status || at switch "$target"; }
  wait_for 60 again || { bad=$((bad + 1)); echo "# not over to $target, after the death of $victim"; sed 's/^/# /' "$T/switch"; at status | sed 's/^/# /'; at generations | tail -n 8 | sed 's/^/# /'; }
  took=$((($(date +%s%N) - begin) / 1000000))
  times="$times $took"
  test $took -lt 10000 || { echo "# $took ms after the death of $who"; sed 's/^/#   /' "$T/switch"; }
  target=$(test $target = a && echo b || echo a)
done <"$T/dice"
: >"$T/stop"
wait $load
test -z "${source:-}" || wait "$source"
is $bad 0 "$switches switches, each with a kill -9, ended where they should"
# shellcheck disable=SC2086 # numbers
printf '%s\n' $times | sort -n | awk '{ v[NR] = $1 } END { printf "# until all is ready: median %d ms, slowest %d ms\n", v[int((NR + 1) / 2)], v[NR] }'

sed -n 's/^#.*/&/p' "$T/load.out" | head -n 20
numbers=$(tail -n 1 "$T/load.out")
echo "# $numbers"
like " $numbers " ' refused=0 ' "nobody was refused"
like " $numbers " ' acked=[1-9]' "mail came in"
up_again() { at up && at status; }
try "all is well" wait_for 60 up_again
drained() { test -z "$(ls "$SPOOL/todo")"; }
try "the spool is drained" wait_for 120 drained
grep -rhs '^Subject: switch-' "$MAIL/postmaster/new" | sed 's/Subject: //' | sort >"$T/arrived"
is "$(sort "$T/acked" | comm -23 - "$T/arrived" | head -n 5)" "" "all that was answered 250 has arrived"
is "$(uniq -d "$T/arrived" | head -n 5)" "" "once"
least=$(awk '{ n += $1 } END { print n + 0 }' "$T/source")
test "$(grep -rhs '^Subject: source' "$MAIL/postmaster/new" | grep -c .)" -ge "$least"
ok $? "and of smtp-source, $least at least"
test -z "${KEEP:-}" || cp -a "$T/b/log" "$KEEP"
at down >"$T/down" 2>&1
is "$(processes)" "" "nothing is left"
finish
