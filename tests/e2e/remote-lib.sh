# shellcheck shell=sh
# For tests that send mail out: a network of their own, where port 25 is free and the servers' addresses are not this
# machine's, with a DNS server and servers, odd ones among them. A test sources this instead of lib.sh.
if test -z "${REMOTE_NET-}"; then
  test "$(id -u)" -eq 0 && set -- -n || set -- -cn --keep-caps
  if ! unshare "$@" true 2>/dev/null; then
    echo "1..0 # SKIP no network namespace can be made"
    exit 0
  fi
  REMOTE_NET=1 exec unshare "$@" sh "$0"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

tools=$(cd "$(dirname "$0")/../tools" && pwd)
cd "$T" || exit 111
ip link set lo up
ip route add local 10.1.0.0/16 dev lo
ip -6 route add local fd00::/64 dev lo

# served NAME COMMAND...: in the background, once it has said that it is ready
served() {
  name=$1
  shift
  : >"$name.ready"
  "$@" >"$name.ready" 2>>"$name.err" &
  on_exit "kill $!"
  wait_for 20 test -s "$name.ready" || echo "# $name does not come up"
}
# odd NAME ADDRESS WORD...: a server, which keeps in NAME/ what it gets
odd() {
  mkdir -p "$1"
  name=$1
  ip=$2
  shift 2
  served "$name" python3 "$tools/oddsmtp.py" "$name" "$ip" 25 "$@"
}
# dns: serves $T/zone
dns() { served dns python3 "$tools/dnsd.py" 127.0.0.1 53 zone; }
strange_number=0
# strange DOMAIN WORD...: a domain with an odd server of its own
strange() {
  strange_number=$((strange_number + 1))
  echo "$1 A 10.1.1.$strange_number" >>zone
  strange=$1
  shift
  odd "$strange.d" "10.1.1.$strange_number" "$@"
}
got() { find "$1" -name '[0-9]*' ! -name '*.new' 2>/dev/null | grep -c .; }

