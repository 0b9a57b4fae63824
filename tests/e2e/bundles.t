#!/bin/sh
# A bundle is one file, one STATE and one RUN: what belongs to another, or runs and is no longer in the file, is known.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

mkdir "$T/b"
mail_bundle || exit 111
printf '[service extra]\ncommand = sleep 1000\n' >>"$C"
exits 0 "up" m up
before=$(m status -o name,pid)
same() { is "$(m status -o name,pid)" "$before" "$1"; }

# --- a copy --------------------------------------------------------------------------------------------

cp -a "$T/b" "$T/copy"
mailctl -c "$T/copy/mailctl.conf" down >"$T/out" 2>&1
same "down of a copy of the bundle leaves the original alone"
unlike "$(cat "$T/out")" 'orphan' "it has no orphans"
mailctl -c "$T/copy/mailctl.conf" status >"$T/out" 2>&1
unlike "$(cat "$T/out")" 'orphan' "nor does its status show any"
# Its ports are taken, by the original.
mailctl -c "$T/copy/mailctl.conf" up >"$T/out" 2>&1
same "nor does up touch the original"
mailctl -c "$T/copy/mailctl.conf" down >/dev/null 2>&1

# --- names of one thing --------------------------------------------------------------------------------

exits 0 "plan by another spelling of the file has nothing to do" sh -c "cd '$T/b/control' && mailctl -c ../mailctl.conf plan"
ln -s "$T/b" "$T/link"
exits 0 "by a link to its directory" mailctl -c "$T/link/mailctl.conf" plan

# --- a second file, another RUN, another STATE ---------------------------------------------------------

sed '/^\[service extra\]/,$d' "$C" >"$T/b/second.conf"
exits 102 "up of a second file with the same run and state" mailctl -c "$T/b/second.conf" up
like "$(cat "$T/err")" "was brought up from $C" "names the first"
same "which is left alone"
cp "$C" "$T/saved"
sed -i "s|^#*run = .*|run = $T/b/elsewhere|" "$C"
exits 102 "up with another run" m up
like "$(cat "$T/err")" "this bundle is up in $T/b/run.*mailctl down" "says where it is up, and the way out"
same "nothing is started twice"
cp "$T/saved" "$C"
sed -i "s|^#*state = .*|state = $T/b/elsewhere|" "$C"
exits 102 "up with another state" m up
like "$(cat "$T/err")" "has its state in $T/b/state" "says which it was"
exits 102 "down with another state" m down
like "$(cat "$T/err")" "has its state in $T/b/state" "says so, too"
cp "$T/saved" "$C"
same "nothing was touched"
mv "$C" "$T/b/renamed.conf"
exits 0 "a file that was renamed goes on" mailctl -c "$T/b/renamed.conf" up
mv "$T/b/renamed.conf" "$C"
exits 0 "and back" m up

# --- what is no longer in the file ---------------------------------------------------------------------

sed -i '/^\[service extra\]/,$d' "$C"
exits 0 "up of one service, when another has gone from the file" m up monitor
like "$(m status)" '^extra +ready .*left over' "status shows the one that is left"
like "$(m status -o name,runs extra)" 'left over' "by name, too"
exits 1 "it is not well" m status -q
exits 1 "plan" m plan
like "$(cat "$T/out")" '^remove +extra: it runs' "tells of it"
exits 0 "down by its name" m down extra
like "$(m status -o state extra)" 'stopped' "takes it down"
exits 0 "up" m up
unlike "$(m status -o name)" 'extra' "forgets it"
printf '[service extra]\ncommand = sleep 1000\n' >>"$C"
m up >/dev/null
sed -i '/^\[service extra\]/,$d' "$C"
m up monitor >/dev/null
exits 0 "down" m down
is "$(processes)" "" "takes all down"

# --- answers to what makes no sense --------------------------------------------------------------------

printf '[service extra]\ncommand = sleep 1000\n' >>"$C"
m up >/dev/null
pid=$(pid_of "$C" extra)
exits 1 "reload of a program that HUP would end" m reload extra
like "$(cat "$T/err")" 'extra has no handler for HUP.*mailctl restart extra' "is refused, with the way out"
is "$(pid_of "$C" extra)" "$pid" "it runs on"
m down extra >/dev/null
exits 1 "reload of what does not run" m reload extra
like "$(cat "$T/err")" 'extra does not run' "says so"
exits 0 "reload of a daemon" m reload smtpd tls rater
mailctl -c "$C" log smtpd -f -n 0 >"$T/followed" 2>/dev/null &
follower=$!
on_exit "kill $follower 2>/dev/null"
said() {
  printf 'odd \033[2J \302\233 31m \377 end\n' | s6-tai64n >>"$T/b/log/smtpd/current"
  grep -q 'odd .* end' "$T/followed"
}
try "log -f shows what comes" wait_for 20 said
is "$(grep -m 1 -o 'odd .*' "$T/followed")" 'odd ?[2J ? 31m ? end' "and no bytes that command a terminal"
kill $follower
for command in history 'log smtpd' status 'status --json' plan; do
  exits 111 "$command, where nothing can be written" sh -c "mailctl -c '$C' $command >/dev/full"
done
exits 100 "history of nobody" m history nosuch
like "$(cat "$T/err")" 'no service is called nosuch' "says so"
exits 100 "two forms of status" m status --json --metrics
like "$(cat "$T/err")" 'one of --json, --metrics' "are one too many"
printf 'secret-1\r\n' | m passwd postmaster >/dev/null
printf 'postmaster\0secret-1\0t\0' | "$LIBEXEC/checkpassword-file" "$T/b/state/auth/users" true 3<&0 </dev/null 2>/dev/null
is $? 0 "a password from a file with CR LF is one without CR"
m down >/dev/null
sed -i '/^\[service extra\]/,$d' "$C"

# --- a file without services ---------------------------------------------------------------------------

cp "$C" "$T/saved"
m up >/dev/null
before=$(m status -o name,pid)
echo '# nothing' >"$C"
exits 102 "check of a file without services" m check
like "$(cat "$T/err")" 'there is no service in it' "says so"
exits 102 "up" m up
cp "$T/saved" "$C"
same "stops nothing"
m down >/dev/null

# --- the caller's signals ------------------------------------------------------------------------------

printf '[service extra]\ncommand = sleep 1000\n' >>"$C"
perl -e '$SIG{$_} = "IGNORE" for qw(CHLD HUP INT QUIT PIPE); exec @ARGV' mailctl -c "$C" up >"$T/out" 2>&1
is $? 0 "up by who ignores signals"
like "$(m status)" '^extra +ready' "status knows what is"
ignored=$(awk '$1 == "SigIgn:" { print $2 }' "/proc/$(pid_of "$C" extra)/status")
is $((0x$ignored & 0x7fffffff)) 0 "a service ignores none of them" # above these are the C library's own
exits 0 "down" m down
is "$(processes)" "" "all is down"
finish
