#!/bin/sh
# shellcheck disable=SC2016,SC2119
# The command rater, from a shell's point of view.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rater-lib.sh"

cat >"$T/rules" <<'RULES'
logins * 3/1h
ip 0.0.0.0/0 2/1m group /24 penalty 10m
watch w* 1/1h observe
RULES
start
rater() { command rater -t 60000 "$@"; }

exits 0 'fine' rater logins joe
is "$(cat "$T/out")" '0 1/3' 'the answer is printed'
exits 0 'words are joined with blanks' rater logins joe
rater -q logins joe
exits 1 'too often' rater logins joe
like "$(cat "$T/out")" '^1 4/3 1(200|1[0-9][0-9])$' 'with the seconds to wait'
exits 1 'quiet' rater -q logins joe
is "$(cat "$T/out" "$T/err")" '' 'prints nothing'
exits 1 'over TCP' rater -s "$A" logins joe
is "$(cat "$T/out")" '1 4/3' 'as the original'
exits 0 'a value with blanks, dashes and options' rater logins -x 'a b' --add
like "$(rater --top)" 'logins	joe	3	[0-9]+' 'the worst'
exits 2 'an unknown class' rater nope joe
is "$(cat "$T/out")" '2 unknown class' 'is an error of 2'
exits 0 '--peek counts nothing' rater --peek logins -x 'a b' --add
is "$(cat "$T/out")" '0 1/3' 'and tells'
exits 0 '--add' rater --add 2 logins kim
exits 1 '--add too many' rater --add 2 logins kim
exits 0 '--reset' rater --reset logins joe
is "$(rater logins joe)" '0 1/3' 'forgets'
exits 2 '--reset of an unknown class' rater --reset nope joe
like "$(cat "$T/err")" 'rater: fatal: raterd answered: unknown class' 'is told on stderr'

is "$(rater --json logins joe)" '{"count":2,"limit":3,"answer":0}' 'JSON'
rater -q logins joe
like "$(rater --json logins joe)" '^[{]"count":4,"limit":3,"retry":1(200|1[0-9][0-9]),"answer":1}$' 'JSON of a refusal'
is "$(rater --json nope x)" '{"error":"unknown class","answer":2}' 'JSON of an error'
try 'JSON of the statistics' python3 -c '
import json, subprocess
ask = ["rater", "-t", "60000", "--json"]
s = json.loads(subprocess.check_output(ask + ["--stats"]))
assert s["checks"] >= 10 and s["keys"] >= 3 and s["evictions"] == 0 and "latency_p99_us" in s, s
assert [c["class"] for c in s["classes"]] == ["logins", "ip", "watch"] and s["top"], s
l = json.loads(subprocess.check_output(ask + ["--limits"]))
assert l["limits"][1]["rules"] == ["0.0.0.0/0 2/1m penalty 10m group /24"], l'
is "$(rater --limits)" 'logins * 3/1h
ip 0.0.0.0/0 2/1m penalty 10m group /24
watch w* 1/1h observe' 'the rules, as they may be written'
is "$(rater --limits watch)" 'watch w* 1/1h observe' 'of a class'
like "$(rater --stats)" '^logins	[0-9]+	[0-9]+	0$' 'the statistics of a class'
rater -q logins "$(printf 'esc\033[31m')" && rater -q --add 9 logins "$(printf 'esc\033[31m')"
like "$(rater --top logins)" 'logins	esc\\x1b\[31m	1' 'a value cannot talk to the terminal'
is "$(rater -n 1 --top logins | wc -l)" 2 'the first of the worst'

# The whole point: rater CLASS VALUE || exit
is "$(for i in 1 2 3 4 5; do rater -q ip "192.0.2.$i" || { echo "refused at $i"; break; }; done)" 'refused at 3' 'a shell loop'

exits 100 'no words' rater
exits 100 'no value' rater logins
exits 100 'a class that is a verb' rater '!stats' x
exits 100 'an unknown option' rater -x logins joe
exits 100 'an unknown long option' rater --foo logins joe
exits 100 'two things to do' rater --peek --reset logins joe
exits 100 '--add without a number' rater --add logins joe
exits 100 '--add of nothing' rater --add 0 logins joe
exits 100 '--stats over TCP' rater -s "$A" --stats
like "$(cat "$T/err")" 'set \$RATER or -s' 'says what to do'
exits 0 '--help' rater --help
exits 0 '--version' rater --version
if test "$(id -u)" -eq 0; then
  chmod 755 "$T"
  others() { setpriv --reuid 65534 --regid 65534 --clear-groups rater -t 60000 "$@"; }
  exits 2 'others may not reset' others --reset logins joe
  exits 2 'nor see names' others --top
  exits 0 'but ask' others logins someone
fi

stop
exits 111 'nobody there' rater logins joe
like "$(cat "$T/err")" 'unable to ask raterd at .*/rater.sock: ' 'is told'
exits 111 'nor over TCP' rater -s "$A" logins joe
finish
