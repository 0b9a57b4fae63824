#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <services/contract/service.h>

section const *bundle_section(bundle const *b, char const *name)
{
  section const *s = genalloc_s(section, b->sections);
  size_t n = genalloc_len(section, b->sections);

  for (; n; n--, s++)
    if (!strcmp(s->kind->name, name)) return s;
  return 0;
}

section const *bundle_limit(bundle const *b, char const *class)
{
  section const *s = genalloc_s(section, b->sections);

  for (size_t n = genalloc_len(section, b->sections); n; n--, s++)
    if (!strcmp(s->kind->name, "limit") && !strcmp(s->argument, class)) return s;
  return 0;
}

int bundle_qmail(bundle const *b)
{
  return section_number(b->self, "mta") == 1;
}

char const *bundle_user(bundle const *b, section const *s)
{
  char const *user = s ? section_text(s, "user") : 0;

  if (!user || !*user) user = section_text(b->self, "user");
  return user && *user ? user : "root";
}

int service_add_file(service *sv, char const *path, char const *bytes, size_t len, mode_t mode)
{
  service_file f = {.path = strdup(path), .bytes = STRALLOC_ZERO, .mode = mode};

  if (f.path && stralloc_ready(&f.bytes, len + 1) && stralloc_catb(&f.bytes, bytes, len) &&
      genalloc_append(service_file, &sv->files, &f))
    return 0;
  free(f.path);
  stralloc_free(&f.bytes);
  return -1;
}

int service_add_text(service *sv, char const *path, mode_t mode, char const *format, ...)
{
  va_list args;
  char *s = 0;
  int n;
  int result;

  va_start(args, format);
  n = vasprintf(&s, format, args);
  va_end(args);
  if (n < 0) return -1;
  result = service_add_file(sv, path, s, (size_t)n, mode);
  free(s);
  return result;
}

static int add_word(genalloc *list, char const *word)
{
  char *copy = strdup(word);

  if (copy && genalloc_append(char *, list, &copy)) return 0;
  free(copy);
  return -1;
}

int service_add_need(service *sv, char const *name)
{
  return add_word(&sv->needs, name);
}

int service_add_needs(service *sv, char const *list)
{
  char const *word;
  size_t n;

  while (list && (n = list_word(&list, &word)))
  {
    char *need = strndup(word, n);
    int r = need ? service_add_need(sv, need) : -1;
    free(need);
    if (r < 0) return -1;
  }
  return 0;
}

/* The bundle's own socket RUN/NAME.sock. */
static int is_socket_of(bundle const *b, char const *name, char const *address)
{
  size_t n = strlen(b->run);

  return bundle_section(b, name) && !strncmp(address, "unix:", 5) && !strncmp(address + 5, b->run, n) &&
         address[5 + n] == '/' && !strncmp(address + 6 + n, name, strlen(name)) &&
         !strcmp(address + 6 + n + strlen(name), ".sock");
}

int service_add_need_at(service *sv, char const *address)
{
  bundle const *b = sv->bundle;
  section const *s = genalloc_s(section, b->sections);
  value const *v;

  for (size_t k = genalloc_len(section, b->sections); k; k--, s++)
    for (size_t i = 0; !strcmp(s->kind->name, "service") && (v = section_nth(s, "socket", i)); i++)
      if (!strcmp(v->text, address)) return service_add_need(sv, s->argument);
  if (is_socket_of(b, "rater", address)) return service_add_need(sv, "rater");
  return is_socket_of(b, "policy", address) ? service_add_need(sv, "policy") : 0;
}

int service_add_control(service *sv, char const *name)
{
  return add_word(&sv->controls, name);
}

int service_add_program(service *sv, char const *path)
{
  return add_word(&sv->programs, path);
}

/* Printed where it is to stand; most are short, and some that mailctl prints by the thousand. */
int service_append(stralloc *sa, char const *format, ...)
{
  size_t room = 80;
  va_list args;

  for (;;)
  {
    int n;
    if (!stralloc_readyplus(sa, room)) return -1;
    va_start(args, format);
    n = vsnprintf(sa->s + sa->len, room, format, args);
    va_end(args);
    if (n < 0) return -1;
    if ((size_t)n < room) return (sa->len += (size_t)n, 0);
    room = (size_t)n + 1;
  }
}

int service_quote(stralloc *sa, char const *word)
{
  if (*word &&
      !word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:=@%+,*[]")])
    return stralloc_cats(sa, word) ? 0 : -1;
  if (!stralloc_catb(sa, "\"", 1)) return -1;
  for (; *word; word++)
  {
    if (*word == '\n')
    {
      if (!stralloc_catb(sa, "\\n", 2)) return -1;
      continue;
    }
    if ((*word == '"' || *word == '\\') && !stralloc_catb(sa, "\\", 1)) return -1;
    if (!stralloc_catb(sa, word, 1)) return -1;
  }
  return stralloc_catb(sa, "\"", 1) ? 0 : -1;
}

int service_word(stralloc *sa, char const *before, char const *directory, char const *name)
{
  stralloc word = STRALLOC_ZERO;
  int result = -1;

  if (stralloc_cats(&word, directory) && stralloc_cats(&word, name) && stralloc_0(&word) &&
      stralloc_cats(sa, before))
    result = service_quote(sa, word.s);
  stralloc_free(&word);
  return result;
}

static void free_words(genalloc *list)
{
  char **w = genalloc_s(char *, list);
  for (size_t n = genalloc_len(char *, list); n; n--) free(*w++);
  genalloc_free(char *, list);
}

static void free_directories(genalloc *list)
{
  service_directory *f = genalloc_s(service_directory, list);
  for (size_t n = genalloc_len(service_directory, list); n; n--, f++)
  {
    free(f->path);
    free(f->user);
  }
  genalloc_free(service_directory, list);
}

void service_free(service *sv)
{
  service_file *f = genalloc_s(service_file, &sv->files);

  for (size_t n = genalloc_len(service_file, &sv->files); n; n--, f++)
  {
    free(f->path);
    stralloc_free(&f->bytes);
  }
  genalloc_free(service_file, &sv->files);
  free_directories(&sv->directories);
  free_words(&sv->needs);
  free_words(&sv->controls);
  free_words(&sv->programs);
  free(sv->name);
  sv->name = 0;
}

static int add_directory(service *sv, char const *path, mode_t mode, char const *user, int shared)
{
  service_directory f = {.path = strdup(path), .user = 0, .mode = mode, .shared = shared};

  if (!user) user = sv->user ? sv->user : "";
  f.user = strdup(user);
  if (f.path && f.user && genalloc_append(service_directory, &sv->directories, &f)) return 0;
  free(f.path);
  free(f.user);
  return -1;
}

int service_add_directory(service *sv, char const *path, mode_t mode, char const *user)
{
  return add_directory(sv, path, mode, user, 0);
}

int service_add_shared_directory(service *sv, char const *path, mode_t mode)
{
  return add_directory(sv, path, mode, 0, 1);
}

/* `started CONTENT RUN JOURNAL NAME`: the plan puts the hash of the service's files in the place of @CONTENT@. */
int service_record(service *sv, char const *suffix, stralloc *sa)
{
  bundle const *b = sv->bundle;

  if (service_word(sa, "", b->libexec, "/started") < 0 || service_append(sa, " @CONTENT@") < 0 ||
      service_word(sa, " ", b->run, "") < 0 || service_word(sa, " ", b->state, "/journal") < 0)
    return -1;
  return service_append(sa, " %s%s\n", sv->name, suffix);
}

/* How a service that died is tried again: runlib/deaths.h. Its pauses may be longer than timeout-finish's default. */
int service_add_finish(service *sv)
{
  bundle const *b = sv->bundle;
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&sa, "#!/bin/execlineb -S2\n# %s died: written by mailctl.\n", sv->name) < 0 ||
      service_word(&sa, "", b->libexec, "/finished") < 0 || service_word(&sa, " ", b->run, "") < 0 ||
      service_word(&sa, " ", b->state, "/journal") < 0 ||
      service_append(&sa, " %s $1 $2%s\n", sv->name, sv->whole ? " whole" : "") < 0)
    goto end;
  if (service_add_file(sv, "finish", sa.s, sa.len, 0755) < 0) goto end;
  result = service_add_text(sv, "timeout-finish", 0644, "0\n");
end:
  stralloc_free(&sa);
  return result;
}

static int has_env(service const *sv)
{
  service_file const *f = genalloc_s(service_file, &sv->files);
  for (size_t n = genalloc_len(service_file, &sv->files); n; n--, f++)
    if (!strncmp(f->path, "env/", 4)) return 1;
  return 0;
}

int service_prelude(service *sv, stralloc *sa)
{
  if (service_append(sa,
                     "#!/bin/execlineb -P\n"
                     "# %s: written by mailctl. Edit mailctl.conf instead, then run `mailctl up`.\n"
                     "fdmove -c 2 1\n",
                     sv->name) < 0)
    return -1;
  if (service_record(sv, "", sa) < 0) return -1;
  return has_env(sv) ? service_append(sa, "s6-envdir env\n") : 0;
}

int service_drop(service *sv, stralloc *sa)
{
  return sv->bundle->root && sv->user ? service_append(sa, "s6-setuidgid %s\n", sv->user) : 0;
}

int service_add_run(service *sv, char const *command, unsigned int drain)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (service_prelude(sv, &sa) < 0 || service_append(&sa, "cd ") < 0 ||
      service_quote(&sa, sv->bundle->home) < 0 || service_append(&sa, "\n") < 0 ||
      service_drop(sv, &sa) < 0 || service_append(&sa, "%s\n", command) < 0)
    goto end;
  if (service_add_file(sv, "run", sa.s, sa.len, 0755) < 0) goto end;
  if (service_add_text(sv, "notification-fd", 0644, "3\n") < 0) goto end;
  result = service_add_text(sv, "timeout-kill", 0644, "%u\n", drain);
end:
  stralloc_free(&sa);
  return result;
}

int service_bind(service const *sv, stralloc *sa, char const *name, report *r)
{
  char const *mode = section_text(sv->section, "mode");

  if (!*mode || strlen(mode) > 4 || mode[strspn(mode, "01234567")] || strtoul(mode, 0, 8) > 0777)
    report_error(r, sv->section, "mode",
                 "not an octal mode (write 0666, or 0660 for the user and its group)");
  if (service_append(sa, "s6-ipcserver-socketbinder -b 1024 -a %s ", mode) < 0 ||
      service_word(sa, "", sv->bundle->run, name) < 0)
    return -1;
  return service_append(sa, "\n");
}

int service_door(service *sv, stralloc *sa)
{
  bundle const *b = sv->bundle;
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/doors", b->run) < 0 || !stralloc_0(&path) ||
      service_add_directory(sv, path.s, 0700, b->root ? "root" : 0) < 0)
    goto end;
  path.len--;
  if (service_append(&path, "/%s", sv->name) == 0 && stralloc_0(&path))
    result = service_word(sa, " -D ", path.s, "");
end:
  stralloc_free(&path);
  return result;
}

int service_listen(service const *sv, stralloc *sa, char const *name, char const *option)
{
  value const *v;
  char const *list, *word;
  size_t n;

  for (size_t i = 0; (v = section_nth(sv->section, name, i)); i++)
    for (list = v->text; (n = list_word(&list, &word));)
      if (service_append(sa, " %s %.*s", option, (int)n, word) < 0) return -1;
  return 0;
}
