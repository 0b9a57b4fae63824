#include <string.h>

#include <services/contract/service.h>
#include <services/contract/where.h>

static key const keys[] = {
    {.name = "keys",
     .type = KEY_PATH,
     .help = "the directory of the keys, which only the user may read (mailctl dkim); without it, dkim below "
             "state"},
    {.name = "away",
     .type = KEY_CHOICE,
     .fallback = "defer",
     .choices = "defer|send",
     .help = "what becomes of mail while nobody signs: it waits, or goes without a signature"},
    {.name = "concurrency",
     .type = KEY_COUNT,
     .fallback = "8",
     .min = 1,
     .max = 500,
     .help = "how many messages are signed at a time; the others wait"},
    {.name = "user", .type = KEY_USER, .help = "whom the signer runs as, the only one who may read the keys"},
    {.name = 0}};

int dkim_present(bundle const *b)
{
  return remote_present(b) && bundle_section(b, "dkim");
}

char const *dkim_user(bundle const *b)
{
  return bundle_user(b, bundle_section(b, "dkim"));
}

int dkim_keys(stralloc *path, bundle const *b)
{
  section const *s = bundle_section(b, "dkim");
  char const *said = s ? section_text(s, "keys") : 0;

  if (said && *said) return stralloc_cats(path, said) && stralloc_0(path) ? 0 : -1;
  return stralloc_cats(path, b->state) && stralloc_cats(path, "/dkim") && stralloc_0(path) ? 0 : -1;
}

int dkim_socket(stralloc *path, bundle const *b)
{
  return stralloc_cats(path, b->run) && stralloc_cats(path, "/dkim.sock") && stralloc_0(path) ? 0 : -1;
}

/* As remote's: the socket is one user's, that of remote, and each connection has a process. */
static int dkim_add_server(stralloc *sa, service *sv, char const *program)
{
  unsigned int n = (unsigned int)section_number(sv->section, "concurrency");
  stralloc path = STRALLOC_ZERO, keys_path = STRALLOC_ZERO;
  int result = -1;

  if (dkim_socket(&path, sv->bundle) < 0 || dkim_keys(&keys_path, sv->bundle) < 0 ||
      service_append(sa, "s6-ipcserver-socketbinder -a 0600 ") < 0 || service_word(sa, "", path.s, "") < 0)
    goto end;
  if (sv->bundle->root && (service_append(sa, "\nif { chown -h %s ", remote_user(sv->bundle)) < 0 ||
                           service_word(sa, "", path.s, "") < 0 || service_append(sa, " }") < 0))
    goto end;
  if (service_append(sa, "\n") < 0 || service_drop(sv, sa) < 0 ||
      service_append(sa, "fdmove 1 3\ns6-ipcserverd -1 -P -c %u -C %u\n", n, n) < 0 ||
      service_quote(sa, program) < 0)
    goto end;
  result = service_word(sa, " ", keys_path.s, "") < 0 ? -1 : service_append(sa, "\n");
  if (!result) result = service_add_directory(sv, keys_path.s, 0700, 0);
end:
  stralloc_free(&path);
  stralloc_free(&keys_path);
  return result;
}

static int make(service *sv, report *r)
{
  stralloc program = STRALLOC_ZERO, sa = STRALLOC_ZERO;
  int result = -1;

  (void)r;
  if (service_append(&program, "%s/dkim", sv->bundle->libexec) == 0 && stralloc_0(&program) &&
      service_prelude(sv, &sa) == 0 && dkim_add_server(&sa, sv, program.s) == 0 &&
      service_add_file(sv, "run", sa.s, sa.len, 0755) == 0 && service_add_program(sv, program.s) == 0 &&
      service_add_text(sv, "notification-fd", 0644, "3\n") == 0)
    result = service_add_text(sv, "timeout-kill", 0644, "5000\n");
  stralloc_free(&program);
  stralloc_free(&sa);
  return result;
}

service_kind const dkim_kinds[] = {
    {.section = {.name = "dkim", .help = "Signatures for mail to other hosts", .keys = keys},
     .user = "mailctl-dkim",
     .present = dkim_present,
     .make = make,
     .service = "dkim",
     .init = ""},
    {.section = {.name = 0}}};
