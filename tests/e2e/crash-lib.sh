# shellcheck shell=sh
# mailctl killed between any two system calls that change something: source it after lib.sh and bundle.sh. $C is a bundle's
# file, in $T/b.
#
#   places COMMAND...         the calls that mailctl makes, a line `CALL NUMBER current|other` each
#   spread                    CRASH_STEPS of these lines, spread evenly, and those that touch STATE/current
#   killed CALL NUMBER COMMAND...
#   fail WORDS                counts in $bad, and shows what mailctl said last

command -v strace >/dev/null || skip_all "no strace"
strace -o /dev/null true 2>/dev/null || skip_all "strace may not trace here"

CHANGES=openat,write,pwrite64,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,symlink,symlinkat,clone,clone3,vfork,fsync,syncfs,fchmod,chmod,ftruncate,chown,mknod,mknodat
STEPS=${CRASH_STEPS:-6}

# places COMMAND...: the calls that it makes, a line `CALL NUMBER current|other` each; those that only read are left out
places() {
  strace -o "$T/trace" -e "trace=$CHANGES" mailctl -c "$C" "$@" >/dev/null 2>&1
  awk -F'(' '/^[a-z]/ { n[$1]++; if ($1 != "openat" || /O_CREAT/) print $1, n[$1], /\/current[":]/ ? "current" : "other" }' "$T/trace"
}
spread() {
  awk -v n="${CRASH_ALL:+100000}" -v few="$STEPS" '
    { line[NR] = $0 }
    END {
      step = NR / (n ? n : few)
      for (i = 1; i <= NR; i++)
        if (i >= next_one) { print line[i]; next_one += step < 1 ? 1 : step }
        else if (line[i] ~ /current$/) print line[i]
    }'
}
# killed CALL NUMBER COMMAND...
killed() {
  call=$1
  nth=$2
  shift 2
  strace -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$nth" mailctl -c "$C" "$@" >/dev/null 2>&1
}
well() { m status >"$T/status" 2>&1 && m plan >"$T/plan" 2>&1; }
answers() { swaks --silent 3 -s "$IP:2525" -q HELO >/dev/null 2>&1; }
# current_is_whole [missing]: it may be missing before a first one
current_is_whole() {
  c=$T/b/state/current
  test "$#" -eq 1 && test ! -e "$c" || { test -s "$c/manifest" && test -x "$c/smtpd/run" && test -x "$c/spool/run"; }
}
fail() {
  bad=$((bad + 1))
  echo "# $1"
  sed 's/^/# /' "$T/status" "$T/plan" "$T/up" 2>/dev/null
}
