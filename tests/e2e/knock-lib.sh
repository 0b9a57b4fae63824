# shellcheck shell=sh
# Clients that connect without a pause while something happens to what listens.
#   knock                       the test's own: execs tests/tools/knock.py, here $knock, with its arguments
#   knocking NAME COMMAND...    COMMAND while they do; a check NAME that it went well, and what became of them in $refused, $broken
#                               (no whole answer) and $slowest (seconds)
# shellcheck disable=SC2034 # for knock
knock=$(dirname "$0")/../tools/knock.py
knocking() {
  what=$1
  shift
  rm -f "$T/fifo"
  mkfifo "$T/fifo"
  knock <"$T/fifo" >"$T/knocked" 2>"$T/knock.err" &
  knocker=$!
  on_exit "kill $knocker 2>/dev/null"
  exec 8>"$T/fifo"
  wait_for 20 grep -q begun "$T/knocked"
  "$@" >"$T/did" 2>&1
  did=$?
  exec 8>&-
  wait "$knocker"
  test "$did" -eq 0 || sed 's/^/# /' "$T/did"
  ok "$did" "$what"
  read -r all refused broken slowest <<END
$(tail -n 1 "$T/knocked")
END
  echo "# $all connections, $refused refused, $broken broken, slowest $slowest s"
}
