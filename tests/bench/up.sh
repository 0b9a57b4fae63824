#!/bin/sh
# `mailctl up` of a whole bundle until all is ready, its generation already written, against the same by hand:
# s6-svscan on the same service directories, s6-svc -u in the same order, s6-svwait.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/../e2e/bundle.sh"

# The second waits for the first, as in the bundle.
first="spool monitor rater tls auth dkim remote"
second="smtpd submission send"

new_bundle "$T/bundle" || exit 1
conf=$T/bundle/mailctl.conf
dirs=$T/bundle/run/servicedirs
{ mailctl -c "$conf" up && mailctl -c "$conf" down; } >"$T/up.log" 2>&1 || {
  cat "$T/up.log" >&2
  exit 1
}
cd "$dirs" || exit 1
mkdir "$T/scan"
for i in $first $second; do
  test -d "$i" || { echo "the bundle has no service $i" >&2; exit 1; }
  ln -s "$dirs/$i" "$T/scan/$i"
done
# shellcheck disable=SC2086 # lists
test "$(find "$dirs" -mindepth 1 -maxdepth 1 | sed 's,.*/,,' | sort)" = "$(printf '%s\n' $first $second | sort)" || { echo "the bundle has other services by now" >&2; exit 1; }

clock() { date +%s%N; }
took() { echo "$1 $2" | awk '{ print ($2 - $1) / 1e6 }'; }

mailctl_up() {
  begin=$(clock)
  mailctl -c "$conf" up >>"$T/up.log" 2>&1 || exit 1
  took "$begin" "$(clock)"
  mailctl -c "$conf" down >>"$T/up.log" 2>&1 || exit 1
}

# A service directory's file `down` is how one starts services in an order by hand.
by_hand() {
  for i in $first $second; do : >"$i/down"; done
  begin=$(clock)
  s6-svscan "$T/scan" >>"$T/svscan.log" 2>&1 &
  svscan=$!
  on_exit "s6-svscanctl -qt '$T/scan' 2>/dev/null && wait $svscan"
  for i in $first $second; do until s6-svok "$i"; do sleep 0.002; done; done
  for i in $first; do s6-svc -u "$i"; done
  # shellcheck disable=SC2086 # a list
  s6-svwait -U -t 20000 $first || exit 1
  for i in $second; do s6-svc -u "$i"; done
  # shellcheck disable=SC2086 # a list
  s6-svwait -U -t 20000 $second || exit 1
  took "$begin" "$(clock)"
  for i in $second $first; do s6-svc -wD -T 10000 -d "$i" || exit 1; done
  s6-svscanctl -t "$T/scan"
  wait "$svscan"
  for i in $first $second; do rm -f "$i/down"; done
}

echo "from nothing to the services of init ready"
compare mailctl_up by_hand ms
