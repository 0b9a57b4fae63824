#!/bin/sh
# up's probe: a session with each listener, and what does not pass it goes back: a server that refuses everything, hangs,
# offers no TLS, or delivers nothing.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

mail_bundle || exit 111
like "$(mailctl init $TRIAL "$T/default" >/dev/null && cat "$T/default/mailctl.conf")" '^#probe = light' "a new bundle is probed"
cp "$C" "$T/off"
sed -i "s/^probe = off/probe = light/; s/^#ready-timeout = .*/ready-timeout = $((5 * PATIENCE))s/" "$C"
cp "$C" "$T/light"
sed 's/^probe = light/probe = full/' "$T/light" >"$T/full"
current() { readlink "$T/b/state/current"; }
sessions() { grep -c "$2" "$T/b/log/$1/current"; }
# refused NAME PATTERN [TEXT]: up goes back, for this reason
refused() {
  exits 4 "$1" m up
  like "$(cat "$T/err")" "$2" "says why"
  is "$(current)" "$healthy" "what ran before runs"
}

# --- what passes --------------------------------------------------------------------------------------

exits 0 "up, with the light probe" m up
healthy=$(current)
cp "$T/full" "$C"
exits 0 "with the full one" m up
healthy=$(current)
try "a login" said submission 'auth-good: .*user=mailctl-probe tls=TLS'
try "a message, by way of the queue" said spool 'delivered .*<mailctl-probe@example.test> to mailctl-probe'
is "$(ls "$MAIL")" postmaster "its Maildir is gone"
is "$(grep -c mailctl-probe "$T/b/state/auth/users")" 0 "and its user"
before=$(sessions submission user=mailctl-probe)
exits 0 "up with a name that is no listener" m up rater
is "$(sessions submission user=mailctl-probe)" "$before" "probes nothing"
# The rest of a probe that was killed is taken away by the next one.
mailctl -c "$C" user add mailctl-probe --no-password >"$T/out" 2>&1
exits 0 "up after a probe that was killed" m up
is "$(ls "$MAIL") $(grep -c mailctl-probe "$T/b/state/auth/users")" "postmaster 0" "leaves nothing of it"

# Overloaded, smtpd says to come later, which is no reason to go back.
printf '[connection]\nbuiltin:overload\n[mail]\nbuiltin:overload\n' >"$T/b/control/smtpplugins"
m overload on -l 2 >/dev/null
greets() { swaks --silent 3 -s "$IP:2525" -q HELO 2>&1 | grep -q '421'; }
if wait_for 10 greets; then
  cp "$T/light" "$C"
  exits 0 "up while there is an overload" m up
fi
m overload auto >/dev/null
lifted() { swaks --silent 3 -s "$IP:2525" -q HELO >/dev/null 2>&1; }
wait_for 20 lifted
cp "$T/full" "$C"
exits 0 "up" m up
healthy=$(current)

# --- what does not --------------------------------------------------------------------------------------

server() {
  printf '#!/bin/sh\n%s\n' "$1" >"$T/$2"
  chmod 755 "$T/$2"
  sed "s|^\[smtpd\]|&\nprogram = $T/$2|" "$T/light" >"$C"
}
server "printf '554 5.7.1 nobody is welcome\r\n'; cat >/dev/null" refuses
refused "a server that refuses everything" "smtpd does not pass the probe: $IP:2525: greeting: 554 5.7.1 nobody"
server 'read -r x' hangs
refused "one that hangs" "smtpd does not pass the probe: $IP:2525: greeting: read: no answer"
server 'kill -9 $$' crashes
refused "one that crashes in each session" "smtpd does not pass the probe: $IP:2525: .*(closed|reset)"

# A queue that swallows: answered 250, and never delivered.
printf '#!/bin/sh\ncat >/dev/null\n' >"$T/swallows"
chmod 755 "$T/swallows"
sed "s|^\[submission\]|&\nqueue = $T/swallows|" "$T/full" >"$C"
refused "one that delivers nothing" 'a message that was answered 250 did not arrive'
is "$(ls "$MAIL") $(grep -c mailctl-probe "$T/b/state/auth/users")" "postmaster 0" "nothing is left of the probe"
sed "s|^\[submission\]|&\nqueue = $T/swallows|" "$T/light" >"$C"
exits 0 "which the light probe does not see" m up
healthy=$(current)

# The kept generation is probed as well, and by what it says.
exits 0 "rollback" m rollback
like "$(m generations | sed -n '/(current)/,/software/p')" 'healthy' "is healthy"
exits 0 "down" m down
is "$(processes)" "" "nothing is left"
finish
