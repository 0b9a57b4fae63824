#include <stdlib.h>
#include <string.h>

#include <services/contract/service.h>
#include <services/contract/where.h>

#include "check.h"
#include "dovecot.h"

static key const keys[] = {
    {.name = "listen",
     .type = KEY_ADDRESSES,
     .fallback = "127.0.0.1:2143, 127.0.0.1:2993/tls",
     .help = "addresses for IMAP; the label /tls: TLS from the first byte"},
    {.name = "pop3",
     .type = KEY_ADDRESSES,
     .help = "addresses for POP3, each ADDRESS:PORT or ADDRESS:PORT/tls; without them there is none"},
    {.name = "lmtp",
     .type = KEY_BOOL,
     .fallback = "no",
     .help = "take mail by LMTP, on the socket imap/lmtp below run: [spool] deliver, or another mta, can "
             "hand it over"},
    {.name = "sieve",
     .type = KEY_BOOL,
     .fallback = "no",
     .help = "people's Sieve scripts sort what comes by LMTP (Debian's dovecot-sieve)"},
    {.name = "window",
     .type = KEY_TEXT,
     .help = "a class of windows, [limit CLASS] with window = yes: a login opens one for its address; see "
             "window in [submission]"},
    {.name = "window-time",
     .type = KEY_TIME,
     .fallback = "30m",
     .min = 1000,
     .max = 86400000,
     .help = "for so long"},
    {.name = "quota",
     .type = KEY_SIZE,
     .help = "how much mail a user may have, if nothing else is said of him"},
    {.name = "include", .type = KEY_PATH, .help = "a file of Dovecot's own settings, read last: it prevails"},
    {.name = "program",
     .type = KEY_PATH,
     .fallback = "/usr/sbin/dovecot",
     .help = "Dovecot 2.3 or 2.4; it is asked for its version when it starts"},
    {.name = 0}};

static int add_tls(dovecot *d, bundle const *b)
{
  section const *tls = bundle_section(b, "tls");
  value const *v = tls ? genalloc_s(value, &tls->values) : 0;

  for (size_t n = tls ? genalloc_len(value, &tls->values) : 0; n; n--, v++)
    if (!strcmp(v->key->name, "certificate"))
    {
      if (d->certificates == DOVECOT_CERTIFICATES) break;
      d->certificate[d->certificates] = d->key[d->certificates] = v->text;
      d->certificates++;
    }
    else if (!strcmp(v->key->name, "key") && d->certificates)
      d->key[d->certificates - 1] = v->text;
  return 0;
}

/* Who is not root runs all of Dovecot as himself. */
static void add_users(dovecot *d, bundle const *b)
{
  d->auth_user = auth_users_owner(b);
  d->root = b->root;
}

/* What the section, and the sections that it leans on, say. Texts are theirs; d->directory and d->users are ours. */
static int imap_gather(dovecot *d, stralloc paths[3], service const *sv)
{
  section const *s = sv->section;
  bundle const *b = sv->bundle;

  *d = (dovecot){.imap = section_text(s, "listen"), .pop3 = section_text(s, "pop3")};
  d->lmtp = section_number(s, "lmtp") != 0;
  d->sieve = section_number(s, "sieve") != 0;
  d->quota = section_number(s, "quota");
  d->include = section_text(s, "include");
  d->owner = sv->user;
  if (service_append(paths, "%s/imap", b->run) < 0 || !stralloc_0(paths) ||
      spool_mail(paths + 1, b, "") < 0 || auth_users_file(paths + 2, b) < 0)
    return -1;
  d->directory = paths[0].s;
  d->mail = paths[1].s;
  d->users = paths[2].s;
  add_users(d, b);
  return add_tls(d, b);
}

static void imap_examine(service const *sv, report *r)
{
  bundle const *b = sv->bundle;
  section const *s = sv->section;
  section const *auth = bundle_section(b, "auth");

  if (bundle_qmail(b))
    report_error(r, s, 0,
                 "reads the Maildirs of [spool]; with mta = qmail, run Dovecot as [service dovecot]");
  if (!auth)
    report_error(r, s, 0, "needs [auth], whose file of users has the passwords");
  else if (section_text(auth, "program"))
    report_error(r, s, 0, "reads the file of users of [auth], which runs a program instead");
  rater_examine_window(b, s, r);
  if (section_number(s, "sieve") && !section_number(s, "lmtp"))
    report_error(r, s, "sieve", "sorts what comes by LMTP: say lmtp = yes, too");
  if (!bundle_section(b, "tls") && section_says(s, "listen") && strstr(section_text(s, "listen"), "/tls"))
    report_error(r, s, "listen", "/tls needs a section [tls] with a certificate");
}

/* Both: which Dovecot there will be, only the machine can tell. */
static int imap_add_files(service *sv, dovecot const *d)
{
  stralloc sa = STRALLOC_ZERO;
  int result = dovecot_2_3(&sa, d);

  if (!result) result = service_add_file(sv, "data/dovecot-2.3.conf", sa.s, sa.len, 0644);
  sa.len = 0;
  if (!result) result = dovecot_2_4(&sa, d);
  if (!result) result = service_add_file(sv, "data/dovecot-2.4.conf", sa.s, sa.len, 0644);
  stralloc_free(&sa);
  return result;
}

/*
 * mail.conf in Dovecot's own directory says whose the Maildirs are, by number, and who runs Dovecot where that is not root. s6-notifyoncheck asks until the master
 * answers.
 */
#define OWN_USER "default_internal_user = %s\\ndefault_internal_group = %s\\ndefault_login_user = %s\\n"

/* The log goes through imap-log, as a user who can do nothing: it reads what strangers called themselves. */
static int imap_add_log(service *sv, stralloc *sa)
{
  bundle const *b = sv->bundle;
  char const *user = bundle_user(b, sv->section), *window = section_text(sv->section, "window");

  if (service_append(sa, "pipeline -dw { redirfd -w 1 /dev/null ") < 0) return -1;
  if (b->root && user && service_append(sa, "s6-setuidgid %s ", user) < 0) return -1;
  if (service_word(sa, "", b->libexec, "/imap-log") < 0 ||
      service_word(sa, " -c ", b->state, "/imap/counters") < 0)
    return -1;
  if (bundle_section(b, "rater") &&
      (service_add_need(sv, "rater") < 0 || service_word(sa, " -R ", b->run, "/rater.sock") < 0))
    return -1;
  if (window && *window &&
      (service_word(sa, " -w ", window, "") < 0 ||
       service_append(sa, " -t %llu", (unsigned long long)section_number(sv->section, "window-time") / 1000) <
           0))
    return -1;
  return service_append(sa, " }\nfdmove -c 2 1\n");
}

static int imap_add_run(service *sv, dovecot const *d)
{
  char const *program = section_text(sv->section, "program");
  char const *owner = sv->bundle->root && sv->user ? sv->user : "";
  stralloc sa = STRALLOC_ZERO;
  stralloc conf = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&conf, "%s/servicedirs/%s/data/dovecot-", sv->bundle->run, sv->name) < 0 ||
      !stralloc_0(&conf) || service_prelude(sv, &sa) < 0 ||
      service_append(&sa, "backtick -E uid { id -u %s }\nbacktick -E gid { id -g %s }\n%s", owner, owner,
                     d->root ? "" : "backtick -E name { id -un }\nbacktick -E group { id -gn }\n") < 0 ||
      service_append(&sa, "foreground { redirfd -w 1 ") < 0 ||
      service_word(&sa, "", d->directory, "/mail.conf") < 0 ||
      service_append(&sa,
                     " printf \"mail_uid = %%s\\nmail_gid = %%s\\n%s\" $uid $gid%s }\n"
                     "backtick -E version { pipeline { ",
                     d->root ? "" : OWN_USER, d->root ? "" : " $name $group $name") < 0 ||
      service_quote(&sa, program) < 0 || service_append(&sa, " --version } cut -c 1-3 }\n") < 0 ||
      service_append(&sa,
                     "s6-notifyoncheck -3 3 -d -n 0 -w 200 -t 10000 -c "
                     "\"redirfd -w 1 /dev/null fdmove -c 2 1 doveadm -c %s${version}.conf process status\"\n",
                     conf.s) < 0 ||
      service_append(&sa, "fdclose 3\n") < 0 || imap_add_log(sv, &sa) < 0 ||
      service_quote(&sa, program) < 0 || service_append(&sa, " -F -c %s${version}.conf\n", conf.s) < 0)
    goto end;
  if (service_add_file(sv, "run", sa.s, sa.len, 0755) == 0 &&
      service_add_text(sv, "notification-fd", 0644, "3\n") == 0 &&
      service_add_text(sv, "timeout-kill", 0644, "20000\n") == 0)
    result = service_add_program(sv, program);
end:
  stralloc_free(&sa);
  stralloc_free(&conf);
  return result;
}

static int imap_add_counters(service *sv)
{
  bundle const *b = sv->bundle;
  char const *user = bundle_user(b, sv->section);
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/imap-log", b->libexec) == 0 && stralloc_0(&path) &&
      service_add_program(sv, path.s) == 0)
  {
    path.len = 0;
    if (service_append(&path, "%s/imap", b->state) == 0 && stralloc_0(&path))
      result = service_add_directory(sv, path.s, 0755, user ? user : "");
  }
  stralloc_free(&path);
  return result;
}

static int imap_make(service *sv, report *r)
{
  stralloc paths[3] = {STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO};
  section const *spool = bundle_section(sv->bundle, "spool");
  char const *owner = spool ? section_text(spool, "user") : 0;
  dovecot d;
  int result = -1;

  imap_examine(sv, r);
  if (owner && *owner) sv->user = owner; /* the Maildirs' */
  if (imap_gather(&d, paths, sv) == 0 && imap_add_files(sv, &d) == 0 && imap_add_run(sv, &d) == 0)
    result = service_add_directory(sv, d.directory, 0755, "");
  if (!result) result = imap_add_counters(sv);
  sv->user = 0; /* Dovecot begins as root, and drops by itself */
  for (unsigned int i = 0; i < 3; i++) stralloc_free(paths + i);
  return result;
}

/* What doveconf says of the very files that would be used. */
static void imap_check(service const *sv, report *r)
{
  service_file const *f = genalloc_s(service_file, &sv->files);

  for (size_t n = genalloc_len(service_file, &sv->files); n; n--, f++)
    if (!strncmp(f->path, "data/dovecot-", 13))
      imap_check_conf(sv->section, f->path + 13, f->bytes.s, f->bytes.len, r);
}

service_kind const imap_kinds[] = {
    {.section = {.name = "imap",
                 .help = "People read their mail: Dovecot, with what this file says",
                 .keys = keys},
     .make = imap_make,
     .check = imap_check,
     .service = "imap",
     .reloads = RELOADS},
    {.section = {.name = 0}}};
