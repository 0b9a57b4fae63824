#!/bin/sh
# mailctl maintenance: a report if something is to be done, or is not as it was; and the job that mails it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
command -v snooze >/dev/null || skip_all "no snooze"

own_prefix
mail_bundle || skip_all "no bundle"
# updates LINE...: what apt-get will say
updates() { { echo '#!/bin/sh'; printf 'echo "%s"\n' "$@"; } >"$T/prefix/bin/apt-get" && chmod 755 "$T/prefix/bin/apt-get"; }
updates ''
exits 0 "up" m up
exits 0 "maintenance" m maintenance
is "$(cat "$T/out")" "" "has nothing to say of a new bundle"
exits 0 "maintenance --always" m maintenance --always
cp "$T/out" "$T/said"
like "$(cat "$T/said")" '^example\.test, 2[0-9-]* [0-9:]*: nothing is to be done$' "says that"
unlike "$(cat "$T/said")" '^To be done|^Since' "and no more"
like "$(cat "$T/said")" '^  queue: 0 wait' "the queue"
like "$(cat "$T/said")" '^  failed logins, in all: 0$' "logins"
like "$(cat "$T/said")" '^  certificate: [0-9]{4} days left$' "the certificate"
like "$(cat "$T/said")" '^  /.*: [0-9]* % of the disk and [0-9]* % of its inodes are free$' "the disk"
exits 100 "a wrong option" m maintenance --never
exits 100 "no days" m maintenance --log-days 0

# needs WORD PATTERN: something is to be done, and it says so each time until it is done
needs() {
  exits 0 "$1" m maintenance
  like "$(sed -n '/^To be done:/,/^$/p' "$T/out")" "$2" "is to be done"
  exits 0 "$1, the next day" m maintenance
  like "$(sed -n '/^To be done:/,/^$/p' "$T/out")" "$2" "and still is"
}
# well: what was to be done is done, which is said once
well() {
  exits 0 "and when it is done" m maintenance
  like "$(cat "$T/out")" ': nothing is to be done$|: something has happened$' "that is said"
  exits 0 "once more" m maintenance
  is "$(cat "$T/out")" "" "once"
}

updates 'Inst libssl3 [3.0.1] (3.0.2 Debian-Security:12/oldstable-security [amd64])' 'Inst vim [1] (2 Debian:12.1/oldstable [amd64])' \
  'Inst s6 [1] (2 Debian-Security:12/oldstable-security [amd64])'
needs "security updates" '^  security updates: libssl3 s6: apt-get upgrade$'
updates ''
well

printf 'garbage\n' >"$SPOOL/failed/x"
if test "$(id -u)" -eq 0; then chown nobody "$SPOOL/failed/x"; fi
needs "a message that failed" '^  1 messages could not be delivered'
rm "$SPOOL/failed/x"
well

mkdir -p "$T/tls"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 5 -subj /CN=short.test -keyout "$T/tls/key" -out "$T/tls/cert" 2>/dev/null
cp "$T/b/state/tls/cert.pem" "$T/tls/old.cert"
cp "$T/b/state/tls/key.pem" "$T/tls/old.key"
cat "$T/tls/cert" >"$T/b/state/tls/cert.pem"
cat "$T/tls/key" >"$T/b/state/tls/key.pem"
m reload tls >/dev/null
short() { test "$(m status -o tls.days_left)" = "$1"; }
wait_for 20 short 5
needs "a certificate that ends soon" '^  the first certificate expires in 5 days'
cat "$T/tls/old.cert" >"$T/b/state/tls/cert.pem"
cat "$T/tls/old.key" >"$T/b/state/tls/key.pem"
m reload tls >/dev/null
wait_for 20 short 3650
well

sed -i 's/^\[spool\]/&\naliases = aliases/' "$C"
echo 'sales: nobody-here' >"$T/b/aliases"
needs "check warns" '^  check: \[spool\].*warning.*sales'
sed -i '/^aliases = aliases/d' "$C"
well

sed -i 's/^retry = 1s/retry = 2s/' "$C"
exits 0 "up --confirm" m up --confirm 10m
needs "nobody has confirmed it" '^  generation [0-9]* is to be confirmed \(mailctl confirm\); in [0-9]* min, [0-9]* comes back$'
exits 0 "confirm" m confirm
well

exits 0 "a service is down" m down auth
exits 0 "which is wanted by somebody" m maintenance
is "$(cat "$T/out")" "" "no report: who said down knows it"
m up auth >/dev/null
kill -9 "$(pid_of "$C" auth)" 2>/dev/null || s6-svc -k "$T/b/run/servicedirs/auth"
died() { m history auth | grep -q 'death'; }
wait_for 20 died
wait_for 20 m status -q
exits 0 "a death" m maintenance
like "$(sed -n '/^Since /,/^$/p' "$T/out")" 'death auth signal 9|auth.*(died|SIGKILL)' "has happened"
exits 0 "the next report" m maintenance
is "$(cat "$T/out")" "" "does not say it again"

if m block add 192.0.2.7 --reason test >/dev/null 2>&1; then
  exits 0 "somebody is blocked" m maintenance --always
  like "$(cat "$T/out")" '^    192\.0\.2\.7 .*blocked' "the report has him"
fi

# --- old logs

old='@4000000065a1b2c3000000000.s'
: >"$T/b/log/smtpd/$old"
: >"$T/b/log/smtpd/@400000006c00000000000000.s"
touch -d '91 days ago' "$T/b/log/smtpd/$old" "$T/b/log/smtpd/current"
exits 0 "with --log-days" m maintenance --always --log-days 90
like "$(cat "$T/out")" 'log files that were older than 90 days, and are removed: 1$' "full log files go"
is "$(find "$T/b/log/smtpd" -name '@*' -printf '%f\n') $(find "$T/b/log/smtpd" -name current -printf '%f')" \
  "@400000006c00000000000000.s current" "those that are old enough, and current never"

# --- the job

mailctl init $TRIAL "$T/fresh" >/dev/null
sed -n '/^\[job maintenance\]$/,/^$/p' "$T/fresh/mailctl.conf" >>"$C"
exits 0 "up with the job that init writes" m up
printf 'garbage\n' >"$SPOOL/failed/x"
if test "$(id -u)" -eq 0; then chown nobody "$SPOOL/failed/x"; fi
exits 0 "run-job maintenance" m run-job maintenance
mailed() { grep -rqs '1 messages could not be delivered' "$MAIL/postmaster/new"; }
wait_for 20 mailed
ok $? "its report is mailed to postmaster"
like "$(cat "$MAIL/postmaster/new"/*)" '^Subject: \[example\.test\] job maintenance says$' "as what the job has to say"
finish
