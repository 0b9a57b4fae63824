#!/bin/sh
# The two forms of the plugin, a program and smtpd's own, say the same in the same sessions.
. "$(dirname "$0")/lib.sh"

cd "$T" || exit 111
mkdir control
echo example.test >control/me
echo example.test >control/rcpthosts
cat >check <<'EOF'
#!/bin/sh
cat <&3 >/dev/null
exec "$@"
EOF
chmod +x check

stranger='HELO x.test
MAIL FROM:<a@example.org>
QUIT'
friend='EHLO x.test
AUTH PLAIN AGpvZQBwdw==
MAIL FROM:<joe@example.test>
QUIT'

# shellcheck disable=SC2016 # the inner shell expands it
# session FORM LINES NAME=VALUE...: all that the client is told, and the log lines of the plugin
session() {
  form=$1
  lines=$2
  shift 2
  case $form in
    plugin) line=$LIBEXEC/plugins/overload ;;
    *) line=builtin:overload ;;
  esac
  printf '[connection]\n%s\n[mail]\n%s\n[auth]\n%s\n' "$line" "$line" "$line" >control/smtpplugins
  printf '%s\n' "$lines" |
    env PROTO=TCP TCPREMOTEIP=127.0.0.1 TCPREMOTEPORT=4 TCPLOCALIP=127.0.0.1 TCPLOCALPORT=25 "$@" \
      sh -c 'echo $$ >pid; exec "$0" "$@"' "$LIBEXEC/smtpd" -A -q true ./check true 2>"$T/err" | tr -d '\r'
  sed -n "s/^overload: $(cat pid) /log /p" "$T/err"
}

# both NAME LINES WANTED-REGEX NAME=VALUE...: WANTED matches what comes after the greeting, lines joined by /
both() {
  name=$1
  lines=$2
  wanted=$3
  shift 3
  session builtin "$lines" "$@" >out.builtin
  session plugin "$lines" "$@" >out.plugin
  is "$(cat out.plugin)" "$(cat out.builtin)" "$name: the two say the same"
  like "$(grep -v '^220 \|^250-\|^250 8BIT\|^250 SIZE' out.builtin | sed 's/^\([25][0-9][0-9]\) .*/\1/' | tr '\n' '/')" "^$wanted\$" "$name"
}
flag() { printf '%s\n' "$@" >control/overloaded; }
refused='451 4.3.2 Temporary Failure: Server overload'
severe='421 4.3.2 Temporary Failure: Server overload'
logline='log Temporary Failure: Server overload'

both 'no flag, a stranger' "$stranger" '250/250/221/'
both 'no flag, a friend' "$friend" '(250/)?235/250/221/'

: >control/overloaded
both 'a flag made by hand, a stranger' "$stranger" "250/$refused/$logline/"
both 'one who logged in' "$friend" '(250/)?235/250/221/'
both 'an empty user' "$stranger" "250/$refused/$logline/" SMTPAUTHUSER=
both 'a text' "$stranger" '250/451 4.3.2 come back at noon/log come back at noon/' OVERLOADTEXT='come back at noon'
both 'a text of several lines' "$stranger" '250/451 4.3.2 no[?][?]250 ok/log no[?][?]250 ok/' OVERLOADTEXT="$(printf 'no\r\n250 ok')"
both 'a relay client' "$stranger" "250/$refused/$logline/" RELAYCLIENT=
both 'a relay client, exempt' "$stranger" '250/250/221/' RELAYCLIENT= OVERLOADRELAY=
both 'no relay client' "$stranger" "250/$refused/$logline/" OVERLOADRELAY=
both 'plugins turned off' "$stranger" '250/250/221/' NOSPP=

flag 'level 2' 'made monitor' 'lifetime 3600' 'reason test'
both 'severe, at connection' "$stranger" "$severe/$logline/"
both 'severe, where clients log in: a stranger' "$stranger" "250/$severe/$logline/" OVERLOADLOGIN=1
both 'severe, where clients log in: a friend' "$friend" '(250/)?235/250/221/' OVERLOADLOGIN=1
both 'severe, a relay client, exempt' "$stranger" '250/250/221/' RELAYCLIENT= OVERLOADRELAY=1

touch -d '2 hours ago' control/overloaded
both 'a flag that nobody keeps alive' "$stranger" '250/250/221/'
flag 'level 1' 'made hold' "until $(($(date +%s) - 1))"
both 'a hold that has ended' "$stranger" '250/250/221/'
flag 'level 1' 'made hold' "until $(($(date +%s) + 1000))"
both 'a hold' "$stranger" "250/$refused/$logline/"
rm control/overloaded
ln -s nowhere control/overloaded
both 'a link that leads nowhere' "$stranger" '250/250/221/'
rm control/overloaded
mkdir control/overloaded
both 'whatever it is, it is a flag' "$stranger" "250/$refused/$logline/"

finish
