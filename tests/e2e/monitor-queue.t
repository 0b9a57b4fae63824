#!/bin/sh
# A server that drowns, live: nobody delivers, strangers pour in, the flag rises, they are told 451 while a
# user who logs in goes on sending; then somebody delivers again, and not one message is missing that was
# answered 250. On the embedded spool, on a queue laid out as notqmail's, and on one with a split todo.
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip_all "no python3"
chmod 755 "$T"
cd "$T" || exit 111
MAILCTL_CONF=$T/mailctl.conf
export MAILCTL_CONF
on_exit 'mailctl down >/dev/null 2>&1'

cat >pour <<'EOF'
# pour HOST PORT ID COUNT CLIENTS [USER PASSWORD]: COUNT messages from CLIENTS at once, 0: until the file
# `enough` is there. Prints the reply to each: CODE ID-NUMBER.
import base64, os, socket, sys, threading, time
host, port, ident, count, clients = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
login = sys.argv[6:8]
patience = 20 * int(os.environ["PATIENCE"])
lock = threading.Lock()
numbers = iter(range(count or 10**9))

def reply(f):
    while True:
        line = f.readline()
        if not line: return "000 the connection ended"
        if line[3:4] != b"-": return line.decode().strip()

def one(number):
    s = socket.create_connection((host, port), patience)
    f = s.makefile("rb")
    steps = ["EHLO x.test"]
    if login: steps.append("AUTH PLAIN " + base64.b64encode(("\0%s\0%s" % tuple(login)).encode()).decode())
    steps += ["MAIL FROM:<a@example.test>", "RCPT TO:<postmaster@example.test>", "DATA",
              "Subject: %s-%d\r\n\r\nhello\r\n." % (ident, number)]
    answer = reply(f)
    for step in steps:
        if answer[0] not in "23": break
        s.sendall(step.encode() + b"\r\n")
        answer = reply(f)
    s.close()
    return answer

def work():
    while not (count == 0 and os.path.exists("enough")):
        with lock: number = next(numbers, None)
        if number is None: return
        try: answer = one(number)
        except OSError as e: answer = "000 %s" % e
        with lock: print(answer[:3], "%s-%d" % (ident, number), answer[4:], flush=True)
        if count == 0: time.sleep(0.05)

threads = [threading.Thread(target=work) for i in range(clients)]
for t in threads: t.start()
for t in threads: t.join()
EOF

# A qmail-queue and a delivery for a tree like notqmail's; $SPLIT: todo has numbered directories.
make_qq() {
  cat >qq <<EOF
#!/bin/sh
cd "$T/queue" || exit 61
n=\$\$
d=\$((n % 23))
cat >mess/\$d/\$n && cat <&1 >intd/\$n || exit 53
ln intd/\$n todo/${SPLIT:+\$d/}\$n || exit 64
EOF
  chmod 755 qq
}
make_queue() {
  mkdir -p "$T/queue/intd" "$T/queue/todo" "$T/delivered"
  for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do
    mkdir -p "$T/queue/mess/$i"
    test -z "$SPLIT" || mkdir -p "$T/queue/todo/$i"
  done
  chmod -R 777 "$T/queue" "$T/delivered"
}
deliver() {
  find "$T/queue/todo" -type f | while read -r f; do
    n=${f##*/}
    mv "$T/queue/mess/$((n % 23))/$n" "$T/delivered/$n" && rm "$f" "$T/queue/intd/$n"
  done
}

conf() {
  {
    printf '%s\n' '[bundle]' 'hostname = example.test' 'user = nobody' '[auth]' \
      '[smtpd]' "listen = $IP:2525" 'per-client = 0' "$queue" \
      '[submission]' "listen = $IP:2587" 'auth-plaintext = yes' "$queue" \
      '[monitor]' 'poll = 100ms' 'enter = 30' 'leave = 10' 'dwell-up = 300ms' 'dwell-down = 1s' "$@"
    test "$layout" != spool || echo '[spool]'
  } >mailctl.conf
}
waiting() { find "$todo" -type f 2>/dev/null | grep -c .; }
waits() { test "$(waiting)" -ge "$1"; }
measured() { grep -qx "reading backlog $1" run/overload/state; }
raised() { test -e "$T/control/overloaded"; }
clear() { ! raised; }
delivered() { grep -rhs '^Subject: ' "$T/mail/postmaster/new" "$T/delivered" | sed 's/^Subject: //' | tr -d '\r' | sort; }
accepted() { sed -n 's/^250 \([^ ]*\).*/\1/p' strangers friends 2>/dev/null | sort; }
complete() {
  test "$layout" = spool || deliver
  test "$(waiting)" -eq 0
}
ms() { date +%s%3N; }
# A machine that is busy elsewhere may be late once, or twice; of three it is the quickest that counts.
quicker() { test "$1" -gt "$2" && echo "$2" || echo "$1"; }
rises=1000000 falls=1000000
transitions() { test "$(mailctl log monitor | grep -c 'monitor: level')" -eq "$1"; }
logged() { test "$(mailctl log smtpd -n 1000 | grep -c 'overload: [0-9]* Temporary Failure: Server overload')" -eq "$1"; }
password=secret

drown() {
  rm -rf control run state log mail delivered queue strangers friends enough
  mkdir -p control mail/postmaster/new mail/postmaster/cur mail/postmaster/tmp
  test "$(id -u)" -ne 0 || chown -R nobody mail
  for i in me rcpthosts locals; do echo example.test >control/$i; done
  printf '[connection]\nbuiltin:overload\n[mail]\nbuiltin:overload\n' >control/smtpplugins
  if test "$layout" = spool; then
    queue='' todo=$T/state/spool/todo
    conf
  else
    make_qq
    make_queue
    queue="queue = $T/qq" todo=$T/queue/todo
    conf "queue = $todo"
  fi
  printf '%s\n' "$password" | mailctl passwd joe >out 2>&1 || sed 's/^/# /' out
  try "$layout: up" mailctl up
  try "$layout: the link to the flag is there" test -L control/overloaded
  test "$layout" != spool || try "$layout: nobody delivers" mailctl down spool

  python3 pour "$IP" 2525 stranger 25 4 >strangers
  wait_for 20 measured 25
  try "$layout: below the threshold all is well" clear
  python3 pour "$IP" 2587 friend 0 1 joe "$password" >friends &
  friends=$!
  on_exit ": >$T/enough; wait $friends"
  python3 pour "$IP" 2525 more 60 4 >>strangers &
  strangers=$!
  wait_for 20 waits 30
  from=$(ms)
  try "$layout: the flag rises" wait_for 20 raised
  rises=$(quicker "$rises" $(($(ms) - from)))
  wait "$strangers"
  python3 pour "$IP" 2525 late 10 2 >>strangers
  is "$(grep -c '^451 late-.* Temporary Failure: Server overload' strangers)" 10 "$layout: strangers are told 451"
  told=$(grep -c ^451 strangers)
  try "$layout: the log tells each of them" wait_for 20 logged "$told"
  sent=$(grep -c . friends)
  more() { test "$(grep -c . friends)" -ge $((sent + 3)); }
  try "$layout: a user who logs in goes on sending" wait_for 20 more
  exits 1 "$layout: mailctl overload says so" mailctl overload
  like "$(cat out)" '^level 1, overloaded, auto' "$layout: with the level"

  : >enough
  wait "$friends"
  is "$(grep -cv ^250 friends)" 0 "$layout: and was never refused"
  try "$layout: the flag is there while nobody delivers" raised
  from=$(ms)
  test "$layout" != spool || try "$layout: somebody delivers" mailctl up spool
  try "$layout: the backlog drains" wait_for 60 complete
  drained=$(ms)
  try "$layout: the flag falls" wait_for 20 clear
  took=$(($(ms) - from))
  test "$took" -ge 1000
  ok $? "$layout: after its dwell ($took ms after the first was delivered)"
  falls=$(quicker "$falls" $(($(ms) - drained)))
  python3 pour "$IP" 2525 after 3 1 >>strangers
  is "$(grep -c '^250 after' strangers)" 3 "$layout: strangers are welcome again"
  wait_for 20 complete
  all_there() { test "$(delivered)" = "$(accepted)"; }
  try "$layout: every message that was answered 250 is there, once" wait_for 20 all_there
  is "$(grep -c '^000' strangers friends | sed 's/.*://' | tr '\n' ' ')" '0 0 ' "$layout: no connection was lost"
  try "$layout: two transitions are logged" wait_for 20 transitions 2
  mailctl down >/dev/null 2>&1
}

for layout in spool flat split; do
  SPLIT=
  test $layout != split || SPLIT=1
  drown
done
test "$rises" -le $((2300 * PATIENCE))
ok $? "it rises within two seconds of its dwell ($rises ms)"
test "$falls" -le $((6000 * PATIENCE))
ok $? "and falls in its time ($falls ms after the queue was empty)"

finish
