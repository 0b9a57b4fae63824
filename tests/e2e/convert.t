#!/bin/sh
# mailctl convert spamdyke: each option has its line, or its reason; and check takes the result.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

cat >"$T/spamdyke.conf" <<'END'
# spamdyke's
log-level=info
 dns-blacklist-entry = zen.example.test   # a list
dns-blacklist-entry=bl.example.test
rhs-blacklist-entry=rh.example.test
dns-whitelist-entry=wl.example.test
dns-server-ip=127.0.0.1
dns-server-ip=127.0.0.2
reject-empty-rdns
reject-unresolvable-rdns=yes
reject-ip-in-cc-rdns=no
reject-sender=no-mx
ip-in-rdns-keyword-blacklist-entry=dynamic
ip-in-rdns-keyword-blacklist-entry=dsl
ip-blacklist-entry=192.0.2.
ip-whitelist-entry=198.51.100.0/24
rdns-whitelist-entry=.example.test
sender-blacklist-entry=@spam.test
sender-whitelist-file=relative
recipient-whitelist-entry=sales@example.test
graylist-level=always
graylist-dir=/var/graylist
graylist-min-secs=300
graylist-max-secs=1814400
greeting-delay-secs=5
max-recipients=15
nonsense=1
END
exits 0 "convert" mailctl convert spamdyke "$T/spamdyke.conf"
cp "$T/out" "$T/converted"
is "$(sed -n '/^\[policy\]/,/^$/p' "$T/out" | grep -v '^$')" "[policy]
dnsbl = zen.example.test
dnsbl = bl.example.test
rhsbl = rh.example.test
dnswl = wl.example.test
resolver = 127.0.0.1:53
rdns-missing = reject
rdns-unresolved = reject
sender-unknown = reject
rdns-keyword = reject
keyword = dynamic
keyword = dsl
block-address = 192.0.2.
allow-address = 198.51.100.0/24
allow-rdns = .example.test
block-sender = @spam.test
allow-recipient = sales@example.test
greylist = everybody
greylist-delay = 300
greylist-lifetime = 1814400" "[policy]"
is "$(sed -n '/^\[smtpd\]/,/^$/p' "$T/out" | grep -v '^$')" "[smtpd]
greet-delay = 5
recipients = 15" "[smtpd]"
is "$(grep -c '^# .*: ' "$T/out")" 5 "a reason for each of the rest"
like "$(cat "$T/out")" '^# graylist-dir = /var/graylist: the store is below' "such as this"
like "$(cat "$T/out")" "^# sender-whitelist-file = relative: write the file's absolute name" "and this"
like "$(cat "$T/out")" '^# nonsense = 1: no option of spamdyke' "and what is none"

new_bundle "$T/b" || exit 111
sed -n '/^\[policy\]/,/^$/p' "$T/converted" | sed 's/^resolver = .*/resolver = 127.0.0.1:1\ntimeout = 50ms/' >>"$T/b/mailctl.conf"
sed -i 's/^\[smtpd\]/&\ngreet-delay = 5\nrecipients = 15/' "$T/b/mailctl.conf"
exits 0 "check takes it" mailctl -c "$T/b/mailctl.conf" check

exits 111 "no such file" mailctl convert spamdyke "$T/none"
exits 100 "no file" mailctl convert spamdyke
exits 100 "something else" mailctl convert sendmail "$T/spamdyke.conf"
finish
