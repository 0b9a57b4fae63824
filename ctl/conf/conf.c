#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <services/contract/bundle.h>

#include "conf-internal.h"

void conf_say(report *r, unsigned int line, section const *s, char const *name, char const *format, ...)
{
  char what[1024];
  va_list args;

  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  report_line(r, line, "[%s%s%s] %s%s%s", s->kind->name, s->argument && *s->argument ? " " : "",
              s->argument ? s->argument : "", name ? name : "", name ? ": " : "", what);
}

section *conf_section(conf const *c, size_t i)
{
  return genalloc_s(section, &c->sections) + i;
}

static void add_defaults(parser *p)
{
  size_t n = genalloc_len(section, &p->c->sections);

  for (size_t i = 0; i < n && !p->failed; i++)
  {
    section *s = conf_section(p->c, i);
    for (key const *k = s->kind->keys; k && k->name; k++)
      if (k->fallback && !section_value(s, k->name)) conf_add_value(p, s, k, k->fallback, 0);
  }
}

/* A qmail has its control files in its home. */
static void add_qmail_control(parser *p)
{
  section *s = conf_section(p->c, 0);
  key const *home = key_find(s->kind, "qmail-home");
  char const *said = section_text(s, "qmail-home");
  char path[PATH_MAX + 16];

  if (section_value(s, "control") || section_number(s, "mta") != 1) return;
  snprintf(path, sizeof path, "%s/control", said ? said : home->fallback);
  conf_add_value(p, s, key_find(s->kind, "control"), path, 0);
}

/* The machine's own name, where the file gives none. */
static void add_hostname(parser *p)
{
  section *s = conf_section(p->c, 0);
  char name[256];

  if (section_value(s, "hostname")) return;
  if (gethostname(name, sizeof name) < 0 || !*name) strcpy(name, "localhost");
  name[sizeof name - 1] = 0;
  conf_add_value(p, s, key_find(s->kind, "hostname"), name, 0);
}

static char *absolute(char const *file)
{
  char directory[PATH_MAX];
  char *result;

  if (file[0] == '/') return strdup(file);
  while (file[0] == '.' && file[1] == '/') file += 1 + strspn(file + 1, "/");
  if (!getcwd(directory, sizeof directory)) return 0;
  return asprintf(&result, "%s/%s", strcmp(directory, "/") ? directory : "", file) < 0 ? 0 : result;
}

static char *directory_of(char const *file)
{
  char const *slash = strrchr(file, '/');
  return slash == file ? strdup("/") : strndup(file, (size_t)(slash - file));
}

static int run(parser *p)
{
  conf_add_section(p, &bundle_kind, "");
  if (p->failed) return -1;
  conf_section(p->c, 0)->line = 0;
  if (conf_lines(p) < 0) return -1;
  add_qmail_control(p);
  if (!p->failed) add_defaults(p);
  if (!p->failed) add_hostname(p);
  if (p->failed) return -1;
  p->c->home = directory_of(section_text(conf_section(p->c, 0), "control"));
  return p->c->home ? conf_check_whole(p->c, p->r) : -1;
}

int conf_parse(conf *c, char const *file, char const *bytes, size_t len, report *r)
{
  parser p = {.c = c, .r = r, .len = len, .place = BEFORE, .other = SECTION_ZERO};
  int result = -1;

  if (!r->file) r->file = file;
  if (!stralloc_copyb(&c->bytes, bytes, len)) return -1;
  p.bytes = c->bytes.s;
  c->file = absolute(file);
  p.directory = c->file ? directory_of(c->file) : 0;
  if (p.directory) result = run(&p);
  free(p.directory);
  return result;
}

int conf_read(conf *c, char const *file, report *r)
{
  stralloc bytes = STRALLOC_ZERO;
  int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  int result = -1;
  size_t n;

  if (fd < 0) return -1;
  if (!r->file) r->file = file;
  if (!stralloc_ready(&bytes, CONF_MAX + 1)) goto end;
  errno = 0;
  n = allread(fd, bytes.s, CONF_MAX + 1);
  if (errno && errno != EPIPE && n <= CONF_MAX) goto end;
  if (n > CONF_MAX) report_line(r, 0, "a file of more than %u bytes", CONF_MAX);
  result = conf_parse(c, file, bytes.s, n > CONF_MAX ? 0 : n, r);
end:
  fd_close(fd);
  stralloc_free(&bytes);
  return result;
}

void conf_free(conf *c)
{
  size_t n = genalloc_len(section, &c->sections);

  for (size_t i = 0; i < n; i++)
  {
    section *s = conf_section(c, i);
    size_t m = genalloc_len(value, &s->values);
    for (size_t j = 0; j < m; j++) free(genalloc_s(value, &s->values)[j].text);
    genalloc_free(value, &s->values);
    free(s->argument);
  }
  genalloc_free(section, &c->sections);
  stralloc_free(&c->bytes);
  free(c->file);
  free(c->home);
  c->file = c->home = 0;
}

int bundle_fill(bundle *b, conf const *c, char const *libexec, char const *bin, int root)
{
  section const *s = genalloc_s(section, &c->sections);

  if (!genalloc_len(section, &c->sections) || !c->home || !section_text(s, "hostname"))
    return (errno = ENOMEM, -1);
  b->sections = &c->sections;
  b->self = s;
  b->file = c->file;
  b->hostname = section_text(s, "hostname");
  b->state = section_text(s, "state");
  b->run = section_text(s, "run");
  b->log = section_text(s, "log");
  b->control = section_text(s, "control");
  b->home = c->home;
  b->libexec = libexec;
  b->bin = bin;
  b->root = root;
  return 0;
}
