#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <runlib/walk.h>

#include <ctl/command/command.h>
#include <ctl/command/maintain.h>
#include <ctl/say.h>

/*
 * `mailctl maintenance`: what an administrator would look at once a day, as a report that is printed only if he must do
 * something, or something is not as it was. The job `maintenance` mails it.
 */

#define KEYS_MAX 65536
#define DAY      86400

static int maintenance_look(report_parts *p)
{
  return maintain_services(p) < 0 || maintain_mail(p) < 0 || maintain_strangers(p) < 0 ||
                 maintain_disks(p) < 0 || maintain_check(p) < 0 || maintain_updates(p) < 0 ||
                 maintain_logs(p) < 0
             ? -1
             : 0;
}

static void maintenance_part(char const *title, stralloc const *lines)
{
  if (lines->len) printf("%s:\n%.*s\n", title, (int)lines->len, lines->s);
}

static void maintenance_print(report_parts const *p)
{
  char date[64];

  strftime(date, sizeof date, "%Y-%m-%d %H:%M", localtime(&p->now));
  printf("%s, %s: %s\n\n", p->st.b.hostname, date,
         p->needs.len    ? "something is to be done"
         : p->events.len ? "something has happened"
                         : "nothing is to be done");
  maintenance_part("To be done", &p->needs);
  strftime(date, sizeof date, "Since %Y-%m-%d %H:%M", localtime(&p->since.tv_sec));
  maintenance_part(date, &p->events);
  maintenance_part("As it stands", &p->status_fields);
}

/* The keys of the report before, into keys (KEYS_MAX bytes); and since when. Returns how many bytes; there may be none. */
static size_t maintenance_before(report_parts *p, char const *file, char *keys)
{
  struct stat st;
  ssize_t n = walk_read(AT_FDCWD, file, keys, KEYS_MAX);

  p->since = (struct timespec){.tv_sec = p->now - DAY};
  if (n < 0) return 0;
  if (!stat(file, &st) && st.st_mtime > 0 && st.st_mtime <= p->now) p->since = st.st_mtim;
  return (size_t)n;
}

/* What a person must do is said until it is done. */
static int maintenance_is_news(report_parts const *p, char const *before, size_t n)
{
  return p->needs.len || p->events.len || n != p->keys.len || (n && memcmp(before, p->keys.s, n));
}

static int maintenance(report_parts *p, int always)
{
  static char before[KEYS_MAX];
  stralloc file = STRALLOC_ZERO;
  int status = EXIT_SYSTEM;
  size_t n;

  p->now = time(0);
  if (service_append(&file, "%s/maintenance", p->st.b.state) < 0 || !stralloc_0(&file)) return EXIT_SYSTEM;
  n = maintenance_before(p, file.s, before);
  if (snapshot_take(&p->s, &p->st, 0) < 0 || maintenance_look(p) < 0)
    say_cannot("look at everything");
  else
  {
    if (always || maintenance_is_news(p, before, n)) maintenance_print(p);
    if (openwritenclose_suffix(file.s, p->keys.s, p->keys.len, ".new"))
      status = 0;
    else
      say_cannot("write ", file.s);
  }
  stralloc_free(&file);
  return status;
}

int command_maintenance(context const *cx, int argc, char const *const *argv)
{
  report_parts p = REPORT_PARTS_ZERO;
  int always = 0, status = 0;

  p.cx = cx;
  for (int i = 1; i < argc && !status; i++)
    if (!strcmp(argv[i], "--always"))
      always = 1;
    else if (strcmp(argv[i], "--log-days") || i + 1 == argc || !uint0_scan(argv[++i], &p.log_days) ||
             !p.log_days)
      status = usage_error(argv[0], "--always, and --log-days with a number");
  if (!status) status = stored_load(&p.st, cx);
  if (!status) status = maintenance(&p, always);
  snapshot_free(&p.s);
  stored_free(&p.st);
  stralloc_free(&p.needs);
  stralloc_free(&p.events);
  stralloc_free(&p.status_fields);
  stralloc_free(&p.keys);
  return status;
}
