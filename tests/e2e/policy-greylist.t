#!/bin/sh
# Greylisting, and what of it lasts: over kill -9, a damaged store, a full disk, a clock that is set back.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/policy-lib.sh"

zone 'good.test TXT v=spf1 ip4:192.0.2.0/24 ip4:203.0.113.0/24 -all' '9.2.0.192.bl.test A 127.0.0.2'
dns_start
policy_start 'greylist everybody' 'greylist-delay 2'

waits() { case $(ask "$@") in 'action=DEFER_IF_PERMIT 4.7.1 greylisted: come again in '*' seconds') ;; *) return 1 ;; esac }
passes() { test "$(ask "$@")" = "action=DUNNO"; }
counted() { build=$B/tests/tools/counters && "$build" "$T/counters" "$1"; }

is "$(ask sender=list-123@none.test -- sender=list-124@none.test | sed 's/ [0-9]* seconds//')" \
  "$(yes 'action=DEFER_IF_PERMIT 4.7.1 greylisted: come again in' | head -n 2)" "who comes for the first time waits, and at once again"
try "the delay over, it passes" wait_for 10 passes sender=list-4567@none.test client_address=192.0.2.77
try "VERP's digits and the host of a pool made no difference: from now on it is known" passes sender=list-9@none.test
try "another sender of the network waits" waits sender=other@none.test
try "another recipient, too" waits sender=list-1@none.test recipient=other@here.test
try "and another network" waits sender=list-1@none.test client_address=198.51.100.1
like "$(cat "$T/log")" 'greylisted: DENIED_GRAYLISTED check=greylist client=192.0.2.1 ' "the log has spamdyke's code"

# whom SPF vouches for
try "a new sender waits though SPF vouches for it" waits sender=a@good.test client_address=192.0.2.5
try "then passes" wait_for 10 passes sender=a@good.test client_address=192.0.2.5
try "and its domain is known, from its other network as well" passes sender=b@good.test client_address=203.0.113.9
try "but not from where SPF does not vouch for it" waits sender=b@good.test client_address=198.51.100.9

# whom a user wrote to
is "$(ask sasl_username=jane sender=jane@here.test recipient=Friend@far.test client_address=10.0.0.1)" "action=DUNNO" "a user writes"
try "what comes back is expected" passes sender=friend@far.test recipient=jane@here.test client_address=198.51.100.20
try "for that user" waits sender=friend@far.test recipient=joe@here.test client_address=198.51.100.20

# --- kill -9 at any moment
policy_stop -KILL
policy_run
try "killed with -9: who was known is" passes sender=list-2@none.test
try "and whom the user wrote to" passes sender=friend@far.test recipient=jane@here.test client_address=198.51.100.21
try "who waited has waited" passes sender=other@none.test

# --- commands
like "$(ask request=policyd_command command=list)" '^network 192.0.2.0/24 counted [0-9]+ [0-9]+$' "the networks are listed"
is "$(ask request=policyd_command command=add client_address=198.51.100.0)" "action=ok" "a network is made known"
try "and passes" passes sender=new@none.test client_address=198.51.100.77
is "$(ask request=policyd_command command=forget client_address=198.51.100.77 sender= recipient=)" "action=ok 1" "it is forgotten"
try "and waits" waits sender=new2@none.test client_address=198.51.100.77
like "$(ask request=policyd_command command=forget client_address=x)" "^action=error .*no address" "what is wrong is said"

# --- only the suspicious
policy_set 'greylist suspicious' 'greylist-delay 2' 'dnsbl bl.test' 'listed greylist' 'rdns-missing greylist'
zone '200.113.0.203.in-addr.arpa PTR mail.good.test'
try "suspicious: a name and on no list, it passes" passes sender=x@none.test client_address=203.0.113.200
try "no name: it waits" waits sender=x@none.test client_address=203.0.113.201
zone '201.113.0.203.in-addr.arpa PTR a.test' '201.113.0.203.bl.test A 127.0.0.2'
try "listed: it waits" waits sender=y@none.test client_address=203.0.113.201
like "$(tail -n 1 "$T/log")" 'greylisted: DENIED_GRAYLISTED check=(listed|rdns-missing) ' "the log says for what"
policy_set 'greylist observe' 'greylist-delay 2'
try "observe: it passes" passes sender=z@none.test client_address=203.0.113.201
like "$(tail -n 1 "$T/log")" 'observed: DENIED_GRAYLISTED' "and the log says what it would have been"
policy_set 'greylist everybody' 'greylist-delay 2'

# --- a clock that is set back
FAKE=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
if grep -q __asan_init "$LIBEXEC/policyd"; then
  echo "# the clock is left alone: AddressSanitizer asks for the time before libfaketime can tell it, and hangs"
elif test -n "$FAKE"; then
  policy_stop
  LD_PRELOAD=$FAKE FAKETIME='-40d' FAKETIME_DONT_FAKE_MONOTONIC=1 policy_run
  try "the clock is set back 40 days: who is known is" passes sender=list-2@none.test
  try "who was waiting waits once more" waits sender=y@none.test client_address=203.0.113.201
  try "no longer than the delay" wait_for 10 passes sender=y@none.test client_address=203.0.113.201
  policy_stop
  policy_run
  try "set right again: who is known is" passes sender=list-2@none.test
fi

# --- a damaged store
for how in garbage short middle; do
  policy_stop -KILL
  case $how in
    garbage) head -c 20000 /dev/urandom >"$T/store/data.mdb" ;;
    short) truncate -s 8192 "$T/store/data.mdb" ;;
    middle) dd if=/dev/urandom of="$T/store/data.mdb" bs=4096 seek=2 count=30 conv=notrunc 2>/dev/null ;;
  esac
  policy_run
  try "damaged ($how): it begins anew" waits sender=again@none.test
  try "and remembers" wait_for 10 passes sender=again@none.test
  for i in 1 2 3 4 5 6 7 8 9; do ask sender=fill$i@none.test client_address=10.$i.0.1 >/dev/null; done
done
like "$(cat "$T/log")" 'it is damaged: set aside as data.mdb.bad, and begun anew' "the log says so"
try "the old one is kept" test -s "$T/store/data.mdb.bad"

# --- no room
policy_stop
rm -f "$T/store/"*
policy_options='-e 3'
policy_run
for i in 1 2 3 4 5; do ask sender=f$i@none.test client_address=10.0.$i.1 >/dev/null; done
try "the store is full: nobody waits for nothing" passes sender=f9@none.test client_address=10.0.9.1
like "$(cat "$T/log")" 'unable to write to the store: ' "the log says so"
is "$(grep -c 'unable to write to the store' "$T/log")" 1 "once"
policy_stop
policy_options=
if test "$(id -u)" -eq 0 && unshare -m true 2>/dev/null; then
  rm -f "$T/store/"*
  printf '#!/bin/sh\nmount -t tmpfs -o size=64k none "%s" && exec "$@"\n' "$T/store" >"$T/small"
  chmod 755 "$T/small"
  policy_wrap="unshare -m $T/small"
  policy_run
  set --
  for i in 1 2 3 4 5 6 7 8 9 10; do
    for k in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do set -- "$@" -- sender=f@x$i$k.test client_address=10.$i.$k.1; done
  done
  for round in 1 2 3 4; do ask "recipient=$round@here.test" "$@" >"$T/answers"; done
  is "$(grep -c '^action=' "$T/answers")" 201 "the disk is full: every question is answered"
  like "$(cat "$T/log")" 'unable to write to the store: No space left on device' "the log says why"
  try "and policyd goes on" ask
  policy_stop
fi
finish
