#!/bin/sh
# The service auth, live: checkpassword-file behind its socket, mailctl passwd, and other people's programs.
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "no python3"
chmod 755 "$T"
mkdir "$T/control"
MAILCTL_CONF=$T/mailctl.conf
export MAILCTL_CONF
users=$T/state/auth/users
sock=$T/run/auth.sock

cat >"$T/ask" <<'END'
# ask SOCKET USER PASSWORD...: the service's answer to each pair, asked at once
use IO::Socket::UNIX;
my ($path, @pairs) = @ARGV;
my @conns;
alarm 60 * $ENV{PATIENCE};
while (my ($user, $password) = splice(@pairs, 0, 2)) {
  my $s = IO::Socket::UNIX->new(Peer => $path);
  if (!$s) { print "denied\n"; next }
  my $request = "$user\0$password\0\0";
  ($request = $password) =~ tr/^/\0/ if $user eq "raw";
  $s->syswrite($request);
  $s->shutdown(1);
  push @conns, $s;
}
print map { local $/; my $answer = <$_>; defined $answer ? $answer : "lost\n" } @conns;
END
ask() { perl "$T/ask" "$sock" "$@" | tr '\n' ' '; }

# conf LINE...: a bundle of nothing but auth
conf() {
  printf '%s\n' '[bundle]' 'hostname = example.test' 'user = nobody' '[auth]' "$@" >"$MAILCTL_CONF"
}
on_exit 'mailctl down >/dev/null 2>&1'

# --- mailctl passwd -----------------------------------------------------------------------------------

conf
printf 'secret\nmore\n' | mailctl passwd joe >"$T/out" 2>&1
is $? 0 "passwd reads the first line of its input"
is "$(cat "$T/out")" "password of joe set" "and says what it did"
is "$(stat -c %a "$users" "$T/state/auth" | tr '\n' ' ')" "600 700 " "the file and its directory are private"
like "$(cat "$users")" '^joe:[$]y[$]' "the hash is yescrypt's"
unlike "$(cat "$users")" secret "the password itself is not there"
printf 'other' | mailctl passwd ann >/dev/null
is "$(grep -c . "$users")" 2 "a second name is a second line"
flock "$T/state/auth" sh -c 'printf third | timeout 20 mailctl passwd eve' >/dev/null
is "$(grep -c . "$users")" 3 "a lock on the directory, which who can read it can take, stops nobody"
seq -f 'n%g' 20 | xargs -P 20 -I N sh -c 'echo N | mailctl passwd N >/dev/null'
is "$(grep -c . "$users") $(ls -A "$T/state/auth")" "23 users" "twenty at once"
for i in $(seq -f 'n%g' 20) eve; do sed -i "/^$i:/d" "$users"; done
is "$(printf 'x' | mailctl passwd 'a:b' 2>&1; echo $?)" "mailctl: passwd: a name is up to 255 characters without blanks and colons, not beginning with \`#\`
100" "a bad name is refused"
exits 100 "an empty password is refused" mailctl passwd joe
like "$(cat "$T/err")" 'password is empty' "and says so"
head -c 600 /dev/zero | tr '\0' x | mailctl passwd joe 2>"$T/err"
is $? 100 "a password that no checkpassword request holds is refused"
exits 100 "passwd without a name is a usage error" mailctl passwd

cat >"$T/pty" <<'END'
# pty LINE...: runs mailctl passwd joe on a terminal and types the lines; ^C is a signal. Prints what it saw.
import os, pty, re, signal, sys, termios, time
pid, fd = pty.fork()
if not pid:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests in the background may have it ignored
    os.execvp("mailctl", ["mailctl", "passwd", "joe"])
seen = b""
def until(pattern):
    global seen
    while not re.search(pattern, seen):
        try:
            data = os.read(fd, 1000)
        except OSError:
            data = b""
        if not data:
            return
        seen += data
prompts = [rb"New password: ", rb"Again: "]
for line, prompt in zip(sys.argv[1:], prompts):
    until(prompt)
    while termios.tcgetattr(fd)[3] & termios.ECHO:  # the prompt comes before, or just after, echo is off
        time.sleep(0.01)
    os.write(fd, b"\x03" if line == "^C" else line.encode() + b"\n")
    if line == "^C":
        break
until(rb"never")
status = os.waitpid(pid, 0)[1]
print(seen.decode().replace("\r\n", "|"), "killed" if os.WIFSIGNALED(status) else os.WEXITSTATUS(status),
      "echo" if termios.tcgetattr(fd)[3] & termios.ECHO else "no echo")
END
is "$(python3 "$T/pty" typed typed)" "New password: |Again: |password of joe set| 0 echo" "passwd asks on a terminal, unseen"
is "$(python3 "$T/pty" one two)" "New password: |Again: |mailctl: passwd: the two differ; nothing is changed| 1 echo" \
  "two that differ change nothing"
is "$(python3 "$T/pty" ^C | sed 's/|//')" "New password:  killed echo" "Ctrl-C leaves the terminal as it was"

# --- the service --------------------------------------------------------------------------------------

try "auth comes up" mailctl up
is "$(stat -c %a "$sock")" 600 "its socket is private"
if test "$(id -u)" -eq 0; then
  is "$(stat -c %U "$sock")" nobody "and belongs to the user of the bundle"
  is "$(setpriv --reuid nobody --clear-groups perl "$T/ask" "$sock" joe typed)" 0 "who may ask"
  is "$(setpriv --reuid mail --clear-groups perl "$T/ask" "$sock" joe typed)" denied "and nobody else"
fi
is "$(ask joe typed)" "0 " "the right password"
is "$(ask joe typed2 joe Typed ann typed nobody typed '' typed joe '' '#joe' x joe:x y)" "1 1 1 1 1 1 1 1 " \
  "wrong ones, unknown names, and empty ones"
is "$(ask joe "$(head -c 600 /dev/zero | tr '\0' x)")" "1 " "a request of more than 512 bytes"
is "$(ask raw 'joe^typed' raw joe raw '' raw 'joe^typed^')" "2 2 2 0 " "requests that are none"
# shellcheck disable=SC2046 # forty pairs
is "$(ask $(for _ in 1 2 3 4 5 6 7 8 9 10; do echo joe typed ann other joe bad zoe bad; done) | tr -d '\n')" \
  "$(for _ in 1 2 3 4 5 6 7 8 9 10; do printf '0 0 1 1 '; done)" "forty at once, eight at a time"
printf 'again' | mailctl passwd joe >/dev/null
is "$(ask joe typed joe again)" "1 0 " "a new password counts at once"
try "a name is removed" "$LIBEXEC/checkpassword-file" --remove "$users" ann
is "$(ask ann other)" "1 " "and gone"
unlike "$(cat "$T"/log/auth/current)" 'typed|again|other' "no password in the log"

# The time of an unknown name is that of a known one: the processor's, in ms for ten checks, which a busy
# machine does not change much. Without the pretended work it would be a tenth.
work() {
  (
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      printf '%s\0x\0\0' "$1" | (exec 3<&0 && exec "$LIBEXEC/checkpassword-file" "$users" true) 2>/dev/null
    done
    times
  ) | awk 'NR == 2 { split($1, user, /[ms]/); split($2, kernel, /[ms]/); print int(1000 * (user[2] + kernel[2])) }'
}
known=$(work joe)
unknown=$(work zoe)
ok $((unknown * 4 < known || known * 4 < unknown)) "unknown names take as long ($unknown ms, $known ms)"

chmod 644 "$users"
exits 102 "check notices that others may read the hashes" mailctl check
like "$(cat "$T/out" "$T/err")" 'others may read it: chmod 600' "and says what to do"
chmod 600 "$users"

# --- other programs -----------------------------------------------------------------------------------

cat >"$T/checkpw" <<'END'
#!/bin/sh
IFS= read -r line <&3
case $line in
  good*) exec "$@" ;;
  slow*) sleep 100 ;;
  loud*) echo "on stdout"; exit 1 ;;
  *) exit 111 ;;
esac
END
chmod +x "$T/checkpw"
conf "program = $T/checkpw" 'timeout = 5s' 'concurrency = 4'
try "another program" mailctl up
# dash reads up to the first NUL or not at all: the name alone matters here
is "$(ask good x loud x bad x)" "0 1 111 " "its exit codes come through, its output does not"
is "$(ask slow x)" "124 " "one that takes too long is stopped"
is "$(ask slow x slow x slow x slow x good x)" "124 124 124 124 0 " "and holds up nobody for ever"
try "what it prints is in the log" wait_for 20 grep -q 'on stdout' "$T/log/auth/current"
exits 1 "passwd leaves its passwords alone" mailctl passwd joe

try "auth goes down" mailctl down
is "$(pgrep -f "$T/" | grep -vc "^$$\$")" 0 "nothing runs any more"
finish
