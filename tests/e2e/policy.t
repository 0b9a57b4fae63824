#!/bin/sh
# policyd's checks, one after the other: what they let through, refuse, only observe, and say when the DNS is silent.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/policy-lib.sh"

zone 'good.test MX mail.good.test' 'good.test TXT v=spf1 ip4:192.0.2.1 -all' 'mail.good.test A 192.0.2.1' \
  '1.2.0.192.in-addr.arpa PTR mail.good.test'
dns_start
policy_start

is "$(ask)" "action=DUNNO" "nothing is configured: nothing is refused"
is "$(grep -c . "$T/dns.log")" 0 "and the DNS is not asked"

# --- SPF
policy_set 'spf-fail reject' 'spf-softfail tempfail' 'spf-pass mark' 'spf-none observe' 'spf-temperror reject'
zone 'exp.test TXT v=spf1 -all exp=why.exp.test' 'why.exp.test TXT %{i} is not ours' 'soft.test TXT v=spf1 ~all' \
  'wrong.test TXT v=spf1 foo' 'silent.test SILENT'
like "$(ask)" '^action=PREPEND Received-SPF: pass \(mx.here.test: domain of good.test designates 192.0.2.1 as permitted sender\) client-ip=192.0.2.1; ' "SPF pass: marked"
is "$(ask instance=7 -- recipient=b@here.test -- protocol_state=DATA -- instance=8 protocol_state=RCPT | cut -c1-40)" \
  "action=PREPEND Received-SPF: pass (mx.he
action=DUNNO
action=PREPEND Authentication-Results: m
action=PREPEND Received-SPF: pass (mx.he" "Received-SPF once a message, Authentication-Results at DATA"
like "$(ask instance=9 -- protocol_state=DATA)" '^action=PREPEND Authentication-Results: mx.here.test; spf=pass smtp.mailfrom=good.test$' \
  "Authentication-Results as RFC 8601 has it"
is "$(ask sender=joe@exp.test)" "action=550 5.7.23 SPF: 192.0.2.1 is not ours" "SPF fail: refused in the domain's words"
is "$(ask sender=joe@soft.test)" "action=DEFER_IF_PERMIT 4.7.23 SPF: softfail" "SPF softfail: as it is told"
is "$(ask sender=joe@none.test)" "action=DUNNO" "SPF none: only observed"
like "$(cat "$T/log")" 'observed: DENIED_SPF_NONE check=spf-none client=192.0.2.1 .* from="joe@none.test"' "which the log says"
is "$(ask sender=joe@wrong.test)" "action=DUNNO" "SPF permerror: nobody looks"
is "$(ask sender=joe@silent.test)" "action=DEFER_IF_PERMIT 4.7.24 SPF: silent.test: the DNS does not answer" "SPF and a silent DNS: 451, not 550"
is "$(ask sender= helo_name=exp.test)" "action=550 5.7.23 SPF: 192.0.2.1 is not ours" "no sender: the HELO's domain"
is "$(ask sender=joe@exp.test sasl_username=joe)" "action=DUNNO" "who logged in is no stranger"
is "$(ask sender=joe@exp.test recipient=postmaster@here.test)" "action=DUNNO" "postmaster takes mail from everybody"
is "$(ask sender=joe@exp.test protocol_state=MAIL)" "action=DUNNO" "a refusal waits for RCPT"
like "$(cat "$T/log")" 'refused: DENIED_SPF_FAIL check=spf-fail client=192.0.2.1 helo="mail.good.test" from="joe@exp.test" to="jane@here.test" spf=fail' "the log says why"

# --- DNS lists
policy_set 'dnsbl bl.test 2-11' 'dnsbl weak.test 2 reply No dial-up lines here' 'threshold 1'
zone '9.2.0.192.bl.test A 127.0.0.4' '9.2.0.192.bl.test TXT Spammer, see bl.test' '8.2.0.192.bl.test A 127.0.0.12' \
  '7.2.0.192.bl.test A 127.255.255.254' '6.2.0.192.weak.test A 10.0.0.1' '5.2.0.192.weak.test A 127.0.0.2' \
  '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test A 127.0.0.2'
is "$(ask)" "action=DUNNO" "DNS list: not listed"
is "$(ask client_address=192.0.2.9)" "action=554 5.7.1 Spammer, see bl.test (192.0.2.9)" "listed: refused in the list's words"
is "$(ask client_address=192.0.2.8)" "action=DUNNO" "a code that means something else"
is "$(ask client_address=2001:db8::1)" "action=554 5.7.1 2001:db8::1 is listed by bl.test (2001:db8::1)" "IPv6, and a list without words"
is "$(ask client_address=192.0.2.5)" "action=554 5.7.1 No dial-up lines here (192.0.2.5)" "a reply of one's own"
is "$(ask client_address=192.0.2.7)" "action=DUNNO" "a list that may not be asked refuses nobody"
like "$(cat "$T/log")" 'DNS list bl.test: it says that we may not ask it' "and is not used"
is "$(ask client_address=192.0.2.9)" "action=DUNNO" "for a while"
is "$(ask client_address=192.0.2.6)" "action=DUNNO" "a resolver that makes up answers refuses nobody"
like "$(cat "$T/log")" 'DNS list weak.test: the resolver makes up answers' "and the log says so"
policy_set 'dnsbl bl.test weight 2' 'dnsbl weak.test weight 2' 'threshold 3' 'rhsbl rh.test of sender,helo'
zone '5.2.0.192.bl.test A 127.0.0.2' 'bad.test.rh.test A 127.0.0.2'
is "$(ask client_address=192.0.2.9)" "action=DUNNO" "score: one list of two is not enough"
like "$(ask client_address=192.0.2.5)" '^action=554 5.7.1 ' "score: both are"
policy_set 'rhsbl rh.test of sender,helo'
is "$(ask sender=x@bad.test)" "action=554 5.7.1 bad.test is listed by rh.test (bad.test)" "rhsbl: the sender"
is "$(ask helo_name=bad.test)" "action=554 5.7.1 bad.test is listed by rh.test (bad.test)" "rhsbl: the HELO"
like "$(cat "$T/log")" 'refused: DENIED_RHSBL_MATCH' "with spamdyke's code"
zone '4.2.0.192.bl.test SILENT'
policy_set 'dnsbl bl.test'
is "$(ask client_address=192.0.2.4)" "action=DUNNO" "a silent list lists nobody"
policy_set 'dnsbl bl.test' 'dnswl wl.test'
zone '9.2.0.192.wl.test A 127.0.0.2'
is "$(ask client_address=192.0.2.9)" "action=DUNNO" "dnswl beats dnsbl"

# --- the client's name
policy_set 'rdns-missing reject' 'rdns-unresolved reject'
zone '20.2.0.192.in-addr.arpa SILENT' '21.2.0.192.in-addr.arpa PTR gone.test' '22.2.0.192.in-addr.arpa PTR other.test' \
  'other.test A 192.0.2.99' '23.2.0.192.in-addr.arpa PTR 192-0-2-23.dyn.isp.test' '192-0-2-23.dyn.isp.test A 192.0.2.23' \
  '24.2.0.192.in-addr.arpa PTR p24.2.0.192.isp.de' 'p24.2.0.192.isp.de A 192.0.2.24'
is "$(ask)" "action=DUNNO" "rDNS: confirmed"
is "$(ask client_address=192.0.2.19)" "action=550 5.7.25 your address 192.0.2.19 has no name in the DNS" "rDNS: missing"
like "$(ask client_address=192.0.2.20)" '^action=DEFER_IF_PERMIT 4.7.25 ' "rDNS: silence is 451"
is "$(ask client_address=192.0.2.21)" "action=550 5.7.25 your host name gone.test has no address" "rDNS: not resolving"
is "$(ask client_address=192.0.2.22)" "action=DUNNO" "rDNS: another's address, and nobody looks"
policy_set 'rdns-unconfirmed reject' 'rdns-keyword reject' 'keyword dyn' 'rdns-country observe'
like "$(ask client_address=192.0.2.22)" '^action=550 5.7.25 .* has another address' "rDNS: not confirmed"
like "$(ask client_address=192.0.2.23)" '^action=554 5.7.1 your host name 192-0-2-23.dyn.isp.test' "rDNS: address and keyword"
is "$(ask client_address=192.0.2.24)" "action=DUNNO" "rDNS: address under a country's domain, observed"
like "$(cat "$T/log")" 'observed: DENIED_IP_IN_CC_RDNS' "with spamdyke's code"

# --- HELO, sender
policy_set 'helo-invalid reject' 'helo-ours reject' 'sender-unknown reject' 'sender-null-mx reject'
zone 'null.test MX .' 'aonly.test A 192.0.2.1' 'mxsilent.test SILENT'
is "$(ask)" "action=DUNNO" "HELO and sender: fine"
is "$(ask helo_name=localhost)" "action=550 5.5.2 your HELO, localhost, is no host name" "HELO: no name"
is "$(ask 'helo_name=[192.0.2.1]')" "action=DUNNO" "HELO: an address in brackets"
is "$(ask helo_name=MX.here.test)" "action=550 5.7.1 your HELO, MX.here.test, is my name" "HELO: ours"
is "$(ask sender=a@nowhere.test)" "action=550 5.1.8 the sender's domain nowhere.test does not exist" "sender: no such domain"
is "$(ask sender=a@aonly.test)" "action=DUNNO" "sender: an address will do"
is "$(ask sender=a@null.test)" "action=550 5.7.27 the sender's domain null.test takes no mail" "sender: null MX"
like "$(ask sender=a@mxsilent.test)" '^action=DEFER_IF_PERMIT 4.1.8 ' "sender: silence is 451"
is "$(ask sender=)" "action=DUNNO" "a bounce has no domain"

# --- lists
printf '# comment\nfriend@nowhere.test\n@sub.nowhere.test  # all of it\nbad line\n' >"$T/senders"
policy_set 'sender-unknown reject' "allow-sender $T/senders" 'allow-rdns .good.test' 'block-address 192.0.2.0/28' \
  'allow-address 192.0.2.3' 'block-address 2001:db8::/32' 'block-sender @evil.test' 'block-recipient trap@here.test' \
  'block-rdns .isp.test' 'block-address 198.51.'
is "$(ask client_address=192.0.2.2)" "action=554 5.7.1 your address 192.0.2.2 is blocked here" "list: a network"
is "$(ask client_address=192.0.2.3)" "action=DUNNO" "allow beats block"
is "$(ask client_address=192.0.2.1)" "action=DUNNO" "by name as well"
like "$(ask client_address=198.51.100.7)" '^action=554' "spamdyke's 198.51."
like "$(ask client_address=::ffff:192.0.2.2)" '^action=554' "an IPv4 client of an IPv6 socket"
like "$(ask client_address=2001:db8::9)" '^action=554' "IPv6"
like "$(ask client_address=192.0.2.23)" '^action=554 5.7.1 your host name' "a host name"
like "$(ask client_address=192.0.2.40 sender=x@sub.evil.test)" '^action=554 5.7.1 sender' "a domain, and what is below it"
like "$(ask client_address=192.0.2.40 recipient=trap@here.test)" '^action=554 5.7.1 recipient' "a recipient"
is "$(ask client_address=192.0.2.2 sender=FRIEND@nowhere.test)" "action=DUNNO" "a file of senders"
like "$(cat "$T/log")" "senders:4: no mail address" "its bad line is named"
is "$(ask client_address=192.0.2.40 sender=x@sub.nowhere.test)" "action=DUNNO" "a domain of that file"
printf 'new@nowhere.test\n' >"$T/senders.new" && mv "$T/senders.new" "$T/senders"
new_sender() { test "$(ask client_address=192.0.2.40 sender=new@nowhere.test)" = "action=DUNNO"; }
try "the file is read again when it has changed" wait_for 10 new_sender
like "$(ask client_address=192.0.2.2 sender=FRIEND@nowhere.test)" '^action=554' "and what it lacks is gone"
rm "$T/senders"
is "$(ask client_address=192.0.2.40 sender=new@nowhere.test)" "action=DUNNO" "a file that is gone: what it said stays"

# --- HUP
printf 'nonsense x\n' >"$T/settings"
kill -HUP "$policy_pid"
try "bad settings are named" wait_for 10 grep -q 'settings:1: unknown' "$T/log"
like "$(ask client_address=192.0.2.2)" '^action=554' "and the old ones stay"
policy_stop
finish
