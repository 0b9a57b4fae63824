#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>

#include <runlib/deaths.h>
#include <runlib/orphans.h>
#include <runlib/started.h>

#include <ctl/live.h>
#include <ctl/proctree.h>
#include <ctl/servicedir.h>
#include <ctl/snapshot-internal.h>
#include <ctl/supervisor.h>
#include <ctl/words.h>

char const *const service_states[STATES] = {"unknown", "ready",    "up",     "starting",          "stopping",
                                            "stopped", "retrying", "FAILED", "FAILED (retrying)", "missing"};

/* The names that a folder has. */
typedef struct names_s names;
struct names_s
{
  stralloc all; /* each with a NUL */
  int known;
};

/* What all services are looked at with. */
typedef struct look_s look;
struct look_s
{
  snapshot *s;
  stored const *st;
  snapshot const *before;
  int proc;     /* /proc */
  int dirs;     /* RUN/servicedirs */
  int no_dirs;  /* there is none */
  int found;    /* something runs */
  names deaths; /* of the files in RUN/deaths, RUN/orphans: asked once, because most services have none */
  names orphans;
  genalloc supervisors; /* of pid_t: the s6-supervise */
  stralloc path;
};

static char const *in_run(look *l, char const *folder, char const *name)
{
  l->path.len = 0;
  return service_append(&l->path, "%s/%s/%s", l->st->b.run, folder, name) < 0 || !stralloc_0(&l->path)
             ? 0
             : l->path.s;
}

/* --- folders where most services have no file ---------------------------------------------------- */

static void list_names(names *list, look *l, char const *folder)
{
  char const *path = in_run(l, folder, "");
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

/* --- its state ----------------------------------------------------------------------------------- */

/* Whether it runs; p is filled where /proc shows it, else its pid is 0. */
static int is_running(look const *l, pid_t pid, process *p)
{
  if (p && l->proc >= 0 && process_read(p, l->proc, pid) >= 0) return 1;
  if (p) p->pid = 0;
  return !kill(pid, 0) || errno == EPERM;
}

/* Whether it is the child of an s6-supervise, as only what is supervised is. */
static int is_supervised(look const *l, process const *p)
{
  pid_t const *pid = genalloc_s(pid_t, &l->supervisors);

  for (size_t n = p->pid > 0 ? genalloc_len(pid_t, &l->supervisors) : 0; n; n--)
    if (*pid++ == p->parent) return 1;
  return 0;
}

/* 1, or 0: s6-supervise does not run, or -1: nobody knows. */
static int read_status(look const *l, char const *dir, live_status *st, process *p)
{
  if (l->dirs < 0) return l->no_dirs ? (memset(st, 0, sizeof *st), 0) : -1;
  if (p && genalloc_len(pid_t, &l->supervisors) && live_believe_at(l->dirs, dir, st) >= 0 && st->up &&
      st->pid > 0 && is_running(l, st->pid, p) && is_supervised(l, p))
  {
    st->supervised = 1;
    return 1;
  }
  if (p) p->pid = 0;
  for (unsigned int tries = 0; tries < 3; tries++)
  {
    if (live_read_at(l->dirs, dir, st) < 0) return -1;
    if (!st->supervised) return 0;
    /* A status that names a process that does not exist is either a moment old, or wrong. */
    if (st->pid >= 0 && (!st->up || is_running(l, st->pid, p))) return 1;
  }
  return -1;
}

static int has_file(look const *l, char const *dir, char const *file)
{
  char path[256];

  if (l->dirs < 0 || (size_t)snprintf(path, sizeof path, "%s/%s", dir, file) >= sizeof path) return 0;
  return !faccessat(l->dirs, path, F_OK, 0);
}

static service_state state_of(look const *l, live_status const *st, deaths_state dead, char const *dir)
{
  if (dead == DEATHS_FAILED && !st->up) return STATE_FAILED;
  if (dead == DEATHS_TRYING && st->wanted && !st->ready) return STATE_FAILED_RETRYING;
  if (st->up)
  {
    if (!st->wanted) return STATE_STOPPING;
    return st->ready ? STATE_READY : has_file(l, dir, "notification-fd") ? STATE_STARTING : STATE_UP;
  }
  return st->wanted ? STATE_RETRYING : st->finishing ? STATE_STOPPING : STATE_STOPPED;
}

/*
 * 2000-01-01 to now, and a second for what happens meanwhile. A later one was written before the clock was set
 * back: only the kernel still knows since when the process runs.
 */
static void set_moment(datum *d, tain const *t, process const *p, tain const *now)
{
  tain first, last, birth;

  tain_from_timespec_sysclock(&first, &(struct timespec){.tv_sec = 946684800});
  tain_addsec(&last, now, 1);
  if (!tain_less(t, &first) && tain_less(t, &last))
    datum_time(d, t);
  else if (p->start && process_birth(&birth, p) >= 0)
    datum_time(d, &birth);
}

static void set_pid(datum *d, live_status const *st)
{
  if (st->up)
    datum_count(d, (uint64_t)st->pid);
  else
    datum_none(d);
}

/* `mailctl down NAME` holds a service with the file `down`, which up and restart remove. */
static service_state take_status(look *l, service_facts *f, live_status *st, process *p, deaths_state dead)
{
  int r = read_status(l, f->id, st, p);
  service_state is = r < 0 ? STATE_UNKNOWN : !r ? STATE_MISSING : state_of(l, st, dead, f->id);

  l->found |= r > 0;
  f->wanted_now = (is != STATE_STOPPED && is != STATE_STOPPING) || !has_file(l, f->id, "down");
  if (r > 0)
  {
    set_pid(&f->pid, st);
    set_moment(&f->since, is == STATE_READY && st->ready ? &st->ready_since : &st->since, p, &l->s->now);
  }
  else if (!r)
  {
    datum_none(&f->pid);
    datum_none(&f->since);
  }
  return is;
}

static void take_logger(look *l, service_facts *f)
{
  char dir[256];
  live_status st;
  int r;

  if ((size_t)snprintf(dir, sizeof dir, "%s/log", f->id) >= sizeof dir) return;
  r = read_status(l, dir, &st, 0);
  f->log_is = r < 0 ? STATE_UNKNOWN : !r ? STATE_MISSING : state_of(l, &st, DEATHS_NONE, dir);
  l->found |= r > 0;
  datum_text(&f->log, service_states[f->log_is]);
  if (r > 0) set_pid(&f->log_pid, &st);
  if (!r) datum_none(&f->log_pid);
}

/* --- its processes ------------------------------------------------------------------------------- */

/* Seconds of CPU time as a share of the time since `before` saw the same process, or since it began. */
static void take_share(look const *l, service_facts *f, process const *p)
{
  service_facts const *old = l->before ? snapshot_find(l->before, f->id) : 0;
  double used = f->cpu_seconds.real;
  double time;
  tain span;

  if (old && old->ticks == f->ticks && old->pid.known == KNOWN && old->pid.n == f->pid.n &&
      old->cpu_seconds.known == KNOWN && tain_less(&l->before->now, &l->s->now))
  {
    tain_sub(&span, &l->s->now, &l->before->now);
    time = (double)span.sec.x + (double)span.nano / 1e9;
    used -= old->cpu_seconds.real;
  }
  else
    time = process_age(p);
  if (time > 0 && used >= 0) datum_real(&f->cpu, 100 * used / (time < 0.01 ? 0.01 : time));
}

static void take_tree(look const *l, service_facts *f, process const *p)
{
  proctree t;

  if (proctree_sum(&t, l->proc, p) < 0) return;
  datum_count(&f->memory, t.memory);
  datum_count(&f->processes, t.processes);
  datum_real(&f->cpu_seconds, t.cpu);
  take_share(l, f, p);
}

static void take_content(service_facts *f, started const *record, char const *content)
{
  int other = strcmp(record->content, content);

  datum_text(&f->runs, other || record->replaced ? "restart pending" : "current");
  if (other || record->replaced)
    datum_text(&f->runs_reason, other ? "its files changed" : "its program was replaced");
  else
    datum_none(&f->runs_reason);
}

static void no_process(service_facts *f)
{
  datum *const all[] = {&f->cpu, &f->cpu_seconds, &f->memory, &f->processes, &f->runs, &f->runs_reason};
  for (unsigned int i = 0; i < sizeof all / sizeof all[0]; i++) datum_none(all[i]);
}

/* The record knows the process by its start time: what only has its pid is a stranger. */
static void take_process(look *l, service_facts *f, live_status const *st, process const *p,
                         char const *content)
{
  char const *file = in_run(l, "started", f->id);
  started record = {.pid = 0};
  orphan o;

  if (!file || started_read(&record, file) < 0) record.pid = 0;
  if (!st->up && st->supervised) no_process(f);
  if (st->up && record.pid == st->pid && p->pid == st->pid && p->start == record.ticks)
  {
    f->ticks = p->start;
    take_content(f, &record, content);
    take_tree(l, f, p);
  }
  o.pid = record.pid;
  o.ticks = record.ticks;
  /* Without a status nobody knows whether the recorded process is the supervised one. */
  if (f->is != STATE_UNKNOWN && record.pid && record.pid != st->pid && orphan_lives(&o))
    datum_count(&f->orphan, (uint64_t)o.pid);
}

static void take_orphans(look *l, service_facts *f)
{
  char const *file = may_have(&l->orphans, f->id) ? in_run(l, "orphans", f->id) : 0;
  orphan list[ORPHANS_MAX];

  if (file && orphans_read(list, file))
    datum_count(&f->orphan, (uint64_t)list[0].pid);
  else if (f->orphan.known != KNOWN && f->is != STATE_UNKNOWN)
    datum_none(&f->orphan);
  l->found |= f->orphan.known == KNOWN;
}

/* --- its deaths ---------------------------------------------------------------------------------- */

static deaths_state take_deaths(look *l, service_facts *f)
{
  int may = may_have(&l->deaths, f->id);
  char const *file = in_run(l, "deaths", f->id);
  deaths d = DEATHS_ZERO;
  char words[WORDS_MAX];

  if (!may || !file || deaths_read(&d, file) < 0)
  {
    if (!may || errno == ENOENT) datum_none(&f->last_death);
    return DEATHS_NONE;
  }
  if (!d.n)
    datum_none(&f->last_death);
  else
  {
    death const *last = d.list + d.n - 1;
    datum_time(&f->last_death, &last->when);
    words_exit(words, last->exit > 255 ? (int)last->signal : (int)(last->exit << 8));
    (void)snapshot_words(&f->last_exit, l->s, words);
  }
  return d.state;
}

/* What the journal and RUN/deaths did not say, s6's status may. */
static void take_exit(look *l, service_facts *f, live_status const *st)
{
  char words[WORDS_MAX];

  if (f->last_exit.known == KNOWN && (st->up || !st->wstat)) return;
  if (!st->supervised || !st->wstat)
    datum_none(&f->last_exit);
  else
    (void)snapshot_words(&f->last_exit, l->s, words_exit(words, st->wstat));
}

/* ------------------------------------------------------------------------------------------------- */

static void take_one(look *l, service_facts *f, entry const *e)
{
  live_status st = {.supervised = 0};
  process p = {.pid = 0};
  deaths_state dead = take_deaths(l, f);

  f->is = take_status(l, f, &st, &p, dead);
  if (f->is == STATE_UNKNOWN) st = (live_status){.supervised = 0};
  take_process(l, f, &st, &p, e->content);
  take_orphans(l, f);
  take_exit(l, f, &st);
  take_logger(l, f);
}

/* Down on purpose is not missing: with the whole bundle down, nothing is. */
static void settle_states(snapshot *s)
{
  service_facts *f = snapshot_services(s);

  for (size_t n = snapshot_count(s); n; n--, f++)
  {
    if (!s->running && f->is == STATE_MISSING) f->is = STATE_STOPPED;
    if (!s->running && f->log_is == STATE_MISSING) f->log_is = STATE_STOPPED;
    if (f->is == STATE_MISSING || (!s->running && f->is == STATE_STOPPED)) no_process(f);
    datum_text(&f->state, service_states[f->is]);
    datum_text(&f->log, service_states[f->log_is]);
    datum_count(&f->wanted, f->wanted_now != 0);
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
  datum_text(&s->supervisor.state, pid > 0 ? "running" : s->running ? "killed" : "not running");
  if (!pid)
  {
    datum_none(&s->supervisor.pid);
    datum_none(&s->supervisor.since);
    datum_none(&s->supervisor.memory);
    datum_none(&s->supervisor.cpu_seconds);
    return;
  }
  datum_count(&s->supervisor.pid, (uint64_t)pid);
  if (l->proc < 0 || process_read(&p, l->proc, pid) < 0) return;
  datum_count(&s->supervisor.memory, p.memory);
  datum_real(&s->supervisor.cpu_seconds, process_seconds(&p));
  if (process_birth(&t, &p) >= 0) datum_time(&s->supervisor.since, &t);
}

static int add_services(snapshot *s, stored const *st)
{
  size_t n = genalloc_len(entry, &st->g.entries);
  entry const *e = genalloc_s(entry, &st->g.entries);

  if (!genalloc_ready(service_facts, &s->services, n + 1)) return -1;
  memset(snapshot_services(s), 0, n * sizeof(service_facts));
  genalloc_setlen(service_facts, &s->services, n);
  for (size_t i = 0; i < n; i++)
  {
    service_facts *f = snapshot_services(s) + i;
    f->id = snapshot_keep(s, e[i].name, strlen(e[i].name));
    if (!f->id) return -1;
    datum_text(&f->name, f->id);
  }
  return 0;
}

static pid_t find_supervisor(stored const *st)
{
  stralloc scandir = STRALLOC_ZERO;
  pid_t pid = st->g.number && supervisor_scandir(&scandir, &st->b) >= 0 ? live_supervisor(scandir.s) : 0;

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

static void open_all(look *l, pid_t svscan)
{
  char const *path = in_run(l, "servicedirs", "");
  process p;

  l->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  l->dirs = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  l->no_dirs = l->dirs < 0 && path && errno == ENOENT;
  if (svscan > 0 && l->proc >= 0 && process_read(&p, l->proc, svscan) >= 0)
    (void)process_children(&l->supervisors, l->proc, &p);
  list_names(&l->deaths, l, "deaths");
  list_names(&l->orphans, l, "orphans");
}

static void close_all(look *l)
{
  if (l->proc >= 0) fd_close(l->proc);
  if (l->dirs >= 0) fd_close(l->dirs);
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
