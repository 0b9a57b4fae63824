#!/bin/sh
# kill -9 of the monitor before each of its system calls, while it raises the flag and while it clears it:
# whatever it leaves, the next monitor has the flag right before it says that it is ready.
. "$(dirname "$0")/lib.sh"

command -v strace >/dev/null || skip_all "no strace"
strace -o /dev/null true 2>/dev/null || skip_all "strace may not trace here"

CHANGES=openat,pwrite64,ftruncate,fchmod,rename,renameat2,unlink,fallocate,fcntl,getdents64
cd "$T" || exit 111
mkdir empty full
for i in 1 2 3; do : >full/$i; done
flag=run/flag

# loop QUEUE STRACE-OPTION...: a monitor, killed as soon as it says that it is ready, or by strace before;
# leaves in `seen` what the flag was at that moment.
loop() {
  queue=$1
  shift
  rm -f fifo
  mkfifo fifo
  # -D: the monitor keeps the pid
  ${1:+strace -D "$@"} mailctl monitor -D run -d 4 -t backlog:1:3:2 "$queue" 4>fifo 2>/dev/null &
  said=
  read -r _ <fifo && said=1
  if test -e $flag; then echo up; else echo down; fi >seen
  test -z "$said" || kill -KILL $!
  wait
}
traced() { grep -q '^+++' trace; }

# try_all NAME BEFORE QUEUE: from a flag that is BEFORE (up or down), with QUEUE to count
try_all() {
  rm -rf run
  test "$2" = down || loop full
  loop "$3" -o trace -e trace=$CHANGES
  wait_for 20 traced
  awk -F'(' '/^[a-z0-9_]+\(/ { n[$1]++ } /"run/ { on = 1 } on && n[$1] { print $1, n[$1] }' trace | sort -u >steps
  wrong=0
  killed=0
  while read -r call nth; do
    for next in full empty; do
      rm -rf run
      test "$2" = down || loop full
      loop "$3" -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$nth"
      killed=$((killed + 1))
      loop $next
      test "$(cat seen)" = "$(test $next = full && echo up || echo down)" && continue
      wrong=$((wrong + 1))
      echo "# killed at $call $nth, then $next: $(cat seen)"
    done
  done <steps
  test "$killed" -ge 20
  ok $? "$1: killed $killed times"
  is "$wrong" 0 "$1: the next monitor is right"
}

try_all 'while it raises the flag' down full
try_all 'while it clears the flag' up empty
finish
