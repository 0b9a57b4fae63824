#!/bin/bash
# The completions of bash and zsh: commands, options, services and fields, from what mailctl itself says.
. "$(dirname "$0")/lib.sh"

# complete WORD...: what bash offers for the last of them
complete_words() {
  bash -c '
    . "$1"
    shift
    compopt() { :; }
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _mailctl
    echo "${COMPREPLY[*]}"' bash "$B/share/bash-completion/completions/mailctl" "$@"
}

is "$(complete_words mailctl sta)" status "a command"
is "$(complete_words mailctl status --js)" --json "an option"
is "$(complete_words mailctl overload o)" "on off" "fixed words"
is "$(complete_words mailctl status -o overload.le)" overload.level "a field"
is "$(complete_words mailctl status -o name,overload.le)" name,overload.level "a field behind another"
fresh_bundle "$T/mail"
on_exit "mailctl -c '$T/mail/mailctl.conf' down >/dev/null 2>&1"
mailctl -c "$T/mail/mailctl.conf" up >/dev/null
is "$(complete_words mailctl -c "$T/mail/mailctl.conf" log subm)" submission "a service of the bundle that -c names"
MAILCTL_CONF=$T/mail/mailctl.conf
export MAILCTL_CONF
is "$(complete_words mailctl restart smt)" smtpd "or that the environment names"

commands=$(mailctl --help | sed -n 's/^  \([a-z][a-z-]*\).*/\1/p' | sort | tr '\n' ' ')
is "$(complete_words mailctl '' | tr ' ' '\n' | grep '^[a-z]' | tr '\n' ' ')" "$commands" "every command of the table"
is "$(sed -n "s/^  '') list=(-c --help --version \(.*\)) ;;/\1 /p" "$B/share/zsh/site-functions/_mailctl")" "$commands" "and in zsh"
if command -v zsh >/dev/null; then
  try "zsh reads it" zsh -n "$B/share/zsh/site-functions/_mailctl"
fi
finish
