#!/bin/sh
# What a plugin costs, in C and in bash (the original overload was bash): its start alone, and whole sessions
# that smtpd refuses because a plugin says so.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

chmod 755 "$T"
cd "$T" || exit 111
mkdir control
echo mx.example.test >control/me
echo example.test >control/rcpthosts
: >control/overloaded
# A client is spared until it says MAIL: this makes a plugin in [connection] think that it did.
SMTPMAILFROM=joe@example.org
export SMTPMAILFROM

# The same plugin in the shells.
for shell in bash dash; do
  cat >overload.$shell <<END
#!$(command -v $shell)
if [ -e control/overloaded ] && [ -z "\$SMTPAUTHUSER" ]; then
  echo "overload: \$PPID Temporary Failure: Server overload" >&2
  echo 'R451 Temporary Failure: Server overload'
fi
END
  chmod +x overload.$shell
done

count=$(scale 1000)
echo "$count starts of the plugin overload, which refuses"
c() { "$TOOLS/start" "$count" "$LIBEXEC/plugins/overload"; }
bash() { "$TOOLS/start" "$count" ./overload.bash; }
dash() { "$TOOLS/start" "$count" ./overload.dash; }
bare() { "$TOOLS/start" "$count" "$TOOLS/bare"; }
compare c bash us/start CPU_us/start
compare c dash us/start CPU_us/start
compare c bare us/start CPU_us/start

# sessions PLUGIN SERVER...: connections that are refused by it at once, a second, and the processor time of each
sessions() {
  printf '[connection]\n%s\n' "$1" >control/smtpplugins
  shift
  start_server "$T/cpu" "$@"
  wait_for 10 answers "$IP" 2525 || exit 1
  rate=$("$TOOLS/load" "$IP" 2525 "$count" 8) || exit 1
  stop_server
  echo "$rate $(awk -v n="$count" '{ print $1 / (n + 1) }' "$T/cpu")"
}
each() { sessions "$1" "$LIBEXEC/tcplisten" -c 40 "$IP:2525" -- "$LIBEXEC/smtpd"; }
c_refuses() { each "$LIBEXEC/plugins/overload"; }
bash_refuses() { each "$T/overload.bash"; }
builtin_refuses() { each builtin:overload; }
warm_refuses() { sessions builtin:overload "$LIBEXEC/smtpd" --listen -c 40 "$IP:2525" -- -q builtin:spool; }
echo "$count sessions refused, 8 at a time"
compare c_refuses bash_refuses sessions/s CPU_us/session
compare builtin_refuses bash_refuses sessions/s CPU_us/session
compare warm_refuses builtin_refuses sessions/s CPU_us/session
