#!/bin/sh
# Many services: status looks at them in order, whatever some of them do.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

N=48
mkdir "$T/b" "$T/b/control"
C=$T/b/mailctl.conf
{
  printf '[bundle]\nhostname = many.example.test\n'
  test "$(id -u)" -ne 0 || echo 'user = nobody'
  for i in $(seq -w "$N"); do printf '[service s%s]\ncommand = sleep 1000000\n' "$i"; done
} >"$C"
on_exit "mailctl -c '$C' down >/dev/null 2>&1"
try "up" m up

by_s6() {
  for i in $(seq -w "$N"); do
    printf 's%s\t%s\n' "$i" "$(s6-svstat -o pid "$T/b/run/servicedirs/s$i")"
  done
}
is "$(m status -o name,pid)" "$(by_s6)" "every service is shown, in order, with its own process"

# Each death leaves words to keep.
m status -o pid | xargs kill -KILL
all_are() { test "$(m status -o state,log,restarts,last_exit | sort -u)" = "$1"; }
try "all died once, and run again" wait_for 60 all_are "ready	ready	1	killed by SIGKILL"
is "$(m status -o name,pid)" "$(by_s6)" "with the new processes"
m status -o name,pid,last_exit >"$T/first"
for i in 1 2 3 4 5 6 7 8 9 10; do m status -o name,pid,last_exit; done | sort -u >"$T/all"
is "$(cat "$T/all")" "$(sort "$T/first")" "ten more looks say the same"

m down "s$N" >/dev/null 2>&1
is "$(m status -o state "s$N")" stopped "one that was stopped"
: >"$T/b/run/servicedirs/s01/supervise/status"
: >"$T/b/run/servicedirs/s$((N - 1))/log/supervise/status"
is "$(m status -o state,log s01)" "unknown	ready" "a damaged status"
is "$(m status -o state,log "s$((N - 1))")" "ready	unknown" "one of a logger"
m down >/dev/null 2>&1
is "$(m status -o state | sort | uniq -c | tr -s ' ')" " $N stopped" "all are down"
finish
