# shellcheck shell=sh
# A bundle with a service that does what a file says: source it after lib.sh and bundle.sh.
#
#   mode ready|starting|broken|dies|more|stays    what the service `filter` does when it starts next
#   again MODE             it is killed, and starts in that mode
#   caught STATE DEATHS    while it dies again and again: it is dead, in that state, after so many deaths in a row, and nothing
#                          tries again until thaw
#   anew MODE              from there: `mailctl restart`, in that mode

new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
# As few services as the pictures have room for: nothing goes to other hosts.
sed -i 's/^\[remote\]/#&/; s/^\[dkim\]/#&/' "$C"
cat >"$T/b/filter" <<EOF
#!/bin/sh
read -r mode <"$T/b/mode"
echo "filter: begins"
case \$mode in
  ready) echo >&9; exec 9>&-;;
  broken) echo "filter: fatal: no such table"; exit 100;;
  more) cat "$T/b/more";;
  stays) trap '' TERM; echo >&9; exec 9>&-;;
  dies) echo "filter: fatal: out of luck"; exit 1;;
esac
exec sleep 1000
EOF
chmod 755 "$T/b/filter"
cat >>"$C" <<EOF

[service filter]
command = $T/b/filter
ready = 9
EOF
mode() { echo "$1" >"$T/b/mode"; }
# again MODE: the daemon is killed, and comes back in that mode
again() {
  mode "$1"
  victim=$(pid_of "$C" filter)
  kill -9 "$victim"
  wait_for 20 replaced "$victim"
}
replaced() { test "$(pid_of "$C" filter)" != "$1"; }

# The finish script of the filter pauses before the next attempt.
finisher() { pgrep -f "^$LIBEXEC/finished $T/b/run .* filter "; }
deaths() { grep -c ^@ "$T/b/run/deaths/filter"; }
froze() {
  frozen=$(finisher) && kill -STOP "$frozen" || return
  test "$(m status -o state filter) $(deaths)" = "$1 $2" && grep -q '^State:.T' "/proc/$frozen/status" ||
    { kill -CONT "$frozen" && false; }
}
# What was missed is made to happen again.
caught() {
  froze "$1" "$2" && return
  test "$(deaths)" -gt "$2" || return
  mode ready
  m restart filter && again dies
  false
}
# TERM, which ends the pause, has come
hurried() { grep -q '^ShdPnd:.*[4-7c-f]...$' "/proc/$frozen/status"; }
anew() {
  mode "$1"
  m restart filter >"$T/out" 2>&1 &
  restart=$!
  wait_for 20 hurried
  thaw
  wait $restart
}
thaw() { test -z "$frozen" || kill -CONT "$frozen" 2>/dev/null; }
frozen=
on_exit thaw

mode ready
try "up" m up

