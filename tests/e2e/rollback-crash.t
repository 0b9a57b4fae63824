#!/bin/sh
# mailctl is killed between any two system calls that change something while it goes back, by command or by itself: what is
# current is one whole generation, the old or the new, smtpd answers, and the same command again ends what was begun.
#
# CRASH_ALL=1 tries every place; otherwise CRASH_STEPS of them, spread evenly, and those that touch STATE/current.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"
# shellcheck source=tests/e2e/crash-lib.sh
. "$(dirname "$0")/crash-lib.sh"

new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
awk '/^\[/ { out = $0 !~ /bundle|smtpd|spool/ } !out' "$C" >"$T/conf" && cat "$T/conf" >"$C"
echo '[connection]' >"$T/b/control/smtpplugins"
answers() { swaks --silent 3 -s "$IP:2525" -q HELO >/dev/null 2>&1; }
# runs N: smtpd allows a client N sessions
runs() { tr '\0' ' ' <"/proc/$(pid_of "$C" smtpd)/cmdline" | grep -q -- "-C $1 "; }
# whole: what is current is what one of the two generations was, byte for byte
whole() {
  now=$(readlink "$T/b/state/current") && (cd "$T/b/state/$now" && find . -type f ! -name health.txt -exec cksum {} + | sort) >"$T/now" &&
    cmp -s "$T/now" "$T/sums.${now#generations/}"
}
sums() { (cd "$T/b/state/generations/$1" && find . -type f ! -name health.txt -exec cksum {} + | sort) >"$T/sums.$1"; }

m up >"$T/up" 2>&1
sed -i 's/^\[smtpd\]/&\nper-client = 9/' "$C"
m up >"$T/up" 2>&1
sums 0001
sums 0002

# There and back, each killed once at each place.
places rollback 1 | spread >"$T/places"
bad=0
from=1
while read -r call nth _; do
  to=$((3 - from))
  killed "$call" "$nth" rollback $to
  whole || fail "$call $nth: half a generation is current"
  wait_for 5 answers || fail "$call $nth: smtpd does not answer any more"
  m rollback $to >"$T/up" 2>&1 || fail "$call $nth: the next rollback fails"
  m status >"$T/status" 2>&1 || fail "$call $nth: not well afterwards"
  runs $((to == 1 ? 20 : 9)) || fail "$call $nth: the old one still runs"
  from=$to
done <"$T/places"
is $bad 0 "a rollback, killed at $(wc -l <"$T/places") places"
try "the way to generation 1" m rollback 1

# An up that fails, and goes back by itself: killed on its way, another one that works repairs it, and so does rollback.
good=$(cat "$C")
printf '[service bad]\ncommand = sh -c "exit 100"\n' >>"$C"
places up | spread >"$T/places"
bad=0
while read -r call nth _; do
  killed "$call" "$nth" up
  now=$(readlink "$T/b/state/current")
  test -e "$T/b/state/$now/manifest" && test -x "$T/b/state/$now/smtpd/run" || fail "$call $nth: half a generation is current"
  wait_for 5 answers || fail "$call $nth: smtpd does not answer any more"
  m rollback 1 >"$T/up" 2>&1 || fail "$call $nth: rollback fails"
  m status >"$T/status" 2>&1 || fail "$call $nth: not well afterwards"
  whole && runs 20 || fail "$call $nth: not what generation 1 was"
done <"$T/places"
is $bad 0 "an up that goes back, killed at $(wc -l <"$T/places") places"
printf '%s\n' "$good" >"$C"
try "the file again" m up
runs 9
ok $? "which runs"
m down >"$T/up" 2>&1
is "$(find "$T/b/state" -name "*.new*" ! -name .new -o -name "current:*")" "" "nothing temporary is left"
finish
