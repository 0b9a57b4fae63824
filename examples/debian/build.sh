#!/bin/sh
# Makes a Debian package of a build: examples/debian/build.sh BUILD VERSION, which `make deb` calls.
# The package is BUILD/mailctl_VERSION_ARCH.deb. It is what `make install` installs below /usr, with the systemd unit,
# the system users and the guides; nothing starts before there is an /etc/mailctl/mailctl.conf.
set -eu
build=$1
version=$2
here=$(dirname "$0")
arch=$(dpkg --print-architecture)
root=$build/deb
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(stat -c %Y CHANGELOG.md)}
export SOURCE_DATE_EPOCH
umask 022

rm -rf "$root"
MAKEFLAGS='' make -s B="$build" DESTDIR="$root" PREFIX=/usr install-built >/dev/null
doc=$root/usr/share/doc/mailctl
mkdir -p "$root/DEBIAN" "$doc" "$root/lib/systemd/system" "$root/usr/lib/sysusers.d" "$root/usr/share/lintian/overrides"

# Libraries for other people's programs are no part of a running server.
rm -rf "$root/usr/lib/pkgconfig" "$root/usr/include" "$root"/usr/lib/librater*

sed 's,/usr/local/,/usr/,g' examples/systemd/mailctl.service >"$root/lib/systemd/system/mailctl.service"
install -m 644 examples/sysusers/mailctl.conf "$root/usr/lib/sysusers.d/mailctl.conf"
install -m 644 "$here/lintian-overrides" "$root/usr/share/lintian/overrides/mailctl"
install -m 644 "$here/copyright" "$doc/copyright"
{
  printf 'mailctl (%s) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n' "$version"
  printf ' -- mailctl maintainers <maintainers@mailctl.example>  %s\n' "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$doc/changelog.gz"
gzip -9n -c CHANGELOG.md >"$doc/CHANGELOG.md.gz"
find "$root/usr/share/man" -type f -exec gzip -9n {} +
find "$root/usr/bin" "$root/usr/libexec" -type f -exec sh -c '
  for i; do if head -c 4 "$i" | grep -q ELF; then strip --remove-section=.comment --remove-section=.note "$i"; fi; done' sh {} +

cat >"$root/DEBIAN/control" <<END
Package: mailctl
Version: $version
Architecture: $arch
Maintainer: mailctl maintainers <maintainers@mailctl.example>
Installed-Size: $(du -ks --exclude=DEBIAN "$root" | cut -f 1)
Depends: adduser, $(awk '$1 == "run" { printf "%s, ", $2 }' doc/packages.txt)$("$here/libraries.sh" "$root")
Section: mail
Priority: optional
Description: mail server of the qmail family, from one file
 mailctl turns mailctl.conf into supervised s6 services: an SMTP receiver and
 a submission server that host qmail-spp plugins, TLS as a service of its own,
 password checking, a rate limiter, an overload monitor, and a small spool
 with Maildir delivery, or your notqmail.
END
install -m 755 "$here/postinst" "$here/prerm" "$here/postrm" "$root/DEBIAN/"
(cd "$root" && find usr lib -type f | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums)
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz -b "$root" "$build/mailctl_${version}_$arch.deb" >/dev/null
rm -rf "$root"
echo "  deb   $build/mailctl_${version}_$arch.deb"
