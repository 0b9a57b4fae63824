#!/bin/sh
# Who may include whom: make includes. A line a directory: what its sources may include beside the system's and their
# own directory's; a directory stands for itself alone. The same table stands in doc/architecture.md.
set -eu
table='
runlib             -
runlib/tcp         runlib
services/contract  runlib
services/*         runlib runlib/tcp
services/policy    runlib runlib/tcp services/policy/spf
ctl                runlib services/contract
ctl/conf           ctl runlib services/contract
ctl/plan           ctl runlib services/contract ctl/conf
ctl/live           ctl runlib runlib/tcp services/contract ctl/conf ctl/plan
ctl/machine        ctl runlib services/contract ctl/conf ctl/plan ctl/live
ctl/status         ctl runlib services/contract ctl/conf ctl/plan ctl/live ctl/machine
ctl/dashboard      ctl runlib services/contract ctl/conf ctl/plan ctl/live ctl/machine ctl/status
ctl/command        ctl runlib services/contract ctl/conf ctl/plan ctl/live ctl/machine ctl/status ctl/dashboard
'
# services/NAME/service.c, with what it shares with its daemon, says how the service is made: it may include the
# contract. ctl/mailctl.c has the table of commands.
tests/tools/sources.sh c h | grep -E '^(ctl|runlib|services)/' | xargs grep -n '^#include [<"]' | awk -v table="$table" '
function may(from, to, file,   n, i, w, rule) {
  if (from == to) return 1
  if (file == "ctl/mailctl.c" && to == "ctl/command") return 1
  if (from ~ /^services\// && to == "services/contract" && (file in maker)) return 1
  rule = (from in allowed) ? allowed[from] : (from ~ /^services\//) ? allowed["services/*"] : ""
  n = split(rule, w, " ")
  for (i = 1; i <= n; i++) if (w[i] == to) return 1
  return 0
}
function dir(path) { sub("/[^/]*$", "", path); return path }
BEGIN {
  n = split(table, line, "\n")
  for (i = 1; i <= n; i++) if (split(line[i], w, " ") > 1) { key = w[1]; $0 = line[i]; $1 = ""; allowed[key] = $0 }
}
{ split($0, part, ":"); file = part[1]; match($0, /[<"][^>"]*/); what = substr($0, RSTART + 1, RLENGTH - 1)
  if ($0 ~ /include "/) { to = (what ~ "/") ? "?" : dir(file) } else if (what ~ "^(ctl|services|runlib)/") to = dir(what); else next
  seen++; f[seen] = file; t[seen] = to; l[seen] = part[2]; h[seen] = what
  if (file ~ "/service.c$") maker[file] = 1 }
END {
  for (i = 1; i <= seen; i++) if (f[i] in maker && t[i] == dir(f[i])) { m = dir(f[i]) "/" h[i]; sub("^.*/", "", h[i]); maker[dir(f[i]) "/" h[i]] = 1; sub(".h$", ".c", h[i]); maker[dir(f[i]) "/" h[i]] = 1 }
  for (i = 1; i <= seen; i++) if (!may(dir(f[i]), t[i], f[i])) { print f[i] ":" l[i] ": may not include " t[i] "/" h[i]; bad = 1 }
  exit bad
}'
