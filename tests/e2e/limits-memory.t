#!/bin/sh
# The daemons of a bundle run out of memory while they run, by limits that are lowered and raised again. What they have
# suffices for most: those serve on. The others say once what they cannot do, nothing acknowledged is lost, and all is
# well as soon as there is memory again, without a restart.
# shellcheck disable=SC2317 # wait_for calls functions
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
. "$(dirname "$0")/limits-lib.sh"
test -z "$sanitized" || skip_all "a sanitizer takes more memory than any limit leaves"

echo secret | "$LIBEXEC/checkpassword-file" --set "$T/b/state/auth/users" ann
sed -i "s|^\[monitor\]|&\non-enter = touch $T/c/entered|" "$C"
starts
auth=$(pid_of "$C" auth)
keeper=$(pgrep -P "$tls" -x tlsd-keeper)

# --- smtpd and its listener ------------------------------------------------------------------------------

is "$(client 'EHLO c' 'MAIL FROM:<a@example.org>' 'RCPT TO:<postmaster@example.test>' DATA text=before \
  'MAIL FROM:<a@example.org>' limit=memory:4096 flood)" \
  "220 250 250 250 354 250 250 flood: 250 2.1.5 ok, 421 4.3.0 out of memory end: b''" \
  "no memory: whole replies, then 421 and the end"
wait_for 20 said smtpd "out of memory: the session ends"
ok $? "the log says so"

# Its sessions have its limits.
limit "$listener" data 4096
is "$(client 'EHLO c' 'MAIL FROM:<a@example.org>' flood)" \
  "220 250 250 flood: 250 2.1.5 ok, 421 4.3.0 out of memory end: b''" "listener: no memory for sessions: 421"
twice() { test "$(lines smtpd 'out of memory: the session ends')" = 2; }
try "listener: the log says so" wait_for 20 twice
nobody() { test "$(m status -o smtpd.connections smtpd)" = 0; }
wait_for 30 nobody
ok $? "listener: and nobody is counted"
limit "$listener" data -
is "$(send after-memory)" "$sent" "listener: the next client is served"

# --- raterd -------------------------------------------------------------------------------------------

asked_under data 4096 200
wait_for 30 said rater "unable to take a client: Cannot allocate memory"
ok $? "raterd: the log says so"
limit "$rater" data -
wait "$asking"
like "$(tr '\n' ' ' <"$T/asked")" "old 1 old 1 new" "raterd: the old client was answered meanwhile"
rm -f "$T/go"
asked_under nofile - 200
wait "$asking"
is "$(tr '\n' ' ' <"$T/asked")" "old 1 old 1 new 200 " "raterd: and then all are"

# --- tlsd ---------------------------------------------------------------------------------------------

tls_send() {
  client 'EHLO c' STARTTLS tls 'EHLO c' 'MAIL FROM:<a@example.org>' 'RCPT TO:<postmaster@example.test>' DATA "large=$1" QUIT
}
for what in data as; do
  for i in "$pool" "$keeper"; do limit "$i" $what 4096; done
  is "$(client 'EHLO c' STARTTLS tls QUIT)" '220 250 220 221' "tlsd, $what: a worker of before serves"
  is "$(tls_send "tls-$what")" '220 250 220 250 250 250 354 250 221' "tlsd, $what: so does one that was made without memory"
  for i in "$pool" "$keeper"; do limit "$i" $what -; done
done

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=renewed.example.test \
  -keyout "$T/key.pem" -out "$T/cert.pem" 2>/dev/null
cat "$T/key.pem" >"$T/b/state/tls/key.pem"
cat "$T/cert.pem" >"$T/b/state/tls/cert.pem"
shown() { echo QUIT | timeout 10 openssl s_client -starttls smtp -connect "$IP:2525" 2>/dev/null | sed -n 's/^subject=//p'; }
renewed() { test "$(shown)" = 'CN = renewed.example.test'; }
limit "$tls" data 4096
exits 1 "tlsd: reload without memory" m reload tls
wait_for 20 said tls 'unable to reload: the certificates of before stay until it can be done'
ok $? "tlsd: the log says that it cannot"
like "$(grep fatal "$T/b/log/tls/current")" "state/tls/key.pem: out of memory" "tlsd: and why"
waits tlsd "$tls" 3
is "$(lines tls 'unable to reload')" 1 "tlsd: it says so once"
is "$(shown)" 'CN = example.test' "tlsd: the certificate of before is shown"
limit "$tls" data -
wait_for 90 renewed
ok $? "tlsd: then it is the new one, by itself"

# --- monitor ------------------------------------------------------------------------------------------

limit "$monitor" as 4096
exits 0 "monitor: overload on" m overload on
wait_for 30 said monitor "unable to run .touch $T/c/entered.: Cannot allocate memory"
ok $? "monitor: the log says that it cannot run a command"
is "$(client 'EHLO c' 'MAIL FROM:<a@example.org>')" '220 250 451' "monitor: the flag is raised all the same"
waits monitor "$monitor" 3
is "$(lines monitor 'unable to run')" 1 "monitor: it says so once"
limit "$monitor" as -
wait_for 30 test -e "$T/c/entered"
ok $? "monitor: the command runs, later"
exits 0 "monitor: overload auto" m overload auto
accepted() { test "$(send after-overload)" = "$sent"; }
wait_for 30 accepted
ok $? "monitor: the flag is removed"

# --- auth ---------------------------------------------------------------------------------------------

login() { PORT=2587 client 'EHLO c' STARTTLS tls 'EHLO c' "auth=$1" QUIT; }
limit "$auth" as 8000000
is "$(login ann)" '220 250 220 250 454 221' "auth: no memory for a hash: 454"
is "$(login joe)" '220 250 220 250 454 221' "auth: also for a name that nobody has"
wait_for 20 said auth 'unable to hash the password of ann: Cannot allocate memory'
ok $? "auth: the log says so"
unlike "$(cat "$T/b/log/auth/current")" 'no known method' "auth: and blames no hash"
limit "$auth" as 4096
is "$(login ann)" '220 250 220 250 454 221' "auth: no memory for any program: 454"
wait_for 20 said submission 'unable to check a password: '
ok $? "auth: the log of submission says so"
limit "$auth" as -
is "$(login ann)" '220 250 220 250 235 221' "auth: and then people log in"
is "$(login joe)" '220 250 220 250 535 221' "auth: or do not"

# --- spool-deliver ------------------------------------------------------------------------------------

# Control files and an envelope that need more than it has.
limit "$spool" data 4096
seq 40000 | sed 's/$/.example.test/' >>"$T/b/control/locals"
echo new.example.test | tee -a "$T/b/control/rcpthosts" >>"$T/b/control/locals"
{ printf 'Fa@example.org\0'; seq 1400 | sed "s/.*/Tpostmaster-$(printf '%0100d' 0)-&@example.test/" | tr '\n' '\0'; printf '\0'; } >"$T/c/envelope"
printf 'Subject: many\n\n' >"$T/c/message"
is "$(client 'EHLO c' 'MAIL FROM:<a@example.org>' 'RCPT TO:<postmaster@new.example.test>' DATA text=new QUIT)" "$sent" \
  "spool: smtpd accepts for a new domain"
wait_for 30 said spool 'control/locals: Cannot allocate memory; what was read before stays in force'
ok $? "spool: the log says that it cannot be read"
wait_for 30 said spool 'deferred .*<postmaster@new.example.test>: not a local domain.*, by the control files of before'
ok $? "spool: whom it does not know, it does not refuse"
is "$(send known)" "$sent" "spool: smtpd accepts for the old one"
wait_for 30 arrived known
ok $? "spool: which arrives"
$as "$LIBEXEC/spool-queue" "$SPOOL" <"$T/c/message" 1<"$T/c/envelope"
ok $? "spool: a message to many is queued"
wait_for 30 said spool "unable to read $SPOOL/todo/.*: Cannot allocate memory"
ok $? "spool: the log says that it cannot be read"
waits spool "$spool" 3
is "$(lines spool 'what was read before stays in force')" 1 "spool: it says so once"
limit "$spool" data -
wait_for 120 arrived many
ok $? "spool: the message to many arrives"

# --- in the end ---------------------------------------------------------------------------------------

once first before after-memory tls-data tls-as new known
ends

# --- mailctl's own first allocation -------------------------------------------------------------------

if command -v cc >/dev/null; then
  echo '#include <stddef.h>
void *calloc(size_t n, size_t size) { (void)n; (void)size; return NULL; }' >"$T/none.c"
  cc -shared -fPIC -o "$T/none.so" "$T/none.c"
  exits 111 "status without memory" env LD_PRELOAD="$T/none.so" mailctl -c "$C" status
  is "$(cat "$T/err")" "mailctl: out of memory" "says so"
fi
finish
