#ifndef CTL_LIVE_LIVE_H
#define CTL_LIVE_LIVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <skalibs/stralloc.h>
#include <skalibs/tai.h>

/*
 * The live services, through libs6. This file alone knows <s6/supervise.h> and <s6/ftrigr.h>: the first is
 * not documented by s6, the second changed its interface in s6 2.15.
 * dir is a service directory's path, RUN/servicedirs/NAME or its /log.
 */

typedef struct live_status_s live_status;
struct live_status_s
{
  int supervised; /* its s6-supervise runs; everything below is 0 otherwise */
  pid_t pid;      /* of the daemon, or of its finish script; 0: none */
  int up;         /* the daemon itself runs */
  int ready;
  int wanted;    /* s6-supervise keeps it up */
  int finishing; /* the daemon is dead, its finish script runs */
  int wstat;     /* how it ended last, as waitpid gives it */
  tain since;    /* when it last started or ended (wall clock) */
  tain ready_since;
};

/*
 * 0, or -1 and errno (a status file that cannot be read or is damaged): supervised is right even then, the
 * rest is 0. Not supervised is no error.
 */
extern int live_read(char const *dir, live_status *st);
/* The same for dir below the directory that fd has: who reads hundreds spares the kernel their long names. */
extern int live_read_at(int fd, char const *dir, live_status *st);
/* The same without asking whether s6-supervise runs: for a status whose process shows that by itself. */
extern int live_believe_at(int fd, char const *dir, live_status *st);
/* Sends s6-svc's letters. 0, or -1 and errno (ENXIO: not supervised). */
extern int live_control(char const *dir, char const *letters);

/* Ends the pause that a service's finish script makes before the next attempt, if it is in one. */
extern void live_hurry(char const *dir);

/* Whether an s6-svscan runs on scandir: its pid; 0: none does; -1 and errno. */
extern pid_t live_supervisor(char const *scandir);
/* Sends s6-svscanctl's letters. As live_control. */
extern int live_supervisor_control(char const *scandir, char const *letters);

/*
 * Adds services, all down: their s6-supervise run afterwards. dirs and names have n elements.
 * deadline: on the clock of *stamp (tain_now_set_stopwatch). 0, or -1 and errno (ETIMEDOUT).
 */
extern int live_add(char const *scandir, char const *const *dirs, char const *const *names, size_t n,
                    tain const *deadline, tain *stamp);
/* Whether scandir has a link called name that says dir: 1; 2: it leads elsewhere; 0: there is none; -1 and errno. */
extern int live_is_linked(char const *scandir, char const *name, char const *dir);
/* Takes services, which must be down, out of scandir and waits until their s6-supervise are gone. As live_add. */
extern int live_remove(char const *scandir, char const *const *names, size_t n, tain const *deadline,
                       tain *stamp);

/*
 * Events: one connection to a s6-ftrigrd. Watch first, read the status afterwards, then wait: nothing is
 * lost in between.
 */
typedef struct live_events_s live_events;
extern live_events *live_events_new(tain const *deadline, tain *stamp); /* 0 and errno */
/* Watches dir. The watch's number (1 up), or 0 and errno. */
extern uint16_t live_events_watch(live_events *ev, char const *dir, tain const *deadline, tain *stamp);
/* Waits until something happens to any, or the deadline. 1, 0 on timeout, -1 and errno. */
extern int live_events_wait(live_events *ev, tain const *deadline, tain *stamp);
/* Appends the events of a watch since the last call: s6's letters, `u` up `U` ready `d` dead `D` down `O` for ever. */
extern int live_events_take(live_events *ev, uint16_t watch, stralloc *events);
extern int live_events_fd(live_events *ev);
extern void live_events_free(live_events *ev);

#endif
