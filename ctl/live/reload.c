#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/stralloc.h>

#include <runlib/reload.h>
#include <runlib/walk.h>

#include <services/contract/kinds.h>

#include <ctl/context.h>
#include <ctl/live/live.h>
#include <ctl/live/logs.h>
#include <ctl/live/reload.h>
#include <ctl/say.h>

#define PATIENCE 40 /* seconds; tlsd gives its new processes 30 to start */
#define PAUSE    20 /* ms between two looks */

typedef struct asked_s asked;
struct asked_s
{
  char const *name;
  int dir;       /* of its log */
  logs_place at; /* where it ended when HUP was sent */
  int answer;    /* 0: none yet; 1: it has read its files; -1: it kept those of before */
  stralloc said; /* since then */
};

static int tells(char const *name)
{
  kinds_walk w = KINDS_WALK_ZERO;
  service_kind const *k;

  while ((k = kinds_next(&w)))
    if (kind_service(k) && !strcmp(kind_service(k), name)) return k->reloads == RELOADS_AND_TELLS;
  return 0;
}

/* Where the log of the service ends. */
static int note_end(asked *a, bundle const *b)
{
  stralloc path = STRALLOC_ZERO;
  stralloc none = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/%s", b->log, a->name) >= 0 && stralloc_0(&path) &&
      (a->dir = walk_directory(AT_FDCWD, path.s)) >= 0)
    result = logs_tail_at(&none, a->dir, 0, &a->at);
  stralloc_free(&path);
  stralloc_free(&none);
  return result;
}

static void asked_free(asked *a)
{
  if (a->dir >= 0) fd_close(a->dir);
  if (a->at.fd >= 0) fd_close(a->at.fd);
  stralloc_free(&a->said);
}

int reload_send(reloads *r, bundle const *b, char const *name, char const *dir)
{
  asked a = {.name = name, .dir = -1, .at = LOGS_PLACE_ZERO, .said = STRALLOC_ZERO};

  if (!tells(name))
  {
    if (live_control(dir, "h") < 0) return -1;
    printf("%s  told to read its files again (`mailctl log %s` has its answer)\n", name, name);
    return 0;
  }
  if (note_end(&a, b) >= 0 && live_control(dir, "h") >= 0 && genalloc_append(asked, &r->asked, &a)) return 0;
  asked_free(&a);
  return -1;
}

/* Keeps the lines, and looks for the answer among them. */
static int take(void *data, char const *lines, size_t len)
{
  asked *a = data;

  if (!stralloc_catb(&a->said, lines, len)) return -1;
  while (len && !a->answer)
  {
    char const *end = memchr(lines, '\n', len);
    size_t n = end ? (size_t)(end - lines) + 1 : len;
    if (memmem(lines, n, ": info: " RELOAD_DONE, sizeof ": info: " RELOAD_DONE - 1)) a->answer = 1;
    if (memmem(lines, n, ": unable to " RELOAD_KEPT, sizeof ": unable to " RELOAD_KEPT - 1)) a->answer = -1;
    lines += n;
    len -= n;
  }
  return 0;
}

static void look(reloads *r)
{
  asked *a = genalloc_s(asked, &r->asked);

  for (size_t n = genalloc_len(asked, &r->asked); n; n--, a++)
    if (!a->answer) (void)logs_more(a->dir, &a->at, &take, a);
}

static int all_have_answered(reloads const *r)
{
  asked const *a = genalloc_s(asked, &r->asked);

  for (size_t n = genalloc_len(asked, &r->asked); n; n--, a++)
    if (!a->answer) return 0;
  return 1;
}

static int tell(asked const *a)
{
  stralloc text = STRALLOC_ZERO;

  if (a->answer > 0) return (printf("%s  has read its files again\n", a->name), 0);
  if (!a->answer)
  {
    say(a->name, " has not answered: `mailctl log ", a->name, "`");
    return EXIT_TIMEOUT;
  }
  say(a->name, " kept its files of before:");
  if (logs_human(&text, a->said.s, a->said.len, "  ") >= 0) allwrite(2, text.s, text.len);
  stralloc_free(&text);
  return EXIT_NO;
}

int reload_wait(reloads *r, tain *stamp)
{
  static tain const pause = {.sec = TAI_ZERO, .nano = PAUSE * 1000000};
  asked const *a = genalloc_s(asked, &r->asked);
  tain deadline, next;
  int status = 0;

  tain_now(stamp);
  tain_addsec(&deadline, stamp, PATIENCE);
  for (look(r); !all_have_answered(r) && tain_less(stamp, &deadline); look(r))
  {
    tain_add(&next, stamp, &pause);
    iopause_stamp(0, 0, &next, stamp);
  }
  for (size_t n = genalloc_len(asked, &r->asked); n; n--, a++)
  {
    int one = tell(a);
    if (one) status = one;
  }
  return status;
}

void reload_free(reloads *r)
{
  asked *a = genalloc_s(asked, &r->asked);

  for (size_t n = genalloc_len(asked, &r->asked); n; n--, a++) asked_free(a);
  genalloc_free(asked, &r->asked);
}
