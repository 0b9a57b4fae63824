#!/bin/sh
# What `mailctl check` says of smtpd's files
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

chmod 711 "$T"

mailctl init $TRIAL "$T/bundle" >/dev/null || exit 111
sed -i "s/127\.0\.0\.1:/$IP:/g" "$T/bundle/mailctl.conf"
check() { mailctl -c "$T/bundle/mailctl.conf" check 2>&1; }
control=$T/bundle/control

check >"$T/out"
is $? 0 'what init made is well'

cp "$control/smtpplugins" "$T/saved"
printf '/nonexistent/early\n[xyz]\nplugins/lost\n[mail]\n:true\nbuiltin:overload\nbuiltin:other\nplugins/none\n/bin/true\n[rcpt]\n/etc/passwd\n' \
  >"$control/smtpplugins"
out=$(check)
like "$out" 'warning: control/smtpplugins: /nonexistent/early: in no section' 'a plugin before any section'
like "$out" 'warning: control/smtpplugins: plugins/lost: in no section' 'and one in a section that there is not'
like "$out" 'smtpplugins: builtin:other: there is only builtin:overload' 'an unknown builtin'
like "$out" "smtpplugins: $T/bundle/plugins/none: No such file" 'a plugin that is missing'
like "$out" 'smtpplugins: [a-z]+ may not run the program /etc/passwd: chmod' 'one that cannot run'
unlike "$out" '/bin/true|:true|builtin:overload: ' 'nothing of those that are well'
cp "$T/saved" "$control/smtpplugins"

# The flag that the monitor raises is somebody's to heed.
heedless='warning: control/smtpplugins: no line looks at the overload flag that \[monitor\] raises'
unlike "$(check)" "$heedless" 'init made somebody heed the overload flag'
printf '[mail]\n#builtin:overload\n:true\n' >"$control/smtpplugins"
like "$(check)" "$heedless" 'nobody does'
rm "$control/smtpplugins"
like "$(check)" "$heedless.*builtin:overload" 'nor without plugins, and what to do is said'
check >/dev/null
is $? 0 'which is no error'
printf '[mail]\n/usr/bin/env\n:test ! -e control/overloaded || echo E451 later\n' >"$control/smtpplugins"
unlike "$(check)" "$heedless" 'a line of one'"'"'s own will do'
rm "$control/smtpplugins"
sed -i 's/^\[monitor\]/&\non-enter = true/' "$T/bundle/mailctl.conf"
unlike "$(check)" "$heedless" 'and so will a command of the monitor'"'"'s'
sed -i '/^on-enter/d; s/^\[smtpd\]/&\nprogram = cat/' "$T/bundle/mailctl.conf"
unlike "$(check)" "$heedless" 'a server of one'"'"'s own may look at it by itself'
sed -i '/^program = cat/d; s/^\[monitor\]/#&/' "$T/bundle/mailctl.conf"
unlike "$(check)" "$heedless" 'without a monitor there is none'
cp "$T/saved" "$control/smtpplugins"

rm "$control/rcpthosts"
like "$(check)" 'warning: .*/rcpthosts: there is none' 'no rcpthosts'
: >"$control/me"
like "$(check)" "/me: it must be there and hold this machine's name" 'an empty me'
check >/dev/null
is $? 102 'is an error'

finish
