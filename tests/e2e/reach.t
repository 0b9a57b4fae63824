#!/bin/sh
# check as root: what each service's user must read and run, and what to type where it may not.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
test "$(id -u)" -eq 0 || skip_all "only root can ask for other users"
for i in nobody games; do id -u $i >/dev/null 2>&1 || skip_all "no user $i"; done

new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
group=$(id -gn nobody)
check() { mailctl -c "$C" check; }

# typed: what the error says is typed, and was the only thing that was wrong
typed() {
  sed -n 's/.*: \(ch[a-z]* .*\)/\1/p' "$T/err" | sed 's/ (or .*//' >"$T/type"
  try "one thing to type, for $1" test "$(wc -l <"$T/type")" -eq 1
  try "which can be typed" sh -e "$T/type"
  exits 0 "and mends it" check
}
# other: as typed, but for what stands in brackets
other() {
  sed -n 's/.*(or \(.*\))$/\1/p' "$T/err" >"$T/type"
  try "the other thing to type, for $1" test "$(wc -l <"$T/type")" -eq 1
  try "which can be typed" sh -e "$T/type"
  exits 0 "and mends it" check
}
says() { like "$(cat "$T/err")" "$1" "$2"; }

exits 0 "a new bundle" check

# --- plugins ----------------------------------------------------------------------------------------

mkdir -p "$T/b/own/deep"
printf '#!/bin/sh\n' >"$T/b/own/deep/plugin"
chmod 755 "$T/b/own/deep/plugin"
printf '[mail]\nown/deep/plugin\n' >>"$T/b/control/smtpplugins"
exits 0 "a plugin of one's own" check
chmod 700 "$T/b/own"
exits 102 "below a directory that is shut" check
says "\\[smtpd\\] user: control/smtpplugins: nobody cannot reach $T/b/own/deep/plugin through $T/b/own: chmod o\\+x $T/b/own \\(or " \
  "names file, directory and user"
is "$(wc -l <"$T/err")" 1 "once, for both services"
typed "a shut directory"
chmod 700 "$T/b/own"
check 2>"$T/err"
other "a shut directory"
is "$(stat -c '%a %G' "$T/b/own")" "710 $group" "lets nobody else in"
chgrp root "$T/b/own"
chmod 755 "$T/b/own"
chgrp "$group" "$T/b/own/deep"
chmod 705 "$T/b/own/deep"
exits 102 "a directory of the user's group that lets only others in" check
says "chmod g\\+x $T/b/own/deep\$" "is opened to the group"
typed "a shut group"
chmod 700 "$T/b/own/deep/plugin"
exits 102 "a plugin for root alone" check
says "nobody may not run the program $T/b/own/deep/plugin: chmod o\\+rx " "is named"
typed "a shut plugin"
chmod 711 "$T/b/own/deep/plugin"
exits 102 "a script that nobody may read" check
says "nobody may not run the program $T/b/own/deep/plugin" "cannot run either"
typed "a script"
printf '\177ELF' >"$T/b/own/deep/plugin"
chmod 711 "$T/b/own/deep/plugin"
exits 0 "any other program can" check
chmod 600 "$T/b/own/deep/plugin"
exits 102 "a plugin that nobody at all may run" check
is "$(wc -l <"$T/err")" 1 "is one error"
chmod 755 "$T/b/own/deep/plugin"

# --- control files ----------------------------------------------------------------------------------

for i in me rcpthosts locals smtpplugins; do
  chmod 600 "$T/b/control/$i"
  exits 102 "control/$i for root alone" check
  says "nobody may not read $T/b/control/$i: chmod o\\+r $T/b/control/$i \\(or chgrp $group " "is named"
  typed "control/$i"
done
mkdir "$T/shut"
mv "$T/b/control" "$T/shut/"
ln -s "$T/shut/control" "$T/b/control"
chmod 700 "$T/shut"
exits 102 "a link to what is shut" check
says "nobody cannot reach $T/b/control through $T/shut: chmod o\\+x $T/shut " "the directory behind it is named"
typed "a shut directory behind a link"

# --- programs ---------------------------------------------------------------------------------------

mkdir "$T/prefix"
cp -a "$B/bin" "$B/libexec" "$T/prefix/"
chmod 700 "$T/prefix/libexec/mailctl/smtpd"
theirs() { "$T/prefix/bin/mailctl" -c "$C" check; }
exits 102 "an smtpd for root alone" theirs
says "nobody may not run the program $T/prefix/libexec/mailctl/smtpd" "is named"
chmod 755 "$T/prefix/libexec/mailctl/smtpd"
exits 0 "and was all" theirs

# --- other services ---------------------------------------------------------------------------------

sed -i 's/^\[spool\]/&\naliases = aliases/' "$C"
: >"$T/b/aliases"
chmod 600 "$T/b/aliases"
exits 102 "aliases for root alone" check
says "\\[spool\\] user: nobody may not read $T/b/aliases" "are named"
typed "the aliases"

printf 'joe:*\n' >"$T/b/state/auth/users"
chmod 600 "$T/b/state/auth/users"
sed -i 's/^\[auth\]/&\nuser = games/' "$C"
exits 102 "root's file of users, for games" check
says "\\[auth\\] users: $T/b/state/auth/users: games may not read it: chown games $T/b/state/auth/users\$" "is named"
typed "the users; their directory is given to games by up"

mkdir -m 700 "$T/b/state/generations"
exits 102 "generations for root alone" check
says "\\[rater\\] user: nobody cannot reach $T/b/state/generations: chmod o\\+x " "are named"
typed "the generations"

chmod 600 "$C"
exits 0 "a configuration for root alone" check
sed -i 's/^\[monitor\]/&\non-enter = mailctl down rater/' "$C"
exits 102 "which the monitor's command must read" check
says "\\[monitor\\] user: nobody may not read $C: chmod o\\+r $C " "is named"
typed "the configuration"

chmod 700 "$T/b/state/tls"
is "$(stat -c '%a %U' "$T/b/state/tls/key.pem")" "600 root" "a key that is root's alone"
exits 0 "is as it should be: what begins as root reads as root" check

chmod 700 "$T/b/run"
exits 102 "a directory that keeps all out" check
is "$(grep -c "chmod o+x $T/b/run " "$T/err")" 2 "is named once for each user"
chmod 755 "$T/b/run"

# --- what up gives away -----------------------------------------------------------------------------

exits 0 "up" mailctl -c "$C" up
exits 0 "check while it is up" check
sed -i 's/^\[spool\]/&\nuser = games\npath = state\/spool/; s/^\[rater\]/&\nuser = games/' "$C"
exits 0 "other users: up gives them their directories" check
finish
