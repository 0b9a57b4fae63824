#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/entries.h>
#include <runlib/maildirsize.h>
#include <runlib/run.h>
#include <runlib/users.h>
#include <runlib/walk.h>

#include <ctl/command/userline.h>
#include <ctl/command/usershow.h>
#include <ctl/say.h>

/* --- what is known of one ---------------------------------------------------------------------------- */

static char const *login_words(users_match const *m)
{
  if (!m->hash) return "none";
  if (m->len && m->hash[0] == '!') return m->len > 1 ? "disabled" : "no password";
  return "yes";
}

/* What his Maildir has, as maildirsize tells; 0: it does not. */
static uint64_t used(people const *p, char const *name)
{
  char path[PATH_MAX];
  maildirsize z = {.limit = 0};
  int fd;

  snprintf(path, sizeof path, "%s/%s", p->mail.s, name);
  fd = walk_directory(AT_FDCWD, path);
  if (fd < 0) return 0;
  if (maildirsize_read(fd, &z) <= 0) z.bytes = 0;
  fd_close(fd);
  return z.bytes;
}

static void print_size(char const *before, uint64_t n, char const *none)
{
  if (!n)
    printf("%s%s", before, none);
  else if (n % 1048576)
    printf("%s%lluK", before, (unsigned long long)((n + 1023) / 1024));
  else
    printf("%s%lluM", before, (unsigned long long)(n / 1048576));
}

/* --- all ---------------------------------------------------------------------------------------------- */

static void list_line(people const *p, stralloc const *users, char const *name)
{
  users_match m = users_find(users->s, users->len, name);

  printf("%s\t%s", name, login_words(&m));
  print_size("\t", userline_quota(m.rest, m.restlen), "-");
  print_size("\t", used(p, name), "-");
  putchar('\n');
}

static int by_name(void const *a, void const *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static int name_add(genalloc *names, char const *s, size_t n)
{
  char *copy = strndup(s, n);

  if (copy && genalloc_append(char *, names, &copy)) return 0;
  free(copy);
  return -1;
}

static int names_of_mail(people const *p, genalloc *names)
{
  int fd = p->mail.len ? walk_directory(AT_FDCWD, p->mail.s) : -1, result = 0;
  DIR *dir = fd < 0 ? 0 : fdopendir(fd);
  struct dirent *d;

  if (!dir) return 0; /* there is none yet */
  while (!result && (d = readdir(dir)))
    if (d->d_name[0] != '.' && people_exists((void *)p, d->d_name))
      result = name_add(names, d->d_name, strlen(d->d_name));
  closedir(dir);
  return result;
}

int user_list(people *p)
{
  stralloc users = STRALLOC_ZERO;
  genalloc names = GENALLOC_ZERO; /* of char * */
  char const *name;
  size_t pos = 0, n;
  int status = people_read(&p->users, &users), r = 0;

  while (!status && !r && userline_next(users.s, users.len, &pos, &name, &n)) r = name_add(&names, name, n);
  if (!status && !r) r = names_of_mail(p, &names);
  if (!status && r < 0) status = (say_cannot("list the users"), EXIT_SYSTEM);
  char **s = genalloc_s(char *, &names);
  n = genalloc_len(char *, &names);
  if (n) qsort(s, n, sizeof *s, &by_name);
  if (!status && n) puts("NAME\tLOGIN\tQUOTA\tUSED");
  for (size_t i = 0; i < n; i++)
  {
    if (!status && (!i || strcmp(s[i - 1], s[i]))) list_line(p, &users, s[i]);
    if (i) free(s[i - 1]);
  }
  if (n) free(s[n - 1]);
  genalloc_free(char *, &names);
  stralloc_free(&users);
  return status;
}

/* --- one ---------------------------------------------------------------------------------------------- */

static int leads_to(people *p, char const *address, char const *name)
{
  stralloc directories = STRALLOC_ZERO, why = STRALLOC_ZERO;
  int found = 0;

  if (mapping_find(&p->map, address, strlen(address), &people_exists, p, &directories, &why) > 0)
    for (size_t i = 0; i < directories.len && !found; i += strlen(directories.s + i) + 1)
      found = !strcmp(directories.s + i, name);
  stralloc_free(&directories);
  stralloc_free(&why);
  return found;
}

static int print_word(void *data, char const *name, size_t namelen, char const *word, size_t len)
{
  (void)data;
  (void)name;
  (void)namelen;
  printf("sends as\t%.*s\n", (int)len, word);
  return 0;
}

static void show_addresses(people *p, char const *name)
{
  size_t const *domain = genalloc_s(size_t, &p->map.domains);
  alias const *a = genalloc_s(alias, &p->map.aliases);
  size_t n = genalloc_len(size_t, &p->map.domains);

  for (size_t i = 0; i < n; i++)
  {
    char address[MAPPING_NAME_MAX + 300];
    char const *host = p->map.text.s + domain[i];
    size_t k = 0;
    while (k < i && strcmp(p->map.text.s + domain[k], host)) k++;
    snprintf(address, sizeof address, "%s@%s", name, host);
    if (k == i && *host != '.' && leads_to(p, address, name)) printf("address\t%s\n", address);
  }
  for (size_t i = 0; i < genalloc_len(alias, &p->map.aliases); i++, a++)
    if (strcmp(p->map.text.s + a->name, name) && leads_to(p, p->map.text.s + a->name, name))
      printf("alias\t%s\n", p->map.text.s + a->name);
}

/* `user proto pid ip sid`, with tabs between, below a line of titles. */
static void show_sessions(people const *p, char const *name)
{
  char file[PATH_MAX];
  char const *const argv[] = {"doveadm", "-f", "tab", "-c", file, "who", "-1", name, 0};
  stralloc said = STRALLOC_ZERO;
  char *line, *rest;

  snprintf(file, sizeof file, "%s/imap/dovecot.conf", p->w.b.run);
  if (bundle_section(&p->w.b, "imap") && access(file, R_OK) == 0 && run_wait(argv, 0, 0, &said, 10000) == 0 &&
      stralloc_0(&said))
    for (rest = said.s, strsep(&rest, "\n"); (line = strsep(&rest, "\n"));)
    {
      char *word[4] = {0};
      for (unsigned int i = 0; i < 4; i++) word[i] = strsep(&line, "\t");
      if (word[3] && !strcmp(word[0], name))
        printf("session\t%s from %s, pid %s\n", word[1], word[3], word[2]);
    }
  stralloc_free(&said);
}

int user_show(people *p, char const *name)
{
  stralloc users = STRALLOC_ZERO, senders = STRALLOC_ZERO;
  int status = people_read(&p->users, &users);
  users_match m = users_find(users.s, users.len, name);
  int mail = p->mail.len && people_exists(p, name);

  if (!status && !m.hash && !mail)
  {
    say("user: there is no ", name);
    status = EXIT_NO;
  }
  if (!status) status = people_read(&p->senders, &senders);
  if (!status)
  {
    printf("name\t%s\nlogin\t%s\nmail\t%s%s%s\n", name, login_words(&m), mail ? p->mail.s : "none",
           mail ? "/" : "", mail ? name : "");
    print_size("quota\t", userline_quota(m.rest, m.restlen), "none of their own");
    print_size("\nused\t", mail ? used(p, name) : 0, "not known");
    putchar('\n');
    show_addresses(p, name);
    entries_each(senders.s, senders.len, name, &print_word, 0);
    fflush(stdout);
    show_sessions(p, name);
  }
  stralloc_free(&users);
  stralloc_free(&senders);
  return status;
}
