#!/bin/sh
# Each program's --help and its manual name the same options, and mailctl's the same commands.
. "$(dirname "$0")/lib.sh"
doc=$(cd "$(dirname "$0")/../../doc" && pwd)

# Options, a line each, but --help and --version, which all have.
of_help() {
  grep -oE '(^|[][ |(,])--?[A-Za-z0-9][a-z-]*' | grep -oE -e '-.*' | grep -vE -e '^--(help|version)$' | sort -u
}
# SYNOPSIS and the tagged lists: `Fl a`, `Fl -top | -stats`, `Fl Fl check`, `Fl Afls`.
of_manual() {
  { sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$1"; grep '^\.It Fl' "$1"; } |
    sed -n 's/Fl Fl /Fl -/g; s/.*Fl \(.*Fl\)/Fl \1/; /Fl/{s/^[^F]*//; s/^Fl//; s/Ar [^ ]*//g; s/Cm .*//; s/Op .*//; s/Ns.*//; s/ Fl / /g; p;}' |
    tr -s ' |,' '\n\n\n' | grep -E '^-?[A-Za-z0-9]' |
    sed -E 's/^-(.*)/--\1/; t; s/(.)/-\1\n/g' | grep -e '^-' | grep -vE -e '^--(help|version)$' | sort -u
}

for row in bin/rater:rater.1 bin/spf:spf.1 libexec/mailctl/raterd:raterd.8 libexec/mailctl/smtpd:smtpd.8 \
  libexec/mailctl/policyd:policyd.8 libexec/mailctl/spool-deliver:spool-deliver.8 libexec/mailctl/spool-queue:spool-queue.8 \
  libexec/mailctl/tcplisten:tcplisten.8 libexec/mailctl/tlsd:tlsd.8 \
  libexec/mailctl/checkpassword-file:checkpassword-file.8 libexec/mailctl/plugins/rate:rate.8 \
  libexec/mailctl/plugins/overload:overload.8 libexec/mailctl/plugins/plusaliases:plusaliases.8 \
  libexec/mailctl/plugins/dotblind:dotblind.8 libexec/mailctl/plugins/localmail:localmail.8 libexec/mailctl/plugins/checkback:checkback.8 \
  libexec/mailctl/plugins/tarpit:tarpit.8; do
  program=$B/${row%:*}
  manual=$doc/${row#*:}
  page=${row##*:}
  exits 0 "$page: --help" "$program" --help
  like "$(cat "$T/out")" '^usage: ' "$page: says how it is used"
  is "$(of_help <"$T/out" | tr '\n' ' ')" "$(of_manual "$manual" | tr '\n' ' ')" "$page: has the options of --help"
  once=$(grep -oE '(^|[][ |(,])--?[A-Za-z0-9][a-z-]*' "$T/out" | grep -oE -e '-.*' | sort | uniq -u | grep -vE -e '^--(help|version)$')
  is "$once" "" "$page: what --help has in its usage, it tells in words"
  exits 0 "$page: --version" "$program" --version
  like "$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$manual")" '-?help \|.*-?version' "$page: has it"
done

mailctl --help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' | sort >"$T/commands"
sed -n 's/^\.It Cm \([a-z-]*\).*/\1/p; /^\.It Xo$/{n;s/^\.Cm \([a-z-]*\) .*/\1/p;}' "$doc/mailctl.8" | sort -u >"$T/manual"
is "$(cat "$T/manual")" "$(cat "$T/commands")" "mailctl.8: has the commands of --help"
while read -r command; do
  for option in $(mailctl "$command" --help | of_help); do
    like "$(cat "$doc/mailctl.8" "$doc/mailctl-monitor.8")" "Fl ${option#-}( |\$)|, ${option#-}( |\$)|\\| ${option#-}" \
      "$command $option: is in a manual"
  done
done <"$T/commands"
# --- manuals

# Of ours, each page that a manual names is there; what its text names, SEE ALSO does.
for page in "$doc"/*.[0-9]; do
  for other in $(sed -n 's/^\.\(It \)\{0,1\}Xr \([^ ]*\) \([^ ]*\).*/\2.\3/p' "$page" | sort -u); do
    case ${other%.*} in
      mailctl* | rater* | smtpd | spool* | spf | tlsd | policyd | remote | dkim | job | tcplisten | overload | rate | plusaliases | tarpit | \
        dotblind | localmail | checkpassword-file | spp) test -e "$doc/$other" || not_there="${not_there-} ${page##*/}:$other" ;;
    esac
    test "$other" = "${page##*/}" || sed -n '/^\.Sh SEE ALSO/,$p' "$page" | grep -q "^\.Xr ${other%.*} ${other##*.}" ||
      not_told="${not_told-} ${page##*/}:$other"
  done
done
is "${not_there-}" "" "no manual names a page that is not there"
is "${not_told-}" "" "each SEE ALSO has all that its manual names"
# A macro inside .Pq takes the rest of the line into its quotes.
is "$(grep -nE '^\.(Pq|Op|Bq) .*(Ql|Sq|Dq) [^ ]+ ([;:,.] [^ ]|No )' "$doc"/*.[0-9])" "" "quotes end where they should"
# Tables are sorted: the row before is not the one that was meant.
is "$(grep -hniE "^(likewise|the same)( |;|\$)" "$doc"/*.[0-9])" "" "no row of a table refers to the row before"

# --- what nobody got

for command in --help --version 'status --help' "-c $T/new/mailctl.conf check" "-c $T/new/mailctl.conf status -o help"; do
  test -d "$T/new" || fresh_bundle "$T/new"
  exits 111 "$command, where nothing can be written" sh -c "mailctl $command >/dev/full"
  like "$(cat "$T/err")" 'No space left on device' "$command: says so"
done
for program in "$B"/bin/* "$LIBEXEC"/* "$LIBEXEC"/plugins/*; do
  test -f "$program" && test -x "$program" || continue
  for option in --help --version; do
    # Those of one command for run scripts have no words.
    timeout 20 "$program" $option </dev/null >"$T/out" 2>/dev/null && test -s "$T/out" || continue
    exits 111 "${program##*/} $option, where nothing can be written" sh -c "'$program' $option >/dev/full"
  done
done

finish
