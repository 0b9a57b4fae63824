#!/bin/sh
# plan by somebody whom the bundle does not belong to: the owner's plan, held against what the asker may read.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
test "$(id -u)" -eq 0 || skip_all "the bundle must be root's, and who asks another user"

new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
as() { setpriv --reuid "$1" --regid "$1" --clear-groups env PATH="$PATH" mailctl -c "$C" plan; }
theirs() { as 12345; }
shows() { grep -v '^[-+][-+][-+] ' "$1"; } # without the times of the compared files

exits 1 "before the first up" theirs
like "$(cat "$T/out")" '^add +smtpd$' "all is to be added"
m up >/dev/null 2>&1 || ok 1 "up"

# --- what runs --------------------------------------------------------------------------------------

exits 0 "nothing has changed: there is nothing to do for anybody" theirs
is "$(cat "$T/out")" "nothing to do" "says so"
like "$(cat "$T/err")" '^mailctl: .*status.*records' "says what s6 did not tell"
sed -i 's/^\[smtpd\]/&\nper-client = 7/' "$C"
m plan >"$T/mine" 2>/dev/null
exits 1 "a change" theirs
is "$(shows "$T/out")" "$(shows "$T/mine")" "is shown as its owner sees it"
is "$(grep -c '^restart' "$T/out")" 1 "one service is concerned"
chmod 700 "$T/b/run/started"
exits 1 "without the records too" theirs
like "$(cat "$T/out")" '^change +smtpd: its files change$' "what to do with it is not told then"
is "$(grep -Ec '^(start|restart|reload|change) ' "$T/out")" 1 "nor of the others"
like "$(cat "$T/err")" '^mailctl: .*may not see what runs' "which is said"
m up >/dev/null
exits 111 "whether there is something to do may not be known" theirs
is "$(cat "$T/out")" "no file changes" "it says what it knows"
like "$(cat "$T/err")" '^mailctl: .*may not see what runs' "and what it does not"
chmod 755 "$T/b/run/started"

# --- what was brought up ----------------------------------------------------------------------------

sed -i 's/^per-client = 7/per-client = 8/' "$C"
chmod 600 "$T/b/state/current/smtpd/run"
exits 111 "a file of the generation that it may not read" theirs
like "$(cat "$T/err")" 'current/smtpd/run: Permission denied' "is named"
like "$(cat "$T/out")" '^restart +smtpd: its files change$' "the rest is compared"
unlike "$(cat "$T/out")" '^(restart|start|change) +(auth|spool)' "and no other file is taken for changed"
chmod 700 "$T/b/state"
exits 111 "a generation that it may not read at all" theirs
like "$(cat "$T/err")" 'unable to read the generation at .*/state/current: Permission denied' "is named"
chmod 755 "$T/b/state"
chmod 600 "$C"
exits 111 "nor the file" theirs
like "$(cat "$T/err")" 'mailctl.conf: Permission denied' "is named"
chmod 644 "$C"
m down >/dev/null

# --- root, of another's bundle ----------------------------------------------------------------------

rm -rf "$T/b/state" "$T/b/run" "$T/b/log"
own() { setpriv --reuid 12345 --regid 12345 --clear-groups env PATH="$PATH" mailctl -c "$T/own/mailctl.conf" "$@"; }
mkdir "$T/own"
chown 12345:12345 "$T/own"
printf '[bundle]\nuser = nobody\n[service one]\ncommand = sleep 1000\n' >"$T/own/mailctl.conf"
mkdir "$T/own/control"
on_exit 'own down >/dev/null 2>&1'
exits 0 "a bundle of a user" own up
exits 0 "whose plan root asks for" mailctl -c "$T/own/mailctl.conf" plan
is "$(cat "$T/out")" "nothing to do" "as its owner would have it"
exits 0 "down" own down
finish
