#!/bin/sh
# The SPF evaluator against the suites that others made: RFC 7208's own, the older one's, pyspf's and blitiri's.
. "$(dirname "$0")/lib.sh"
tools=$(cd "$(dirname "$0")/../tools" && pwd)
official=/usr/share/doc/python3-spf
go=/usr/share/gocode/src/blitiri.com.ar/go/spf/testdata

evaluate() { "$B/tests/tools/spf-suite" "$@" <"$T/lines"; }

# The older RFC preferred other results, where there are several: -a
# suite NAME TESTS FILE [OPTION OF spf-suite.py | TEST:REASON TO PASS IT OVER]...
suite() {
  name=$1 count=$2 file=$3 option=
  shift 3
  if test ! -f "$file"; then
    ok 0 "$name # skip no $file (packages python3-spf, golang-blitiri-go-spf-dev)"
    return
  fi
  case ${1-} in --*) option=$1 && shift ;; esac
  # shellcheck disable=SC2086 # one option or none
  python3 "$tools/spf-suite.py" $option "$file" >"$T/lines"
  exits 0 "$name: every result and explanation" evaluate "$@"
  grep -A1 '^not ok' "$T/out" | sed 's/^/# /'
  is "$(tail -n 1 "$T/out")" "1..$count" "$name: $count tests"
}

python3 -c 'import yaml' 2>/dev/null || official=/none go=/none
suite rfc7208 203 "$official/rfc7208-tests.yml.gz"
suite rfc4408 191 "$official/rfc4408-tests.yml.gz" -a
suite pyspf 16 "$official/test.yml.gz" \
  "default-modifier:no RFC has default=, and pyspf has it only where it is told to be lax" \
  "default-modifier-harsh:its result, ambiguous, is none of RFC 7208's"
suite blitiri 21 "$go/blitirispf-tests.yml" --qualify
suite blitiri-pyspf 16 "$go/pyspf-tests.yml" \
  "default-modifier:no RFC has default=" "default-modifier-harsh:its result, ambiguous, is none of RFC 7208's"
suite blitiri-rfc4408 191 "$go/rfc4408-tests.yml" -a
suite blitiri-rfc7208 203 "$go/rfc7208-tests.yml"

# --- the command
printf '%s\n' 'bad.test TXT v=spf1 -all exp=why.bad.test' 'why.bad.test TXT %{i} is bad' \
  'good.test TXT v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all' 'soft.test TXT v=spf1 ~all' 'neutral.test TXT v=spf1 ?all' \
  'wrong.test TXT v=spf1 foo' 'silent.test SILENT' >"$T/zone"
python3 "$tools/dnsodd.py" "$IP" "$T/zone" "$T/dns.port" >/dev/null 2>&1 &
on_exit "kill $! 2>/dev/null"
wait_for 10 test -s "$T/dns.port"
DNS=$IP:$(cat "$T/dns.port")
for row in 0:pass:good 1:fail:bad 2:softfail:soft 3:neutral:neutral 4:permerror:wrong 5:temperror:silent 6:none:none; do
  result=${row#*:} && result=${result%:*}
  exits "${row%%:*}" "spf: $result" spf -n "$DNS" -t 900 -i 192.0.2.1 -s "joe@${row##*:}.test" -h h.test -r me.test
  is "$(head -n 1 "$T/out")" "$result" "$result: the first line"
  like "$(sed -n 4p "$T/out")" "^Received-SPF: $result \\(me.test: .*\\) client-ip=192.0.2.1; envelope-from=\"joe@" "$result: the field"
done
spf -n "$DNS" -i 192.0.2.1 -s joe@bad.test -h h.test >"$T/out"
is "$(sed -n 2,3p "$T/out")" "192.0.2.1 is bad
spf: domain of bad.test does not designate 192.0.2.1 as permitted sender" "the domain's words, and a sentence"
exits 0 "IPv6, and HELO alone" spf -n "$DNS" -i 2001:db8::1 -h good.test
exits 100 "no address" spf -s joe@bad.test
exits 100 "no domain" spf -i 192.0.2.1

# --- a real server: nsd
if command -v nsd >/dev/null; then
  mkdir "$T/nsd"
  cat >"$T/nsd/conf" <<END
server:
  ip-address: $IP@5300
  username: ""
  chroot: ""
  zonesdir: "$T/nsd"
  database: ""
  pidfile: "$T/nsd/pid"
  xfrdfile: "$T/nsd/xfrd"
  zonelistfile: "$T/nsd/list"
  xfrdir: "$T/nsd"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: nsd.test
  zonefile: zone
END
  {
    printf '%s\n' '$ORIGIN nsd.test.' '@ 60 IN SOA ns.nsd.test. root.nsd.test. 1 60 60 60 60' '@ 60 IN NS ns.nsd.test.' \
      "ns 60 IN A $IP" '@ 60 IN TXT "v=spf1 mx include:_spf.nsd.test -all"' '@ 60 IN MX 10 mail' 'mail 60 IN CNAME real' \
      'real 60 IN A 192.0.2.1' 'real 60 IN AAAA 2001:db8::1'
    printf '_spf 60 IN TXT "v=spf1 "'
    for i in 1 2 3 4 5 6 7 8 9 10; do
      printf ' "'
      for k in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do printf 'ip4:10.%s.%s.0/24 ' $i $k; done
      printf '"'
    done
    printf ' "?all"\n'
  } >"$T/nsd/zone"
  nsd -d -c "$T/nsd/conf" >"$T/nsd/log" 2>&1 &
  on_exit "kill $! 2>/dev/null"
  answers() { spf -n "$IP:5300" -i 192.0.2.1 -s a@nsd.test >/dev/null; }
  try "nsd: an MX by a CNAME" wait_for 20 answers
  exits 0 "nsd: IPv6" spf -n "$IP:5300" -i 2001:db8::1 -s a@nsd.test
  exits 0 "nsd: a record that comes by TCP" spf -n "$IP:5300" -i 10.10.14.7 -s a@nsd.test
  exits 1 "nsd: and who is not in it" spf -n "$IP:5300" -i 10.10.15.7 -s a@nsd.test
  exits 5 "nsd: another's zone is refused: nobody can tell" spf -n "$IP:5300" -i 192.0.2.1 -s a@other.test
else
  ok 0 "nsd # skip no nsd"
fi

# A test that cannot fail is none.
printf 'scenario\nzone TXT =a.test =v%%3Dspf1%%20-all\ntest =x =1.2.3.4 =h.test =joe%%40a.test - =pass\n' >"$T/lines"
exits 1 "a wrong result is seen" evaluate
finish
