#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>

#include <runlib/orphans.h>

#include <ctl/live/servicedir.h>
#include <ctl/live/supervisor.h>
#include <ctl/status/look.h>
#include <ctl/words.h>

static char const *in_run(look *l, char const *directory, char const *name)
{
  l->path.len = 0;
  return service_append(&l->path, "%s/%s/%s", l->st->b.run, directory, name) < 0 || !stralloc_0(&l->path)
             ? 0
             : l->path.s;
}

/* --- directories where most services have no file ---------------------------------------------------- */

static void list_names(names *list, look *l, char const *directory)
{
  char const *path = in_run(l, directory, "");
  DIR *d = path ? opendir(path) : 0;
  struct dirent *e;

  list->known = d || errno == ENOENT;
  while (d && (e = readdir(d)))
    if (!stralloc_catb(&list->all, e->d_name, strlen(e->d_name) + 1)) list->known = 0;
  if (d) dir_close(d);
}

static int may_have(names const *list, char const *name)
{
  for (size_t i = 0; i < list->all.len; i += strlen(list->all.s + i) + 1)
    if (!strcmp(list->all.s + i, name)) return 1;
  return !list->known;
}

/* --- orphans -------------------------------------------------------------------------------------- */

static void take_orphans(look *l, service_fields *f)
{
  char const *file = may_have(&l->orphans, f->id) ? in_run(l, "orphans", f->id) : 0;
  orphan list[ORPHANS_MAX];

  if (file && orphans_read(list, file))
    status_value_count(&f->orphan, (uint64_t)list[0].pid);
  else if (f->orphan.known != KNOWN && f->is != STATE_UNKNOWN)
    status_value_none(&f->orphan);
  l->found |= f->orphan.known == KNOWN;
}

/* --- its deaths ---------------------------------------------------------------------------------- */

static deaths_state take_deaths(look *l, service_fields *f)
{
  int may = may_have(&l->deaths, f->id);
  char const *file = may ? in_run(l, "deaths", f->id) : 0;
  deaths d = DEATHS_ZERO;
  char words[WORDS_MAX];

  if (!file || deaths_read(&d, file) < 0)
  {
    if (!may || errno == ENOENT) status_value_none(&f->last_death);
    return DEATHS_NONE;
  }
  if (!d.n)
    status_value_none(&f->last_death);
  else
  {
    death const *last = d.list + d.n - 1;
    status_value_time(&f->last_death, &last->when);
    words_exit(words, last->exit > 255 ? (int)last->signal : (int)(last->exit << 8));
    (void)snapshot_words(&f->last_exit, l->s, words);
  }
  return d.state;
}

/* What the journal and RUN/deaths did not say, s6's status may. */
static void take_exit(look *l, service_fields *f, live_status const *st)
{
  char words[WORDS_MAX];

  if (f->last_exit.known == KNOWN && (st->up || !st->wstat)) return;
  if (!st->supervised || !st->wstat)
    status_value_none(&f->last_exit);
  else
    (void)snapshot_words(&f->last_exit, l->s, words_exit(words, st->wstat));
}

/* ------------------------------------------------------------------------------------------------- */

static void take_one(look *l, service_fields *f, entry const *e)
{
  live_status st = {.supervised = 0};
  process p = {.pid = 0};
  deaths_state dead = take_deaths(l, f);

  f->is = look_state(l, f, &st, &p, dead);
  if (f->is == STATE_UNKNOWN) st = (live_status){.supervised = 0};
  look_process(l, f, &st, &p, e->content);
  take_orphans(l, f);
  take_exit(l, f, &st);
  look_logger(l, f, &p);
}

/* Down on purpose is not missing: with the whole bundle down, nothing is. */
static void settle_states(snapshot *s)
{
  service_fields *f = snapshot_services(s);

  for (size_t n = snapshot_count(s); n; n--, f++)
  {
    if (!s->running && f->is == STATE_MISSING) f->is = STATE_STOPPED;
    if (!s->running && f->log_is == STATE_MISSING) f->log_is = STATE_STOPPED;
    if (f->is == STATE_MISSING || (!s->running && f->is == STATE_STOPPED)) look_no_process(f);
    status_value_text(&f->state, service_states[f->is]);
    status_value_text(&f->log, service_states[f->log_is]);
    status_value_count(&f->wanted, f->wanted_now != 0);
  }
}

/* The service directories lead to STATE; after a move of either, to where it was. */
static int is_moved(look const *l)
{
  stralloc dir = STRALLOC_ZERO;
  stralloc run = STRALLOC_ZERO;
  char const *name = snapshot_count(l->s) ? snapshot_services(l->s)->id : 0;
  int yes = name && servicedir_path(&dir, l->st->b.run, name, "") >= 0 &&
            service_append(&run, "%s/current/%s/run", l->st->b.state, name) >= 0 && stralloc_0(&run) &&
            live_is_linked(dir.s, "run", run.s) == 2;

  stralloc_free(&dir);
  stralloc_free(&run);
  return yes;
}

static void take_supervisor(look *l, pid_t pid)
{
  snapshot *s = l->s;
  process p;
  tain t;

  s->alone = !pid;
  s->running = pid || l->found;
  if (pid < 0) return; /* its lock is not ours to read: everything about it is unknown */
  status_value_text(&s->supervisor.state, pid > 0 ? "running" : s->running ? "killed" : "not running");
  if (!pid)
  {
    status_value_none(&s->supervisor.pid);
    status_value_none(&s->supervisor.since);
    status_value_none(&s->supervisor.memory);
    status_value_none(&s->supervisor.cpu_seconds);
    return;
  }
  status_value_count(&s->supervisor.pid, (uint64_t)pid);
  if (l->proc < 0 || process_read(&p, l->proc, pid) < 0) return;
  status_value_count(&s->supervisor.memory, p.memory);
  status_value_real(&s->supervisor.cpu_seconds, process_seconds(&p));
  if (process_birth(&t, &p) >= 0) status_value_time(&s->supervisor.since, &t);
}

static int add_services(snapshot *s, stored const *st)
{
  size_t n = genalloc_len(entry, &st->g.entries);
  entry const *e = genalloc_s(entry, &st->g.entries);

  if (!genalloc_ready(service_fields, &s->services, n + 1)) return -1;
  memset(snapshot_services(s), 0, n * sizeof(service_fields));
  genalloc_setlen(service_fields, &s->services, n);
  for (size_t i = 0; i < n; i++)
  {
    service_fields *f = snapshot_services(s) + i;
    f->id = snapshot_keep(s, e[i].name, strlen(e[i].name));
    if (!f->id) return -1;
    status_value_text(&f->name, f->id);
    f->left = e[i].left;
  }
  return 0;
}

static pid_t find_supervisor(stored const *st)
{
  stralloc scandir = STRALLOC_ZERO;
  pid_t pid = !st->g.number ? 0 : supervisor_scandir(&scandir, &st->b) < 0 ? -1 : live_supervisor(scandir.s);

  stralloc_free(&scandir);
  return pid;
}

/* Whether the scan directory is there for us to see, be its lock readable or not. */
static int can_look(stored const *st)
{
  stralloc scandir = STRALLOC_ZERO;
  int yes = supervisor_scandir(&scandir, &st->b) >= 0 && !access(scandir.s, X_OK);

  stralloc_free(&scandir);
  return yes;
}

static int open_in_run(look *l, char const *directory)
{
  char const *path = in_run(l, directory, "");
  return path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static void open_all(look *l, pid_t svscan)
{
  process p;

  l->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  l->started = open_in_run(l, "started");
  l->dirs = open_in_run(l, "servicedirs");
  l->no_dirs = l->dirs < 0 && errno == ENOENT;
  if (svscan > 0 && l->proc >= 0 && process_read(&p, l->proc, svscan) >= 0)
    (void)process_children(&l->supervisors, l->proc, &p);
  list_names(&l->deaths, l, "deaths");
  list_names(&l->orphans, l, "orphans");
}

static void close_all(look *l)
{
  if (l->proc >= 0) fd_close(l->proc);
  if (l->dirs >= 0) fd_close(l->dirs);
  if (l->started >= 0) fd_close(l->started);
  stralloc_free(&l->deaths.all);
  stralloc_free(&l->orphans.all);
  genalloc_free(pid_t, &l->supervisors);
  stralloc_free(&l->path);
}

int snapshot_take_services(snapshot *s, stored const *st, snapshot const *before)
{
  look l = {.s = s, .st = st, .before = before};
  entry const *e = genalloc_s(entry, &st->g.entries);
  pid_t pid = find_supervisor(st);
  int result = pid < 0 && !can_look(st) ? -1 : add_services(s, st);

  if (!result) result = snapshot_take_journal(s, st);
  open_all(&l, pid);
  for (size_t i = 0; i < snapshot_count(s) && !result; i++) take_one(&l, snapshot_services(s) + i, e + i);
  take_supervisor(&l, pid);
  s->moved = pid > 0 && is_moved(&l);
  settle_states(s);
  close_all(&l);
  return result;
}
