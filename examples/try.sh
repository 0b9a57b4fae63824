#!/bin/sh
# make try: a bundle of one's own, with a message sent to it.  $1: the build.
set -eu

build=$(cd "$1" && pwd)
dir=$build/try

# Run by root, the services run as nobody, who cannot reach a build below /root.
if test "$(id -u)" -eq 0 && ! s6-setuidgid nobody test -x "$build/bin/mailctl"; then
  dir=${TMPDIR:-/var/tmp}/mailctl-try
  mkdir "$dir" 2>/dev/null || test "$(stat -c '%u %F' "$dir")" = "0 directory" ||
    { echo "$dir must be root's own directory: remove it" >&2; exit 1; }
  # Programs may be running: new ones take their place.
  cp -au --remove-destination "$build/bin" "$build/libexec" "$dir/"
  build=$dir
  dir=$dir/try
fi

MAILCTL_CONF=$dir/mailctl.conf
export MAILCTL_CONF
run() {
  printf '\n$ %s\n' "$*"
  "$@"
}

# shellcheck disable=SC2046 # two words, or none
test -e "$MAILCTL_CONF" || run "$build/bin/mailctl" init "$dir" $(test "$(id -u)" -ne 0 || echo --user nobody)
run "$build/bin/mailctl" up
before=$(find "$dir/mail/postmaster/new" -type f | wc -l)
run swaks --silent 2 --server 127.0.0.1:2525 --from you@example.test --to postmaster@example.test
i=0
until test "$(find "$dir/mail/postmaster/new" -type f | wc -l)" -gt "$before"; do
  i=$((i + 1))
  test $i -lt 100 || { echo "the message did not arrive; see: $build/bin/mailctl log spool" >&2; exit 1; }
  sleep 0.1
done
# shellcheck disable=SC2012
newest=$(ls -t "$dir"/mail/postmaster/new/* | head -n 1)
run cat "$newest"
run "$build/bin/mailctl" status
cat <<END

A mail bundle runs now. Go on with

  export MAILCTL_CONF=$MAILCTL_CONF PATH=$build/bin:\$PATH
  mailctl status          mailctl log smtpd -f          mailctl down
END
