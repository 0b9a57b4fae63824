#!/bin/sh
# Who is blocked gets no session: by `mailctl block`, by a limit that blocks, longer each time, by an instruction directory
# of ipsvd's; who logs in is not blocked by limits, and who is never to be is not.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

mail_bundle || exit 111
sed -i '/^\[submission\]/,/^\[/s/^#*auth-plaintext = .*/auth-plaintext = yes\nerror-delay = 0/
/^\[smtpd\]/,/^\[/s|^listen = .*|&\nipsvd = '"$T"'/ipsvd\nipsvd-time = 1h\nerrors-max = 3\nerror-delay = 0|' "$C"
cat >>"$C" <<END

[limit errors]
rule = 0.0.0.0/0 1/1h
block = 1h
END
mkdir -m 755 "$T/ipsvd"
password=$(sed -n 's/^  AUTH password  \([^ ]*\) .*/\1/p' "$T/init.out")
try "up" m up

# greet PORT FROM: the first three characters of the greeting
greet() {
  python3 -c 'import socket, sys
s = socket.socket(); s.bind((sys.argv[2], 0)); s.connect((sys.argv[3], int(sys.argv[1])))
print(s.makefile("rb").readline()[:9].decode().strip())' "$1" "$2" "$IP"
}
log_in() { # FROM PASSWORD
  swaks --silent 3 -s "$IP:2587" --local-interface "$1" --auth PLAIN --auth-user postmaster --auth-password "$2" \
    --quit-after AUTH
}

# by hand
is "$(m block)" "" "at first nobody is blocked"
try "block add" m block add 127.0.9.0/24 --for 1h --reason "sent nonsense"
like "$(m block list)" '^127\.0\.9\.0/24 +blocked +(59|60) min +hand +sent nonsense$' "list shows it"
is "$(greet 2525 127.0.9.1)" "421 4.7.1" "its addresses are told so at once"
is "$(greet 2587 127.0.9.2)" "421 4.7.1" "at submission as well"
like "$(greet 2525 127.0.8.1)" '^220 ' "others are served"
try "block add --never" m block add --never 127.0.9.7
like "$(greet 2525 127.0.9.7)" '^220 ' "who is never to be blocked is served"
is "$(m status -o smtpd.blocked,blocked)" "1	1" "status counts connections and networks"
like "$(m status)" 'blocked: +1 at the door' "status says that somebody is blocked"
printf '# by us\n127.0.9.66 block 2001-01-01T00:00:00Z long ago\nnonsense\n' >>"$(dirname "$C")/state/blocks"
like "$(greet 2525 127.0.8.1)" '^220 ' "a line that is wrong blocks nobody"
like "$(m block 2>&1)" 'blocks:[0-9]+: not NETWORK' "and is named"
try "block del" m block del 127.0.9.0/24
like "$(greet 2525 127.0.9.1)" '^220 ' "who is deleted is served again, with no command"
like "$(cat "$(dirname "$C")/state/blocks")" '^# by us' "comments stay"
m block del 127.0.9.0/24 >"$T/out" 2>&1
is "$?" 1 "del of what is not there exits 1"
like "$(cat "$T/out")" 'not in the list' "and says so"
m block add nonsense >"$T/out" 2>&1
is "$?" 100 "add of what is no address is a usage error"

# whoever keeps a firewall is told
cat >"$T/hook" <<'END'
#!/bin/sh
cat >"$1.new" && mv "$1.new" "$1"
END
chmod +x "$T/hook"
mailctl -c "$C" block watch "$T/hook" "$T/told" 2>"$T/watch.err" &
watch=$!
on_exit "kill $watch 2>/dev/null"
try "watch runs its program at once" wait_for 10 test -e "$T/told"
like "$(cat "$T/told")" '^pass 127\.0\.9\.7 -$' "with the whole list"
m block add 127.0.9.9 --for 1h
try "and with each change" wait_for 10 grep -Eq '^block 127\.0\.9\.9 3[56][0-9][0-9]$' "$T/told"
m block del 127.0.9.9
if test "$(id -u)" -eq 0 && command -v nft >/dev/null && unshare -n true 2>/dev/null; then
  hook=$(dirname "$0")/../../examples/hooks/nftables
  unshare -n sh -c 'printf "block 192.0.2.0/24 3600\nblock 2001:db8::/32 -\npass 192.0.2.7 -\n" | "$1" 25 && nft list ruleset' sh "$hook" >"$T/nft" 2>&1
  like "$(cat "$T/nft")" '192\.0\.2\.0/24 timeout 1h' "the example for nftables makes sets that expire"
  like "$(cat "$T/nft")" '2001:db8::/32' "of both families"
else
  ok 0 "nftables # SKIP no root, or no nft"
fi

# failed logins
for _ in 1 2 3 4 5 6 7 8 9 10 11; do log_in 127.0.5.5 wrong >/dev/null 2>&1; done
try "the eleventh failed login blocks" wait_for 10 test "$(greet 2587 127.0.5.5)" = "421 4.7.1"
is "$(greet 2525 127.0.5.5)" "421 4.7.1" "at every listener"
like "$(m block)" '^127\.0\.5\.5 +blocked +(59|60) min +rater +authfail \(1\)$' "list tells by what, and how often"
try "raterd restarts" m restart rater
like "$(m block)" 'authfail \(1\)' "it is known after a restart"
try "del asks raterd" m block del 127.0.5.5
like "$(greet 2525 127.0.5.5)" '^220 ' "and it is served again"
is "$(m block | grep -c rater)" 0 "and not in the list any more"

# who has logged in lately is not
try "a login" log_in 127.0.6.6 "$password"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do log_in 127.0.6.6 wrong >/dev/null 2>&1; done
like "$(greet 2525 127.0.6.6)" '^220 ' "an address that has logged in is not blocked for failed logins"

# sessions with too many errors, longer each time
python3 - "$IP" <<'END'
import socket, sys
for _ in range(2):
    s = socket.socket(); s.bind(("127.0.7.7", 0)); s.connect((sys.argv[1], 2525)); f = s.makefile("rb"); f.readline()
    s.sendall(b"A\r\nB\r\nC\r\n")
    while f.readline(): pass
END
try "sessions with too many errors block" wait_for 10 test "$(greet 2525 127.0.7.7)" = "421 4.7.1"
like "$(m block)" '127\.0\.7\.7 .* errors \(1\)' "by the class errors"

# ipsvd's instruction directory
: >"$T/ipsvd/127.0.4.4"
chmod 0 "$T/ipsvd/127.0.4.4"
is "$(greet 2525 127.0.4.4)" "421 4.7.1" "a file of mode 0000 blocks for good"
like "$(greet 2587 127.0.4.4)" '^220 ' "where the key is set alone"
: >"$T/ipsvd/127.0.3"
chmod 0200 "$T/ipsvd/127.0.3"
is "$(greet 2525 127.0.3.9)" "421 4.7.1" "one of mode 0200 blocks, here a network"
touch -a -d '2 hours ago' "$T/ipsvd/127.0.3"
like "$(greet 2525 127.0.3.9)" '^220 ' "until its time is over"
try "then it is removed" test ! -e "$T/ipsvd/127.0.3"
: >"$T/ipsvd/127.0.2.1"
: >"$T/ipsvd/127.0.2"
chmod 0 "$T/ipsvd/127.0.2"
chmod 0600 "$T/ipsvd/127.0.2.1"
like "$(greet 2525 127.0.2.1)" '^220 ' "the first that fits decides"
try "down" m down
finish
