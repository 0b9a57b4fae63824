#!/bin/sh
# Writes the completion of the mailctl command for a shell, from what `mailctl --help` and `mailctl COMMAND --help`
# say, which is the table of commands: ctl/completions.sh MAILCTL bash|zsh
#
# Commands, their options and their fixed words come from there; the names of services and the fields of
# `status -o` are asked of mailctl at the moment of completing.
set -eu
mailctl=$1
commands=$("$mailctl" --help | sed -n 's/^  \([a-z][a-z-]*\).*/\1/p' | sort -u)

# words COMMAND: its options, and the words that it takes (on, off, add: two columns in from the left, a help behind)
words() {
  "$mailctl" "$1" --help | sed -nE '
    s/^  (-[a-zA-Z]), (--[a-z-]+).*/\1 \2/p; t
    s/^  (--?[a-zA-Z][a-z-]*).*/\1/p; t
    s/^  ([a-z][a-z|-]*)( [A-Z. -]*)?  .*/\1/p' | tr '|\n' '  '
}
# Whether COMMAND takes names of services: its synopsis has [NAME...], NAME... or NAME first
takes_services() {
  case $1 in
    passwd | user | alias | domain | init | run) return 1 ;;
  esac
  "$mailctl" "$1" --help | head -n 1 | grep -Eq ' \[?NAME(\.\.\.)?\]?( |$)'
}

ask_services='mailctl ${file:+-c "$file"} status -o name 2>/dev/null'
ask_fields="mailctl status -o help 2>/dev/null | cut -d ' ' -f 1"

case $2 in
  bash)
    cat <<END
# bash completion for mailctl
_mailctl() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} file= command= i list=
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      -c) file=\${COMP_WORDS[++i]} ;;
      -*) ;;
      *) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  COMPREPLY=()
  if [[ \$before == -c || \$before == -f || \$command == init && \$word != -* ]]; then
    compopt -o default
    return
  fi
  if [[ \$command == status && \$before == -o ]]; then
    compopt -o nospace
    local done=
    [[ \$word == *,* ]] && done=\${word%,*},
    COMPREPLY=(\$(compgen -P "\$done" -W "\$($ask_fields)" -- "\${word##*,}"))
    return
  fi
  case \$command in
    '') list='-c --help --version $(echo $commands)' ;;
END
    for i in $commands; do
      printf "    %s) list='--help %s'" "$i" "$(words "$i")"
      # shellcheck disable=SC2016 # for bash
      takes_services "$i" && printf '" $(%s)"' "$ask_services"
      echo ' ;;'
    done
    cat <<END
  esac
  COMPREPLY=(\$(compgen -W "\$list" -- "\$word"))
}
complete -F _mailctl mailctl
END
    ;;
  zsh)
    cat <<END
#compdef mailctl
local file= command= i
local -a list
for ((i = 2; i < CURRENT; i++)); do
  case \$words[i] in
    -c) file=\$words[++i] ;;
    -*) ;;
    *) command=\$words[i]; break ;;
  esac
done
if [[ \$words[CURRENT-1] == -c || \$command == init && \$PREFIX != -* ]]; then
  _files
  return
fi
if [[ \$command == status && \$words[CURRENT-1] == -o ]]; then
  list=(\${(f)"\$($ask_fields)"})
  _sequence compadd - \$list
  return
fi
case \$command in
  '') list=(-c --help --version $(echo $commands)) ;;
END
    for i in $commands; do
      printf '  %s) list=(--help %s' "$i" "$(words "$i")"
      # shellcheck disable=SC2016 # for zsh
      takes_services "$i" && printf '${(f)"$(%s)"}' "$ask_services"
      echo ') ;;'
    done
    cat <<END
esac
compadd -- \$list
END
    ;;
esac
