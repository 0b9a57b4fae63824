# shellcheck shell=sh
# The benches' shell library, on top of the tests'. A bench defines functions that print numbers, and
# `compare` runs ours and the peer's in turns (ours peer ours peer ...), so that whatever else the machine
# does meets both; the ratios are taken pair by pair.
#
#   $ROUNDS       how many pairs; 1 when BENCH_SHORT=1 only wants to see that it works
#   scale N       N, or a hundredth of it (at least 10) when BENCH_SHORT=1
#   $TOOLS        the benches' own programs
#   $PEERS        where packages are unpacked that must not be installed

# shellcheck source=tests/e2e/lib.sh
. "$(cd "$(dirname "$0")/../e2e" && pwd)/lib.sh"

# shellcheck disable=SC2034 # for the benches
TOOLS=$B/tests/bench
ROUNDS=${ROUNDS:-$(test "${BENCH_SHORT:-}" && echo 1 || echo 9)}

scale() {
  if test -z "${BENCH_SHORT:-}"; then
    echo "$1"
  elif test "$1" -lt 1000; then
    echo 10
  else
    echo $(($1 / 100))
  fi
}

skip() {
  echo "$*"
  exit 77
}

# need PROGRAM PACKAGE: without its peer a bench is skipped
need() {
  command -v "$1" >/dev/null || skip "no $1: install the package $2"
}

# unpack PACKAGE...: Debian packages that must not be installed, below $PEERS
unpack() {
  peers "$@" || skip "cannot download these packages: $*"
}

# compare OURS PEER METRIC...: runs the functions OURS and PEER, which each print a number for each METRIC
# (an underscore stands for a blank), and prints the medians and ratios
compare() {
  ours=$1
  peer=$2
  shift 2
  : >"$T/pairs"
  round=0
  while test "$round" -lt "$ROUNDS"; do
    round=$((round + 1))
    "$ours" >"$T/ours" || exit 1
    "$peer" >"$T/peer" || exit 1
    paste -d ' ' "$T/ours" "$T/peer" >>"$T/pairs"
  done
  awk -v ours="$ours" -v peer="$peer" -v metrics="$*" '
    function median(v, n,   i, j, x) {
      for (i = 2; i <= n; i++) { x = v[i]; for (j = i - 1; j > 0 && v[j] > x; j--) v[j + 1] = v[j]; v[j + 1] = x }
      return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    BEGIN { k = split(metrics, name, " ") }
    NF != 2 * k { print "not " 2 * k " numbers: " $0; bad = 1; exit 1 }
    { n++; for (i = 1; i <= k; i++) { a[i, n] = $i; b[i, n] = $(k + i); if (!(b[i, n] > 0)) { bad = 1; print name[i] " is " b[i, n]; exit 1 } } }
    END {
      if (bad || !n) exit 1
      printf "%-28s %12s %12s   ratio (pairs)\n", "median of " n, ours, peer
      for (i = 1; i <= k; i++) {
        for (j = 1; j <= n; j++) { x[j] = a[i, j]; y[j] = b[i, j]; r[j] = a[i, j] / b[i, j] }
        gsub(/_/, " ", name[i]); m = median(r, n)
        printf "%-28s %12.4g %12.4g   %.3f (%.3f to %.3f)\n", name[i], median(x, n), median(y, n), m, r[1], r[n]
      }
    }' "$T/pairs"
}

# start_server REPORT COMMAND...: runs COMMAND under the CPU counter, which writes what it and its children
# used to REPORT once stop_server has ended it
start_server() {
  report=$1
  shift
  "$TOOLS/cpu" "$report" "$@" 2>>"$T/server.log" &
  server=$!
  on_exit "kill $server 2>/dev/null"
}
stop_server() {
  kill "$server"
  wait "$server"
}

# answers IP PORT: something listens there
answers() {
  "$TOOLS/load" "$1" "$2" 1 1 >/dev/null 2>&1
}
