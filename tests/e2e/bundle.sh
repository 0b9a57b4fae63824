# shellcheck shell=sh
# Bundles for tests: source it after lib.sh.
#
#   new_bundle DIR [OPTION]  `mailctl init DIR` on this test's own address, without up's probe, brought down at the end
#   m ARGUMENT...     mailctl, of the bundle whose file is $C
#   own_prefix        a copy of the build in $T/prefix, first in PATH, whose programs a test may replace
#   pid_of CONF NAME  the pid of a service, or `-`
#   another NAME PID  whether a process other than that one is ready, at one moment
#   mail_bundle       a new one in $T/b that tries again each second what it cannot deliver, with its file in $C, its spool
#                     in $SPOOL, its Maildirs in $MAIL, and two functions for it: arrived and said
#   processes         every process that works in $T, or names it in its arguments
#   none_left         whether there is none
#   is_gone PID       whether it has ended, be it reaped or not: its files, locks and sockets are free

chmod 755 "$T"

new_bundle() {
  mailctl init ${2-$TRIAL} "$1" >"$T/init.out" 2>&1 || { sed 's/^/# /' "$T/init.out"; return 1; }
  # no job shall run in the middle of a test that happens to be made at its time
  sed -i "s/127\.0\.0\.1/$IP/g; s/^#probe = .*/probe = off/; /^\[job maintenance\]\$/,/^\$/d" "$1/mailctl.conf"
  on_exit "mailctl -c '$1/mailctl.conf' down >/dev/null 2>&1"
}

# shellcheck disable=SC2034 # for the tests
mail_bundle() {
  new_bundle "$T/b" || return
  C=$T/b/mailctl.conf
  SPOOL=$T/b/state/spool
  MAIL=$T/b/mail
  sed -i 's/^#retry = .*/retry = 1s/' "$C"
}
# arrived SUBJECT;   said SERVICE PATTERN
arrived() { grep -rqs "^Subject: $1\$" "$MAIL/postmaster/new"; }
said() { grep -Eqs "$2" "$T/b/log/$1/current"; }

m() { mailctl -c "$C" "$@"; }

own_prefix() {
  mkdir "$T/prefix"
  cp -a "$B/bin" "$B/libexec" "$T/prefix/"
  PATH=$T/prefix/bin:$PATH
  # shellcheck disable=SC2034 # for the tests
  LIBEXEC=$T/prefix/libexec/mailctl
}

pid_of() {
  mailctl -c "$1" status -o pid "$2"
}
another() {
  now=$(m status -o state,pid "$1")
  case $now in "ready	$2") false ;; "ready	"[0-9]*) ;; *) false ;; esac
}

processes() {
  for p in /proc/[0-9]*; do
    pid=${p#/proc/}
    test "$pid" = "$$" && continue
    arguments=$({ tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null)
    test "$arguments" || continue # it has ended, and its memory is gone
    if { readlink "$p/cwd" 2>/dev/null; echo "$arguments"; } | grep -Fq "$T"; then printf '%s %s\n' "$pid" "$arguments"; fi
  done
}
none_left() { test -z "$(processes)"; }
is_gone() { test "$(awk '$1 == "State:" && $2 != "Z" && $2 != "X"' "/proc/$1/status" 2>/dev/null)" = ""; }
