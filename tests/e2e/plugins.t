#!/bin/sh
# The golden tests of the plugins: tests/golden/plugins/README says what a case is.
. "$(dirname "$0")/lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
golden=$top/tests/golden/plugins

# lines KEYWORD CASE: what follows KEYWORD in the case
lines() { sed -n "s/^$1 //p" "$2"; }

# run_case CASE: leaves wanted and got in $T
run_case() {
  rm -rf "$T/cwd"
  mkdir "$T/cwd"
  lines file "$1" | while read -r file text; do
    mkdir -p "$T/cwd/$(dirname "$file")"
    printf '%s' "${text:+$text
}" >"$T/cwd/$file"
  done
  set -- "$1" "$(lines plugin "$1")"
  old=$IFS
  IFS='
'
  set -f
  # shellcheck disable=SC2046 # one word a line
  set -- "$1" "$2" $(lines env "$1")
  set +f
  IFS=$old
  case_file=$1 plugin=$2
  shift 2
  begin=$(date +%s%N)
  case $plugin in
    examples/*) plugin=$top/examples/plugins/${plugin#*/} ;;
    *) plugin=$LIBEXEC/plugins/$plugin ;;
  esac
  # shellcheck disable=SC2086 # arguments of the plugin
  (cd "$T/cwd" && exec env -i "$@" $plugin <&- >"$T/out" 2>"$T/err")
  code=$?
  end=$(date +%s%N)
  {
    sed 's/^/out /' "$T/out"
    sed -E 's/^[a-z-]+: (pid [0-9]+ - )?/log /' "$T/err"
    echo "exit $code"
  } >"$T/got"
  {
    grep '^out ' "$case_file"
    grep '^log ' "$case_file"
    grep '^exit ' "$case_file" || echo 'exit 0'
  } >"$T/wanted"
  least=$(lines seconds "$case_file")
  ms=$(((end - begin) / 1000000))
  test "$ms" -ge $((${least:-0} * 1000)) && test "$ms" -lt $((${least:-0} * 1000 + 5000 * PATIENCE)) ||
    echo "took $ms ms" >>"$T/got"
}

for i in "$golden"/*.case; do
  run_case "$i"
  try "$(basename "$i" .case)" diff -u "$T/wanted" "$T/got"
done

for i in "$LIBEXEC"/plugins/*; do
  p=$(basename "$i")
  exits 0 "$p --help" "$i" --help
  like "$(cat "$T/out")" "^usage: (.*[ ,])?$p" "$p --help names it"
  exits 0 "$p --version" "$i" --version
done

# In a real session: the alias is gone from the envelope, and from the fourth recipient on the client waits.
mkdir "$T/home" "$T/home/control"
cd "$T/home" || exit 111
echo mx.example.test >control/me
echo example.test >control/rcpthosts
cat >control/smtpplugins <<END
[connection]
:echo STARPITCOUNT=4; echo STARPITDELAY=1
[rcpt]
$LIBEXEC/plugins/plusaliases
$LIBEXEC/plugins/tarpit
END
cat >queue <<'END'
#!/bin/sh
cat >message
tr '\0' ' ' <&1 >envelope
END
chmod +x queue
begin=$(date +%s%N)
{
  printf 'EHLO c\r\nMAIL FROM:<s@example.org>\r\n'
  for i in 1 2 3 4 5; do printf 'RCPT TO:<joe%s+x@example.test>\r\n' $i; done
  printf 'DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n'
} | TCPREMOTEIP=192.0.2.1 "$LIBEXEC/smtpd" -q "$T/home/queue" >"$T/out" 2>"$T/err"
ms=$((($(date +%s%N) - begin) / 1000000))
is "$(cat envelope)" "Fs@example.org Tjoe1@example.test Tjoe2@example.test Tjoe3@example.test Tjoe4@example.test Tjoe5@example.test  " \
  "plusaliases changes the envelope of a session"
ok $((ms < 2000)) "tarpit makes the fourth and the fifth recipient wait ($ms ms)"
is "$(grep -c 'started tarpitting' "$T/err")" 1 "and says so once"

# What doc/plugins.md shows is true: the two plugins in it, and the command that compiles the one in C.
block() { awk -v kind="$1" '/^```/ { on = $0 == "```" kind; if (on) n++; next } on' "$top/doc/plugins.md"; }
block sh >"$T/in-sh"
chmod +x "$T/in-sh"
mkdir "$T/own"
block c >"$T/own/one-bounce.c"
cd "$T/own" || exit 111
sed -n "s|~/mailctl|$top|g; s|^\\\$ cc |cc -Wall -Wextra -Werror |p" "$top/doc/plugins.md" >"$T/compile"
try "doc/plugins.md: the C plugin compiles" sh -e "$T/compile"
is "$(env -i SMTPMAILFROM= SMTPRCPTCOUNTALL=2 "$T/in-sh" 2>&1)" "E550 5.5.3 a bounce has one recipient" "the one in sh refuses"
is "$(env -i SMTPMAILFROM= SMTPRCPTCOUNTALL=1 "$T/in-sh" 2>&1)" "" "and lets pass"
is "$(env -i SMTPMAILFROM= SMTPRCPTCOUNTALL=2 ./one-bounce 2>/dev/null)" "E550 5.5.3 a bounce has one recipient, not 2" \
  "the one in C refuses"
is "$(env -i SMTPMAILFROM=a@b SMTPRCPTCOUNTALL=2 ./one-bounce 2>&1)" "" "and lets pass"
finish
