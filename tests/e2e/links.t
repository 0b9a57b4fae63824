#!/bin/sh
# Root makes directories inside those of the services' users: a link that one of them put there leads root nowhere.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"

test "$(id -u)" -eq 0 || skip_all "needs root, to have something to give away"

# A link of root's own is an administrator's way to another disk.
mkdir -p "$T/b" "$T/disk/log"
mail_bundle || exit 111
ln -s "$T/disk/log" "$T/b/disk"
sed -i "s|^#*log = .*|log = $T/b/disk/log|" "$C"
sed -i 's/^user = .*/user = nobody/' "$C"
exits 0 "up with a link of root's in a path" m up
is "$(stat -c %U "$T/disk/log/log/smtpd")" nobody "follows it"

mkdir -m 755 "$T/precious"
untouched() { is "$(stat -c '%U %a' "$T/precious") $(ls -A "$T/precious")" "root 755 " "$1"; }
in_spool() { (cd "$SPOOL" && s6-setuidgid nobody "$@"); }
in_spool mv todo away
in_spool ln -s "$T/precious" todo
exits 111 "up where a service's user put a link in the place of a directory" m up
like "$(cat "$T/err")" "unable to make $SPOOL/todo for spool: a link on the way is not in root's hands alone" "says so"
untouched "the directory that it leads to stays root's"
in_spool rm todo
in_spool mv away todo

in_mail() { (cd "$MAIL" && s6-setuidgid nobody "$@"); }
in_mail mv postmaster away
in_mail ln -s "$T/precious" postmaster
exits 111 "up where it is on the way to a directory" m up
untouched "nothing is made in the directory that it leads to"
in_mail rm postmaster
in_mail mv away postmaster

# Where others can put links, one of root's may not have been put there by root.
mkdir -m 777 "$T/open"
ln -s "$T/precious" "$T/open/mail"
sed -i "/^\[spool\]/,/^\[/s|^#*mail = .*|mail = $T/open/mail|" "$C"
exits 111 "up with a link of root's in a directory of everybody's" m up
untouched "does not follow it"
chmod 1777 "$T/open"
exits 0 "where nobody can take it away" m up
is "$(stat -c %U "$T/precious/postmaster")" nobody "it does"
exits 0 "down" m down

# init makes a bundle where somebody else may write: it follows no link of his, and what it has begun cannot be exchanged.
chmod 755 "$T/precious"
rm -rf "$T/precious/postmaster"
chown root "$T/precious"
mkdir "$T/theirs"
chown nobody "$T/theirs"
s6-setuidgid nobody ln -s "$T/precious" "$T/theirs/b"
exits 111 "init through a link of another user" mailctl init --user nobody "$T/theirs/b"
untouched "makes nothing behind it"
exits 111 "nor below it" mailctl init --user nobody "$T/theirs/b/c"
untouched "either"
finish
