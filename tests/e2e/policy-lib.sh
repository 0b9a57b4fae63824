# shellcheck shell=sh
# A policyd, and a DNS server that says what $T/zone says. Sourced by the tests of the room `policy`.
#   policy_start LINE...   starts policyd with these settings; -x OPTION before them is for policyd
#   ask NAME=VALUE...      asks it; prints the answer
#   zone LINE...           adds to the zone
tools=$(cd "$(dirname "$0")/../tools" && pwd)

zone() { printf '%s\n' "$@" >>"$T/zone"; }

dns_start() {
  : >>"$T/zone"
  python3 "$tools/dnsodd.py" "$IP" "$T/zone" "$T/dns.port" >"$T/dns.out" 2>"$T/dns.log" &
  dns_pid=$!
  on_exit "kill $dns_pid 2>/dev/null"
  wait_for 10 test -s "$T/dns.port"
  DNS=$IP:$(cat "$T/dns.port")
}

policy_run() {
  rm -f "$T/ready"
  # shellcheck disable=SC2086 # these are words
  ${policy_wrap-} s6-ipcserver-socketbinder -a 0666 "$T/sock" "$LIBEXEC/policyd" -d 3 -u 0 -r "$DNS" -t ${DNS_TIME:-2000} -s "$T/store" \
    -C "$T/counters" $policy_options "$T/settings" 2>>"$T/log" 3>"$T/ready" &
  policy_pid=$!
  on_exit "kill $policy_pid 2>/dev/null"
  wait_for 10 test -s "$T/ready"
}

policy_start() {
  policy_options=
  while test "${1-}" = -x; do policy_options="$policy_options $2" && shift 2; done
  mkdir -p "$T/store"
  printf '%s\n' "hostname mx.here.test" "$@" >"$T/settings"
  policy_run
}

# policy_set LINE...: other settings, which the running one reads
policy_set() {
  printf '%s\n' "hostname mx.here.test" "$@" >"$T/settings"
  was=$(grep -c 'settings read' "$T/log")
  kill -HUP "$policy_pid"
  wait_for 10 policy_reread "$was"
}
policy_reread() { test "$(grep -c 'settings read' "$T/log")" -gt "$1"; }

policy_stop() {
  kill "${1:--TERM}" "$policy_pid" 2>/dev/null
  wait "$policy_pid" 2>/dev/null
}

ask() { python3 "$tools/policyask.py" "$T/sock" "$@"; }
