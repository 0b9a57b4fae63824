#!/bin/sh
# mailctl is killed between any two system calls that change something: the next up always reaches the
# right state, and what ran before runs on, as it was or as it shall be.
#
# CRASH_ALL=1 tries every place; otherwise CRASH_STEPS of them, spread evenly, and those that touch STATE/current.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

. "$(dirname "$0")/crash-lib.sh"

new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
# Two services, one needing the other, are enough, and quick.
awk '/^\[/ { out = $0 !~ /bundle|smtpd|spool/ } !out' "$C" >"$T/conf" && cat "$T/conf" >"$C"
echo '[connection]' >"$T/b/control/smtpplugins"

# From nothing.
places up | spread >"$T/places"
m down >/dev/null
bad=0
while read -r call nth _; do
  rm -rf "$T/b/run" "$T/b/state/generations" "$T/b/state/current" "$T/b/state/journal" "$T/b/state/lock"
  killed "$call" "$nth" up
  current_is_whole missing || fail "$call $nth: half a generation is current"
  m up >"$T/up" 2>&1 || fail "$call $nth: the next up fails"
  well || fail "$call $nth: not well afterwards"
  m down >"$T/up" 2>&1 || fail "$call $nth: down fails"
  test "$(processes)" = "" || fail "$call $nth: left $(processes)"
done <"$T/places"
is $bad 0 "a first up, killed at $(wc -l <"$T/places") places"

# A change, while it runs.
m up >/dev/null
sed -i 's/^\[smtpd\]/&\nper-client = 1/' "$C"
places up | spread >"$T/places"
bad=0
n=10
while read -r call nth _; do
  n=$((n + 1))
  sed -i "s/^per-client = .*/per-client = $n/" "$C"
  killed "$call" "$nth" up
  current_is_whole || fail "$call $nth: half a generation is current"
  wait_for 5 answers || fail "$call $nth: smtpd does not answer any more"
  m up >"$T/up" 2>&1 || fail "$call $nth: the next up fails"
  well || fail "$call $nth: not well afterwards"
  tr '\0' ' ' <"/proc/$(pid_of "$C" smtpd)/cmdline" | grep -q -- "-C $n " || fail "$call $nth: the old one still runs"
done <"$T/places"
is $bad 0 "a change, killed at $(wc -l <"$T/places") places"

# down.
places down | spread >"$T/places"
bad=0
while read -r call nth _; do
  m up >"$T/up" 2>&1 || fail "$call $nth: up fails"
  killed "$call" "$nth" down
  m up >"$T/up" 2>&1 || fail "$call $nth: the next up fails"
  well || fail "$call $nth: not well afterwards"
  killed "$call" "$nth" down
  m down >"$T/up" 2>&1 || fail "$call $nth: the next down fails"
  test "$(processes)" = "" || fail "$call $nth: left $(processes)"
done <"$T/places"
is $bad 0 "a down, killed at $(wc -l <"$T/places") places"

# The bundle was moved while it ran: nothing in the scan directory may look like another service to s6-svscan.
m up >"$T/up" 2>&1
mv "$T/b" "$T/c" && C=$T/c/mailctl.conf
strace -o "$T/trace" -e trace=symlink,rename mailctl -c "$C" up >/dev/null 2>&1
awk -F'(' '{ n[$1]++; if ($0 ~ /\/run\/service\/[^\/]*"/) print $1, n[$1] }' "$T/trace" >"$T/places"
mv "$T/c" "$T/b" && C=$T/b/mailctl.conf && m up >"$T/up" 2>&1
bad=0
while read -r call nth; do
  mv "$T/b" "$T/c" && C=$T/c/mailctl.conf
  killed "$call" "$nth" up
  odd=$(find "$T/c/run/service" -mindepth 1 -maxdepth 1 -name "[!.]*" ! -name s6-svscan-log ! -name smtpd ! -name spool)
  test "$odd" = "" || fail "$call $nth: in the scan directory: $odd"
  mv "$T/c" "$T/b" && C=$T/b/mailctl.conf
  m up >"$T/up" 2>&1 || fail "$call $nth: the next up fails"
  well || fail "$call $nth: not well afterwards"
done <"$T/places"
is "$bad $(sort -u "$T/places" | wc -l)" "0 4" "an up of a bundle that was moved, killed as it leads the links there"
m down >"$T/up" 2>&1
is "$(find "$T/b/state" -name "*.new*" -o -name "current:*")" "" "nothing temporary is left"
finish
