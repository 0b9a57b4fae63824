#ifndef CTL_STATUS_SNAPSHOT_H
#define CTL_STATUS_SNAPSHOT_H

#include <skalibs/genalloc.h>

#include <runlib/milterstats.h>

#include <ctl/machine/load.h>
#include <ctl/status/field.h>
#include <ctl/status/service.h>
#include <ctl/status/smtp.h>

/*
 * A bundle at one moment. Whatever a source does not tell (missing, damaged, not to be read) is UNKNOWN,
 * and whatever the bundle does not have is NONE. The names are those of the table, ctl/fact.c.
 */

typedef struct offender_facts_s offender_fields; /* one of the rater's worst */
struct offender_facts_s
{
  char const *class;
  char const *value;
  uint64_t refusals;
  uint64_t seconds_ago;
};

typedef struct milter_facts_s milter_facts; /* one that sessions of a service ask */
struct milter_facts_s
{
  char const *service;
  char const *address;
  milterstats_facts stats;
};

typedef struct warning_facts_s warning_fields; /* a line of a log */
struct warning_facts_s
{
  tain time;
  char const *service; /* or `supervisor` */
  char const *text;
};

#define OFFENDERS_SHOWN 3
#define WARNINGS_SHOWN  5
#define MILTERS_SHOWN   (2 * MILTERSTATS)

typedef struct snapshot_s snapshot;
struct snapshot_s
{
  tain now;    /* wall clock */
  int running; /* an s6-svscan runs, or what a killed one left */
  int alone;   /* there is no s6-svscan */
  int moved;   /* what runs was brought up before the bundle was moved to another directory */
  status_value time, generation, health; /* health: well, degraded, not running */
  status_value blocked;
  struct
  {
    status_value state, pid, since, memory, cpu_seconds;
  } supervisor;
  struct
  {
    status_value backlog, oldest, messages, failed, free, enter, leave, severe_enter, severe_leave;
  } queue;
  struct
  {
    status_value sessions, logins, logins_per_minute, failures, failures_per_minute, windows;
  } imap;
  struct
  {
    status_value waiting, running, sent_per_minute, bounced_per_minute, deferred, destinations, oldest;
  } outbound;
  struct
  {
    status_value level, state, reason, maker, since, until, monitor;
  } overload;
  smtp_fields smtpd, submission;
  struct
  {
    status_value sessions, begun, resumed, failed, refused, expires, days_left;
  } tls;
  struct
  {
    status_value questions, allowed, refused, tempfailed, greylisted, known, observed;
    status_value refused_block, refused_helo, refused_listed, refused_rdns, refused_sender, refused_spf;
    status_value entries, expired, unusable_lists, dns_asked, dns_failed, late;
  } policy;
  struct
  {
    status_value checks, checks_per_second, refused, keys, room;
  } rater;
  unsigned int nmilters;
  milter_facts
      milters[MILTERS_SHOWN]; /* in the order of the file; without those whose counters cannot be read */
  unsigned int noffenders;
  offender_fields offenders[OFFENDERS_SHOWN]; /* the worst first */
  int offenders_known;                        /* raterd tells them only to root and to its own user */
  unsigned int nwarnings;
  warning_fields warnings[WARNINGS_SHOWN]; /* the newest first: of a day, since the start by command */
  genalloc services;                       /* of service_fields, in start order */
  genalloc texts;                          /* of char *: what the texts point to */
};
#define SNAPSHOT_ZERO                                                                                        \
  {                                                                                                          \
    .services = GENALLOC_ZERO, .texts = GENALLOC_ZERO                                                        \
  }

#define snapshot_services(s) genalloc_s(service_fields, &(s)->services)
#define snapshot_count(s)    genalloc_len(service_fields, &(s)->services)

/*
 * Fills s, which is SNAPSHOT_ZERO. Reads only, and takes a few milliseconds at the most. st must live as long
 * as s. before: an earlier snapshot of the same bundle, so that shares of the CPU are those since then; 0:
 * since each process began. 0, or -1 and ENOMEM.
 */
extern int snapshot_take(snapshot *s, stored const *st, snapshot const *before);
extern void snapshot_free(snapshot *s);

/* A datum of s that belongs to the whole bundle, in words: status_field_human(). */
extern char const *snapshot_human(char words[FIELD_WORDS], snapshot const *s, status_value const *d);

/* 0: there is none of that name. */
extern service_fields const *snapshot_find(snapshot const *s, char const *name);

/* Whose line it is, and a colon; empty where the line says so itself. */
#define WARNING_OF 300
extern char const *snapshot_warning_of(char s[WARNING_OF], warning_fields const *w);

/*
 * The exit status of `mailctl status`: 0, EXIT_NO or EXIT_NONE. With names: of these services alone, each of
 * which should be ready, be it held down by command or not. Without: of all that are wanted, and the overload.
 */
extern int snapshot_health(snapshot const *s, int argc, char const *const *names);

#endif
