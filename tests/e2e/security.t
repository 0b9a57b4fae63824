#!/bin/sh
# A bundle as root makes it, each service with a system user of its own: what each of them, and a local user, reaches of
# the others. In a copy of /etc of its own, so that the machine gets no user. doc/security.md has the table.
if test "$(id -u)" -eq 0 && test -z "${MAILCTL_OWN_ETC-}" && unshare --mount true 2>/dev/null; then
  MAILCTL_OWN_ETC=1 exec unshare --mount "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

test "${MAILCTL_OWN_ETC-}" || skip_all "needs root, and a mount namespace"
command -v setpriv >/dev/null || skip_all "no setpriv"
here=$(cd "$(dirname "$0")/../.." && pwd)
mkdir "$T/etc" && cp -a /etc/. "$T/etc/" && mount --bind "$T/etc" /etc || exit 111
on_exit 'umount /etc'
for i in $(sed -n 's/^\(mailctl-[a-z]*\):.*/\1/p' /etc/passwd); do userdel "$i"; done
TRIAL=
C=$T/b/mailctl.conf
users() { sed -n 's/^\(mailctl-[a-z]*\):.*/\1/p' /etc/passwd | sort | tr '\n' ' '; }
as() {
  who=$1
  shift
  setpriv --reuid="$(id -u "$who")" --regid="$(id -g "$who")" --clear-groups --no-new-privs "$@"
}

# --- the users

exits 100 "init without the users is refused" mailctl init "$T/b"
names=$(sed -n 's/^u \([^ ]*\) .*/\1/p' "$here/examples/sysusers/mailctl.conf" | sort | tr '\n' ' ')
is "$(sed -n 's/.*are missing: //p' "$T/err" | tr ' ' '\n' | sort | tr '\n' ' ')" "$names" "and names those that the package has"
like "$(cat "$T/err")" '--create-users makes them' "and says how they are made"
test ! -e "$T/b"
ok $? "nothing is made"
exits 100 "--create-users with --user makes no sense" mailctl init --create-users --user nobody "$T/b"
mkdir "$T/path"
ln -s "$(command -v useradd)" "$T/path/"
exits 111 "where neither systemd-sysusers nor useradd is there" env PATH="$T" "$B/bin/mailctl" init --create-users "$T/b"
like "$(cat "$T/err")" 'unable to make the system user mailctl-log: No such file' "says so"
is "$(users)" "" "and makes none"
env PATH="$T/path" "$B/bin/mailctl" init --create-users "$T/b" >"$T/out" 2>&1
is "$(users)" "$names" "useradd makes them where systemd-sysusers is not there"
for i in $names; do userdel "$i"; done
rm -rf "$T/b"
command -v systemd-sysusers >/dev/null || ln -s "$T/path/useradd" "$T/path/no-sysusers"
try "init --create-users" new_bundle "$T/b"  --create-users
is "$(users)" "$names" "makes them"
is "$(sed -n 's/^mailctl-[a-z]*:.*:\([^:]*\)$/\1/p' /etc/passwd | sort -u)" /usr/sbin/nologin "who cannot log in"
exits 0 "check finds nothing wrong" m check
like "$(cat "$T/out")" ': nothing is wrong' "and nothing to warn of"
exits 0 "up" m up

# --- it works

password=$(sed -n 's/^  AUTH password  \([^ ]*\) .*/\1/p' "$T/init.out")
try "a message is taken" swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test
try "and one of who logs in" swaks --silent 3 -s "$IP:2465" --tls-on-connect --auth PLAIN --auth-user postmaster \
  --auth-password "$password" -f postmaster@example.test -t postmaster@example.test
both() { test "$(find "$T/b/mail/postmaster/new" -type f | grep -c .)" -eq 2; }
try "both arrive" wait_for 20 both
echo new-password | m passwd postmaster >/dev/null
try "a new password, set by root" swaks --silent 3 -s "$IP:2587" --tls --auth PLAIN --auth-user postmaster \
  --auth-password new-password --quit-after AUTH
m down spool >/dev/null
try "a message waits" swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test

# --- who runs as whom

# of SERVICE: the users of its processes, root's apart
of() {
  pid=$(pid_of "$C" "$1")
  { ps -o user:32= --pid "$pid"; ps -o user:32= --ppid "$pid"; } | grep -v '^root' | sort -u | tr '\n' ' '
}
# A session each, for as long as this lasts.
for port in 2525 2587; do
  python3 -c 'import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2]))); s.recv(100); open(sys.argv[3], "w"); s.recv(100)' \
    "$IP" $port "$T/$port" &
  on_exit "kill $! 2>/dev/null"
  wait_for 20 test -e "$T/$port"
done
for i in "smtpd mailctl-smtpd" "submission mailctl-submit" "intake mailctl-spool" "auth mailctl-auth" "tls mailctl-tls" \
  "rater mailctl-rater" "monitor mailctl-monitor" "send mailctl-spool" \
  "remote mailctl-remote" "dkim mailctl-dkim"; do
  is "$(of "${i% *}")" "${i#* } " "${i% *} runs as ${i#* }"
done

# --- what each reaches

# may WHO DIRECTORY... TEST: what below these directories WHO may do that with, and is not his own
may() {
  who=$1
  shift
  (cd "$T/b" && as "$who" find "$@" ! -user "$who" ! -type l ! -type d -print 2>/dev/null) | sort | tr '\n' ' '
}
# signals WHO: the services, to whose processes WHO may send a signal
signals() {
  for i in smtpd submission intake send remote dkim auth tls rater monitor; do
    pid=$(pid_of "$C" $i)
    for p in $pid $(ps -o pid= --ppid "$pid"); do as "$1" kill -0 "$p" 2>/dev/null && echo $i; done
  done | sort -u | tr '\n' ' '
}
# owns WHO: what WHO has, without what is in it
owns() { (cd "$T/b" && find . -user "$1" -printf '%P\n' -prune) | sort | tr '\n' ' '; }
while IFS='|' read -r who services things; do
  is "$(signals "$who")" "$services${services:+ }" "the services that $who may send signals to"
  is "$(owns "$who")" "$things${things:+ }" "what $who has"
done <<END
mailctl-smtpd|smtpd|run/intake.smtpd
mailctl-submit|submission|run/auth.sock run/intake.submission
mailctl-spool|intake send|mail run/remote.sock run/spool state/spool
mailctl-remote|remote|run/dkim.sock
mailctl-dkim|dkim|state/dkim
mailctl-auth|auth|state/auth
mailctl-tls|tls|
mailctl-rater|rater|state/rater
mailctl-monitor|monitor|run/overload
mailctl-log||$(cd "$T/b" && echo log/*)
mailctl-policy||
games||
END
for who in $names games; do
  # raterd and tlsd answer everybody: the one by what is asked, the other by who asks.
  is "$(may "$who" . -writable)" "./run/rater.sock ./run/tls.sock " "$who may write to nothing of another's"
  is "$(may "$who" log mail state/auth state/spool state/tls -readable)" "state/tls/cert.pem " "$who reads no secret of another's"
done
as mailctl-spool ls "$T"/b/mail/postmaster/new/* >/dev/null
ok $? "which the owner can: mail"
as mailctl-log cat "$T/b/log/smtpd/current" >/dev/null
ok $? "and logs"
finish
