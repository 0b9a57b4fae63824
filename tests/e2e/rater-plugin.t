#!/bin/sh
# shellcheck disable=SC2016,SC2119
# The plugin rate, and the classics that are links to it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rater-lib.sh"

cat >"$T/rules" <<'RULES'
ip * 2/1h
user * 1/1h
sender * 1/1h
rcpts * 5/1h
pair * 1/1h
RULES
start

# plugin NAME [VARIABLE=VALUE]...: its standard output; its log goes to $T/plugin.log
plugin() {
  name=$1
  shift
  env -i "RATER=$RATER" RATETIMEOUT=60000 "$@" "$LIBEXEC/plugins/$name" <&- 2>"$T/plugin.log"
}
log() { sed 's/pid [0-9]* - //' "$T/plugin.log"; }

is "$(plugin ipthrottle TCPREMOTEIP=192.0.2.1; plugin ipthrottle TCPREMOTEIP=192.0.2.1)" '' 'ipthrottle lets two pass'
is "$(plugin ipthrottle TCPREMOTEIP=192.0.2.1)" 'R421 Too many connections. Please reduce connections per minute.' 'and drops the third'
is "$(log)" 'ipthrottle: Rate exceeded per IP (192.0.2.1)' 'and logs it'
is "$(plugin ipthrottle)" '' 'no address: nothing to ask'
is "$(plugin userthrottle TCPREMOTEIP=192.0.2.1; plugin userthrottle SMTPAUTHUSER=)" '' 'userthrottle leaves strangers alone'
is "$(plugin userthrottle SMTPAUTHUSER=joe)" '' 'a user passes once'
is "$(plugin userthrottle SMTPAUTHUSER=joe)" 'R421 Too many connections. Please reduce connections per minute.' 'and not twice'
is "$(log)" 'userthrottle: Rate exceeded per user (joe)' 'and it is logged'

is "$(plugin rate 'RATE=ip:$TCPREMOTEIP sender' TCPREMOTEIP=192.0.2.2 SMTPMAILFROM=a@b)" '' 'rate lets pass'
is "$(plugin rate 'RATE=ip:$TCPREMOTEIP sender' TCPREMOTEIP=192.0.2.2 SMTPMAILFROM=a@b)" \
  'E451 Too often: try again later (#4.7.1)' 'and refuses'
is "$(log)" 'rate: too often: sender a@b' 'and logs what'
is "$(plugin rate 'RATE=sender' SMTPMAILFROM=)" '' 'the empty sender is not asked about'
is "$(plugin rate 'RATE=pair:${TCPREMOTEIP}/$SMTPMAILFROM' TCPREMOTEIP=1.2.3.4 SMTPMAILFROM=x)" '' 'a key of two'
like "$(plugin rate 'RATE=pair:1.2.3.4/x' 'RATEREPLY=550 no more, wait %s s')" \
  '^E550 no more, wait 3(600|[1-5][0-9][0-9]) s$' 'is what it says'
is "$(plugin rate 'RATE=pair:1.2.3.4/x' 'RATEREPLY=421 bye')" 'R421 bye' '421 drops'
is "$(plugin rate 'RATE=pair:1.2.3.4/x' 'RATEREPLY=nonsense')" 'E451 Too often: try again later (#4.7.1)' 'a reply that is none'
is "$(plugin rate 'RATE=rcpts:x' RATEQUANTITY=recipients SMTPRCPTCOUNT=4)" '' 'four recipients'
is "$(plugin rate 'RATE=rcpts:x' RATEQUANTITY=recipients SMTPRCPTCOUNT=4 | cut -c1-4)" 'E451' 'four more'
is "$(plugin rate 'RATE=rcpts:x' RATEQUANTITY=1)" '' 'one more'
is "$(plugin rate)" '' 'RATE unset'
like "$(log)" 'RATE is not set' 'is logged'
is "$(plugin rate RATE=nope:x)" '' 'an unknown class refuses nobody'
like "$(log)" 'no such class' 'and is logged'
is "$(plugin rate RATE=nonsense)" '' 'a word that is none refuses nobody'
like "$(log)" 'is not CLASS:KEY' 'and is logged'
printf 'evil\nuser joe' >"$T/evil"
plugin rate 'RATE=sender' "SMTPMAILFROM=$(cat "$T/evil")"
like "$(echo '!peek user joe' | talk)" '^1 1/1 3[0-9]*$' 'a newline in a value asks nothing else'

stop
is "$(plugin rate RATE=ip TCPREMOTEIP=192.0.2.1; plugin ipthrottle TCPREMOTEIP=192.0.2.1)" '' 'without raterd mail comes in'
like "$(log)" "ipthrottle: can't ask rater at .*/rater.sock about ip: No such file" 'and the log tells'
exits 0 '--help' "$LIBEXEC/plugins/rate" --help
finish
