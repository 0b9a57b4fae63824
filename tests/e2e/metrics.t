#!/bin/sh
# [metrics]: what is told to Prometheus, and the examples for it. Debian's Prometheus and promtool, unpacked and not installed,
# read it.
# shellcheck disable=SC2317 # wait_for calls functions
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

mail_bundle || exit 111
examples=$(cd "$(dirname "$0")/../../examples/prometheus" && pwd)
printf '[limit logins]\nrule = * 9/1d\n[policy]\n[metrics]\nlisten = %s:9099\n' "$IP" >>"$C"
if test "$(id -u)" -eq 0; then
  sed -i "s/^\[metrics\]/&\nuser = nobody/" "$C"
  exits 102 "without status-group" m check
  like "$(cat "$T/out" "$T/err")" '\[metrics\] it looks as another user than root: put status-group' "is refused"
  sed -i "s/^\[bundle\]/&\nstatus-group = daemon/" "$C"
  exits 102 "with a user who is not in it" m check
  like "$(cat "$T/out" "$T/err")" 'nobody is not in the group daemon' "as well"
  sed -i "s/^status-group = .*/status-group = $(id -gn nobody)/" "$C"
fi
try "up" m up

get() { curl -s -m $((60 * PATIENCE)) "$@"; }
get -D "$T/head" "http://$IP:9099/metrics" >"$T/metrics"
like "$(tr -d '\r' <"$T/head")" '^Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8$' "the type"
is "$(tail -n 1 "$T/metrics")" "# EOF" "all of it"
try "the services" grep -q '^mailctl_service_state{service="smtpd",state="ready"} 1$' "$T/metrics"
like "$(get -D - -o /dev/null -X POST "http://$IP:9099/metrics")" '^HTTP/1.1 405 ' "GET only"
like "$(get -D - -o /dev/null "http://$IP:9099/metrics/../x")" '^HTTP/1.1 404 ' "/metrics only"
# what no HTTP client says
raw() {
  python3 -c '
import os, socket, sys
s = socket.create_connection((sys.argv[1], 9099), 60 * int(os.environ["PATIENCE"]))
try: s.sendall(eval(sys.argv[2]))
except OSError: pass
try:
    print(s.recv(100).decode())
except OSError: print("reset")' "$IP" "$1"
}
like "$(raw 'b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 5000')" '^(HTTP/1.1 400 |reset)' "a request without end"
like "$(raw 'b"\0" * 20 + b"\r\n\r\n"')" '^HTTP/1.1 405 ' "no words at all"
like "$(raw 'b"GET /metrics HTTP/1.0\r\n\r\n"')" '^HTTP/1.1 200 ' "an old client"
is "$(ps -o user= -p "$(m status -o pid metrics)" | tr -d ' ')" "$(test "$(id -u)" -ne 0 && id -un || echo nobody)" "a user of its own"

# --- the examples
names() { grep -oh 'mailctl_[a-z0-9_]*' "$examples"/alerts.yml "$examples"/grafana.json | sort -u; }
missing=
for name in $(names); do
  grep -q "^# TYPE ${name%_total} " "$T/metrics" || missing="$missing $name"
done
is "$missing" "" "every metric in examples/prometheus exists"
try "the dashboard is JSON" python3 -m json.tool "$examples/grafana.json"
if peers prometheus; then
  promtool="$PEERS/usr/bin/promtool"
  try "promtool: the alerts" "$promtool" check rules "$examples/alerts.yml"
  mkdir "$T/prometheus"
  sed "s/127.0.0.1:9099/$IP:9099/; s/15s/1s/" "$examples/prometheus.yml" >"$T/prometheus/prometheus.yml"
  sed 's/for: [0-9]*[mh]/for: 0s/' "$examples/alerts.yml" >"$T/prometheus/alerts.yml"
  try "promtool: the configuration" "$promtool" check config "$T/prometheus/prometheus.yml"
  (cd "$T/prometheus" && exec "$PEERS/usr/bin/prometheus" --config.file=prometheus.yml --storage.tsdb.path=data \
    --web.listen-address="$IP:9090") >"$T/prometheus.log" 2>&1 &
  prometheus=$!
  on_exit "kill $prometheus 2>/dev/null"
  query() { "$promtool" query instant "http://$IP:9090" "$1"; }
  has() { query "$1" | grep -q '=>'; }
  try "Prometheus reads it" wait_for 60 has 'up{job="mailctl"} == 1'
  try "and finds the services" wait_for 20 has 'mailctl_service_state{service="rater",state="ready"}'
  m overload on -r test >/dev/null
  try "and is alarmed by overload" wait_for 60 has 'ALERTS{alertname="MailctlOverloaded",alertstate="firing"}'
  m down monitor >/dev/null 2>&1
  m down metrics >/dev/null 2>&1
  try "and by silence" wait_for 60 has 'ALERTS{alertname="MailctlAway",alertstate="firing"}'
  kill "$prometheus"
  wait "$prometheus"
else
  ok 0 "Prometheus # skip it cannot be had"
fi

# --- on a unix socket
sed -i "/^\[metrics\]/,\$s/^listen = .*//" "$C"
m up >/dev/null 2>&1
unix() { get --unix-socket "$T/b/run/metrics.sock" http://x/metrics | grep -q '^# EOF'; }
try "a unix socket" wait_for 20 unix
finish
