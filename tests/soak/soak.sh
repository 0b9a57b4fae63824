#!/bin/sh
# Mail pours in while random processes of the bundle are killed, about one a second. Afterwards every message that
# was answered 250 is in its Maildirs, once each, and no file, descriptor or process is left over.
#
#   SECONDS=600 SEED=1 tests/soak/soak.sh        CLIENTS=8: connections at a time
#
# The order of the killings comes from SEED; what they meet does not. Postfix's smtp-source pours in too, if it can
# be had (longer runs download it); but only storm.py's messages are counted, because it knows which were answered.
# shellcheck disable=SC3028 # it comes from whoever calls
seconds=${SECONDS:-600}
seed=${SEED:-$(date +%s)}
clients=${CLIENTS:-8}
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/../bench/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/../e2e/bundle.sh"

here=$(cd "$(dirname "$0")" && pwd)
new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
m() { mailctl -c "$C" "$@"; }
SPOOL=$T/b/state/spool
sed -i 's/^#per-client = .*/per-client = 100/; s/^#retry = .*/retry = 1s/' "$C"
owner=$(stat -c %U "$T/b/mail/postmaster")
"$LIBEXEC/spool-deliver" --make "$T/b/mail/joe" "$T/b/mail/ann"
test "$owner" = "$(id -un)" || chown -R "$owner" "$T/b/mail/joe" "$T/b/mail/ann"

exits 0 "up" m up
descriptors() {
  for i in smtpd spool monitor rater auth; do
    find "/proc/$(pid_of "$C" $i)/fd" -mindepth 1 2>/dev/null | grep -c .
  done | tr '\n' ' '
}
before=$(descriptors)

echo "# $seconds seconds, SEED=$seed"
test "$seconds" -lt 60 || (unpack postfix libicu72)
if test -x "$PEERS/usr/sbin/smtp-source"; then
  export LD_LIBRARY_PATH="$PEERS/usr/lib/postfix:$PEERS/usr/lib/x86_64-linux-gnu"
  (
    trap 'kill $! 2>/dev/null; exit' TERM
    while :; do
      "$PEERS/usr/sbin/smtp-source" -d -s 2 -m 100 -l 1000 -f flood@example.org -t postmaster@example.test "inet:$IP:2525" >/dev/null 2>&1 &
      wait $!
      sleep 0.2
    done
  ) &
  flood=$!
  on_exit "kill $flood 2>/dev/null"
  unset LD_LIBRARY_PATH
fi
python3 "$here/storm.py" "$T/b" "$IP" "$seconds" "$seed" "$clients" >"$T/tally"
ok $? "the storm"
sed 's/^/# /' "$T/tally"
unlike "$(cat "$T/tally")" 'up: exit (100|102|111)' "mailctl up found its way in it"
test -z "${flood-}" || { kill "$flood" && wait "$flood"; }

up_again() { m up && m status; }
wait_for 60 up_again
ok $? "up and status after it: all is well"
drained() { test -z "$(ls "$SPOOL/todo")"; }
wait_for 120 drained
ok $? "the spool is drained"
is "$(find "$SPOOL/failed" -type f | grep -c .)" 0 "no message failed"

# arrived: a line `ID FOLDER` for each file; whole: those that end as they should
find "$T/b/mail" -type f -path '*/new/*' -exec grep -H '^Subject: soak ' {} + |
  sed 's|^.*/mail/\([a-z]*\)/new/[^:]*:Subject: soak |\1 |' | awk '{ print $2, $1 }' | sort >"$T/arrived"
each() { awk '{ for (i = 2; i <= NF; i++) print $1, $i }' "$1" | sort; }
each "$T/acked" >"$T/wanted"
each "$T/sent" >"$T/possible"
is "$(sort -u "$T/arrived" | comm -13 - "$T/wanted" | head -5)" "" "all $(grep -c . "$T/wanted") copies of what was answered 250 have arrived"
is "$(uniq -d "$T/arrived" | head -5)" "" "none twice"
is "$(comm -23 "$T/arrived" "$T/possible" | head -5)" "" "none that nobody sent"
find "$T/b/mail" -type f -path '*/new/*' -exec grep -L '^end$' {} + >"$T/no-end"
while read -r file; do grep -l '^Subject: soak ' "$file"; done <"$T/no-end" >"$T/torn"
is "$(cat "$T/torn")" "" "none by halves"
ok $(($(grep -c . "$T/acked") < 1)) "$(grep -c . "$T/acked") messages were acknowledged"

is "$(find "$T"/b/mail/*/tmp -type f | grep -c .)" 0 "no temporary file in a Maildir"
find "$SPOOL/tmp" -type f -exec touch -d '1 hour ago' {} +
m reload spool >/dev/null
clean() { test -z "$(find "$SPOOL" -type f)"; }
wait_for 10 clean
ok $? "no file in the spool, once spool-deliver has removed what killed sessions left"
no_more() { echo "$before $(descriptors)" | awk '{ for (i = 1; i <= NF / 2; i++) if ($(NF / 2 + i) > $i) exit 1 }'; }
wait_for 30 no_more
ok $? "no descriptor is leaked (smtpd, spool, monitor, rater, auth: ${before}before, $(descriptors)after)"

exits 0 "down" m down
none() { test -z "$(processes)"; }
wait_for 10 none
is "$(processes)" "" "no process is left"
finish
