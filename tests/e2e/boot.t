#!/bin/sh
# A boot: `mailctl run` under systemd, under an s6 that is there already, and as process 1 of a container, with
# the files of examples/.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

EXAMPLES=$(cd "$(dirname "$0")/../../examples" && pwd)
new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
here() { sed "s|/usr/local/bin|$B/bin|g; s|/etc/mailctl|$T/b|g; s|/var/log/mailctl-run|$T/log|g" "$1"; }
well() { m status; }
words() { { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null; }
supervisor() {
  for p in /proc/[0-9]*; do
    words "${p#/proc/}" | grep -q "^s6-svscan .* $T/b/run/service " && echo "${p#/proc/}"
  done
}

# Its last stop was `mailctl down`: smtpd went before spool, which it needs.
stopped_in_order() {
  is "$(m history | sed -n 's/.* \(command down\|stop smtpd\|stop spool\) .*/\1/p' | tail -n 3 | tr '\n' ' ')" \
    "command down stop smtpd stop spool " "$1"
}

# ends PID [SIGNAL]: signals a process by a pid that is one: what asks s6 for the pid of what is down hears -1
ends() {
  case $1 in
  '' | *[!0-9]* | 0 | 1)
    echo "Bail out! \"$1\" is no pid to signal"
    exit 1
    ;;
  esac
  kill "${2:--TERM}" "$1"
}

# --- systemd ------------------------------------------------------------------------------------------

here "$EXAMPLES/systemd/mailctl.service" >"$T/mailctl.service"
value() { sed -n "s/^$1=//p" "$T/mailctl.service"; }
if command -v systemd-analyze >/dev/null; then
  exits 0 "systemd-analyze verifies the unit" systemd-analyze verify --man=no "$T/mailctl.service"
  # It also reads the machine's own units.
  is "$(grep -F mailctl "$T/err" "$T/out")" "" "and has nothing to say"
fi

# What systemd does: a notify socket, ExecStart, ExecReload, TERM to the main process.
# As systemd, it knows a message's unit by its sender's cgroup: one whose sender has ended is passed over.
cat >"$T/notified" <<'END'
import array, os, select, socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind(sys.argv[1])
open(sys.argv[1] + ".bound", "w").close()
patience = 60 * int(os.environ["PATIENCE"])
s.settimeout(patience)

def receive():
    text, control, flags, sender = s.recvmsg(4096, 4096)
    fds = array.array("i")
    for level, kind, data in control:
        if kind == socket.SCM_RIGHTS:
            fds.frombytes(data)
        elif kind == socket.SCM_CREDENTIALS:
            pid = struct.unpack("3i", data)[0]
    return text.decode(), pid, list(fds)

text, pid, fds = receive()
try:
    sender = os.pidfd_open(pid)
except ProcessLookupError:
    sys.exit("the sender of READY has ended")
if sender in select.select([s, sender], [], [], patience)[0]:
    sys.exit("the sender of READY has ended")
barrier, pid, fds = receive()
if barrier != "BARRIER=1" or len(fds) != 1:
    sys.exit("a message is no barrier: " + barrier)
if sender in select.select([sender], [], [], 0)[0]:
    sys.exit("the sender did not wait")
os.close(fds[0])
print(text, flush=True)
END
# as_systemd: starts the unit's command; systemd is told in $T/said
as_systemd() {
  rm -f "$T/notify" "$T/notify.bound"
  python3 "$T/notified" "$T/notify" >"$T/said" &
  notified=$!
  wait_for 30 test -e "$T/notify.bound"
  # shellcheck disable=SC2046,SC2091 # it is a command line
  NOTIFY_SOCKET=$T/notify $(value ExecStart) >"$T/run.out" 2>&1 &
  main=$!
  on_exit "kill $main 2>/dev/null"
}
as_systemd
wait $notified
ok $? "systemd is told"
is "$(grep . "$T/said" | tr '\n' ' ')" "READY=1 STATUS=every service is ready " "that every service is ready"
exits 0 "which is so" m status
is "$(supervisor)" "$main" "the main process is the supervisor"
sed -i 's/^\[smtpd\]/&\nper-client = 9/' "$C"
before=$(pid_of "$C" smtpd)
# shellcheck disable=SC2046,SC2091
exits 0 "ExecReload" $(value ExecReload)
test "$(pid_of "$C" smtpd)" != "$before"
ok $? "takes a change"
ends "$main"
wait $main
is $? 0 "TERM: it ends well"
stopped_in_order "in order"
# The `mailctl down` that it ran sees it end, and ends then.
wait_for 30 none_left
is "$(processes)" "" "with nothing left for systemd to kill"

# A notify socket that is gone brings nothing down.
NOTIFY_SOCKET=$T/nowhere mailctl -c "$C" run >"$T/run.out" 2>&1 &
main=$!
ready_or_told() { grep -q 'tell systemd' "$T/run.out"; }
wait_for 30 ready_or_told
ok $? "a notify socket that is gone is said"
ends "$main"
wait $main
is $? 0 "and no more"

# --- the file has a mistake in it when the machine boots ------------------------------------------------

cp "$C" "$T/good.conf"
sed -i 's/^per-client = 9/per-cleint = 7/' "$C"
exits 102 "up refuses a file with a mistake" m up
as_systemd
wait $notified
ok $? "a boot brings the services up all the same"
like "$(cat "$T/said")" '^STATUS=every service is ready, but mailctl.conf has mistakes: see mailctl check$' "systemd is told"
like "$(cat "$T/run.out")" "^$C:[0-9]*: .*per-cleint" "the mistake is said"
like "$(cat "$T/run.out")" "^mailctl: $C has mistakes: going on with what was brought up last, $T/b/state/current/mailctl.conf; " \
  "and what runs instead"
exits 0 "every service is ready" m status
like "$(cat "$T/out")" "^$C has mistakes, and is not what runs" "status says so, too"
is "$(cat "$T/b/state/current/mailctl.conf")" "$(cat "$T/good.conf")" "as it was brought up last"
exits 102 "reading it again is refused" m up
sed -i 's/per-cleint/per-client/' "$C"
exits 0 "until it is mended" m up
unlike "$(m status)" 'has mistakes' "status has no more to say"
mv "$C" "$T/away.conf"
ends "$main"
wait $main
is $? 0 "TERM ends it, even without a file"
as_systemd
wait $notified
ok $? "a boot without the file"
like "$(cat "$T/run.out")" "^mailctl: unable to read $C: No such file" "says so"
exits 0 "and has every service" m status
like "$(cat "$T/out")" "^$C is not there; what it said when" "status says so, too"
mv "$T/away.conf" "$C"
ends "$main"
wait $main
wait_for 30 none_left
is "$(processes)" "" "it ends"

# It is mended, to just what it was before, while the boot waits for what the system refuses.
cp "$C" "$T/good.conf"
sed -i 's/^per-client = 7/per-cleint = 7/' "$C"
mv "$T/b/log/smtpd" "$T/log.smtpd"
: >"$T/b/log/smtpd"
mailctl -c "$C" run >"$T/run.out" 2>&1 &
main=$!
waits() { grep -q 'trying again soon' "$T/run.out"; }
wait_for 30 waits
ok $? "a boot that cannot go on is tried again"
cp "$T/good.conf" "$C.new" && mv "$C.new" "$C" # a boot that reads half of it would go on with that
rm "$T/b/log/smtpd"
mv "$T/log.smtpd" "$T/b/log/smtpd"
wait_for 30 well
ok $? "and takes the file that was mended meanwhile"
ends "$main"
wait $main

# The file is as it was, but something that one service needs is not.
mv "$T/b/control/me" "$T/b/me"
exits 102 "up refuses it" m up
as_systemd
tls_ready() { test "$(m status -o state tls)" = ready && test "$(m status -o state spool)" = ready; }
wait_for 30 tls_ready
ok $? "a boot brings the services up all the same"
is "$(grep -c 'control/me: ' "$T/run.out")" 1 "what is wrong is said once"
mv "$T/b/me" "$T/b/control/me"
ends "$main"
wait $main

# Nothing was ever brought up, or just this.
new_bundle "$T/new" || exit 111
sed -i 's/^hostname/hostnaem/' "$T/new/mailctl.conf"
exits 102 "a first boot with a mistake" timeout 30 mailctl -c "$T/new/mailctl.conf" run
unlike "$(cat "$T/err")" 'going on' "has nothing to go on with"
wait_for 30 none_left
rm -r "$T/b/run"
mv "$T/b/control" "$T/b/away"
exits 102 "what was brought up last, where it cannot run either" timeout 30 mailctl -c "$C" run
is "$(grep -c 'control: ' "$T/err")" 1 "is said once"
mv "$T/b/away" "$T/b/control"

exits 100 "run: -d wants an open descriptor" m run -d 42
exits 100 "run: not 0, 1 or 2" m run -d 1
exits 100 "run: no names" m run smtpd

# --- an s6 that is there already ----------------------------------------------------------------------

mkdir "$T/scan"
cp -a "$EXAMPLES/s6/mailctl" "$T/scan/"
for i in run log/run; do here "$EXAMPLES/s6/mailctl/$i" >"$T/scan/mailctl/$i"; done
s6-svscan "$T/scan" >/dev/null 2>&1 &
outer=$!
on_exit "kill $outer 2>/dev/null"
is_ready() { test "$(s6-svstat -o ready "$T/scan/mailctl")" = true; }
wait_for 30 is_ready
ok $? "under another s6 it becomes ready"
exits 0 "when all is" m status
main=$(supervisor)
is "$(s6-svstat -o pid "$T/scan/mailctl")" "$main" "the service is the bundle's s6-svscan"
count=$(processes | grep -c " s6-supervise ")

ends "$main" -9
is_new() { new=$(supervisor); test "$new" && test "$new" != "$main" && is_ready && well; }
wait_for 60 is_new
ok $? "its s6-svscan is killed: another one takes over by itself"
is "$(processes | grep -c " s6-supervise ")" "$count" "with every service under it, once"
main=$(supervisor)
stray() {
  for p in $(processes | sed -n 's/^\([0-9]*\) s6-supervise .*/\1/p'); do
    parent=$(awk '$1 == "PPid:" { print $2 }' "/proc/$p/status")
    test "$parent" = "$main" || test "$parent" = "$outer" || words "$p"
  done
}
is "$(stray)" "" "none is left over from the old one"
try "s6-svc -d" s6-svc -wD -T $((60000 * PATIENCE)) -d "$T/scan/mailctl"
of_bundle() { processes | grep -v "$T/scan" | grep -v 's6-supervise mailctl\|s6-log .*/log '; }
none_of_bundle() { test -z "$(of_bundle)"; }
wait_for 30 none_of_bundle
is "$(of_bundle)" "" "stops everything"
stopped_in_order "in order"
is "$(s6-svstat -o exitcode,signal "$T/scan/mailctl")" "0 NA" "and it ends well"
s6-svscanctl -t "$T/scan"
wait $outer
wait_for 30 none_left
ok $? "nothing is left"

# --- process 1 of a container -------------------------------------------------------------------------

if test "$(id -u)" -eq 0; then
  new=
  enter=
else
  new="--user --map-current-user"
  enter="--user --preserve-credentials"
fi
# shellcheck disable=SC2086
if unshare $new --pid --fork --mount-proc true 2>/dev/null; then
  contain() {
    # shellcheck disable=SC2086
    unshare $new --pid --fork --mount-proc --kill-child "$B/bin/mailctl" -c "$C" run >"$T/run.out" 2>&1 &
    container=$!
    # shellcheck disable=SC2046,SC2086
    first() { first=$(cat /proc/$container/task/$container/children) && test "$first"; }
    wait_for 30 first
    first=${first% }
    on_exit "kill -9 $container 2>/dev/null"
  }
  # shellcheck disable=SC2086
  inside() { nsenter -t "$first" $enter --pid --mount "$@"; }
  well_inside() { inside mailctl -c "$C" status; }
  child_called() { grep -ls "^PPid:.$first\$" /proc/[0-9]*/status | xargs -r grep -ls "^Name:.$1\$" | grep .; }

  contain
  wait_for 30 well_inside
  ok $? "as process 1: every service is ready"
  is "$(awk '$1 == "NSpid:" { print $NF }' "/proc/$first/status")" 1 "it is process 1"
  mkfifo "$T/fifo"
  # The child of a shell that ends becomes process 1's.
  inside sh -c "cat '$T/fifo' >/dev/null 2>&1 </dev/null &"
  wait_for 20 child_called cat
  ok $? "an orphan becomes its child"
  : >"$T/fifo"
  reaped() { ! child_called cat; }
  wait_for 20 reaped
  ok $? "and is reaped"
  ends "$first"
  wait $container
  is $? 0 "TERM to process 1 stops everything"
  stopped_in_order "in order"

  # The container is killed, and the next one finds the same RUN with the old one's pids.
  contain
  wait_for 30 well_inside
  ends "$first" -9
  wait $container
  wait_for 20 none_left
  contain
  wait_for 30 well_inside
  ok $? "a container after a kill -9, with the RUN of before"
  ends "$first"
  wait $container
  is $? 0 "is stopped as well"
else
  echo "# no new pid namespaces here: not tried as process 1"
fi
wait_for 20 none_left
ok $? "nothing is left"
finish
