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
exits 0 "headers elsewhere are found by the compiler" builds needs include-directories=
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

# Programs take the first of two functions that have one name: runlib's and ctl's have theirs alone.
for i in "$B"/lib/*.a; do
  nm -g --defined-only "$i" | awk -v a="${i##*/}" '$2 ~ /[TDBR]/ && !seen[$3]++ { print $3, a }'
done | awk '{ n[$1]++; where[$1] = where[$1] " " $2 }
  END { for (i in n) if (n[i] > 1 && where[i] ~ / (runlib|ctl)/ && where[i] !~ /librater/) print i ":" where[i] }' >"$T/twice"
is "$(cat "$T/twice")" "" "no name of runlib's or ctl's is another function's as well"

# hardening: of the programs here, and that each lack of another is seen
flags=$(sed -n 's/.*\(-fstack-protector-strong.*\) -fno-strict-aliasing.*/\1/p' "$B/flags")
if grep -q -e '-fsanitize\|SANITIZED\|clang' "$B/flags"; then
  ok 0 "hardening # SKIP the build is a special one"
else
  # shellcheck disable=SC2046,SC2086
  try "the programs have what doc/security.md says" tests/tools/hardening.sh "$flags" $(find "$B/bin" "$B/libexec" -type f)
fi
cat >"$T/hello.c" <<'END'
#include <stdio.h>
#ifdef BOTH
__asm__(".section .both,\"awx\"\n.byte 0\n.text");
#endif
int main(int argc, char **argv) { char s[64]; return snprintf(s, sizeof s, argv[0], argc, argv[argc - 1]) < 0; }
END
# without WHAT-IS-SAID OPTION...: a program that is compiled so lacks just that
flags=-O2
without() {
  said=$1
  shift
  gcc -std=c11 -g -O2 -w -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -pie -Wl,-z,relro,-z,now -o "$T/hello" "$T/hello.c" "$@" || return
  is "$(tests/tools/hardening.sh "$flags" "$T/hello")" "${said:+$T/hello: $said}" "hardening: ${said:-no complaint}"
}
without ""
without "not position-independent" -fno-pie -no-pie
without "an executable stack" -Wl,-z,execstack
without "a segment that is writable and executable" -DBOTH
without "libraries from a path of its own" -Wl,-rpath,/tmp
without "no immediate binding" -Wl,-z,lazy
without "no RELRO" -Wl,-z,norelro
without "no FORTIFY" -U_FORTIFY_SOURCE
without "no word of gcc's of how it was compiled" -g0
without "no stack protector" -fno-stack-protector
flags='-O2 -O3'
without "a part of it was compiled without -O3"

if test -e "/usr/lib/$(uname -m)-linux-musl/rcrt1.o"; then
  is "$(grep -l GLIBC_TUNABLES "$LIBEXEC"/plugins/* "$LIBEXEC/spool-queue")" "" "what lives for a command or a message is made with musl"
fi
finish
