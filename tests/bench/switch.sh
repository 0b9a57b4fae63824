#!/bin/sh
# A switch of the whole bundle to another software set, and back, until all is ready and probed, against what one did by
# hand: stop everything, set the link, start everything. Then against s6-rc, and systemd where it runs, with the same
# programs as far as each can have them.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/../e2e/bundle.sh"

first="spool monitor rater tls auth"
second="smtpd submission"

new_bundle "$T/bundle" || exit 1
conf=$T/bundle/mailctl.conf
state=$T/bundle/state
S=$T/opt
mkdir "$S"
for i in a b; do mkdir "$S/$i" && cp -a "$B/bin" "$B/libexec" "$S/$i/"; done
# Seven services.
awk '/^\[/ { out = /^\[(remote|dkim)\]/ } !out' "$conf" >"$T/conf"
sed "s|^\[bundle\]|&\nsoftware = $S\ngenerations = 1000|; s/^probe = .*/probe = light/" "$T/conf" >"$conf"
log=$T/switch.log
on_exit "'$S/current/bin/mailctl' -c '$conf' down >/dev/null 2>&1"
"$S/a/bin/mailctl" -c "$conf" up >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
"$S/b/bin/mailctl" -c "$conf" up >>"$log" 2>&1 || exit 1
cd "$T/bundle/run/servicedirs" || exit 1
# shellcheck disable=SC2086 # lists
test "$(find . -mindepth 1 -maxdepth 1 | sed 's,.*/,,' | sort)" = "$(printf '%s\n' $first $second | sort)" || { echo "the bundle has other services by now" >&2; exit 1; }

clock() { date +%s%N; }
took() { echo "$1 $2" | awk '{ print ($2 - $1) / 1e6 }'; }
# s6 lets no service start twice within a second: each has run that long before it is measured.
settled() {
  for i in $first $second; do test "$(s6-svstat -o updownfor "$i")" -ge 2 || return 1; done
}
settle() { until settled; do sleep 0.1; done; }

# timed COMMAND...
timed() {
  settle
  begin=$(clock)
  "$@" >>"$log" 2>&1 || exit 1
  took "$begin" "$(clock)"
}
mailctl_switch() {
  there=$(timed "$S/current/bin/mailctl" -c "$conf" switch a) && back=$(timed "$S/current/bin/mailctl" -c "$conf" rollback 2) &&
    echo "$there $back"
}

# stop_link_start GENERATION
stop_link_start() {
  for i in $second $first; do s6-svc -wD -T 10000 -d "$i" || exit 1; done
  ln -sfn "generations/$1" "$state/current.new" && mv -T "$state/current.new" "$state/current"
  for i in $first; do s6-svc -u "$i"; done
  # shellcheck disable=SC2086 # a list
  s6-svwait -U -t 20000 $first || exit 1
  for i in $second; do s6-svc -u "$i"; done
  # shellcheck disable=SC2086 # a list
  s6-svwait -U -t 20000 $second || exit 1
}
by_hand() {
  there=$(timed stop_link_start 0001) && back=$(timed stop_link_start 0002) && echo "$there $back"
}

echo "seven services, to another software set and back; ms"
compare mailctl_switch by_hand there back

command -v s6-rc-update >/dev/null || echo "s6-rc: not measured: there is no s6-rc-update here"
test -d /run/systemd/system || echo "systemd: not measured: it does not run here"
