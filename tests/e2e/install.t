#!/bin/sh
# make install and make uninstall: what is installed works where it is, and goes again.
. "$(dirname "$0")/lib.sh"

cd "$(dirname "$0")/../.." || exit 111
installs() { MAKEFLAGS='' make -s B="$B" DESTDIR="$T/root" PREFIX=/opt/mail "$@"; }

exits 0 "make install" installs install-built
prefix=$T/root/opt/mail
for i in bin/mailctl libexec/mailctl/smtpd libexec/mailctl/tcplisten libexec/mailctl/plugins/overload \
  share/doc/mailctl/operating.md share/doc/mailctl/plugins.md share/doc/mailctl/examples/receiver.conf \
  share/man/man8/mailctl.8 share/man/man5/mailctl.conf.5; do
  test -f "$prefix/$i"
  ok $? "$i is installed"
done
is "$(find "$prefix" -type f ! -perm -444 | wc -l)" 0 "everybody may read it"
is "$(grep -l '@[A-Z]*@' "$prefix"/share/man/man*/*)" "" "no manual page with a place left to fill"

# The bundle's services run as nobody, below $T.
chmod 755 "$T"
mailctl=$prefix/bin/mailctl
conf=$T/bundle/mailctl.conf
exits 0 "the installed mailctl makes a bundle" "$mailctl" init $TRIAL "$T/bundle"
sed -i "s/127\.0\.0\.1/$IP/g" "$conf"
on_exit "'$mailctl' -c '$conf' down >/dev/null 2>&1"
exits 0 "which runs" "$mailctl" -c "$conf" up
like "$(cat "$T/bundle/run/servicedirs/smtpd/run")" "^$prefix/libexec/mailctl/smtpd --listen" "from the installed daemons"
unlike "$(cat "$T"/bundle/run/servicedirs/*/run)" "$B/" "and no others"
exits 0 "and ends" "$mailctl" -c "$conf" down

exits 0 "make uninstall" installs uninstall
is "$(find "$T/root" ! -type d)" "" "nothing stays"
finish
