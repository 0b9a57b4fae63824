# shellcheck shell=sh
# The tests' shell library: TAP, a temporary directory, a loopback address of one's own, and tidying up.
# A test sources it, calls ok/is/like, and ends with `finish`.
#
#   $T        the test's own temporary directory, removed at the end
#   $IP       a loopback address that no other running test has: ports need not be free, only this
#   $B        the build: $B/bin, $B/libexec/mailctl
#   on_exit COMMAND   runs COMMAND at the end, last one first
#
# Nothing here sleeps to synchronise: `wait_for SECONDS COMMAND...` polls a condition, bounded.

set -u
B=${MAILCTL_BUILD:-$(dirname "$0")/../../build}
B=$(cd "$B" && pwd) && test -x "$B/bin/mailctl" || {
  echo "Bail out! no build: make all tools, or MAILCTL_BUILD=DIRECTORY"
  exit 111
}
LC_ALL=C.UTF-8
export LC_ALL
unset MAILCTL_CONF
umask 022

T=$(mktemp -d "${TMPDIR:-/tmp}/mailctl-test.XXXXXX") || exit 111
# Run by root, services run as nobody, who must reach them: from a checkout below /root, take a copy.
if test "$(id -u)" -eq 0 && ! s6-setuidgid nobody test -x "$B/bin/mailctl"; then
  chmod 755 "$T"
  mkdir "$T/build"
  for i in bin doc include lib libexec share tests; do cp -a "$B/$i" "$T/build/" || exit 111; done
  B=$T/build
fi
# shellcheck disable=SC2034 # for the tests
LIBEXEC=$B/libexec/mailctl
PATH=$B/bin:$PATH
export PATH
# shellcheck disable=SC2034 # for the tests
IP=127.$(($$ / 65536 % 200 + 20)).$(($$ / 256 % 256)).$(($$ % 256))
tests=0
failures=0
at_exit=

on_exit() { at_exit="$1
$at_exit"; }

# is_own PID: whether this test started it
MAILCTL_TEST=$T
export MAILCTL_TEST
is_own() {
  {
    test "$(awk '$1 == "PPid:" { print $2 }' "/proc/$1/status")" = $$ ||
      tr '\0' '\n' <"/proc/$1/environ" | grep -Fqx "MAILCTL_TEST=$T"
  } 2>/dev/null
}

# kill(1) at the end, when a pid of long ago may be another's
kill_ours() {
  how=
  for word in "$@"; do
    case $word in
      -*) how=$word ;;
      *) is_own "$word" && command kill $how "$word" ;;
    esac
  done
}

tidy() {
  status=$?
  trap - EXIT HUP INT PIPE TERM
  eval 'kill() { kill_ours "$@"; }'
  eval "$at_exit"
  rm -rf "$T"
  exit "$status"
}
trap tidy EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

# ok STATUS NAME
ok() {
  tests=$((tests + 1))
  if test "$1" -eq 0; then
    echo "ok $tests - $2"
  else
    failures=$((failures + 1))
    echo "not ok $tests - $2"
  fi
}

# try NAME COMMAND...: ok if COMMAND succeeds; its output is shown when it does not
try() {
  name=$1
  shift
  if "$@" >"$T/.try" 2>&1; then
    ok 0 "$name"
  else
    ok 1 "$name"
    sed 's/^/# /' "$T/.try"
  fi
}

# is GOT WANTED NAME
is() {
  if test "$1" = "$2"; then
    ok 0 "$3"
  else
    ok 1 "$3"
    printf '# got:    %s\n# wanted: %s\n' "$1" "$2"
  fi
}

# like TEXT EXTENDED-REGEX NAME;   unlike is its opposite
like() {
  if printf '%s\n' "$1" | grep -Eq -e "$2"; then
    ok 0 "$3"
  else
    ok 1 "$3"
    printf '%s\n' "$1" | sed 's/^/# got: /'
    printf '# wanted: %s\n' "$2"
  fi
}
unlike() {
  if printf '%s\n' "$1" | grep -Eq -e "$2"; then
    ok 1 "$3"
    printf '%s\n' "$1" | sed 's/^/# got: /'
    printf '# not wanted: %s\n' "$2"
  else
    ok 0 "$3"
  fi
}

# exits WANTED NAME COMMAND...: runs COMMAND, checks its exit status; leaves its output in $T/out and $T/err
exits() {
  wanted=$1
  name=$2
  shift 2
  "$@" >"$T/out" 2>"$T/err" </dev/null
  got=$?
  if test "$got" -eq "$wanted"; then
    ok 0 "$name"
  else
    ok 1 "$name"
    printf '# exit %s, wanted %s\n' "$got" "$wanted"
    sed 's/^/# /' "$T/out" "$T/err"
  fi
}

# Where programs are slow, under a sanitizer or in valgrind, every bound is so many times as long.
PATIENCE=${PATIENCE:-1}
export PATIENCE

# timeout(1), by this measure
timeout() {
  bound=$(($1 * PATIENCE))
  shift
  command timeout "$bound" "$@"
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds; not 0 if it does not in time. The last look begins after that
# time, however late we are ourselves. COMMAND may wait_for something, too.
wait_for() {
  set -- $(($(date +%s) + $1 * PATIENCE)) "$@"
  while test "$(date +%s)" -lt "$1"; do
    behind_two "$@" >/dev/null 2>&1 && return
    sleep 0.05
  done
  behind_two "$@" >/dev/null 2>&1
}
behind_two() {
  shift 2
  "$@"
}

# What init is told so that bundles need no system user: as root, one has everything.
if test "$(id -u)" -eq 0; then TRIAL='--user nobody'; else TRIAL=; fi

# fresh_bundle DIR: mailctl init, with every address moved to $IP, and without up's probe, whose sessions would be counted;
# what init printed is in DIR.init. Also opens $T for the users that services drop to.
fresh_bundle() {
  chmod 711 "$T" || return
  mailctl init $TRIAL "$1" >"$1.init" || return
  sed -i "s/^#probe = .*/probe = off/; /^#\\[/,/^\\[/!{/^#*[a-z-]* = .*127\\.0\\.0\\.1:[0-9]/{s/^#//;s/127\\.0\\.0\\.1:/$IP:/g}}; /^\[job maintenance\]\$/,/^\$/d" "$1/mailctl.conf"
}

# peers PACKAGE...: unpacks Debian packages that must not be installed below $PEERS; 1 if one cannot be had
PEERS=$(cd "$(dirname "$0")/../.." && pwd)/build/peers
peers() {
  { mkdir -p "$PEERS/deb" && test -w "$PEERS/deb"; } 2>/dev/null || PEERS=$T/peers
  mkdir -p "$PEERS/deb" || return
  (
    flock 9 # tests run beside each other
    for package in "$@"; do
      test -e "$PEERS/deb/$package" && continue
      (cd "$T" && apt-get download -qq "$package" >/dev/null 2>&1) || exit 1
      dpkg -x "$T/$package"_*.deb "$PEERS" && : >"$PEERS/deb/$package"
    done
  ) 9>"$PEERS/deb/.lock"
}

# debian DIR: a Debian 12 of its own, made once and kept in $PEERS; 1 if it cannot be had
debian() {
  command -v debootstrap >/dev/null || return
  { mkdir -p "$PEERS" && test -w "$PEERS"; } 2>/dev/null || PEERS=$T/peers
  mkdir -p "$PEERS" "$1" || return
  (
    flock 9
    test -e "$PEERS/debian.tar" && exit
    mirror=$(sed -n 's/^URIs: *\(http[^ ]*\).*/\1/p; s/^deb .*\(http[^ ]*\).*/\1/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
    debootstrap --variant=minbase bookworm "$T/.debian" "${mirror:-http://deb.debian.org/debian}" >/dev/null 2>&1 &&
      tar -C "$T/.debian" -cf "$PEERS/debian.tar.new" . && mv "$PEERS/debian.tar.new" "$PEERS/debian.tar"
    rm -rf "$T/.debian"
  ) 9>"$PEERS/.debian.lock"
  tar -C "$1" -xf "$PEERS/debian.tar"
}

# package VERSION: a Debian package of the build that is tested, as $T/VERSION.deb
package() (
  cd "$(dirname "$0")/../.." && mkdir -p "$T/$1" &&
    cp -a "$B/bin" "$B/libexec" "$B/lib" "$B/doc" "$B/share" "$B/include" "$T/$1/" &&
    examples/debian/build.sh "$T/$1" "$1" >/dev/null && mv "$T/$1"/*.deb "$T/$1.deb" && rm -rf "${T:?}/$1"
)

# smtp_source: unpacks Postfix's, which $SMTP_SOURCE then runs; 1 if it cannot be had
smtp_source() {
  peers postfix libicu72 || return
  SMTP_SOURCE=$T/smtp-source
  printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' \
    "$PEERS/usr/lib/postfix:$PEERS/usr/lib/$(gcc -print-multiarch)" "$PEERS/usr/sbin/smtp-source" >"$SMTP_SOURCE"
  chmod 755 "$SMTP_SOURCE"
  "$SMTP_SOURCE" 2>&1 | grep -q usage
}

skip_all() {
  echo "1..0 # SKIP $1"
  exit 0
}

finish() {
  echo "1..$tests"
  exit $((failures > 0))
}
