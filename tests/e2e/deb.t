#!/bin/sh
# The Debian package, in a Debian 12 of its own: installed, a bundle up and a message delivered, upgraded, purged.
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../.." || exit 111

test "$(id -u)" -eq 0 || skip_all "only root can make a Debian"
command -v lintian >/dev/null || skip_all "no lintian: make deps-test installs it"
test "$PATIENCE" -eq 1 || skip_all "the package is one of the ordinary build"
unshare --mount --pid --fork true 2>/dev/null || skip_all "no namespaces here"
root=$T/debian
debian "$root" || skip_all "no Debian can be made here"

try "the package is made" package 0.1
try "and a newer one" package 0.2
exits 0 "lintian has nothing against it" lintian --allow-root --fail-on error,warning "$T/0.1.deb"
cp "$T"/*.deb "$root/root/"

cat >"$root/root/try" <<END
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
apt-get -qq install -y --no-install-recommends /root/0.1.deb >/dev/null 2>&1
for i in $(sed -n 's/^u \([^ ]*\).*/\1/p' examples/sysusers/mailctl.conf | tr '\n' ' '); do id "\$i" >/dev/null; done
echo installed
mailctl init /etc/mailctl >/dev/null
sed -i "/^#\\[/,/^\\[/!{/^#*[a-z-]* = .*127\\.0\\.0\\.1:[0-9]/{s/^#//;s/127\\.0\\.0\\.1:/$IP:/g}}" /etc/mailctl/mailctl.conf
mailctl up >/dev/null
echo up
swaks --silent 2 --server $IP:2525 --from you@example.test --to postmaster@example.test
i=0
until ls /etc/mailctl/mail/postmaster/new/* >/dev/null 2>&1; do i=\$((i + 1)); test \$i -lt 200; sleep 0.1; done
echo delivered
before=\$(mailctl status -o name,pid)
dpkg -i /root/0.2.deb >/dev/null
test "\$before" = "\$(mailctl status -o name,pid)"
echo upgraded
mailctl up >/dev/null
mailctl status >/dev/null
echo "up again"
dpkg --purge mailctl >/dev/null 2>&1
! grep -E 's6-|smtpd|tcplisten' /proc/[0-9]*/comm
echo purged
find / -xdev -path /proc -prune -o -path /root -prune -o -path '/var/lib/dpkg/*' -prune -o -path '/etc/mailctl*' -prune -o -name '*mailctl*' -print
END
unshare --mount --pid --fork --kill-child --root="$root" --mount-proc sh /root/try >"$T/out" 2>"$T/err"
for i in installed up delivered upgraded "up again" purged; do
  grep -Fqx "$i" "$T/out"
  ok $? "$i" || true
done
is "$(sed -n '/^purged/,$p' "$T/out" | tail -n +2)" "" "nothing of the package stays"
is "$(cat "$T/err")" "" "and nothing was complained of"
finish
