#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/tai.h>
#include <skalibs/types.h>

#include <runlib/ready.h>

#include <ctl/command/advance.h>
#include <ctl/command/command.h>
#include <ctl/live/directory.h>
#include <ctl/live/live.h>
#include <ctl/live/lock.h>
#include <ctl/live/notify.h>
#include <ctl/live/orphan.h>
#include <ctl/live/supervisor.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

#define LOCK_TIMEOUT 120000 /* ms that another command may take */
#define PAUSE_MAX    60     /* seconds between two attempts to bring the services up */

/*
 * The supervisor in the foreground: this process becomes s6-svscan, and a child brings the services up on
 * it. Whoever started it (systemd, a container's engine, another supervisor) sees s6-svscan itself, which
 * reaps orphans if it is process 1, and which TERM makes run `mailctl down`.
 */

/* Until the parent has become s6-svscan: it holds the scan directory's lock from then on. */
static void await_supervisor(char const *scandir, pid_t parent)
{
  for (unsigned int i = 0; i < 1000 && live_supervisor(scandir) != parent; i++)
  {
    if (getppid() != parent) _exit(EXIT_SYSTEM);
    usleep(10000);
  }
}

/*
 * A full disk or a lack of memory passes, and nobody else would try again. A file with mistakes may be mended
 * in the meantime.
 */
static int bring_up(context *cx, pid_t parent)
{
  static char const *const up[] = {"up", 0};
  unsigned int pause = 1;
  int status;

  while (((status = command_up(cx, 1, up)) == EXIT_SYSTEM || (status == EXIT_CONF && cx->stored)) &&
         getppid() == parent)
  {
    if (status == EXIT_CONF) cx->stored = 0;
    say("trying again soon");
    sleep(pause);
    pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
  }
  return status;
}

/* Whether generation `number` came of this very file, by this set. */
static int is_of(wanted const *w, unsigned int number)
{
  generation g = GENERATION_ZERO;
  stralloc bytes = STRALLOC_ZERO;
  size_t prefix = (size_t)(strrchr(w->b.bin, '/') - w->b.bin);
  int yes = generation_file(&bytes, w->b.state, number, "mailctl.conf") == 0 && bytes.len == w->c.bytes.len &&
            !memcmp(bytes.s, w->c.bytes.s, bytes.len) && generation_load(&g, w->b.state, number) == 0 &&
            g.set.len == prefix + 1 && !memcmp(g.set.s, w->b.bin, prefix);

  generation_free(&g);
  stralloc_free(&bytes);
  return yes;
}

/* Whether somebody, or mailctl by itself, went back from what the file says: a boot is no reason to bring it up again. */
static int was_left(wanted const *w)
{
  genalloc numbers = GENALLOC_ZERO;
  unsigned int current = 0;
  int yes = 0;

  if (generation_current(w->b.state, &current) == 0 && current && !is_of(w, current))
    (void)generation_list(&numbers, w->b.state);
  for (size_t i = genalloc_len(unsigned int, &numbers); i && !yes; i--)
  {
    unsigned int one = genalloc_s(unsigned int, &numbers)[i - 1];
    yes = !advance_may_return(w->b.state, one) && is_of(w, one);
  }
  genalloc_free(unsigned int, &numbers);
  return yes;
}

/*
 * A boot brings back what ran before it, whatever has been written into the file since. cx says what to read
 * from then on.
 */
static int load(wanted *w, context *cx, char const **odd)
{
  int status = wanted_load(w, cx, 1);

  *odd = status == EXIT_CONF ? "has mistakes" : !status && was_left(w) ? "is what was rolled back from" : 0;
  if (!*odd) return status;
  wanted_free(w);
  *w = (wanted)WANTED_ZERO;
  cx->stored = 1;
  status = wanted_load(w, cx, 1);
  if (!status)
    say(cx->file, " ", *odd, ": going on with what was brought up last, ", w->b.state,
        "/current/mailctl.conf; `mailctl up` takes the file when it is mended");
  return status;
}

/*
 * s6's readiness is given only if all are ready. systemd would end a unit that does not become ready in time,
 * those of its services that do run included: it is told what there is to know as text.
 */
static void announce(char const *odd, int fd, int status)
{
  char text[120] = "not every service is ready: see mailctl status";

  if (!status)
    snprintf(text, sizeof text, "every service is ready%s%s%s", odd ? ", but mailctl.conf " : "",
             odd ? odd : "", odd ? ": see mailctl check" : "");
  if (status == EXIT_BACK)
    snprintf(text, sizeof text,
             "mailctl.conf did not become healthy, what ran before it runs: see mailctl generations");
  if ((!status || status == EXIT_BACK) && ready_notify(fd) < 0)
    say_cannot("write to the descriptor that -d names");
  if (notify_systemd(text) < 0) say_cannot("tell systemd that the services are up");
}

static int start_child(context *cx, char const *scandir, char const *odd, int fd)
{
  pid_t parent = getpid();
  pid_t pid = fork();
  int status;

  if (pid) return pid < 0 ? -1 : 0;
  await_supervisor(scandir, parent);
  status = bring_up(cx, parent);
  announce(cx->stored ? odd : 0, fd, status);
  _exit(status);
}

/* What is left of an s6-svscan that was killed would refuse to be supervised by another. */
static int clear_orphans(wanted const *w, char const *scandir)
{
  if (live_supervisor(scandir) <= 0) return orphan_end_supervisors(&w->b, 1, &STAMP);
  say("the bundle is running already; `mailctl down` stops it");
  return EXIT_SYSTEM;
}

static int take_lock(wanted const *w)
{
  if (lock_take(w->b.state, "run", LOCK_TIMEOUT, 0) >= 0) return 0; /* until this process is s6-svscan */
  say_cannot("lock ", w->b.state, "/lock");
  return errno == ETIMEDOUT ? EXIT_TIMEOUT : EXIT_SYSTEM;
}

static int parse(int *fd, int argc, char const *const *argv)
{
  unsigned int n = 0;

  if (argc > 1 && (argc != 3 || strcmp(argv[1], "-d") || !uint0_scan(argv[2], &n) || n < 3))
    return usage_error(argv[0], "it takes nothing, or -d and a descriptor of 3 or more");
  if (n && fcntl((int)n, F_GETFD) < 0)
    return usage_error(argv[0], "the descriptor that -d names is not open");
  *fd = (int)n;
  return 0;
}

int command_run(context const *given, int argc, char const *const *argv)
{
  context cx = *given;
  wanted w = WANTED_ZERO;
  stralloc scandir = STRALLOC_ZERO;
  char const *odd;
  int fd = 0;
  int status = parse(&fd, argc, argv);

  if (status) return status;
  tain_now_set_stopwatch_g();
  if ((status = load(&w, &cx, &odd))) return status;
  if (directory_make_bundle(&w.b) < 0 || supervisor_scandir(&scandir, &w.b) < 0) return EXIT_SYSTEM;
  if ((status = take_lock(&w)) || (status = clear_orphans(&w, scandir.s))) return status;
  if (start_child(&cx, scandir.s, odd, fd) < 0 || supervisor_become(&w.b) < 0)
    say_cannot("become s6-svscan on ", scandir.s);
  return EXIT_SYSTEM;
}
