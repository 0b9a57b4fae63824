#!/bin/sh
# Going back: by itself from what does not become healthy, and by command, to what is kept and not to what mailctl.conf
# says; with a broken file, at a boot, on a full disk, and killed at any place.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
# Few services are enough, and quick.
awk '/^\[/ { out = $0 !~ /bundle|smtpd|spool|rater/ } !out' "$C" >"$T/conf" && cat "$T/conf" >"$C"
cp "$C" "$T/good"
current() { readlink "$T/b/state/current"; }
limit_of() { tr '\0' ' ' <"/proc/$(pid_of "$C" smtpd)/cmdline" | sed -n 's/.* -C \([0-9]*\) .*/\1/p'; }
# change N: the file allows a client N sessions
change() { sed "s/^\[smtpd\]/&\nper-client = $1/" "$T/good" >"$C"; }
bad() { printf '[service bad]\ncommand = sh -c "echo my file is missing; exit 100"\n' >>"$C"; }

# --- by itself ----------------------------------------------------------------------------------------

bad
exits 1 "a first up that fails" m up
like "$(m generations)" 'failed bad died before it was ready: exit 100' "is noted"
exits 100 "there is nothing to go back to" m rollback
cp "$T/good" "$C"
exits 0 "up" m up
change 9
exits 0 "up after a change" m up
is "$(current)" generations/0003 "is the third generation"

change 11
bad
exits 4 "up that does not become healthy goes back" m up
like "$(cat "$T/err")" '^mailctl: bad died before it was ready: exit 100' "says what failed"
like "$(cat "$T/err")" '^  .* my file is missing' "with its last words"
like "$(cat "$T/err")" '^mailctl: going back to generation 3: bad died' "that it goes back, and why"
like "$(cat "$T/err")" '^mailctl: generation 3 runs again$' "and what runs now"
is "$(current) $(limit_of)" "generations/0003 9" "which is so"
exits 0 "and all is well" m status
is "$(find "$T/b/run/servicedirs" -name bad)" "" "what failed is gone"

exits 1 "--no-rollback stays" m up --no-rollback
is "$(current) $(limit_of)" "generations/0005 11" "with the new one"
exits 1 "which is not well" m status
cp "$C" "$T/bad"
exits 0 "rollback" m rollback
is "$(current) $(limit_of)" "generations/0003 9" "takes the one before that was healthy"
exits 0 "and all is well" m status

# --- what is kept, and not what the file says -----------------------------------------------------------

m generations >"$T/generations"
like "$(cat "$T/generations")" '^3 \(current\)  [0-9-]+ [0-9:]+  by `up`$' "generations: the number, when, and the command"
like "$(cat "$T/generations")" '^5  .* by `up --no-rollback`$' "with its options"
like "$(cat "$T/generations")" '^    failed bad died before it was ready: exit 100$' "what failed"
like "$(cat "$T/generations")" '^    adds bad; changes smtpd$' "what changed, in words"
like "$(cat "$T/generations")" "^    of ${B}\$" "the software"
exits 0 "diff" m diff 2 3
like "$(cat "$T/out")" '^changes smtpd$' "tells it in words"
like "$(cat "$T/out")" '^\+per-client = 9$' "and in lines"
exits 0 "diff with the current one" m diff 5
like "$(cat "$T/out")" '^removes bad; changes smtpd$' "is the way back"
exits 111 "diff of what is not there" m diff 2 77
exits 100 "diff of nothing" m diff
exits 100 "rollback to no number" m rollback smtpd
exits 111 "rollback to what is not there" m rollback 77
is "$(current)" generations/0003 "changes nothing"

echo '[nonsense' >"$C"
exits 0 "rollback with a broken file" m rollback 2
is "$(current) $(limit_of)" "generations/0002 20" "goes to what is kept"
rm "$C"
exits 0 "rollback without a file" m rollback 3
is "$(current) $(limit_of)" "generations/0003 9" "goes to what is kept"

# A change of data alone needs a HUP, and no restart, there as back.
answer() { rater -s "$T/b/run/rater.sock" --peek extra 192.0.2.1 2>&1; }
change 9
printf '[limit extra]\nrule = 0.0.0.0/0 1/1h\n' >>"$C"
m up >"$T/up" 2>&1
raterd=$(pid_of "$C" rater)
is_known() { answer | grep -q "^0"; }
try "a change of data alone is heard" wait_for 10 is_known
exits 0 "rollback of data alone" m rollback 3
is "$(pid_of "$C" rater)" "$raterd" "restarts nothing"
is_unknown() { answer | grep -q 'unknown class'; }
try "and is heard, too" wait_for 10 is_unknown
# A generation names the hash of each program: one that is replaced in place makes another.
mkdir "$T/bin"
printf '#!/bin/sh\nexec sleep 1000\n' >"$T/bin/helper" && chmod 755 "$T/bin/helper"
change 9
printf '[service helper]\ncommand = %s\nalive = 100ms\n' "$T/bin/helper" >>"$C"
exits 0 "up of a program" m up
first=$(current)
printf '#!/bin/sh\nexec sleep 2000\n' >"$T/bin/helper"
exits 0 "up after it was replaced in place" m up
like "$(m generations)" '^    replaces helper$' "is told as that"
exits 0 "rollback to what ran another" m rollback "${first##*/000}"
exits 0 "rollback of all that" m rollback 3

cp "$T/b/state/generations/0002/smtpd/run" "$T/run"
sed -i 's/smtpd: written/smtpd; written/' "$T/b/state/generations/0002/smtpd/run"
exits 111 "rollback to one with a file that is another" m rollback 2
like "$(cat "$T/err")" 'it is smtpd/run' "names it"
is "$(current) $(limit_of)" "generations/0003 9" "and changes nothing"
cat "$T/run" >"$T/b/state/generations/0002/smtpd/run"
manifest=$T/b/state/generations/0002/manifest
cp "$manifest" "$T/manifest"
head -n 5 "$T/manifest" >"$manifest"
exits 111 "rollback to one whose manifest was cut at the end of a line" m rollback 2
like "$(m generations)" 'its manifest cannot be read' "which generations tells, too"
cat "$T/manifest" >"$manifest"

# --- a boot ---------------------------------------------------------------------------------------------

change 13
m up >"$T/up" 2>&1
exits 0 "rollback from what was healthy" m rollback
is "$(current) $(limit_of)" "generations/0003 9" "goes back"
like "$(m generations)" 'healthy, rolled back from$' "and is remembered"
m down >/dev/null 2>&1
# boots: `mailctl run` until every service is ready
boots() {
  mkfifo "$T/ready"
  mailctl -c "$C" run -d 4 4>"$T/ready" >"$T/run.out" 2>&1 &
  main=$!
  on_exit "kill $main 2>/dev/null"
  timeout 30 head -n 1 "$T/ready" >"$T/said"
  rm "$T/ready"
  is "$(wc -l <"$T/said")" 1 "$1"
}
boots "a boot, with the file that was rolled back from"
is "$(limit_of)" 9 "brings up what ran"
like "$(cat "$T/run.out")" 'is what was rolled back from: going on with what was brought up last' "and says so"
kill "$main"
wait "$main"
wait_for 30 none_left
change 14
bad
boots "a boot, with a file that does not become healthy"
is "$(limit_of)" 9 "goes back by itself"
change 15
exits 0 "rollback, once more" m rollback 2
is "$(limit_of)" 20 "goes back after a boot, too"
kill "$main"
wait "$main"
wait_for 30 none_left
is "$(processes)" "" "nothing is left"

# --- a full disk ----------------------------------------------------------------------------------------

# Of STATE and LOG; s6 itself needs room in RUN, which is a file system of its own on a machine.
sed "s|^\[bundle\]|&\nrun = $T/here|" "$T/good" >"$C"
mkdir "$T/disk"
cat >"$T/full" <<END
mount -t tmpfs -o size=96m none "$T/disk" && cp -a "$T/b" "$T/disk/" || exit 77
exec 2>&1
mailctl -c "$T/disk/b/mailctl.conf" up >/dev/null || exit 76
before=\$(readlink "$T/disk/b/state/current")
sed -i 's/^\[smtpd\]/&\nper-client = 31/' "$T/disk/b/mailctl.conf"
mailctl -c "$T/disk/b/mailctl.conf" up >/dev/null || exit 75
sed 's/^per-client = 31/per-client = 32/' "$T/disk/b/mailctl.conf" >"$T/disk/b/other"
cat /dev/zero >"$T/disk/zeros"
mailctl -c "$T/disk/b/mailctl.conf" rollback
echo "exit \$?"
test "\$before" = "\$(readlink "$T/disk/b/state/current")" && echo the one before
tr '\0' ' ' <"/proc/\$(mailctl -c "$T/disk/b/mailctl.conf" status -o pid smtpd)/cmdline" | grep -q -- '-C 20 ' && echo it runs
mv "$T/disk/b/other" "$T/disk/b/mailctl.conf"
mailctl -c "$T/disk/b/mailctl.conf" up
echo "exit \$?"
test "\$before" = "\$(readlink "$T/disk/b/state/current")" && echo the one before
rm "$T/disk/zeros"
mailctl -c "$T/disk/b/mailctl.conf" down >/dev/null
END
if test "$(id -u)" -eq 0; then alone="unshare -m"; else alone="unshare -Urm"; fi
$alone sh "$T/full" >"$T/full.out" 2>"$T/full.err"
code=$?
if test $code -eq 77; then
  sed 's/^/# /' "$T/full.err"
  ok 0 "a full disk # SKIP no file systems of one's own here"
else
  like "$(cat "$T/full.out")" '^exit 0$' "rollback on a full disk"
  is "$(grep -c '^the one before' "$T/full.out") $(grep '^it runs' "$T/full.out")" "2 it runs" "is done"
  like "$(cat "$T/full.out")" '^exit 111$' "up on a full disk is refused"
  like "$(cat "$T/full.out")" 'unable to write a generation below .*: No space left' "and says why"
fi
finish
