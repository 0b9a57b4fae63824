#!/bin/sh
# The door: 20 clients connect without a pause to a bundle's smtpd while it is restarted, told to reload, upgraded to another
# program, and its listener is killed; and for comparison to Debian's tcpserver with the same smtpd under s6-supervise, which is
# restarted and killed. Prints connections, refused, ended without a greeting, and the slowest greeting in seconds.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/../e2e/bundle.sh"
need tcpserver ucspi-tcp-ipv6

times=${TIMES:-$(test "${BENCH_SHORT:-}" && echo 2 || echo 100)}
knock=$(dirname "$0")/../tools/knock.py
own_prefix
mail_bundle >/dev/null || exit 111
sed -i '/^\[smtpd\]/,/^\[/s/^#*per-client = .*/per-client = 0/' "$C"
m up >/dev/null || exit 1
mkfifo "$T/fifo"

# knocking WHAT COMMAND: COMMAND so many times, while clients knock
knocking() {
  python3 "$knock" "$IP" 2525 20 <"$T/fifo" >"$T/knocked" &
  knocker=$!
  on_exit "kill $knocker 2>/dev/null"
  exec 8>"$T/fifo"
  wait_for 20 grep -q begun "$T/knocked" || exit 1
  i=0
  while test $i -lt "$times"; do
    "$2" >"$T/did" 2>&1 || { cat "$T/did"; exit 1; }
    i=$((i + 1))
  done
  exec 8>&-
  wait "$knocker"
  tail -n 1 "$T/knocked" | while read -r made refused broken slowest; do
    printf '%-28s %8d connections, %5d refused, %5d ended, slowest greeting %s s\n' "$1" "$made" "$refused" "$broken" "$slowest"
  done
}
pid() { m status -o pid smtpd; }
is_new() { now=$(pid) && test "$now" != - && test "$now" != "$old"; }
restart() { m restart smtpd; }
reload() { m reload smtpd; }
upgrade() {
  cp "$LIBEXEC/smtpd" "$LIBEXEC/new" && echo >>"$LIBEXEC/new" && mv "$LIBEXEC/new" "$LIBEXEC/smtpd" && m up
}
# The record of deaths goes: the pauses between attempts would make this last for hours, and the standby serves in them.
killed() {
  old=$(pid)
  kill -9 "$old" && rm -f "$T/b/run/deaths/smtpd" && wait_for 60 is_new
}
echo "$times times each, 20 clients"
for i in ${WHAT:-restart reload upgrade killed}; do knocking "smtpd: $i" $i; done
m down >/dev/null

# Debian's tcpserver under s6
mkdir -p "$T/peer"
cat >"$T/peer/run" <<END
#!/bin/sh
cd $T/b || exit 111
SPOOL=$SPOOL exec tcpserver -HRD -l 0 -c 100 $IP 2525 $LIBEXEC/smtpd -q builtin:spool 2>/dev/null
END
chmod +x "$T/peer/run"
s6-supervise "$T/peer" 2>/dev/null &
peer=$!
on_exit "s6-svc -dx $T/peer; kill $peer 2>/dev/null"
up_again() { s6-svstat -o up,pid "$T/peer" | grep -q "^true" && test "$(s6-svstat -o pid "$T/peer")" != "$old"; }
wait_for 20 s6-svstat "$T/peer" >/dev/null
peer_restart() { old=$(s6-svstat -o pid "$T/peer"); s6-svc -r "$T/peer"; wait_for 20 up_again; }
peer_killed() { old=$(s6-svstat -o pid "$T/peer"); s6-svc -k "$T/peer"; wait_for 20 up_again; }
wait_for 20 answers "$IP" 2525
knocking "tcpserver: restart" peer_restart
knocking "tcpserver: killed" peer_killed
