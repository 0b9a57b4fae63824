#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/mappingrules.h>
#include <runlib/samefile.h>

enum
{
  LOCALS,
  ME,
  RCPTHOSTS,
  ALIASES
};

static int path(stralloc *sa, rules_files const *f, unsigned int which)
{
  static char const *const names[] = {"/locals", "/me", "/rcpthosts"};

  sa->len = 0;
  if (which == ALIASES) return stralloc_cats(sa, f->aliases ? f->aliases : "") && stralloc_0(sa) ? 0 : -1;
  return stralloc_cats(sa, f->control) && stralloc_cats(sa, names[which]) && stralloc_0(sa) ? 0 : -1;
}

/* Returns 1 if anything changed, and notes how it is now. */
static int changed(rules *r, rules_files const *f)
{
  stralloc sa = STRALLOC_ZERO;
  int result = !r->loaded;

  for (unsigned int i = 0; i < RULES_FILES; i++)
  {
    struct stat st;
    memset(&st, 0, sizeof st);
    if (path(&sa, f, i) < 0) break;
    if (stat(sa.s, &st) < 0) st.st_ino = 0;
    if (!samefile(&st, r->seen + i)) result = 1;
    r->seen[i] = st;
  }
  stralloc_free(&sa);
  return result;
}

/* A mistake in the file, which stays one until the file changes. */
static int wrong(rules *r, char const *file, unsigned int line, char const *what)
{
  char number[32] = "";

  if (line) snprintf(number, sizeof number, ":%u", line);
  r->wrong.len = 0;
  if (!stralloc_cats(&r->wrong, file) || !stralloc_cats(&r->wrong, number) ||
      !stralloc_cats(&r->wrong, ": ") || !stralloc_cats(&r->wrong, what) || !stralloc_0(&r->wrong))
    r->wrong.len = 0;
  return -1;
}

/* What the system refuses, errno, may be there at the next try. */
static int lacks(rules *r, char const *file)
{
  r->loaded = 0;
  return wrong(r, file, 0, strerror(errno));
}

/* Returns 1, 0 if there is no such file, -1 with the reason. text is the file's. */
static int read_file(rules *r, char const *file, stralloc *text)
{
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  struct stat st;
  int result;

  text->len = 0;
  if (fd < 0) return errno == ENOENT ? 0 : lacks(r, file);
  if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)MAPPING_FILE_MAX)
    result = wrong(r, file, 0, "not a file, or too long a one");
  else
    result = slurp(text, fd) ? 1 : lacks(r, file);
  close(fd);
  return result;
}

static int add_domains(rules *r, rules_files const *f, unsigned int which, mapping *m)
{
  stralloc file = STRALLOC_ZERO, text = STRALLOC_ZERO;
  int result = -1;

  if (path(&file, f, which) < 0)
    lacks(r, f->control);
  else
    result = read_file(r, file.s, &text);
  if (result > 0 && mapping_add_domains(m, text.s, text.len) < 0) result = lacks(r, file.s);
  stralloc_free(&file);
  stralloc_free(&text);
  return result;
}

/*
 * qmail's rule is locals, else me. Here rcpthosts counts as well where there is no locals: nobody else delivers
 * what smtpd accepted, so that a domain that is only in rcpthosts would have nowhere to go.
 */
static int domains(rules *r, rules_files const *f, mapping *m)
{
  int result = add_domains(r, f, LOCALS, m);

  if (result) return result;
  return add_domains(r, f, ME, m) < 0 || add_domains(r, f, RCPTHOSTS, m) < 0 ? -1 : 0;
}

static int aliases(rules *r, rules_files const *f, mapping *m)
{
  stralloc text = STRALLOC_ZERO;
  unsigned int line;
  char const *what;
  int result = f->aliases ? read_file(r, f->aliases, &text) : 0;

  if (result > 0 && f->programs == RULES_RUN && (r->seen[ALIASES].st_mode & (S_IWGRP | S_IWOTH)))
    result =
        wrong(r, f->aliases, 0, "it may run programs, and others than its owner may write it: chmod go-w");
  if (result > 0 && mapping_set_aliases(m, text.s, text.len, &line, &what) < 0)
    result = errno == EPROTO ? wrong(r, f->aliases, line, what) : lacks(r, f->aliases);
  stralloc_free(&text);
  return result;
}

/* -1, or 0 if this is what was wrong before. */
static int still_wrong(rules const *r, stralloc const *before)
{
  if (!r->stale || before->len != r->wrong.len) return -1;
  return before->len && memcmp(before->s, r->wrong.s, before->len) ? -1 : 0;
}

int rules_load(rules *r, rules_files const *f, mapping *m)
{
  mapping fresh = MAPPING_ZERO;
  stralloc before = r->wrong;
  int result = 1;

  if (!changed(r, f)) return 0;
  r->loaded = 1;
  r->wrong = stralloc_zero;
  fresh.catchall = f->catchall;
  fresh.foreign = f->foreign;
  fresh.programs = f->programs != 0;
  if (domains(r, f, &fresh) < 0 || aliases(r, f, &fresh) < 0) result = still_wrong(r, &before);
  r->stale = result <= 0;
  stralloc_free(&before);
  mapping_free(r->stale ? &fresh : m);
  if (!r->stale) *m = fresh;
  return result;
}

void rules_forget(rules *r)
{
  r->loaded = 0;
}
