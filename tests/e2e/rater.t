#!/bin/sh
# shellcheck disable=SC2016,SC2119
# raterd: the original protocol, its own, what it keeps, and how it ends.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rater-lib.sh"

cat >"$T/rules" <<'RULES'
logins * 3/1h
ip ::/0 2/1h group /64
ip 0.0.0.0/0 2/1h
RULES
start

# The original exchange: a line, a line back, the end. $1 as the original client sent it.
is "$(ask 'logins joe')" '0 1/3\r\n' 'the first is fine'
is "$(ask 'logins joe' 'logins joe' 'logins joe' 'logins joe')" '0 2/3\r\n
0 3/3\r\n
1 4/3\r\n
1 4/3\r\n' 'the fourth is too often'
is "$(ask "logins joe$(printf '\r')")" '1 4/3\r\n' 'a CR is not part of the value'
is "$(ask 'logins joe with blanks' 'ip joe' 'nope joe' '' logins '!stats')" '0 1/3\r\n
0 0/0\r\n
2 unknown class\r\n
2 empty request\r\n
2 no value\r\n
2 unknown class\r\n' 'everything has an answer'
is "$(ask "logins $(head -c 5000 /dev/zero | tr '\0' x)")" '2 line too long\r\n' 'a line too long is an error, and the answer arrives'
is "$(ask 'logins a
logins a')" '0 1/3\r\n' 'one answer a connection'

# The unix socket: pipelined, verbs.
is "$(printf 'logins kim\nlogins kim\n!peek logins kim\n!add 2 logins kim\nlogins kim\nlogins kim\n' | talk)" '0 1/3
0 2/3
0 2/3
1 4/3 1200
0 3/3
1 4/3 1200' 'many on one connection, in order'
is "$(seq 1 20000 | sed 's/^/logins v/' | talk | sort | uniq -c | sed 's/^ *//')" '20000 0 1/3' 'twenty thousand at once'
like "$(echo '!stats' | talk)" '^0 \{"uptime":[0-9]+,"checks":[0-9]+,.*"class":"logins","checks":[0-9]+,"refusals":5,' 'statistics'
like "$(echo '!top 1' | talk)" '"value":"joe","refusals":3' 'the top offenders'

# Reading the rules again.
echo 'logins * 5/1h' >"$T/rules"
kill -HUP "$pid"
try 'HUP reads the rules' wait_for 20 grep -q 'rules read: 1' "$T/log"
is "$(echo 'logins joe' | talk)" '0 4/5' 'and the counts stay'
echo 'logins * many/1h' >"$T/rules"
kill -HUP "$pid"
try 'bad rules are named' wait_for 20 grep -q 'rules:1: limit: `many/1h` is not COUNT/PERIOD' "$T/log"
try 'and not taken' wait_for 20 grep -q 'keeping the rules as they were' "$T/log"
is "$(echo 'logins joe' | talk)" '0 5/5' 'the old ones stay'
mv "$T/rules" "$T/gone"
kill -HUP "$pid"
try 'rules that are gone change nothing either' wait_for 20 grep -q 'unable to read .*/rules: No such file' "$T/log"
like "$(echo 'logins joe' | talk)" '^1 6/5 [1-7][0-9][0-9]$' 'nothing at all'

# One at a time.
echo 'logins * 5/1h' >"$T/rules"
exits 111 'a second raterd on the same table' "$LIBEXEC/raterd" -l "$IP:2999" -t "$T/table" "$T/rules"
like "$(cat "$T/err")" 'another raterd uses' 'is told why'
exits 111 'a second raterd on the same socket' "$LIBEXEC/raterd" -s "$S" "$T/rules"
like "$(cat "$T/err")" 'another daemon listens on' 'is told why'
exits 111 'a second raterd on the same port' "$LIBEXEC/raterd" -l "$A" "$T/rules"

# kill -9.
kill -9 "$pid"
wait "$pid"
lines=$(grep -c . "$T/log")
start
like "$(echo '!peek logins joe' | talk)" '^1 5/5 [1-7][0-9][0-9]$' 'kill -9 and start: the counts are there'
unlike "$(sed "1,${lines}d" "$T/log")" 'anew' 'and no complaint'
like "$(echo '!top 1' | talk)" '"value":"joe","refusals":4' 'the offenders too'

# TERM.
try 'TERM ends it' stop
ok "$(test ! -e "$S"; echo $?)" 'the socket is gone'
printf 'damaged' | dd of="$T/table" bs=1 seek=8 conv=notrunc 2>/dev/null
start
like "$(cat "$T/log")" 'table: its header is damaged: set aside as .*table.bad; counting begins anew' 'a damaged table'
is "$(echo 'logins joe' | talk)" '0 1/5' 'is begun anew'
ok "$(test -e "$T/table.bad"; echo $?)" 'and kept'
stop
start -k 5000
like "$(tail -n 2 "$T/log")" 'changed to another size, counts kept' 'another size'
is "$(echo 'logins joe' | talk)" '0 2/5' 'keeps the counts'
stop

# Usage.
exits 100 'no rules named' "$LIBEXEC/raterd" -s "$S"
exits 100 'nowhere to listen' "$LIBEXEC/raterd" "$T/rules"
exits 100 'an unknown option' "$LIBEXEC/raterd" -x "$T/rules"
exits 100 'an address that is none' "$LIBEXEC/raterd" -l localhost:1999 "$T/rules"
exits 100 'a number of keys that is none' "$LIBEXEC/raterd" -k 5 -s "$S" "$T/rules"
exits 102 'rules that are not there' "$LIBEXEC/raterd" -s "$S" "$T/none"
echo 'x' >"$T/bad"
exits 102 'bad rules at the start' "$LIBEXEC/raterd" -s "$S" "$T/bad"
like "$(cat "$T/err")" "bad:1: pattern: missing" 'say where'
exits 0 '--help' "$LIBEXEC/raterd" --help
like "$(cat "$T/out")" '^usage: raterd' 'is the usage'
exits 0 '--version' "$LIBEXEC/raterd" --version
finish
