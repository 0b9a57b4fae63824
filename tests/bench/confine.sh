#!/bin/sh
# What each layer costs that a session of smtpd is confined by: whole messages into the spool, one a connection and ten,
# with all layers and with all but some, in turns. Processor time of the server for each.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

count=$(scale "${COUNT:-1000}")
many=1
chmod 711 "$T"
cd "$T" || exit 111
mkdir control spool spool/tmp spool/todo
echo mx.example.test >control/me
echo example.test >control/rcpthosts
message=$(printf 'Subject: x\r\n\r\nhello\r\n.')

measure() { # measure WITHOUT: prints us a message; every one must be in the spool afterwards
  rm -rf spool/todo
  mkdir spool/todo
  SPOOL=$T/spool WITHOUT=$1 start_server "$T/cpu" "$TOOLS/layers" --listen -c 40 "$IP:2525" -- -q builtin:spool
  wait_for 10 "$TOOLS/load" "$IP" 2525 0 0 || exit 1
  set -- 'EHLO c'
  while test $# -lt $((1 + 4 * many)); do set -- "$@" 'MAIL FROM:<a@client.test>' 'RCPT TO:<u@example.test>' DATA "$message"; done
  "$TOOLS/talk" "$IP" 2525 $((count / many)) 4 250 "$@" >/dev/null || exit 1
  stop_server
  set -- spool/todo/*
  test $# -eq $((count / many * many)) || { echo "the spool has $# messages rather than $count" >&2; exit 1; }
  awk -v n=$# '{ print $1 / n }' "$T/cpu"
}
all() { measure ''; }
without() { measure "$layer"; }
for many in 1 10; do
  for layer in ${LAYERS:-paths calls self,limits paths,calls,self,limits}; do
    echo "$many a connection, without: $layer"
    compare all without CPU_us/message
  done
done
