#!/bin/sh
# Mail pours in while random processes of the bundle are killed, about one a second. Afterwards every message that
# was answered 250 is in its Maildirs, once each, and no file, descriptor or process is left over.
#
#   SECONDS=600 SEED=1 tests/soak/soak.sh        CLIENTS=8: connections at a time
#
# The order of the killings comes from SEED; what they meet does not. Clients of our own (storm.py) and Postfix's
# smtp-source send; of both it is known which messages were answered 250. What spool-deliver cannot keep up with is
# refused (451, overload), but no longer than that lasts.
# shellcheck disable=SC3028 # it comes from whoever calls
seconds=${SECONDS:-600}
seed=${SEED:-$(date +%s)}
clients=${CLIENTS:-8}
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/../e2e/bundle.sh"

here=$(cd "$(dirname "$0")" && pwd)
new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
m() { mailctl -c "$C" "$@"; }
SPOOL=$T/b/state/spool
sed -i 's/^#per-client = .*/per-client = 100/; s/^#retry = .*/retry = 1s/
  s/^#catch-all =.*/catch-all = flood/; s/^#dwell-down = .*/dwell-down = 0/' "$C"
owner=$(stat -c %U "$T/b/mail/postmaster")
set -- "$T/b/mail/joe" "$T/b/mail/ann" "$T/b/mail/flood"
"$LIBEXEC/spool-deliver" --make "$@"
test "$owner" = "$(id -un)" || chown -R "$owner" "$@"

exits 0 "up" m up
descriptors() {
  for i in smtpd spool monitor rater auth; do
    find "/proc/$(pid_of "$C" $i)/fd" -mindepth 1 2>/dev/null | grep -c .
  done | tr '\n' ' '
}
before=$(descriptors)

echo "# $seconds seconds, SEED=$seed"
SMTP_SOURCE=
smtp_source || SMTP_SOURCE=
export PYTHONPATH="$here/../tools" PYTHONDONTWRITEBYTECODE=1
python3 "$here/storm.py" "$T/b" "$IP" "$seconds" "$seed" "$clients" $SMTP_SOURCE >"$T/tally"
ok $? "the storm"
sed 's/^/# /' "$T/tally"
unlike "$(cat "$T/tally")" 'up: exit (100|102|111)' "mailctl up found its way in it"

up_again() { m up && m status; }
wait_for 60 up_again
ok $? "up and status after it: all is well"
drained() { test -z "$(ls "$SPOOL/todo")"; }
wait_for 120 drained
ok $? "the spool is drained"
is "$(find "$SPOOL/failed" -type f | grep -c .)" 0 "no message failed"

# arrived: a line `ID DIRECTORY` for each file
in_maildirs() { find "$T/b/mail" -type f -path "$1/new/*" -exec grep "$2" "$3" {} +; }
{
  in_maildirs '*' -H '^Subject: soak ' | sed 's|^.*/mail/\([a-z]*\)/new/[^:]*:Subject: soak |\1 |'
  in_maildirs '*/flood' -H '^Delivered-To: ' | sed 's|^.*/new/[^:]*:Delivered-To: \([^@]*\)@.*|flood \1|'
} | awk '{ print $2, $1 }' | sort >"$T/arrived"
each() { awk '{ for (i = 2; i <= NF; i++) print $1, $i }' "$1" | sort; }
each "$T/acked" >"$T/wanted"
each "$T/sent" >"$T/possible"
is "$(sort -u "$T/arrived" | comm -13 - "$T/wanted" | head -5)" "" "all $(grep -c . "$T/wanted") copies of what was answered 250 have arrived"
is "$(uniq -d "$T/arrived" | head -5)" "" "none twice"
is "$(comm -23 "$T/arrived" "$T/possible" | head -5)" "" "none that nobody sent"
is "$(in_maildirs '*' -L '^end$')" "" "none by halves"
by_source() { grep -c ' flood$' "$T/$1"; }
ours=$(grep -vc ' flood$' "$T/acked")
ok $((ours < 1)) "our own clients: $ours messages acknowledged"
if test "$SMTP_SOURCE"; then
  ok $(($(by_source acked) < 1)) \
    "Postfix's smtp-source: $(by_source sent) messages sent, $(by_source acked) acknowledged, $(by_source arrived) arrived"
else
  ok 0 "Postfix's smtp-source # SKIP not there: apt-get download cannot have its packages, postfix and libicu72"
fi

is "$(find "$T"/b/mail/*/tmp -type f | grep -c .)" 0 "no temporary file in a Maildir"
find "$SPOOL/tmp" -type f -exec touch -d '1 hour ago' {} +
m reload spool >/dev/null
clean() { test -z "$(find "$SPOOL" -type f ! -name srs.key)"; }
wait_for 30 clean
ok $? "no file in the spool, once spool-deliver has removed what killed sessions left"
no_more() { echo "$before $(descriptors)" | awk '{ for (i = 1; i <= NF / 2; i++) if ($(NF / 2 + i) > $i) exit 1 }'; }
wait_for 30 no_more
ok $? "no descriptor is leaked (smtpd, spool, monitor, rater, auth: ${before}before, $(descriptors)after)"

exits 0 "down" m down
none() { test -z "$(processes)"; }
wait_for 30 none
is "$(processes)" "" "no process is left"
finish
