#include <string.h>

#include <skalibs/stralloc.h>

#include <services/contract/service.h>

#include "report-internal.h"

#define SPARE_MS 10000 /* what tlsd may take after its drain time, before it is killed */

static key const keys[] = {
    {.name = "certificate",
     .type = KEY_PATH,
     .repeat = 1,
     .help = "a certificate and its chain, in PEM; several are chosen from by name and kind of key"},
    {.name = "key",
     .type = KEY_PATH,
     .repeat = 1,
     .help = "the private key of the certificate on the line before; without it, in the same file"},
    {.name = "protocol",
     .type = KEY_CHOICE,
     .fallback = "1.2",
     .choices = "1.0|1.1|1.2|1.3",
     .help = "the oldest TLS protocol that is accepted"},
    {.name = "ciphers", .type = KEY_TEXT, .help = "TLS 1.2 ciphers, as in openssl-ciphers(1)"},
    {.name = "groups", .type = KEY_TEXT, .help = "key exchange groups, such as X25519:P-256"},
    {.name = "concurrency",
     .type = KEY_COUNT,
     .fallback = "1000",
     .min = 1,
     .max = 10000,
     .help = "sessions at a time"},
    {.name = "per-client",
     .type = KEY_COUNT,
     .fallback = "50",
     .min = 1,
     .max = 10000,
     .help = "sessions at a time of one client address (IPv6: of one /64)"},
    {.name = "spare",
     .type = KEY_COUNT,
     .fallback = "4",
     .min = 1,
     .max = 1000,
     .help = "processes that wait for the next sessions"},
    {.name = "handshake-time",
     .type = KEY_TIME,
     .fallback = "30s",
     .min = 100,
     .max = 600000,
     .help = "how long a handshake may take"},
    {.name = "idle-time",
     .type = KEY_TIME,
     .fallback = "30m",
     .min = 1000,
     .max = 86400000,
     .help = "how long a session may be silent; smtpd's own bounds are shorter"},
    {.name = "user", .type = KEY_USER, .help = "whom tlsd runs as once it has read the keys"},
    {.name = 0}};

static unsigned int drain_of(service const *sv)
{
  return (unsigned int)section_number(sv->bundle->self, "drain");
}

static unsigned int number(service const *sv, char const *name)
{
  return (unsigned int)section_number(sv->section, name);
}

/* In the order of the file: a key belongs to the certificate before it. */
static int add_certificates(stralloc *sa, service const *sv, report *r)
{
  value const *v = genalloc_s(value, &sv->section->values);
  unsigned int certificates = 0;
  unsigned int with_key = 0;

  for (size_t n = genalloc_len(value, &sv->section->values); n; n--, v++)
  {
    if (!strcmp(v->key->name, "certificate"))
    {
      certificates++;
      if (service_append(sa, "certificate %s\n", v->text) < 0) return -1;
    }
    else if (!strcmp(v->key->name, "key"))
    {
      if (with_key == certificates)
        report_line(r, v->line, "[tls] key: it has no certificate before it");
      else if (service_append(sa, "key %s\n", v->text) < 0)
        return -1;
      with_key = certificates;
    }
  }
  if (!certificates) report_error(r, sv->section, "certificate", "not set: tlsd has nothing to show");
  return 0;
}

/* tlsd's configuration file; tlsd(8) has the format. */
static int add_settings(stralloc *sa, service const *sv, report *r)
{
  char const *ciphers = section_text(sv->section, "ciphers");
  char const *groups = section_text(sv->section, "groups");

  if (add_certificates(sa, sv, r) < 0) return -1;
  if (ciphers && *ciphers && service_append(sa, "ciphers %s\n", ciphers) < 0) return -1;
  if (groups && *groups && service_append(sa, "groups %s\n", groups) < 0) return -1;
  return service_append(
      sa, "protocol 1.%u\nworkers %u\nper-client %u\nspare %u\nhandshake %u\nidle %u\ndrain %u\n",
      number(sv, "protocol"), number(sv, "concurrency"), number(sv, "per-client"), number(sv, "spare"),
      number(sv, "handshake-time"), number(sv, "idle-time"), number(sv, "drain"));
}

static char const *user_of(bundle const *b, char const *name)
{
  section const *s = bundle_section(b, name);
  char const *user = s ? section_text(s, "user") : 0;

  return !s ? 0 : user && *user ? user : section_text(b->self, "user");
}

/* Who may open the socket: those who serve SMTP. */
static int add_clients(stralloc *sa, bundle const *b)
{
  char const *one = user_of(b, "smtpd");
  char const *other = user_of(b, "submission");

  if (!b->root) return 0;
  if (one && *one && service_append(sa, " -a %s", one) < 0) return -1;
  if (other && *other && (!one || strcmp(one, other))) return service_append(sa, " -a %s", other);
  return 0;
}

static int add_command(stralloc *sa, service const *sv)
{
  bundle const *b = sv->bundle;

  if (service_word(sa, "", b->libexec, "/tlsd") < 0 || service_append(sa, " -d 3") < 0) return -1;
  if (b->root && sv->user && service_append(sa, " -u %s", sv->user) < 0) return -1;
  if (add_clients(sa, b) < 0 || service_word(sa, " -c ", b->run, "/tls/counters") < 0 ||
      service_word(sa, " ", b->run, "/tls.sock") < 0)
    return -1;
  return service_word(sa, " ", b->run, "/servicedirs/tls/data/tlsd.conf");
}

static int add_directory_and_program(service *sv)
{
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/tls", sv->bundle->run) < 0 || !stralloc_0(&path) ||
      service_add_directory(sv, path.s, 0755, "") < 0)
    goto end;
  path.len = 0;
  if (service_append(&path, "%s/tlsd", sv->bundle->libexec) < 0 || !stralloc_0(&path)) goto end;
  result = service_add_program(sv, path.s);
end:
  stralloc_free(&path);
  return result;
}

static int make(service *sv, report *r)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (sv->bundle->root && sv->user && !strcmp(sv->user, "root"))
    report_error(r, sv->section, "user", "tlsd talks to the network: give it a user other than root");
  if (add_settings(&sa, sv, r) < 0 || service_add_file(sv, "data/tlsd.conf", sa.s, sa.len, 0644) < 0)
    goto end;
  sa.len = 0;
  if (add_command(&sa, sv) < 0 || !stralloc_0(&sa)) goto end;
  sv->user = 0; /* the keys may be root's alone; tlsd drops by itself */
  if (service_add_run(sv, sa.s, drain_of(sv) + SPARE_MS) < 0) goto end;
  result = add_directory_and_program(sv);
end:
  stralloc_free(&sa);
  return result;
}

static void check(service const *sv, report *r)
{
  stralloc program = STRALLOC_ZERO;
  stralloc text = STRALLOC_ZERO;
  report ignored = REPORT_ZERO;

  if (section_value(sv->section, "certificate") &&
      service_append(&program, "%s/tlsd", sv->bundle->libexec) == 0 && stralloc_0(&program) &&
      add_settings(&text, sv, &ignored) == 0)
    check_report(sv->section, program.s, text.s, text.len, r);
  report_free(&ignored);
  stralloc_free(&program);
  stralloc_free(&text);
}

service_kind const tls_kinds[] = {{.section = {.name = "tls", .help = "TLS as a service", .keys = keys},
                                   .make = make,
                                   .check = check,
                                   .service = "tls",
                                   .user = "mailctl-tls",
                                   .reloads = RELOADS_AND_TELLS,
                                   .init = "certificate = state/tls/cert.pem\n"
                                           "key = state/tls/key.pem\n"},
                                  {.section = {.name = 0}}};
