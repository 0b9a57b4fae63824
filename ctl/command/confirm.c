#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/tai.h>

#include <ctl/command/advance.h>
#include <ctl/command/command.h>
#include <ctl/live/history.h>
#include <ctl/live/pending.h>
#include <ctl/say.h>
#include <ctl/status/snapshot.h>
#include <ctl/words.h>

/* --- whether its health falls -------------------------------------------------------------------- */

#define NOT_READY 30  /* seconds that a service may be anything but ready */
#define DEATHS    2   /* of one service, that nobody commanded */
#define REPLIES   20  /* of smtpd and submission, before their shares count */
#define OLDEST    600 /* seconds that a message may wait in the queue where none did */

/* What the numbers were when the watch began; and since when something is not ready. */
typedef struct vital_s vital;
struct vital_s
{
  int begun;
  uint64_t good, bad, oldest;
  genalloc deaths;  /* of uint64_t, a service each, in the order of the generation */
  unsigned int ill; /* seconds */
};

static uint64_t number_of(status_value const *d)
{
  return d->known == KNOWN ? d->n : 0;
}

static void begin(vital *v, snapshot const *s)
{
  v->begun = 1;
  v->good = number_of(&s->smtpd.messages.total) + number_of(&s->submission.messages.total);
  v->bad = number_of(&s->smtpd.refused.total) + number_of(&s->submission.refused.total);
  v->oldest = number_of(&s->queue.oldest);
  for (size_t i = 0; i < snapshot_count(s); i++)
  {
    uint64_t n = number_of(&snapshot_services(s)[i].restarts);
    (void)genalloc_append(uint64_t, &v->deaths, &n);
  }
}

/* What is wrong by now, into why with a NUL; 0: nothing. */
static int judge(vital *v, snapshot const *s, stralloc *why)
{
  uint64_t good = number_of(&s->smtpd.messages.total) + number_of(&s->submission.messages.total);
  uint64_t bad = number_of(&s->smtpd.refused.total) + number_of(&s->submission.refused.total);
  uint64_t oldest = number_of(&s->queue.oldest);
  uint64_t all;
  int ready = 1, r = 0;

  if (!v->begun) begin(v, s);
  why->len = 0;
  for (size_t i = 0; i < snapshot_count(s); i++)
  {
    service_fields const *f = snapshot_services(s) + i;
    uint64_t before = i < genalloc_len(uint64_t, &v->deaths) ? genalloc_s(uint64_t, &v->deaths)[i] : 0;
    if (f->wanted_now && f->is != STATE_READY && f->is != STATE_UNKNOWN) ready = 0;
    if (number_of(&f->restarts) >= before + DEATHS || (f->wanted_now && f->is == STATE_FAILED))
      r |= service_append(why, "%s%s dies", why->len ? "; " : "", f->id);
  }
  v->ill = ready ? 0 : v->ill + 1;
  if (v->ill >= NOT_READY) r |= service_append(why, "not every service is ready");
  /* Three of four are refused, which was not so before. */
  good -= good < v->good ? good : v->good;
  bad -= bad < v->bad ? bad : v->bad;
  all = good + bad;
  if (all >= REPLIES && bad > 3 * good && v->bad <= 3 * v->good)
    r |= service_append(why, "%llu of %llu were refused", (unsigned long long)bad, (unsigned long long)all);
  if (oldest >= OLDEST && v->oldest < OLDEST) r |= service_append(why, "the queue does not move");
  return !r && why->len && stralloc_0(why);
}

static int is_ill(context const *cx, vital *v, stralloc *why)
{
  snapshot s = SNAPSHOT_ZERO;
  stored st = STORED_ZERO;
  int ill = 0;

  if (!stored_load(&st, cx) && snapshot_take(&s, &st, 0) >= 0) ill = s.running && judge(v, &s, why);
  snapshot_free(&s);
  stored_free(&st);
  return ill;
}

/* --- going back ---------------------------------------------------------------------------------- */

/* The lock may have taken a while: somebody may have confirmed meanwhile. What is interrupted is begun again by s6. */
static int go_back(context const *cx, char const *state, char const *const *argv, char const *why)
{
  advance a = {.argv = argv, .stay = 1};
  wanted w = WANTED_ZERO;
  stralloc text = STRALLOC_ZERO;
  unsigned int current = 0;
  int lock = -1;
  int status = advance_lock(state, argv[0], &lock);
  pending p;

  if (!status && pending_read(&p, state) == 0)
  {
    a.number = p.back;
    (void)generation_current(state, &current);
    say("going back: ", why);
    status = kept_load(&w, cx, state, p.back);
    if (!status)
    {
      if (current && current != p.back && service_append(&text, "failed %s\n", why) == 0 && stralloc_0(&text))
        (void)generation_note(state, current, text.s);
      history_command(&w.b, 1, argv);
      status = advance_run(cx, &w, &a);
    }
    if (status != EXIT_SYSTEM && pending_remove(state) < 0) status = EXIT_SYSTEM;
  }
  if (lock >= 0) fd_close(lock);
  wanted_free(&w);
  stralloc_free(&text);
  return status == EXIT_SYSTEM || status == EXIT_TIMEOUT ? status : 0;
}

static int watch(context const *cx, char const *state, char const *const *argv)
{
  vital v = {.begun = 0};
  stralloc why = STRALLOC_ZERO;
  pending p;
  tain now;

  for (;; sleep(1))
  {
    if (pending_read(&p, state) < 0) return errno == ENOENT ? 0 : EXIT_SYSTEM;
    tain_wallclock_read(&now);
    if (!tain_less(&now, &p.deadline)) return go_back(cx, state, argv, "nobody confirmed it");
    if (is_ill(cx, &v, &why)) return go_back(cx, state, argv, why.s);
  }
}

/* ------------------------------------------------------------------------------------------------- */

static int confirm(char const *state)
{
  unsigned int current = 0;
  pending p;
  int lock = -1;
  int status;

  if (pending_read(&p, state) < 0 && errno == ENOENT)
  {
    say("there is nothing to confirm");
    return EXIT_NO;
  }
  status = advance_lock(state, "confirm", &lock);
  if (!status && (generation_current(state, &current) < 0 || pending_remove(state) < 0))
  {
    say_cannot("remove ", state, "/confirm");
    status = EXIT_SYSTEM;
  }
  if (!status) printf("generation %u is kept\n", current);
  if (lock >= 0) fd_close(lock);
  return status;
}

int command_confirm(context const *cx, int argc, char const *const *argv)
{
  int watches = argc == 2 && !strcmp(argv[1], "--watch");
  char *state;
  int status;

  if (argc > 1 && !watches) return usage_error(argv[0], "it takes nothing");
  if (!(state = find_state(cx))) return EXIT_SYSTEM;
  tain_now_set_stopwatch_g();
  status = watches ? watch(cx, state, argv) : confirm(state);
  free(state);
  return status;
}
