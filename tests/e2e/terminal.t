#!/bin/sh
# What up and log show on a terminal.
. "$(dirname "$0")/lib.sh"
mkdir -p "$T/b/control" || exit 111
chmod 711 "$T"
C=$T/b/mailctl.conf
cat >"$C" <<END
[bundle]
user = nobody
[service quick]
command = sh -c "printf 'a \\\\303\\\\233 b\\\\n'; exec sleep 1000"
[service slow]
command = sh -c "sleep 2; echo >&3; exec 3>&-; exec sleep 1000"
ready = 3
END
on_exit "mailctl -c '$C' down >/dev/null 2>&1"

# on_terminal COMMAND...: its output on a terminal of 24 lines of 80 columns
cat >"$T/pty" <<'END'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if not pid:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
os.waitpid(pid, 0)
END
on_terminal() { python3 "$T/pty" "$@"; }

on_terminal mailctl -c "$C" up >"$T/up"
like "$(cat "$T/up")" 'slow +ready in [0-9]+ s' "up shows each service"
is "$(grep -o 'quick *ready in [0-9]* [a-z]*' "$T/up" | sort -u | grep -c '')" 1 "the time of one that is ready stays as it is"

heard() { mailctl -c "$C" log quick | grep -q 'a .* b'; }
wait_for 20 heard
mailctl -c "$C" log quick >"$T/log"
like "$(cat "$T/log")" "a $(printf '\303\233') b" "a log as it is"
like "$(on_terminal env LC_ALL=C.UTF-8 mailctl -c "$C" log quick)" "a $(printf '\303\233') b" "on a terminal of UTF-8, too"
is "$(on_terminal env LC_ALL=C mailctl -c "$C" log quick | LC_ALL=C tr -d '\0-\177' | wc -c)" 0 "none of its bytes is CSI on another"
finish
