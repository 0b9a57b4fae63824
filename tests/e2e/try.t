#!/bin/sh
# examples/try.sh run by root, from a build that nobody else can reach: the copy that it runs instead.
. "$(dirname "$0")/lib.sh"

test "$(id -u)" -eq 0 || skip_all "anybody but root runs the build itself"
script=$(dirname "$0")/../../examples/try.sh
build=$T/build-of-root
copy=$T/mailctl-try
chmod 755 "$T"
mkdir -m 700 "$build"
mkdir "$build/bin" "$build/libexec" "$T/path"
cat >"$build/bin/mailctl" <<'END'
#!/bin/sh
# Stands in for mailctl: init alone does something.
test "$1" != init || { mkdir -p "$2/mail/postmaster/new" && : >"$2/mailctl.conf"; }
END
cat >"$T/path/swaks" <<'END'
#!/bin/sh
echo mail >"$(dirname "$MAILCTL_CONF")/mail/postmaster/new/$$"
END
cp "$(command -v sleep)" "$build/libexec/daemon"
chmod 755 "$build/bin/mailctl" "$T/path/swaks"
tries() { env TMPDIR="$T" PATH="$T/path:$PATH" "$script" "$build"; }

exits 0 "a first time" tries
like "$(cat "$T/out")" "^  export MAILCTL_CONF=$copy/try/mailctl.conf " "says where it is"
"$copy/libexec/daemon" 1000 &
daemon=$!
on_exit "kill $daemon"
before=$(stat -c %i "$copy/libexec/daemon")
exits 0 "again, while its programs run" tries
is "$(stat -c %i "$copy/libexec/daemon")" "$before" "one that is the same stays"
cp "$(command -v env)" "$build/libexec/daemon"
exits 0 "and again, with a new one" tries
try "which takes its place" cmp "$build/libexec/daemon" "$copy/libexec/daemon"
rm -rf "$copy"
mkdir "$copy"
chown nobody "$copy"
exits 1 "a directory that is somebody else's" tries
is "$(cat "$T/err")" "$copy must be root's own directory: remove it" "is refused"
is "$(ls "$copy")" "" "before anything is put there"
finish
