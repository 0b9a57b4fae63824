#!/bin/sh
# The build says what it misses, and does nothing when there is nothing to do.
. "$(dirname "$0")/lib.sh"

cd "$(dirname "$0")/../.." || exit 111
builds() { MAKEFLAGS='' make -s B="$T/made" "$@"; }

exits 2 "a missing header stops it" builds needs HEADERS='no-such.h:libnothing-dev stdio.h:libc6-dev'
is "$(grep -c . "$T/err")" 2 "with one line, and make's own"
like "$(cat "$T/err")" '^missing header no-such.h: install the package libnothing-dev' "that names the package"
exits 2 "a missing compiler stops it" builds needs CC=no-such-cc
like "$(cat "$T/err")" '^missing program no-such-cc: install the package' "and is named"
exits 0 "headers elsewhere are found by the compiler" builds needs include-folders=
exits 0 "make help" builds help
for target in $(sed -n "s/.*echo 'make \([a-z-]*\)  .*/\1/p" GNUmakefile); do
  grep -Eq "^(\.PHONY:.* )?$target( |:|\$)" GNUmakefile
  ok $? "make $target, which help shows, exists"
done

# packages: what is there is left alone; what is missing is named, to who cannot install it
mkdir "$T/packages"
cat >"$T/packages/dpkg-query" <<'END'
#!/bin/sh
# As dpkg-query -W: all are installed, but for $absent.
for i; do case $i in -*|"$absent") ;; *) printf '%s=installed ' "$i";; esac; done
END
for i in sudo apt-get; do printf '#!/bin/sh\necho "%s $*" >>"$log"\n' $i >"$T/packages/$i"; done
chmod 755 "$T/packages"/*
log=$T/log
absent=
PATH=$T/packages:$PATH
export log absent PATH
exits 0 "make deps where all is there" builds deps
test ! -e "$log"
ok $? "installs nothing"
absent=swaks
exits 0 "make deps where a package is missing" builds deps SUDO=sudo
is "$(cat "$T/out")" "installing: swaks" "names it"
is "$(sed 's/ env.* install / ... install /' "$log" | tail -n 1)" "sudo ... install -y --no-install-recommends swaks" "and installs it"
exits 2 "make deps where nobody may install it" builds deps SUDO=no-such-sudo
like "$(head -n 1 "$T/err")" '^these packages are missing.*: swaks \(as root: make deps\)$' "says so in one line"
test ! -e "$T/made"
ok $? "none of it built anything"

if test -e "/usr/lib/$(uname -m)-linux-musl/rcrt1.o"; then
  is "$(grep -l GLIBC_TUNABLES "$LIBEXEC"/plugins/* "$LIBEXEC/spool-queue")" "" "what lives for a command or a message is made with musl"
fi
finish
