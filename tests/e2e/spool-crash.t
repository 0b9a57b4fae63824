#!/bin/sh
# spool-queue and spool-deliver are killed before every system call that changes something, and each of these calls
# fails in turn; nothing that was acknowledged may be lost, nothing may arrive by halves or twice, and no file may
# be left over.
. "$(dirname "$0")/lib.sh"

command -v strace >/dev/null || skip_all "no strace"
strace -o /dev/null true 2>/dev/null || skip_all "strace may not trace here"

CHANGES=openat,open,write,pwrite64,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,utimensat,fsync,fdatasync
cd "$T" || exit 111
mkdir control
echo example.test >control/me

# The body is longer than one write of spool-queue.
{
  printf 'Subject: crash\n\n'
  yes 'a line of the body, and another one after it' | head -c 100000
  echo
} >message
sum=$(sed 1,1d message | md5sum)

inject() {
  {
    printf 'Fsender@example.org\0'
    for i; do printf 'T%s\0' "$i"; done
    printf '\0'
  } >"$T/envelope"
}

# positions TRACE: each call as `NAME NTH-OF-THAT-NAME`, from the first that names the queue on;
# changes TRACE: the same without those that only open something for reading
changes() { awk -F'(' '/^[a-z0-9_]+\(/ { n[$1]++ } /"queue/ { on = 1 } on && n[$1] && !(/^openat/ && !/O_CREAT/) { print $1, n[$1] }' "$1"; }
positions() { awk -F'(' '/^[a-z0-9_]+\(/ { n[$1]++ } /"queue/ { on = 1 } on && n[$1] { print $1, n[$1] }' "$1"; }

deliver() { "$LIBEXEC/spool-deliver" -1 -c control -n host.test -o 1 queue mail 2>>deliver.log; }

# whole FILES: all that are there are complete messages
whole() {
  for file; do
    test -e "$file" || continue
    test "$(sed '1,/^Subject: crash/d' "$file" | md5sum)" = "$sum" || return 1
  done
}
# sealed FILES: all that are there end with the trailer
sealed() {
  for file; do
    test -e "$file" || continue
    tail -c 28 "$file" | grep -q '^spool1 [0-9]*$' || return 1
  done
}
count() { find "$@" -type f 2>/dev/null | grep -c .; }
age() { find queue/tmp -type f -exec touch -d '1 hour ago' {} +; }

# --- spool-queue --------------------------------------------------------------------------------------

"$LIBEXEC/spool-deliver" -1 -c control -n host.test queue mail
"$LIBEXEC/spool-deliver" --make mail/joe
inject joe@example.test
strace -o trace -e trace=$CHANGES "$LIBEXEC/spool-queue" queue <message 1<envelope
is $? 0 "spool-queue queues a message"
positions trace >steps
rm -f queue/todo/*

acknowledged=0
killed=0
while read -r call nth; do
  strace -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$nth" "$LIBEXEC/spool-queue" queue <message 1<envelope 2>/dev/null
  case $? in
    0) acknowledged=$((acknowledged + 1)) ;;
    137) killed=$((killed + 1)) ;;
    *) echo "# $call $nth: neither killed nor done" ;;
  esac
done <steps
# shellcheck disable=SC2046
is $((acknowledged + killed)) $(grep -c . steps) "it was killed at each of its steps"
ok $((killed < 6)) "that is $killed steps"
queued=$(count queue/todo)
age
try "what it left is delivered" deliver
is "$(count mail/joe/new)" "$queued" "all that was visible in todo/ arrives"
ok $((queued == 0)) "which is $queued messages that nobody was told of, killed after the rename"
try "none by halves" whole mail/joe/new/*
is "$(count queue)" 0 "nothing is left in the spool"

rm -rf mail/joe/new/*
wrong=0
while read -r call nth; do
  strace -o /dev/null -e "trace=$call" -e "inject=$call:error=EIO:when=$nth" "$LIBEXEC/spool-queue" queue <message 1<envelope 2>err
  status=$?
  if test $status -eq 0; then
    has=1
  else
    # what could not be taken back may be there, whole
    has=$(count queue/todo)
    grep -q '^spool-queue: fatal: unable to .* queue: \(Input/output\|I/O\) error$' err || { echo "# says: $(cat err)"; wrong=1; }
  fi
  if test "$(count queue/todo)" != "$has" || test "$(count queue)" != "$has" || ! sealed queue/todo/*; then
    echo "# $call $nth fails, exit $status: $(find queue -type f | tr '\n' ' ')"
    wrong=1
  fi
  rm -f queue/todo/*
done <steps
is $wrong 0 "each of its calls fails: exit 0 only with the message queued, else it says what and where, and nothing is left"

# --- spool-deliver ------------------------------------------------------------------------------------

rm -rf mail queue
deliver
"$LIBEXEC/spool-deliver" --make mail/joe mail/ann
inject joe@example.test
"$LIBEXEC/spool-queue" queue <message 1<envelope
inject ann@example.test joe@example.test nobody@example.test
"$LIBEXEC/spool-queue" queue <message 1<envelope
echo junk >queue/todo/junk
cp -a queue queue.0
cp -a mail mail.0
restore() {
  rm -rf queue mail
  cp -a queue.0 queue
  cp -a mail.0 mail
}
# what every run must have come to in the end
arrived() {
  test "$(count mail/joe)" -eq 2 && test "$(count mail/ann)" -eq 1 && test "$(count mail/postmaster)" -eq 0 || return 1
  test "$(count queue/failed)" -eq 2 && test "$(count queue)" -eq 2 || return 1
  whole mail/*/new/* mail/*/cur/* && grep -q '^X-Spool-Failed: <nobody@' queue/failed/1*
}

strace -o trace -e trace=$CHANGES "$LIBEXEC/spool-deliver" -1 -c control -n host.test queue mail 2>/dev/null
try "without a kill: all arrives" arrived
positions trace >steps
changes trace >kills

# read by a mail reader or not: what was renamed out of new/ must not come again either
run_killed() {
  restore
  strace -o /dev/null -e "trace=$1" -e "inject=$1:signal=KILL:when=$2" \
    "$LIBEXEC/spool-deliver" -1 -c control -n host.test queue mail 2>/dev/null
  test $? -eq 137 || return 0
  killed=$((killed + 1))
  if test "$3" = read; then
    for file in mail/*/new/*; do
      test -e "$file" && mv "$file" "${file%/new/*}/cur/${file##*/}:2,S"
    done
  fi
  age
  deliver && arrived && return 0
  echo "# killed before $1 number $2 ($3)"
  find queue mail -type f | sed 's/^/#   /'
  wrong=$((wrong + 1))
}

for how in unread read; do
  killed=0
  wrong=0
  while read -r call nth; do
    run_killed "$call" "$nth" $how
  done <kills
  is $wrong 0 "killed at $killed steps, mail $how: each message arrives once, whole, and nothing is left over"
  ok $((killed < 30)) "that is $killed of $(grep -c . kills) steps"
done
# Each call fails, or finds no room or no descriptor.
for error in EIO ENOSPC EMFILE; do
  tried=0
  wrong=0
  while read -r call nth; do
    case $error:$call in
      EMFILE:openat | EIO:* | ENOSPC:write | ENOSPC:rename*) ;;
      *) continue ;;
    esac
    restore
    tried=$((tried + 1))
    strace -o /dev/null -e "trace=$call" -e "inject=$call:error=$error:when=$nth" \
      "$LIBEXEC/spool-deliver" -1 -c control -n host.test queue mail 2>err
    status=$?
    # a message that waits is tried again by the next run
    age
    if test $status -gt 1 && test $status -ne 111; then
      echo "# $call number $nth: $error: exit $status"
      wrong=$((wrong + 1))
    fi
    if test $status -eq 1 && ! grep -q 'unable to .*: ' err; then
      echo "# $call number $nth: $error: it does not say why it defers"
      wrong=$((wrong + 1))
    fi
    deliver && arrived && continue
    echo "# $call number $nth: $error: exit $status"
    find queue mail -type f | sed 's/^/#   /'
    wrong=$((wrong + 1))
  done <steps
  is $wrong 0 "$error at $tried calls: the log says what, and in the end each message arrives once"
done
finish
