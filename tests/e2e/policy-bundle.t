#!/bin/sh
# A bundle with [policy]: its smtpd asks it without further keys; users are no strangers; whom the spool does not know is refused.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
. "$(dirname "$0")/policy-lib.sh"

dns_start
mail_bundle || exit 111
printf '\n[policy]\nresolver = %s\nspf-fail = reject\nspf-pass = mark\nblock-sender = @evil.test\ngreylist-delay = 1s\ntimeout = 2s\n' "$DNS" >>"$C"
zone 'bad.test TXT v=spf1 -all' 'good.test TXT v=spf1 +all'
exits 0 "check" m check
exits 0 "up" m up
is "$(m status -o state policy)" "ready" "the service is there"
is "$(stat -c %a "$T/b/run/policy.sock")" 666 "its socket has its mode"

send() { swaks -s "$IP:2525" --helo client.test "$@" >"$T/swaks" 2>&1; }
code() { sed -n 's/^<\*\* \([0-9][0-9][0-9]\).*/\1/p' "$T/swaks" | head -n 1; }
send -f a@bad.test -t postmaster@example.test
is "$(code)" "" "postmaster takes mail from everybody"
echo 'joe: postmaster' >"$T/b/aliases"
send -f a@good.test -t joe@example.test
is "$(code)" 550 "the spool does not know joe"
like "$(cat "$T/swaks")" '550 5.1.1 sorry, no mailbox here by that name' "and says so"
sed -i "s/^\[spool\]/&\naliases = aliases/" "$C"
exits 0 "an alias for him" m up
send -f a@bad.test -t joe@example.test
like "$(cat "$T/swaks")" '550 5.7.23 SPF: your address may not send mail for that domain' "SPF fail is refused"
send -f a@evil.test -t joe@example.test
like "$(cat "$T/swaks")" '554 5.7.1 sender a@evil.test is blocked here' "so is who is blocked"
try "SPF pass is accepted" send -f a@good.test -t joe-ext@example.test --header 'Subject: passed'
try "and delivered" wait_for 20 arrived passed
file=$(grep -rl '^Subject: passed$' "$MAIL/postmaster/new")
like "$(cat "$file")" '^Received-SPF: pass \([^ ]+: domain of good.test designates ' "with Received-SPF"
like "$(cat "$file")" '^Authentication-Results: [^ ]+; spf=pass smtp.mailfrom=good.test$' "and Authentication-Results"
send -f a@good.test -t joe@elsewhere.test
is "$(code)" 553 "another's domain is another's"
exits 0 "a mistake in the aliases" sh -c "echo 'joe' >'$T/b/aliases'"
send -f a@good.test -t nosuch@example.test
is "$(code)" "" "while it is there, nobody is unknown"
echo 'joe: postmaster' >"$T/b/aliases"

# --- HUP, and killed in the middle
pid=$(pid_of "$C" policy)
sed -i 's/^block-sender = .*/&\nblock-sender = @worse.test/' "$C"
exits 0 "another setting" m up
is "$(pid_of "$C" policy)" "$pid" "needs no restart"
refused() { send -f a@worse.test -t joe@example.test; test "$(code)" = 554; }
try "and is in force" wait_for 10 refused
kill -9 "$pid"
try "killed: mail goes on" send -f a@good.test -t joe@example.test
restarted() { another policy "$pid"; }
try "and it comes back" wait_for 20 restarted
try "and refuses again" wait_for 10 refused

# --- what is seen of it
like "$(m status -o policy.refused_spf,policy.refused_block | tr '\t' ' ')" '^1 [1-9]' "refusals by kind"
like "$(m status)" '^policy: [0-9]+ questions, [0-9]+ refused, 0 greylisted, 0 entries' "mailctl status"
like "$(m status --json | python3 -c 'import json, sys; p = json.load(sys.stdin)["policy"]; print(p["questions"] > 0, p["unusable_lists"], p["dns_asked"] > 0)')" \
  '^True 0 True$' "JSON"
like "$(m status --metrics)" '^mailctl_policy_refused_spf(_total)? 1$' "metrics"
try "the log" wait_for 10 said policy 'refused: DENIED_SPF_FAIL check=spf-fail'

# --- mailctl policy
exits 0 "mailctl policy add" m policy add 192.0.2.9
exits 0 "mailctl policy" m policy
like "$(cat "$T/out")" '^192.0.2.0/24 +known +5  ' "shows the network"
exits 0 "mailctl policy forget" m policy forget 192.0.2.200 a@b.test c@d.test
is "$(cat "$T/out")" "1 forgotten" "says how much"
exits 0 "again" m policy forget 192.0.2.200
is "$(cat "$T/out")" "nothing forgotten" "says that there was nothing"
for bad in nonsense "add" "add x" "list x" "forget 192.0.2.1 a"; do
  # shellcheck disable=SC2086 # words
  exits 100 "mailctl policy $bad" m policy $bad
done
if test "$(id -u)" -eq 0; then
  chmod 755 "$T/b"
  exits 111 "another user may not" s6-setuidgid games "$B/bin/mailctl" -c "$C" policy
  like "$(cat "$T/err")" 'only root and policyd.s own user may do that|ermission denied' "and is told so"
fi

# --- users
like "$(cat "$T/b/run/servicedirs/submission/run")" "unix:$T/b/run/policy.sock rcpt users" "policyd is told to whom users write"
echo '* DUNNO' >"$T/answers"
python3 "$(dirname "$0")/../tools/policyodd.py" "$T/odd" "$T/answers" >"$T/asked" 2>/dev/null &
on_exit "kill $! 2>/dev/null"
try "another server" wait_for 10 test -S "$T/odd"
chmod 666 "$T/odd"
sed -i "s|^\[submission\]|&\npolicy = unix:$T/odd rcpt users|" "$C"
exits 0 "which submission asks as well" m up
password=$(sed -n 's/^  AUTH password  \([^ ]*\) .*/\1/p' "$T/init.out")
try "a user who has logged in writes from where SPF says he may not" \
  swaks --silent 3 -s "$IP:2587" --helo bad.test -tls --auth PLAIN --auth-user postmaster --auth-password "$password" \
  -f a@bad.test -t postmaster@example.test
is "$(sed -n 's/^sasl_//p' "$T/asked" | tr '\n' ' ')" "method=PLAIN username=postmaster sender= " "who he is, a server is told"
like "$(cat "$T/asked")" '^encryption_protocol=TLSv1' "the version of TLS"
like "$(cat "$T/asked")" '^encryption_cipher=[A-Z]' "and the cipher"

m down policy >/dev/null
exits 3 "mailctl policy without a policyd" m policy
m up policy >/dev/null

# --- whose recipients they are
asks() { m up smtpd >/dev/null 2>&1; grep -q -e ' -V ' "$T/b/run/servicedirs/smtpd/run"; }
try "the spool says who there is" asks
sed -i "s|^\[smtpd\]|&\nqueue = $LIBEXEC/spool-queue|" "$C"
asks
is "$?" 1 "but not where another program queues"
sed -i '/^queue = /d; s/^\[smtpd\]/&\nunknown-recipients = accept/' "$C"
asks
is "$?" 1 "nor where all are to be accepted"
sed -i '/^unknown-recipients/d' "$C"

# --- what check tells
sed -i "s/^spf-fail = .*/&\\ndnsbl = good.bl\\ndnsbl = gone.bl\\ndnsbl = all.bl\\ndnsbl = paid.bl\\nrhsbl = good.rh/" "$C"
zone '2.0.0.127.good.bl A 127.0.0.2' '2.0.0.127.all.bl A 127.0.0.2' '1.0.0.127.all.bl A 127.0.0.2' \
  '2.0.0.127.paid.bl A 127.255.255.254' 'test.good.rh A 127.0.0.2'
m check >"$T/out" 2>&1
is "$(sed -n 's/.*\[policy\] warning: //p' "$T/out" | sort)" \
  "all.bl: it lists what no list has: the resolver makes up answers, or the list has ended
gone.bl: it does not list what every list has: there is no such list, or we may not ask it
paid.bl: what every list has it lists with another code: we may not ask it, or the codes are wrong" \
  "check asks each DNS list whether it works"
sed -i "s/^resolver = .*/resolver = 127.0.0.1:1/" "$C"
m check >"$T/out" 2>&1
like "$(cat "$T/out")" '\[policy\] warning: good.bl: it does not answer' "and tells of a DNS that is silent"
printf 'dnsbl bl.test\n' >"$T/lists"
if unshare -n true 2>/dev/null; then # nothing may leave this machine
  exits 1 "a public resolver" unshare -n "$LIBEXEC/policyd" -T -t 100 -r 9.9.9.9:53 "$T/lists"
  like "$(cat "$T/out")" '^9.9.9.9 is a public resolver: ' "is told of"
fi
sed -i "/^dnsbl = /d; /^rhsbl = /d; s/^resolver = .*/resolver = $DNS/" "$C"
sed -i 's/^spf-fail = .*/spf-fail = perhaps/' "$C"
exits 102 "a wrong action" m check
like "$(cat "$T/err")" 'spf-fail: ' "is named"
sed -i 's/^spf-fail = .*/spf-fail = reject\ndnsbl = bl/; s/^block-sender = @worse.*/block-address = nonsense/' "$C"
exits 102 "wrong lists" m check
like "$(cat "$T/err")" 'mailctl.conf:[0-9]+: \[policy\] dnsbl: no name of a list' "are named"
like "$(cat "$T/err")" 'mailctl.conf:[0-9]+: \[policy\] block-address: not an address' "with line and the way out"
sed -i '/^dnsbl = bl$/d; /^block-address = nonsense$/d' "$C"
sed -i 's/^\[smtpd\]/&\npolicy = inet:nowhere/' "$C"
exits 102 "a wrong policy server" m check
like "$(cat "$T/err")" 'mailctl.conf:[0-9]+: \[smtpd\] policy: not an address and a port' "is named"
sed -i '/^policy = inet:nowhere$/d' "$C"
awk '/^\[/ { skip = $0 == "[remote]" || $0 == "[dkim]" } !skip' "$C" >"$C.new" && mv "$C.new" "$C"
echo example.test >"$T/b/control/locals"
echo forgotten.test >>"$T/b/control/rcpthosts"
m check >"$T/out" 2>&1
like "$(cat "$T/out")" 'rcpthosts: forgotten.test: ' "a domain that is accepted and that nobody delivers"
finish
