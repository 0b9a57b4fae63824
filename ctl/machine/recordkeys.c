#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <runlib/run.h>

#include <services/contract/where.h>

#include <ctl/machine/records.h>

#define PATIENCE 20000 /* ms that a program may take */

/* --- dkim ------------------------------------------------------------------------------------------ */

/* `NAME. IN TXT ( "text" "text" )`, over several lines. Returns the place behind it, or 0: that was all. */
static char const *recordkeys_read(stralloc *name, stralloc *data, char const *s)
{
  char const *blank = strchr(s, ' ');
  char const *end = blank ? strchr(blank, ')') : 0;

  name->len = data->len = 0;
  if (!end || !stralloc_catb(name, s, (size_t)(blank - s)) || !stralloc_0(name)) return 0;
  for (char const *open = strchr(blank, '"'), *close; open && open < end && (close = strchr(open + 1, '"'));
       open = strchr(close + 1, '"'))
    if (!stralloc_catb(data, open + 1, (size_t)(close - open - 1))) return 0;
  return stralloc_0(data) ? end + 1 + strspn(end + 1, "\n") : 0;
}

static int recordkeys_add(genalloc *list, char const *said)
{
  stralloc name = STRALLOC_ZERO, data = STRALLOC_ZERO;
  int result = 0;

  while (!result && (said = recordkeys_read(&name, &data, said)))
    result = records_add(list, name.s, "TXT", data.s,
                         "nobody can verify our signatures, and DMARC then fails for what is forwarded", 0);
  stralloc_free(&name);
  stralloc_free(&data);
  return result;
}

int records_add_dkim(genalloc *list, stralloc *notes, bundle const *b)
{
  stralloc keys = STRALLOC_ZERO, program = STRALLOC_ZERO, said = STRALLOC_ZERO;
  char const *argv[] = {"s6-setuidgid", dkim_user(b), 0, "--records", 0, 0};
  int result = -1;

  if (!dkim_present(b)) return 0;
  if (dkim_keys(&keys, b) < 0 || service_append(&program, "%s/dkim", b->libexec) < 0 || !stralloc_0(&program))
    goto end;
  argv[2] = program.s;
  argv[4] = keys.s;
  if (access(keys.s, F_OK) < 0 || run_wait(argv + (b->root ? 0 : 2), 0, 0, &said, PATIENCE) != 0 ||
      !stralloc_0(&said) || said.len == 1)
    result = service_append(notes, "; There is no key of DKIM yet: mailctl dkim new DOMAIN\n");
  else
    result = recordkeys_add(list, said.s);
end:
  stralloc_free(&keys);
  stralloc_free(&program);
  stralloc_free(&said);
  return result;
}

/* --- the certificate -------------------------------------------------------------------------------- */

int records_add_tlsa(genalloc *list, stralloc *notes, bundle const *b, char const *host)
{
  static char const script[] = "openssl x509 -in \"$1\" -noout -pubkey 2>&1 | openssl pkey -pubin -outform "
                               "DER 2>&1 | openssl dgst -sha256 -r 2>&1";
  section const *tls = bundle_section(b, "tls");
  char const *file = tls ? section_text(tls, "certificate") : 0;
  char const *argv[] = {"sh", "-c", script, "sh", file, 0};
  stralloc said = STRALLOC_ZERO;
  char name[300], data[80];
  int result;

  if (!file) return 0;
  if (access(file, R_OK) < 0 || run_wait(argv, 0, 0, &said, PATIENCE) != 0 || said.len < 65 ||
      said.s[64] != ' ')
    result = service_append(notes, "; %s: its TLSA record cannot be told\n", file);
  else
  {
    snprintf(name, sizeof name, "_25._tcp.%s.", host);
    snprintf(data, sizeof data, "3 1 1 %.64s", said.s);
    result = service_append(
                 notes, "; The TLSA record is for a zone that is signed (DNSSEC); else leave it out\n") < 0
                 ? -1
                 : records_add(list, name, "TLSA", data,
                               "who uses DANE refuses to send mail here while it is another", 1);
  }
  stralloc_free(&said);
  return result;
}
