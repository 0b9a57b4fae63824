#ifndef SERVICES_JOB_MAIL_H
#define SERVICES_JOB_MAIL_H

#include <stddef.h>

#include <runlib/become.h>

/* A message to postmaster, by the bundle's own queue. */
typedef struct job_mail_s job_mail;
struct job_mail_s
{
  char const *program; /* with qmail-queue's interface; 0: nobody is told */
  char const *spool;   /* its argument; 0: it takes none */
  become user;         /* whom the queue belongs to */
  char const *host;
};

/* what: the subject behind `[HOST] job NAME`. Returns 0, or -1: it is not queued, which is said to stderr. */
extern int job_mail_send(job_mail const *m, char const *name, char const *what, char const *text, size_t len);

#endif
