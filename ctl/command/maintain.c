#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/journal.h>
#include <runlib/run.h>
#include <runlib/walk.h>

#include <services/contract/where.h>

#include <ctl/command/maintain.h>
#include <ctl/live/history.h>
#include <ctl/live/logs.h>
#include <ctl/live/pending.h>
#include <ctl/words.h>

#define CERTIFICATE_DAYS 14     /* a renewal that works has happened by then */
#define OLDEST           3600   /* seconds that local mail may wait */
#define SCARCE           10     /* percent of a disk */
#define PATIENCE         120000 /* ms that a program may take */
#define LINES            50     /* of one kind */

int maintain_need(report_parts *p, char const *about, char const *format, ...)
{
  char line[1024];
  va_list args;

  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  return service_append(&p->needs, "  %s\n", line) < 0 || service_append(&p->keys, "%s\n", about) < 0 ? -1
                                                                                                      : 0;
}

static uint64_t maintain_count(status_value const *d)
{
  return d->known == KNOWN ? d->n : 0;
}

/* What a command of ours, or another program, says. Returns its exit status; -1: it could not be run. */
static int maintain_run(stralloc *said, char const *const *argv)
{
  int r = run_wait(argv, 0, 0, said, PATIENCE);
  return stralloc_0(said) ? r : -1;
}

static int maintain_mailctl(report_parts *p, stralloc *said, char const *const words[4])
{
  char program[4096];
  char const *const argv[] = {program, "-c", p->cx->file, words[0], words[1], words[2], words[3], 0};

  snprintf(program, sizeof program, "%s/mailctl", p->cx->bin);
  return maintain_run(said, argv);
}

static unsigned int maintain_lines(char const *s)
{
  unsigned int n = 0;
  while ((s = strchr(s, '\n'))) n++, s++;
  return n;
}

/* --- mail ------------------------------------------------------------------------------------------- */

static int maintain_held(report_parts *p)
{
  static char const *const words[4] = {"queue", "list", "--state", "held"};
  stralloc said = STRALLOC_ZERO;
  unsigned int held = 0;

  if (spool_present(&p->st.b) && maintain_mailctl(p, &said, words) == 0) held = maintain_lines(said.s);
  stralloc_free(&said);
  return held ? maintain_need(p, "held", "%u messages are held: mailctl queue list --state held", held) : 0;
}

int maintain_mail(report_parts *p)
{
  char a[FIELD_WORDS], b[FIELD_WORDS], c[FIELD_WORDS];
  uint64_t failed = maintain_count(&p->s.queue.failed), oldest = maintain_count(&p->s.queue.oldest);

  if (service_append(&p->status_fields, "  queue: %s wait, the oldest for %s; %s for other hosts\n",
                     snapshot_human(a, &p->s, &p->s.queue.backlog),
                     snapshot_human(b, &p->s, &p->s.queue.oldest),
                     snapshot_human(c, &p->s, &p->s.outbound.waiting)) < 0)
    return -1;
  if (p->s.outbound.destinations.known == KNOWN &&
      service_append(&p->status_fields, "    for hosts that fail: %s\n", p->s.outbound.destinations.text) < 0)
    return -1;
  if (oldest > OLDEST &&
      maintain_need(p, "queue", "mail has waited for %s", snapshot_human(a, &p->s, &p->s.queue.oldest)) < 0)
    return -1;
  if (failed &&
      maintain_need(p, "failed", "%llu messages could not be delivered: mailctl queue list --state failed",
                    (unsigned long long)failed) < 0)
    return -1;
  return maintain_held(p);
}

/* --- strangers -------------------------------------------------------------------------------------- */

static int maintain_blocked(report_parts *p)
{
  static char const *const words[4] = {"block", "list", 0, 0};
  stralloc said = STRALLOC_ZERO;
  int result = 0;

  if (maintain_mailctl(p, &said, words) == 0 && said.len > 1)
  {
    char *s = said.s;
    result = service_append(&p->status_fields, "  addresses in the list of blocks: %u\n", maintain_lines(s));
    for (unsigned int i = 0; i < 5 && *s && !result; i++, s += strcspn(s, "\n") + 1)
      result = service_append(&p->status_fields, "    %.*s\n", (int)strcspn(s, "\n"), s);
  }
  stralloc_free(&said);
  return result;
}

int maintain_strangers(report_parts *p)
{
  char a[FIELD_WORDS];
  uint64_t logins =
      maintain_count(&p->s.smtpd.auth_bad.total) + maintain_count(&p->s.submission.auth_bad.total);
  uint64_t unusable = maintain_count(&p->s.policy.unusable_lists);

  if (service_append(&p->status_fields, "  failed logins, in all: %llu\n", (unsigned long long)logins) < 0)
    return -1;
  for (unsigned int i = 0; i < p->s.noffenders; i++)
    if (service_append(&p->status_fields, "    most refused: %s %s\n", p->s.offenders[i].class,
                       p->s.offenders[i].value) < 0)
      return -1;
  if (p->s.policy.entries.known == KNOWN &&
      service_append(&p->status_fields, "  greylist: %s entries; forgotten for their age, in all: %llu\n",
                     snapshot_human(a, &p->s, &p->s.policy.entries),
                     (unsigned long long)maintain_count(&p->s.policy.expired)) < 0)
    return -1;
  if (unusable &&
      maintain_need(p, "lists", "%llu DNS lists give answers that make no sense: mailctl log policy",
                    (unsigned long long)unusable) < 0)
    return -1;
  return maintain_blocked(p);
}

/* --- services --------------------------------------------------------------------------------------- */

static int maintain_deaths(report_parts *p)
{
  stralloc lines = STRALLOC_ZERO, human = STRALLOC_ZERO;
  tain since;
  char stamp[TIMESTAMP + 1];
  int result = 0;

  tain_from_timespec_sysclock(&since, &p->since);
  timestamp_fmt(stamp, &since);
  if (history_tail(&lines, &p->st.b, 0, 1000) < 0) lines.len = 0;
  for (size_t at = 0, n, shown = 0; at < lines.len && !result && shown < LINES; at += n)
  {
    char const *s = lines.s + at, *end = memchr(s, '\n', lines.len - at);
    n = end ? (size_t)(end - s) + 1 : lines.len - at;
    if (n < TIMESTAMP + 8 || memcmp(s, stamp, TIMESTAMP) < 0 || strncmp(s + TIMESTAMP + 1, "death ", 6))
      continue;
    shown++;
    if (!stralloc_catb(&human, s, n)) result = -1;
  }
  if (!result && human.len) result = logs_human(&p->events, human.s, human.len, "  ");
  stralloc_free(&lines);
  stralloc_free(&human);
  return result;
}

static int maintain_pending(report_parts *p)
{
  char words[WORDS_MAX];
  pending one;
  tain now, left;

  if (pending_read(&one, p->st.b.state) < 0) return 0;
  tain_wallclock_read(&now);
  left = tain_zero;
  if (tain_less(&now, &one.deadline)) tain_sub(&left, &one.deadline, &now);
  return maintain_need(p, "confirm",
                       "generation %u is to be confirmed (mailctl confirm); in %s, %u comes back",
                       p->st.g.number, words_span(words, 1000ull * left.sec.x), one.back);
}

/* A job's own failures are mailed by itself. */
int maintain_services(report_parts *p)
{
  service_fields const *f = snapshot_services(&p->s);
  char about[300], a[FIELD_WORDS];

  if (snapshot_health(&p->s, 0, 0) &&
      maintain_need(p, "health", "the server is %s: mailctl status", p->s.health.text) < 0)
    return -1;
  for (size_t n = snapshot_count(&p->s); n; n--, f++)
    if (f->is == STATE_FAILED || f->is == STATE_FAILED_RETRYING || f->is == STATE_MISSING ||
        f->log_is == STATE_LOST)
    {
      snprintf(about, sizeof about, "service %s", f->id);
      if (maintain_need(p, about, "%s: %s, its log %s", f->id, service_states[f->is],
                        service_states[f->log_is]) < 0)
        return -1;
    }
  if (p->s.tls.days_left.known == KNOWN &&
      (service_append(&p->status_fields, "  certificate: %s days left\n",
                      snapshot_human(a, &p->s, &p->s.tls.days_left)) < 0 ||
       (p->s.tls.days_left.n < CERTIFICATE_DAYS &&
        maintain_need(p, "certificate", "the first certificate expires in %s days: mailctl check says which",
                      snapshot_human(a, &p->s, &p->s.tls.days_left)) < 0)))
    return -1;
  return maintain_pending(p) < 0 ? -1 : maintain_deaths(p);
}

/* --- the machine ------------------------------------------------------------------------------------ */

static unsigned int maintain_share(unsigned long long free, unsigned long long all)
{
  return all ? (unsigned int)(100 * free / all) : 100;
}

static int maintain_disk(report_parts *p, char const *path)
{
  char about[4200];
  struct statvfs fs;
  unsigned int space, inodes;

  if (statvfs(path, &fs) < 0) return 0;
  space = maintain_share(fs.f_bavail, fs.f_blocks);
  inodes = maintain_share(fs.f_favail, fs.f_files);
  snprintf(about, sizeof about, "disk %s", path);
  if (service_append(&p->status_fields, "  %s: %u %% of the disk and %u %% of its inodes are free\n", path,
                     space, inodes) < 0)
    return -1;
  return (space < SCARCE || inodes < SCARCE) &&
                 maintain_need(p, about,
                               "the disk of %s is nearly full: %u %% of it and %u %% of its inodes are free",
                               path, space, inodes) < 0
             ? -1
             : 0;
}

/* Each disk once, by the first path on it. */
int maintain_disks(report_parts *p)
{
  stralloc spool = STRALLOC_ZERO, mail = STRALLOC_ZERO;
  char const *paths[5] = {p->st.b.state, p->st.b.log, p->st.b.run};
  struct stat st[5];
  int result = spool_path(&spool, &p->st.b, "") < 0 || spool_mail(&mail, &p->st.b, "") < 0 ? -1 : 0;

  paths[3] = spool.s;
  paths[4] = mail.s;
  for (unsigned int i = 0, k; i < 5 && !result; i++)
  {
    if (stat(paths[i], st + i) < 0)
    {
      st[i].st_dev = 0;
      continue;
    }
    for (k = 0; k < i && st[k].st_dev != st[i].st_dev; k++)
    {
    }
    if (k == i) result = maintain_disk(p, paths[i]);
  }
  stralloc_free(&spool);
  stralloc_free(&mail);
  return result;
}

/* `FILE:LINE: what`: the line's number may change. */
static int maintain_complaint(report_parts *p, char const *line)
{
  char const *what = strchr(line, '[');
  return maintain_need(p, what ? what : line, "check: %s", what ? what : line);
}

int maintain_check(report_parts *p)
{
  static char const *const words[4] = {"check", 0, 0, 0};
  stralloc said = STRALLOC_ZERO;
  int status = maintain_mailctl(p, &said, words), result = 0;

  for (char *s = said.s, *end; status >= 0 && !result && (end = strchr(s, '\n')); s = end + 1)
  {
    *end = 0;
    if (status || strstr(s, " warning: ")) result = maintain_complaint(p, s);
  }
  if (status < 0) result = maintain_need(p, "check", "mailctl check could not be run");
  stralloc_free(&said);
  return result;
}

/* `Inst NAME [OLD] (NEW Debian-Security:12/oldstable-security [amd64])` */
int maintain_updates(report_parts *p)
{
  static char const *const argv[] = {"apt-get", "-s", "-qq", "-o", "Debug::NoLocking=1", "upgrade", 0};
  stralloc said = STRALLOC_ZERO, names = STRALLOC_ZERO;
  int status = maintain_run(&said, argv), result = 0;
  char about[2048];

  for (char *s = said.s, *end; !status && !result && (end = strchr(s, '\n')); s = end + 1)
  {
    *end = 0;
    if (strncmp(s, "Inst ", 5) || !strcasestr(s, "-security")) continue;
    result = service_append(&names, "%s%.*s", names.len ? " " : "", (int)strcspn(s + 5, " "), s + 5);
  }
  if (status >= 0 && status)
    result = maintain_need(p, "apt", "apt-get cannot tell which security updates there are");
  if (!result && names.len && stralloc_0(&names))
  {
    snprintf(about, sizeof about, "updates %s", names.s);
    result = maintain_need(p, about, "security updates: %s: apt-get upgrade", names.s);
  }
  stralloc_free(&said);
  stralloc_free(&names);
  return result;
}

/* --- old logs ---------------------------------------------------------------------------------------- */

/* s6-log's rotated files: `@STAMP.s` or `.u`, last written when they were full. Returns how many it removed. */
static unsigned int maintain_expire(int dir, time_t before)
{
  int copy = dup(dir);
  DIR *d = copy < 0 ? 0 : fdopendir(copy);
  struct dirent *e;
  struct stat st;
  unsigned int n = 0;

  while (d && (e = readdir(d)))
    if (e->d_name[0] == '@' && !fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
        st.st_mtime < before && walk_remove(dir, e->d_name) == 0)
      n++;
  if (d)
    closedir(d);
  else if (copy >= 0)
    fd_close(copy);
  return n;
}

int maintain_logs(report_parts *p)
{
  DIR *d = p->log_days ? opendir(p->st.b.log) : 0;
  struct dirent *e;
  unsigned int n = 0;

  while (d && (e = readdir(d)))
  {
    int dir = e->d_name[0] == '.' ? -1 : walk_directory(dirfd(d), e->d_name);
    if (dir < 0) continue;
    n += maintain_expire(dir, p->now - (time_t)86400 * p->log_days);
    fd_close(dir);
  }
  if (d) closedir(d);
  return n ? service_append(&p->status_fields,
                            "  log files that were older than %u days, and are removed: %u\n", p->log_days, n)
           : 0;
}
