#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <ctl/live/live.h>
#include <ctl/live/pending.h>
#include <ctl/plan/generation.h>

static int pending_path(stralloc *sa, char const *state)
{
  sa->len = 0;
  return service_append(sa, "%s/confirm", state) < 0 || !stralloc_0(sa) ? -1 : 0;
}

int pending_read(pending *p, char const *state)
{
  stralloc path = STRALLOC_ZERO;
  char text[128], stamp[TIMESTAMP + 2];
  ssize_t n = pending_path(&path, state) < 0 ? -1 : openreadnclose(path.s, text, sizeof text - 1);

  stralloc_free(&path);
  if (n < 0) return -1;
  text[n] = 0;
  return sscanf(text, "back %u\ndeadline %26s", &p->back, stamp) == 2 &&
                 timestamp_scan(stamp, &p->deadline) == TIMESTAMP
             ? 0
             : (errno = EINVAL, -1);
}

int pending_write(char const *state, pending const *p)
{
  stralloc path = STRALLOC_ZERO;
  char text[128], stamp[TIMESTAMP + 1];
  int result = -1;

  stamp[timestamp_fmt(stamp, &p->deadline)] = 0;
  snprintf(text, sizeof text, "back %u\ndeadline %s\n", p->back, stamp);
  if (pending_path(&path, state) >= 0 && openwritenclose_suffix_sync(path.s, text, strlen(text), ".new"))
    result = 0;
  stralloc_free(&path);
  return result;
}

int pending_remove(char const *state)
{
  stralloc path = STRALLOC_ZERO;
  int result = pending_path(&path, state) < 0 ? -1 : unlink(path.s);

  stralloc_free(&path);
  return result < 0 && errno != ENOENT ? -1 : 0;
}

/* The mailctl of the set that would be gone back to: it is known to work. Else the one that runs. */
static int pending_program(stralloc *sa, bundle const *b, unsigned int back)
{
  generation g = GENERATION_ZERO;
  int r;

  sa->len = 0;
  r = generation_load(&g, b->state, back) == 0 && g.set.len ? service_append(sa, "%s/bin/mailctl", g.set.s)
                                                            : -1;
  generation_free(&g);
  if (r < 0 || !stralloc_0(sa) || access(sa->s, X_OK) < 0)
  {
    sa->len = 0;
    r = service_append(sa, "%s/mailctl", b->bin) < 0 || !stralloc_0(sa) ? -1 : 0;
  }
  return r;
}

static int pending_file(char const *dir, char const *name, stralloc const *text)
{
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/%s", dir, name) >= 0 && stralloc_0(&path) &&
      openwritenclose_suffix(path.s, text->s, text->len, ".new"))
    result = chmod(path.s, 0755);
  stralloc_free(&path);
  return result;
}

/* What ends well is done: 125 keeps it down until the next one. */
static int pending_scripts(bundle const *b, char const *dir, unsigned int back)
{
  stralloc program = STRALLOC_ZERO, text = STRALLOC_ZERO;
  int result = -1;

  if (pending_program(&program, b, back) < 0 ||
      service_append(
          &text, "#!/bin/execlineb -P\n# Goes back, unless somebody confirms: written by mailctl.\n") < 0 ||
      service_quote(&text, program.s) < 0 || service_append(&text, " -c ") < 0 ||
      service_quote(&text, b->file) < 0 || service_append(&text, " confirm --watch\n") < 0 ||
      pending_file(dir, "run", &text) < 0)
    goto end;
  text.len = 0;
  if (service_append(&text, "#!/bin/execlineb -S1\nif { test $1 -eq 0 }\nexit 125\n") == 0)
    result = pending_file(dir, "finish", &text);
end:
  stralloc_free(&program);
  stralloc_free(&text);
  return result;
}

int pending_watch(bundle const *b, char const *scandir)
{
  stralloc dir = STRALLOC_ZERO;
  live_status st = {.supervised = 0};
  pending p;
  int result = -1;

  if (pending_read(&p, b->state) < 0) return errno == ENOENT ? 0 : -1;
  if (service_append(&dir, "%s/confirm", scandir) < 0 || !stralloc_0(&dir) ||
      (mkdir(dir.s, 0755) < 0 && errno != EEXIST) || pending_scripts(b, dir.s, p.back) < 0)
    goto end;
  for (unsigned int i = 0; i < 500 && !st.supervised; i++)
  {
    if (i % 50 == 0 && live_read(dir.s, &st) == 0 && !st.supervised &&
        live_supervisor_control(scandir, "a") < 0)
      goto end;
    if (!st.supervised) usleep(10000);
    (void)live_read(dir.s, &st);
  }
  result = st.supervised ? live_control(dir.s, "u") : (errno = ETIMEDOUT, -1);
end:
  stralloc_free(&dir);
  return result;
}
