#!/bin/sh
# A milter that stalls, dies, sends garbage or never ends costs one message its configured answer, and nothing more.
# shellcheck source=tests/e2e/smtpd-lib.sh
. "$(dirname "$0")/smtpd-lib.sh"
tools=$(cd "$(dirname "$0")/../tools" && pwd)

odd_start() {
  rm -f "$T/odd"
  (umask 0; exec python3 "$tools/milterodd.py" "$T/odd" "$T/do" 2>/dev/null) &
  odd=$!
  wait_for 20 test -S "$T/odd"
}
on_exit 'kill $odd 2>/dev/null'
echo >"$T/do"
odd_start
mkdir -p "$T/spool/tmp" "$T/spool/todo" "$T/spool/held"
S=$T/spool

say() { printf '%s\n' 'EHLO client.test' 'MAIL FROM:<a@client.test>' 'RCPT TO:<u@example.test>' DATA 'Subject: x' '' y . QUIT | talk >"$T/said"; }
reply_to() { sed '/^250-/d' "$T/said" | sed -n "$1p"; }
last() { sed '/^250-/d;/^220/d;/^221/d;/^250 2.1/d;/^250 EN/d;/^354/d;/^503/d;/^500/d' "$T/said" | head -n 1; }
in_spool() { find "$S/todo" "$S/held" -type f | wc -l | tr -d ' '; }
empty() { rm -f "$S/todo"/* "$S/held"/* "$H"/queue/*; }

short="connect 700ms command 700ms end 1s"
serve SPOOL="$S" -q builtin:spool -M "unix:$T/odd $short fails tempfail"
say
is "$(in_spool)" 1 "it works while it behaves"
empty
for how in "O SILENT" "O CLOSE" "O HALF" "O GARBAGE" "O ZERO" "O HUGE" "O WANTS" "O OLD" \
  "M SILENT" "M CLOSE" "M GARBAGE" "R SILENT" "R HALF" "T HUGE" "L SILENT" "L ZERO" "N CLOSE" "B CLOSE" "B SILENT" \
  "E SILENT" "E CLOSE" "E HALF" "E GARBAGE" "E HUGE" "E UNASKED" "E BADHEADER" "E BADREPLY" "E ENDLESS" "E HEADERBOMB" \
  "E PROGRESS" "E BODY" "E DRIP" "E TEXT" "E CHANGES" "M TWO"; do
  echo "$how" >"$T/do"
  start=$(date +%s%N)
  say
  took=$((($(date +%s%N) - start) / 1000000))
  is "$(last) $(in_spool)" "451 4.7.1 a filter does not answer, try again later 0" "$how: refused for now ($took ms)"
  test "$took" -lt $((6000 * PATIENCE)) || ok 1 "$how: and it took no longer than its times"
  empty
done
like "$(cat "$H/log")" 'milter-failed: .* milter=unix:.* reason="no answer: ' "which is logged"
is "$(find "$S/tmp" -type f | wc -l | tr -d ' ')" 0 "and nothing is left in tmp"

serve SPOOL="$S" -q builtin:spool -M "unix:$T/odd $short fails open"
for how in "O SILENT" "M CLOSE" "L HALF" "B GARBAGE" "E CHANGES" "E UNASKED" "E BODY"; do
  echo "$how" >"$T/do"
  say
  like "$(last) $(in_spool)" '^250 2.0.0 .* 1$' "$how: open, the message is accepted"
  unlike "$(cat "$S"/todo/*)" 'X-Odd|new body|xxx|X-First|added@' "$how: as it came"
  empty
done
serve SPOOL="$S" -q builtin:spool -M "unix:$T/odd $short fails reject"
echo "B CLOSE" >"$T/do"
say
is "$(last) $(in_spool)" "554 5.7.1 a filter does not work 0" "fails reject"

# --- the next message
# two: two messages in one session, the second after $T/do.done is there
two() {
  rm -f "$T/do.done"
  timeout 60 python3 - "$IP" "$PORT" "$T/do" >"$T/said" <<'END'
import os, smtplib, sys, time
s = smtplib.SMTP(sys.argv[1], int(sys.argv[2]))
for i in 1, 2:
    try:
        s.sendmail("a@client.test", ["u@example.test"], "Subject: x\r\n\r\ny\r\n")
        print(250)
    except smtplib.SMTPException as e:
        print(e)
        s.rset()
    while not os.path.exists(sys.argv[3] + ".done"):
        time.sleep(0.01)
    open(sys.argv[3], "w").close()
END
}
serve SPOOL="$S" -q builtin:spool -M "unix:$T/odd $short"
echo "E LATE" >"$T/do"
two
is "$(tr '\n' ' ' <"$T/said")$(in_spool)" "250 250 2" "an answer that comes too late is none to the next message"
empty
echo "E GONE" >"$T/do"
two
like "$(tr '\n' ' ' <"$T/said")$(in_spool)" '^.*451.* 250 1$' "after it has died it is asked anew about the next message"
empty

# --- dead, and many at once
kill "$odd"
wait "$odd" 2>/dev/null
say
is "$(last)" "451 4.7.1 a filter does not answer, try again later" "one that is not there"
echo "E SILENT" >"$T/do"
odd_start
start=$(date +%s%N)
serve SPOOL="$S" -q builtin:spool -M "unix:$T/odd connect 2s command 2s end 2s"
for i in 1 2 3 4 5 6 7 8; do
  (say >/dev/null; cp "$T/said" "$T/said.$i") &
  pids="${pids-} $!"
done
wait $pids
took=$((($(date +%s%N) - start) / 1000000))
try "eight sessions wait for a silent milter at the same time ($took ms)" test "$took" -lt $((9000 * PATIENCE))

finish
