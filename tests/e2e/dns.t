#!/bin/sh
# mailctl dns: the records that a configuration wants, and what it says of those that the DNS has.
. "$(dirname "$0")/remote-lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$tools/../e2e/bundle.sh"

: >zone
dns
new_bundle "$T/b" || skip_all "no bundle"
C=$T/b/mailctl.conf
sed -i 's/^hostname = .*/hostname = mx.me.test/; /^#\[dns\]/,/^\[/{s/^#\[dns\]/[dns]/; s/^#resolver =.*/resolver = 127.0.0.1:53/; s/^#caa = .*/caa = ca.test/}' "$C"
sed -i '/^\[smtpd\]/,/^#*\[/s/^listen = .*/listen = *:25/; /^\[submission\]/,/^#*\[/s/^listen = .*/listen = *:587, *:465\/tls/' "$C"
printf 'me.test\n# a comment\n.pattern.test\n' >"$T/b/control/rcpthosts"
exits 0 "check, before the DNS has anything" m check
like "$(cat "$T/err")" '\[dns\].*warning.*me.test MX: is not there: mail for the domain does not come here' "warns of what is missing"

exits 0 "dns" m dns
grep -v '^;' "$T/out" >records
squeeze() { sed 's/  */ /g' records; }
like "$(squeeze)" '^me\.test\. IN MX 10 mx\.me\.test\.$' "MX"
like "$(squeeze)" '^me\.test\. IN TXT "v=spf1 mx -all"$' "SPF"
like "$(squeeze)" '^_dmarc\.me\.test\. IN TXT "v=DMARC1; p=quarantine"$' "DMARC"
like "$(squeeze)" '^_smtp\._tls\.me\.test\. IN TXT "v=TLSRPTv1; rua=mailto:postmaster@me\.test"$' "TLSRPT"
like "$(squeeze)" '^_submission\._tcp\.me\.test\. IN SRV 0 1 587 mx\.me\.test\.$' "SRV for submission"
like "$(squeeze)" '^_submissions\._tcp\.me\.test\. IN SRV 0 1 465 mx\.me\.test\.$' "with TLS from the first byte, too"
like "$(squeeze)" '^me\.test\. IN CAA 0 issue "ca\.test"$' "CAA"
pin=$(openssl x509 -in "$T/b/state/tls/cert.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d ' ' -f 1)
like "$(squeeze)" "^_25\\._tcp\\.mx\\.me\\.test\\. IN TLSA 3 1 1 $pin\$" "TLSA"
unlike "$(squeeze)" '_imap|pattern|STS|DKIM' "nothing of what the bundle has not"
like "$(cat "$T/out")" '^; The addresses that the world knows mx.me.test by are not known here' "what it cannot know, it says"
like "$(cat "$T/out")" '^; There is no key of DKIM yet: mailctl dkim new DOMAIN' "and what is still to be made"

m dkim new me.test >/dev/null
sed -i '/^\[dns\]/,/^#*\[/s/^#address =.*/address = 10.1.0.25\naddress = FD00:0::25/' "$C"
sed -i '/^\[dns\]/,/^#*\[/s/^#*mta-sts = .*/mta-sts = enforce/' "$C"
cat >>"$C" <<EOF
[imap]
listen = *:143, *:993/tls
EOF
exits 0 "dns, with keys, addresses and IMAP" m dns
cp "$T/out" shown
grep -v '^;' shown >records
like "$(squeeze)" '^mx\.me\.test\. IN A 10\.1\.0\.25$' "A"
like "$(squeeze)" '^mx\.me\.test\. IN AAAA fd00::25$' "AAAA, as it is written"
like "$(squeeze)" '^25\.0\.1\.10\.in-addr\.arpa\. IN PTR mx\.me\.test\.$' "PTR"
like "$(squeeze)" '^5\.2\.(0\.){26}0\.0\.d\.f\.ip6\.arpa\. IN PTR mx\.me\.test\.$' "PTR of IPv6"
is "$(squeeze | grep -c '^[er][0-9]*\._domainkey\.me\.test\. IN TXT "v=DKIM1; k=')" 2 "DKIM"
like "$(squeeze)" '^r[0-9]*\._domainkey.* "v=DKIM1[^"]{240,250}" "[^"]*"$' "a long text is in several strings"
like "$(squeeze)" '^_mta-sts\.me\.test\. IN TXT "v=STSv1; id=enforcemxmetest"$' "MTA-STS"
like "$(cat shown)" '^;   mx: mx\.me\.test$' "with what a web server must have"
like "$(squeeze)" '^_imaps\._tcp\.me\.test\. IN SRV 0 1 993 mx\.me\.test\.$' "SRV for IMAP"

# --- asking

# as dnsd.py reads it: a zone file's names lose their dots, texts their quotes
squeeze | sed 's/\. IN / /; / TXT /{s/" "//g;s/"//g}; / \(MX\|SRV\|PTR\) /s/\.$//' >good
cp good zone
exits 0 "dns --check, when all is there" m dns --check
is "$(cat "$T/out")" "all records are there" "says so"
is "$(m check 2>&1 >/dev/null | grep -c 'warning.*\[dns\]\|\[dns\].*warning')" 0 "check has nothing to say"
like "$(m status --dns)" '^dns: all records are there' "nor has status, asked for it"
exits 100 "status --dns --json" m status --dns --json
exits 100 "dns with another word" m dns --chek

# wrong SED NAME PATTERN: with the zone changed so, --check finds one record, and says this of it
wrong() {
  sed "$1" good >zone
  exits 1 "$2" m dns --check
  like "$(cat "$T/out")" "$3" "says what, and why it matters"
  is "$(grep -c . "$T/out")" 1 "and nothing else"
}
wrong '/ MX /s/mx\.me/old.me/' "another MX" '^me\.test MX: is not 10 mx\.me\.test\., but 10 old\.me\.test\.: mail for the domain does not come here'
wrong '/ MX /s/10/20/;/ A /d' "no A, and an MX with another preference" '^mx\.me\.test A: is not there: nobody finds the host'
wrong '/^25\..* PTR/s/mx/client25/' "another PTR" '^25\.0\.1\.10\.in-addr\.arpa PTR: is not mx\.me\.test\., but client25\.me\.test\.: many servers refuse'
wrong 's/^me.test TXT v=spf1.*/&\nme.test TXT v=spf1 a -all/' "two SPF records" 'TXT: is there more than once, and only one may be: v=spf1 mx -all, v=spf1 a -all'
wrong 's/^me.test TXT v=spf1.*/me.test TXT v=spf10\nme.test TXT site=1/' "texts of others" '^me\.test TXT: is not there: others cannot tell'
wrong '/^e[0-9]*\._domainkey/s/p=....../p=AAAAAA/' "another DKIM key" '^e[0-9]*\._domainkey\.me\.test TXT: is not v=DKIM1.*but v=DKIM1.*nobody can verify'
wrong '/ TLSA /s/3 1 1 ../3 1 1 zz/;s/zz/00/' "a TLSA record of another certificate" '^_25\._tcp\.mx\.me\.test TLSA: is not .*who uses DANE'
wrong '/ CAA /s/ca\.test/other.test/' "another CA" '^me\.test CAA: is not 0 issue "ca\.test", but 0 issue "other\.test"'
wrong '/^_dmarc/d;$a _dmarc.me.test FAIL' "a server that fails" '^_dmarc\.me\.test TXT: nobody could tell'
sed '/ SRV /d; / TLSA /d; / CAA /d; /TLSRPT/d; / AAAA /s/^/#/; s/v=spf1 mx/v=spf1  mx /' good >zone
echo 'mx.me.test AAAA fd00::25' >>zone
exits 0 "what may be left out is no fault, nor are blanks" m dns --check
sed '/^_dmarc/d' good >zone
like "$(m status --dns)" '^dns, 1 records missing or wrong:$' "status tells"
like "$(m check 2>&1)" 'warning.*_dmarc\.me\.test TXT: is not there' "check warns"
sed -i '/^\[dns\]/,/^#*\[/s/^#*check = .*/check = no/' "$C"
unlike "$(m check 2>&1)" '_dmarc' "unless it is told not to ask"

# --- init for a real domain

: >zone
exits 0 "init --domain --host" mailctl init ${TRIAL} "$T/real" --domain me.test --host mx.me.test
grep -v '^;' "$T/out" | sed -n '/ IN /p' >records
like "$(squeeze)" '^me\.test\. IN MX 10 mx\.me\.test\.$' "prints the records"
is "$(squeeze | grep -c '_domainkey\.me\.test\. IN TXT "v=DKIM1')" 2 "those of its new keys, too"
like "$(cat "$T/out")" "swaks --server 127.0.0.1:25 --to postmaster@me.test" "and what to try"
is "$(cat "$T/real/control/me" "$T/real/control/rcpthosts" "$T/real/control/locals" | tr '\n' ' ')" "mx.me.test me.test me.test " "control is about it"
like "$(openssl x509 -in "$T/real/state/tls/cert.pem" -noout -ext subjectAltName)" 'DNS:mx\.me\.test' "and the certificate"
C=$T/real/mailctl.conf
sed -i '/^\[dns\]/,/^#*\[/{s/^#resolver =.*/resolver = 127.0.0.1:53/; s/^#address =.*/address = 10.1.0.25/}' "$C"
m dns | grep -v '^;' >records
squeeze | sed 's/\. IN / /; / TXT /{s/" "//g;s/"//g}; / \(MX\|SRV\|PTR\) /s/\.$//' >zone
exits 0 "with these in the DNS, --check finds nothing" m dns --check
exits 0 "check neither" m check
is "$(cat "$T/err")" "" "not even a warning"
on_exit "mailctl -c '$C' down >/dev/null 2>&1"
exits 0 "up" m up
exits 0 "status is well" m status
exits 100 "a host without a domain" mailctl init ${TRIAL} "$T/other" --host mx.me.test
exits 100 "a domain that is none" mailctl init ${TRIAL} "$T/other" --domain 'me test'
exits 100 "nor this" mailctl init ${TRIAL} "$T/other" --domain -me.test
finish
