#!/bin/sh
# What stands in the way of stopping: children that a service leaves, a disk that cannot be written, a bundle that is not
# ours, a log that was removed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

mkdir "$T/b"
mail_bundle || exit 111
cat >>"$C" <<END
[service ticker]
command = sh -c "while :; do date; sleep 1000; done"
[service stubborn]
stop-timeout = 2s
command = sh -c "trap '' TERM; sh -c 'trap \"\" TERM HUP; while :; do sleep 1000; done' & exec sleep 1000"
END
exits 0 "up" m up
sleepers() { processes | grep -c 'sleep 1000'; }
have_children() { test "$(sleepers)" -ge 3; }
try "the services have children" wait_for 10 have_children
before=$(sleepers)
exits 0 "restart" m restart ticker
no_more() { test "$(sleepers)" -le "$before"; }
try "a child that a service left is ended" wait_for 10 no_more
began=$(date +%s)
exits 0 "restart of one that hears no TERM" m restart stubborn
try "kills it after its stop-timeout, 2 s" test $(($(date +%s) - began)) -lt $((12 * PATIENCE))
exits 0 "down" m down
unlike "$(cat "$T/out" "$T/err")" 'disk' "blames no disk"
try "nothing stays" wait_for 10 none_left

# Whoever leaves the process group is named.
cat >>"$C" <<END
[service runaway]
command = sh -c "setsid sleep 2000 & exec sleep 1000"
END
m up >/dev/null
exits 0 "down of a bundle of which one escaped" m down
like "$(cat "$T/err")" 'runaway: its log is still held open by the process [0-9]+' "says who holds the log"
unlike "$(cat "$T/err")" 'disk' "and blames no disk"
pid=$(sed -n 's/.*held open by the process \([0-9]*\).*/\1/p' "$T/err")
is "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sleep 2000 " "it is that one"
command kill "$pid"
sed -i '/^\[service ticker\]/,$d' "$C"

# --- a log that was removed ----------------------------------------------------------------------------

m up >/dev/null
logs() { test "$(m status -o log smtpd)" = ready; }
for what in smtpd/current smtpd; do
  wait_for 20 logs # one that begins only now makes the file anew
  rm -rf "$T/b/log/$what"
  like "$(m status)" '^smtpd .* lost ' "status says that the log is lost"
  exits 1 "it is not well" m status -q
  exits 0 "up" m up
  try "mends it" wait_for 10 test -e "$T/b/log/smtpd/current"
  exits 0 "it is well" m status -q --wait=20
done

# --- a file system that cannot be written ---------------------------------------------------------------

if test "$(id -u)" -eq 0 && unshare --mount true 2>/dev/null; then
  readonly_m() {
    # shellcheck disable=SC2016 # for that shell
    unshare --mount sh -c 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"' sh "$T/b" mailctl -c "$C" "$@"
  }
  before=$(pid_of "$C" smtpd)
  exits 0 "restart where nothing can be written" readonly_m restart smtpd
  ok "$(test "$(pid_of "$C" smtpd)" != "$before"; echo $?)" "restarts"
  exits 0 "down of one service" readonly_m down monitor
  exits 0 "down" readonly_m down
  is "$(processes)" "" "all is down"

  # --- a bundle of somebody else's ----------------------------------------------------------------------
  on_exit "m down >/dev/null 2>&1"
  mkdir "$T/his"
  chown nobody "$T/his"
  as_nobody() { s6-setuidgid nobody mailctl -c "$T/his/b/mailctl.conf" "$@"; }
  s6-setuidgid nobody mailctl init "$T/his/b" >/dev/null
  sed -i "s/127\.0\.0\.1/$IP/g" "$T/his/b/mailctl.conf"
  on_exit "as_nobody down >/dev/null 2>&1"
  exits 0 "a user's bundle" as_nobody up
  for command in down up "restart smtpd"; do
    # shellcheck disable=SC2086 # words
    exits 111 "$command by root" mailctl -c "$T/his/b/mailctl.conf" $command
    like "$(cat "$T/err")" 'only nobody may change what this bundle runs' "is refused, and says whose it is"
  done
  is "$(find "$T/his" -user root)" "" "root leaves nothing there"
  exits 0 "its owner takes it down" as_nobody down
fi
finish
