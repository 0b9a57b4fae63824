#!/bin/sh
# Software sets: switch, back by itself from bad ones, %set%, gc, data that an older set cannot read, and weeks of upgrades
# with mail coming in.
#
# SETS_WEEKS: so many upgrades in a row (3).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

mail_bundle || exit 111
S=$T/opt
mkdir "$S"
# set NAME: a software set, as make install makes one
set_of() {
  mkdir "$S/$1" && cp -a "$B/bin" "$B/libexec" "$S/$1/" && touch "$S/$1" &&
    printf '#!/bin/sh\nwhile sleep 1000; do :; done\n' >"$S/$1/bin/helper" && chmod 755 "$S/$1/bin/helper"
}
set_of a
set_of b
awk '/^\[/ { out = $0 !~ /bundle|smtpd|spool|rater/ } !out' "$C" >"$T/conf"
sed "s|^\[bundle\]|&\nsoftware = $S|; s/^probe = .*/probe = light/" "$T/conf" >"$C"
printf '[service helper]\ncommand = %%set%%/bin/helper\nalive = 100ms\n' >>"$C"
current() { readlink "$S/current"; }
at() { "$S/current/bin/mailctl" -c "$C" "$@"; }
runs() { readlink "/proc/$(pid_of "$C" smtpd)/exe"; }
on_exit "\"$S/current/bin/mailctl\" -c \"$C\" down >/dev/null 2>&1"

# --- there and back -----------------------------------------------------------------------------------

exits 0 "up of a set" "$S/a/bin/mailctl" -c "$C" up
is "$(current) $(runs)" "a $S/a/libexec/mailctl/smtpd" "is what runs, and what the link leads to"
like "$(tr '\0' ' ' <"/proc/$(pid_of "$C" helper)/cmdline")" "$S/a/bin/helper" "%set% is the set"
exits 0 "switch" at switch b
is "$(current) $(runs)" "b $S/b/libexec/mailctl/smtpd" "goes over"
like "$(tr '\0' ' ' <"/proc/$(pid_of "$C" helper)/cmdline")" "$S/b/bin/helper" "%set% as well"
like "$(at generations)" 'by `switch`' "generations tells the command"
like "$(at generations)" "software $S/b" "and the set"
is "$(at sets)" "a  generation 1
b (current)  generation 2" "sets"
exits 0 "rollback" at rollback
is "$(current) $(runs)" "a $S/a/libexec/mailctl/smtpd" "goes back to the other set"
exits 0 "and all is well" at status
grep -Fq "$S/a/bin/mailctl" "$T/b/run/service/.s6-svscan/SIGTERM"
ok $? "a signal to s6-svscan runs its mailctl"
exits 100 "switch to what is not there" at switch nowhere
exits 100 "switch to nothing" at switch

# --- bad ones -----------------------------------------------------------------------------------------

bad() {
  set_of "$1"
  printf '#!/bin/sh\n%s\n' "$3" >"$S/$1/$2"
  chmod 755 "$S/$1/$2"
}
bad crashing libexec/mailctl/smtpd 'exit 111'
exits 4 "a set whose smtpd crashes" at switch crashing
is "$(current) $(runs)" "a $S/a/libexec/mailctl/smtpd" "is left"
like "$(at generations)" 'failed smtpd (died|was not ready)' "with its reason"
# wrapped NAME OPTION...: its smtpd has these options behind all others
wrapped() {
  set_of "$1"
  mv "$S/$1/libexec/mailctl/smtpd" "$S/$1/libexec/mailctl/smtpd.real"
  name=$1
  shift
  printf '#!/bin/sh\nexec "%s" "$@" %s\n' "$S/$name/libexec/mailctl/smtpd.real" "$*" >"$S/$name/libexec/mailctl/smtpd"
  chmod 755 "$S/$name/libexec/mailctl/smtpd"
}
printf '#!/bin/sh\ncat >/dev/null\n' >"$T/swallows"
printf '#!/bin/sh\nexit 31\n' >"$T/refuses"
chmod 755 "$T/swallows" "$T/refuses"
cp "$C" "$T/light"
sed "s/^probe = .*/probe = full/; s/^#ready-timeout = .*/ready-timeout = $((5 * PATIENCE))s/" "$T/light" >"$C"
wrapped hanging -g 900000
exits 4 "a set whose smtpd hangs" at switch hanging
like "$(cat "$T/err")" 'smtpd does not pass the probe: .* greeting: read: no answer' "says so"
wrapped refusing-all -q "$T/refuses"
exits 4 "a set whose smtpd refuses everything" at switch refusing-all
like "$(cat "$T/err")" 'smtpd does not pass the probe: ' "says so"
wrapped swallowing -q "$T/swallows"
exits 4 "a set that delivers nothing" at switch swallowing
like "$(cat "$T/err")" 'a message that was answered 250 did not arrive' "says so"
is "$(current) $(runs)" "a $S/a/libexec/mailctl/smtpd" "each is left"
exits 0 "and all is well" at status
cp "$T/light" "$C"
rm -r "$S/hanging" "$S/refusing-all" "$S/swallowing"
set_of mute
mv "$S/mute/bin/mailctl" "$S/mute/bin/mailctl.real"
cat >"$S/mute/bin/mailctl" <<END
#!/bin/sh
case \$* in *check) exec "$S/mute/bin/mailctl.real" "\$@" ;; esac
"$S/mute/bin/mailctl.real" "\$@" >/dev/null 2>&1
kill -9 \$\$
END
chmod 755 "$S/mute/bin/mailctl"
exits 4 "a set whose mailctl is killed" at switch mute
is "$(current) $(runs)" "a $S/a/libexec/mailctl/smtpd" "is left, too"
bad refusing bin/mailctl 'exit 102'
exits 102 "a set whose mailctl refuses the file" at switch refusing
is "$(current)" a "is never brought up"
exits 0 "and all is well" at status

# --- data ---------------------------------------------------------------------------------------------

like "$(cat "$T/b/state/formats")" '^spool 1$' "the data know their formats"
sed 's/^spool .*/spool 9/' "$T/b/state/formats" >"$T/formats" && cp "$T/formats" "$T/b/state/formats"
state() { find "$T/b/state" -type f ! -name lock -printf '%p %s %T@\n' | sort; }
state | grep -v counters >"$T/before"
exits 102 "up with data of newer software" at up
is "$(grep -c . "$T/err")" 1 "says so in one line"
like "$(cat "$T/err")" "state: spool is in format 9, which $S/a cannot read" "which is it"
exits 102 "check likewise" at check
exits 102 "run likewise" at run
exits 102 "rollback to what cannot read it" at rollback 2
is "$(state | grep -v counters | diff "$T/before" -)" "" "nothing is touched"
sed 's/^spool .*/spool 1/' "$T/formats" >"$T/b/state/formats"
# A set that knows no more than format 0 of the spool could not be gone back to.
mv "$S/a/bin/mailctl" "$S/a/bin/mailctl.real"
printf '#!/bin/sh\ncase $1 in --formats) echo spool 0 0; exit ;; esac\nexec "%s" "$@"\n' "$S/a/bin/mailctl.real" >"$S/a/bin/mailctl"
chmod 755 "$S/a/bin/mailctl"
exits 102 "switch to a set that leaves no way back" at switch b
like "$(cat "$T/err")" "writes spool in format 1, which $S/a cannot read: there would be no way back" "says why"
is "$(current)" a "changes nothing"
exits 0 "--no-rollback goes all the same" at switch b --no-rollback
is "$(current)" b "to the new set"
mv "$S/a/bin/mailctl.real" "$S/a/bin/mailctl"

# --- gc -----------------------------------------------------------------------------------------------

touch "$S/b"
exits 0 "gc --dry-run" at gc --keep 2 --dry-run
is "$(at sets | wc -l)" 5 "removes nothing"
like "$(cat "$T/out")" '^set refusing$' "and says what it would"
set_of future
touch -d '+1 hour' "$S/future"
exits 0 "gc" at gc --keep 2
is "$(at sets | sed 's/ .*//' | tr '\n' ' ')" "b future mute " "keeps those that ran last, and what is newer"
exits 0 "which is well" at status
rm -r "$S/future" "$S/mute"

# --- weeks ----------------------------------------------------------------------------------------------

# A source whose install is a copy; smtp sessions come all the while.
mkdir "$T/source"
cp -a "$S/b/bin/helper" "$T/helper"
cat >"$T/source/Makefile" <<END
all check:
install:
	mkdir -p \$(PREFIX) && cp -a $B/bin $B/libexec \$(PREFIX)/ && cp -a $T/helper \$(PREFIX)/bin/
END
cat >"$T/load" <<'END'
import os, smtplib, sys, time
n = bad = 0
slowest = 0
while not os.path.exists(sys.argv[3]):
    n += 1
    start = time.time()
    try:
        with smtplib.SMTP(sys.argv[1], 2525, timeout=30 * int(os.environ["PATIENCE"])) as s:
            slowest = max(slowest, time.time() - start)
            s.sendmail("a@example.test", ["postmaster@example.test"], "Subject: week-%d\r\n\r\nx\r\n" % n)
    except Exception as e:
        bad += 1
        print("# refused:", repr(e))
    time.sleep(0.01)
print(n, bad, "%.2f" % slowest)
END
python3 "$T/load" "$IP" x "$T/stop" >"$T/load.out" &
load=$!
week=0
weeks=${SETS_WEEKS:-3}
failed=0
while test $week -lt "$weeks"; do
  week=$((week + 1))
  PATH=$S/current/bin:$PATH MAILCTL_CONF=$C SOFTWARE=$S PULL=true CHECK='make -s check' CONFIRM='' \
    "$(dirname "$0")/../../examples/weekly" "$T/source" "week$week" >"$T/week" 2>&1 || { failed=$((failed + 1)); sed 's/^/# /' "$T/week"; }
done
: >"$T/stop"
wait $load
is $failed 0 "$weeks weekly upgrades in a row"
is "$(current)" "week$weeks" "the last one runs"
test "$(at sets | wc -l)" -le 4
ok $? "and four sets are left"
read -r sent refused slowest <<END
$(tail -n 1 "$T/load.out")
END
is "$refused" 0 "of $sent messages meanwhile, none was refused (slowest greeting $slowest s)"
all_there() { test "$(grep -rhs '^Subject: week-' "$MAIL/postmaster/new" | sort -u | wc -l)" -eq "$sent"; }
try "each is in the Maildir" wait_for 30 all_there
is "$(grep -rhs '^Subject: week-' "$MAIL/postmaster/new" | wc -l)" "$sent" "once"
exits 0 "down" at down
is "$(processes)" "" "nothing is left"
finish
