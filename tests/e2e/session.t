#!/bin/sh
# A session of smtpd that is taken over: a smtpd whose sessions do what their client says tries what there is to reach, in
# a bundle as it is. smtpd(8), "TAKEN OVER"; doc/security.md.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

grep -q __asan_init "$LIBEXEC/smtpd" && skip_all "a sanitizer's run-time needs what is to be refused"
own_prefix
mail_bundle || exit 111
if test "$(id -u)" -eq 0; then sed -i 's/^\[smtpd\]/&\nuser = mail/' "$C"; fi
try "up" m up
swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test
arrives() { test -n "$(find "$MAIL/postmaster/new" -type f)"; }
try "a message is taken, and arrives" wait_for 20 arrives
m down spool >/dev/null
swaks --silent 3 -s "$IP:2525" -f a@b.example -t postmaster@example.test
waiting=$(find "$SPOOL/todo" -type f | head -n 1)
test -n "$waiting"
ok $? "another waits"

cp "$B/tests/tools/takenover" "$LIBEXEC/smtpd.new" && mv "$LIBEXEC/smtpd.new" "$LIBEXEC/smtpd"
try "a restart, and sessions are taken over" m restart smtpd
# tries WHAT [ARGUMENT]: what comes of it
tries() {
  python3 -c '
import socket, sys
s = socket.create_connection((sys.argv[1], 2525), 60)
s.sendall((sys.argv[2] + "\n").encode())
print(s.makefile().readline().strip())' "$IP" "$*"
}
# cannot NAME WHAT [ARGUMENT]
cannot() {
  name=$1
  shift
  like "$(tries "$@")" '^(EACCES|EPERM|ENOENT|EAGAIN)$' "it cannot $name"
}
listener=$(pid_of "$C" smtpd)
is "$(tries read control/me)" ok "it can read control/"
is "$(tries descriptors)" EBADF "no descriptor is left but the connection and the log"
cannot "write there" write control/me
cannot "make files there" make control/morercpthosts.cdb
cannot "list it" list control
cannot "read mailctl.conf" read "$C"
cannot "read /etc/passwd" read /etc/passwd
cannot "read the passwords of users" read "$T/b/state/auth/users"
cannot "read the private key" read "$T/b/state/tls/key.pem"
cannot "read a message that waits" read "$waiting"
cannot "write it" write "$waiting"
cannot "truncate it" truncate "$waiting"
cannot "list what waits" list "$SPOOL/todo"
cannot "list the Maildirs" list "$MAIL"
cannot "read the log" read "$T/b/log/smtpd/current"
cannot "read memory" read "/proc/$listener/mem"
cannot "truncate the counters" truncate "$T/b/state/smtpd/counters"
is "$(tries fill 1000000)" ok "it can write a message"
is "$(tries fill 1000000000)" EFBIG "but not one that fills the disk"
cannot "make a socket linger, whose closing would hold up a daemon" linger
cannot "make files in /tmp" make "$T/made"
cannot "kill the listener" kill "$listener"
cannot "kill the standby" kill "$(pgrep -P "$listener" -x standby)"
cannot "kill its s6-supervise" kill "$(ps -o ppid= -p "$listener" | tr -d ' ')"
cannot "trace the listener" trace "$listener"
cannot "fork" fork
cannot "run a program" exec
cannot "speak to the internet" inet
cannot "become root" root
cannot "have memory that is executable" executable
sleeping() { test -s "$T/other"; }
python3 -c '
import socket, sys, time
s = socket.create_connection((sys.argv[1], 2525))
s.sendall(b"read control/me\n"); open(sys.argv[2], "w").write(s.makefile().readline()); time.sleep(600)' "$IP" "$T/other" &
on_exit "kill $! 2>/dev/null"
wait_for 20 sleeping
other=$(pgrep -P "$listener" -x smtpd)
cannot "kill another session" kill "$other"
cannot "trace it" trace "$other"
cannot "read its memory" read "/proc/$other/mem"
if test "$(id -u)" -eq 0; then
  cannot "take the listener's sockets" connect "$T/b/run/doors/smtpd"
  cannot "try passwords: auth is submission's" connect "$T/b/run/auth.sock"
  cannot "remove a message that waits" remove "$waiting"
  is "$(awk '/^Uid:/ { print $2 }' "/proc/$other/status")" "$(id -u mail)" "it is its service's user"
fi
is "$(awk '/^NoNewPrivs:/ { print $2 }' "/proc/$other/status") $(awk '/^Seccomp:/ { print $2 }' "/proc/$other/status")" "1 2" \
  "no new privileges, and a filter of system calls"
test -e "$waiting"
ok $? "the message still waits"

# With a plugin that is a program, a session must be let run it.
printf '[mail]\n/bin/true\n' >"$T/b/control/smtpplugins"
is "$(tries fork)" ok "where a plugin is a program, the next session can run programs, with no command"
echo >"$T/b/control/smtpplugins"
cannot "fork when it is gone" fork
finish
