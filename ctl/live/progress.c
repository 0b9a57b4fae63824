#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/procstat.h>

#include <ctl/context.h>
#include <ctl/live/live.h>
#include <ctl/live/logs.h>
#include <ctl/live/progress.h>
#include <ctl/live/servicedir.h>
#include <ctl/say.h>
#include <ctl/words.h>

typedef struct progress_s progress;
struct progress_s
{
  int terminal; /* draw again */
  size_t drawn; /* lines on the screen */
};

static char const *phrase(move const *m)
{
  switch (m->step)
  {
    case STEP_WAITING: return "waiting";
    case STEP_STOPPING: return "stopping";
    case STEP_STARTING: return "starting";
    case STEP_DONE: return m->goal == GOAL_STOP ? "stopped" : "ready";
    case STEP_DIED: return "died";
    case STEP_LATE: return m->goal == GOAL_STOP ? "does not stop" : "not ready in time";
    case STEP_BLOCKED: return "not started";
    case STEP_LOST: return "lost";
  }
  return "?";
}

static size_t width_of(transition const *t)
{
  move const *m = transition_moves(t);
  size_t width = 0;

  for (size_t n = transition_count(t); n; n--, m++)
    if (strlen(m->name) > width) width = strlen(m->name);
  return width;
}

static void print_line(transition const *t, move const *m)
{
  char span[WORDS_MAX];
  tain took;

  printf("%-*s  %s", (int)width_of(t), m->name, phrase(m));
  if (m->step == STEP_DONE && m->start.sec.x)
  {
    tain_sub(&took, &m->ended, &m->start);
    printf(" in %s", words_span(span, (unsigned long long)tain_to_millisecs(&took)));
  }
  else if (m->step == STEP_BLOCKED)
    printf(": needs %s", m->blocker);
}

static void draw(transition const *t, progress *p)
{
  move const *m = transition_moves(t);

  if (p->drawn) printf("\033[%zuA", p->drawn);
  p->drawn = 0;
  for (size_t n = transition_count(t); n; n--, m++)
  {
    if (m->goal == GOAL_KEEP) continue;
    fputs("\r\033[K", stdout);
    if (move_open(m))
      printf("%-*s  %s", (int)width_of(t), m->name, phrase(m));
    else
      print_line(t, m);
    putchar('\n');
    p->drawn++;
  }
  fflush(stdout);
}

static void show(transition const *t, move const *m, void *data)
{
  progress *p = data;

  if (p->terminal)
    draw(t, p);
  else if (!move_open(m))
  {
    print_line(t, m);
    putchar('\n');
    fflush(stdout);
  }
}

/* 1: it waits for more; 0: it is at work; -1: there is none, or we may not see. */
static int is_idle(pid_t logger)
{
  char name[40];
  process p;
  int n = 0;
  int fd;

  snprintf(name, sizeof name, "/proc/%d/fd/0", (int)logger);
  fd = logger > 0 ? open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
  if (fd < 0) return -1;
  if (ioctl(fd, FIONREAD, &n) < 0) n = -1;
  fd_close(fd);
  if (n) return n < 0 ? -1 : 0;
  return process_read(&p, -1, logger) < 0 ? -1 : p.state == 'S';
}

static int has_heard(transition const *t, move const *m)
{
  stralloc dir = STRALLOC_ZERO;
  live_status st = {.pid = 0};
  int r = -1;

  if (servicedir_path(&dir, t->bundle->run, m->name, "/log") >= 0 && live_read(dir.s, &st) >= 0 && st.up)
    r = is_idle(st.pid);
  stralloc_free(&dir);
  return r;
}

/*
 * The logger writes what the service said last after it died: waits for that. What lives may go on to speak, and
 * of some loggers nobody knows: then it is a quarter of a second at most.
 */
static void show_log(transition const *t, move const *m)
{
  stralloc dir = STRALLOC_ZERO;
  stralloc lines = STRALLOC_ZERO;
  stralloc text = STRALLOC_ZERO;

  if (service_append(&dir, "%s/%s", t->bundle->log, m->name) < 0 || !stralloc_0(&dir)) goto end;
  for (unsigned int i = 0; i < 1000; i++)
  {
    int heard = has_heard(t, m);
    lines.len = 0;
    if (logs_tail(&lines, dir.s, 10, &m->began) < 0 || heard > 0) break;
    if ((heard < 0 || m->step != STEP_DIED) && (lines.len || i >= 25)) break;
    usleep(10000);
  }
  if (lines.len && logs_human(&text, lines.s, lines.len, "  ") >= 0) allwrite(2, text.s, text.len);
  if (!lines.len) say("it said nothing; see ", dir.s, "/current");
end:
  stralloc_free(&dir);
  stralloc_free(&lines);
  stralloc_free(&text);
}

static void say_blocked(transition const *t, char const *by)
{
  move const *m = transition_moves(t);

  for (size_t n = transition_count(t); n; n--, m++)
    if (m->step == STEP_BLOCKED && !strcmp(m->blocker, by))
    {
      say("not started, because it needs ", by, ": ", m->name);
      say_blocked(t, m->name);
    }
}

/* How it failed, and a NUL. Returns 0 where it did not, or memory is short. */
static int failure_words(stralloc *sa, move const *m)
{
  char words[WORDS_MAX];
  int r = -1;

  sa->len = 0;
  if (m->step == STEP_DIED)
    r = service_append(sa, "%s died before it was ready: %s", m->name, words_exit(words, m->status.wstat));
  else if (m->step == STEP_LATE && m->goal == GOAL_STOP)
    r = service_append(sa, "%s did not stop in time", m->name);
  else if (m->step == STEP_LATE)
    r = service_append(sa, "%s was not ready within %s", m->name, words_span(words, m->patience));
  else if (m->step == STEP_LOST)
    r = service_append(sa, "unable to reach the supervisor of %s: %s", m->name, strerror(m->error));
  return r >= 0 && stralloc_0(sa);
}

static void say_failure(transition const *t, move const *m, stralloc *words)
{
  if (!failure_words(words, m)) return;
  say(words->s);
  if (t->why && !t->why->len) (void)stralloc_copy(t->why, words);
  if (m->step == STEP_LOST) return;
  show_log(t, m);
  say_blocked(t, m->name);
}

static int result_of(transition const *t)
{
  move const *m = transition_moves(t);
  stralloc words = STRALLOC_ZERO;

  for (size_t n = transition_count(t); n; n--, m++) say_failure(t, m, &words);
  stralloc_free(&words);
  if (transition_ended(t, STEP_LOST)) return EXIT_SYSTEM;
  if (transition_ended(t, STEP_DIED)) return EXIT_NO;
  return transition_ended(t, STEP_LATE) ? EXIT_TIMEOUT : 0;
}

int progress_run(transition *t, tain *stamp)
{
  struct winsize size;
  progress p = {.drawn = 0};

  p.terminal = isatty(1) && ioctl(1, TIOCGWINSZ, &size) >= 0 && size.ws_row > transition_count(t);
  t->progress = &show;
  t->data = &p;
  if (transition_run(t, stamp) >= 0) return result_of(t);
  say_cannot("wait for the services");
  return EXIT_SYSTEM;
}
