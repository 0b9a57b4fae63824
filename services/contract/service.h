#ifndef SERVICES_CONTRACT_SERVICE_H
#define SERVICES_CONTRACT_SERVICE_H

#include <stddef.h>
#include <sys/types.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include <services/contract/report.h>
#include <services/contract/section.h>
#include <services/contract/use.h>

/*
 * How a section of mailctl.conf becomes an s6 service directory. A directory below services/ holds a
 * service.c with one table, `service_kind const FOLDER_kinds[]`, which the build collects.
 * Everything here is pure: no file is read or written, and the same bundle gives the same bytes.
 */

/* What every service may want to know of the bundle that it is part of. All paths are absolute. */
typedef struct bundle_s bundle;
struct bundle_s
{
  genalloc const *sections; /* of section: the whole file, [bundle] first */
  section const *self;      /* [bundle] */
  char const *file;         /* mailctl.conf */
  char const *hostname;
  char const *state;
  char const *run;
  char const *log;
  char const *control; /* the directory of qmail control files */
  char const *home;    /* the directory that control is in: the working directory of qmail programs */
  char const *libexec; /* where mailctl's daemons are */
  char const *bin;     /* where mailctl itself is */
  int root;            /* started as root: services drop to their users */
};

/* The section [limit CLASS], or 0. */
extern section const *bundle_limit(bundle const *b, char const *class);
extern section const *bundle_section(bundle const *b, char const *name); /* the first [name], or 0 */
extern int bundle_qmail(bundle const *b);                                /* mta = qmail */
/* Whom the section s runs its service as: its own user, else [bundle] user, else root. s may be 0. */
extern char const *bundle_user(bundle const *b, section const *s);

typedef struct service_file_s service_file;
struct service_file_s
{
  char *path; /* below the service directory: run, data/rules, log/run */
  stralloc bytes;
  mode_t mode;
};

/* A directory that up makes before it starts the service. Parents are made too, 0755 and root's. */
typedef struct service_directory_s service_directory;
struct service_directory_s
{
  char *path; /* absolute */
  char *user; /* its owner, with that user's group, where mailctl is root; empty: whoever started mailctl */
  mode_t mode;
  int shared; /* others keep files in it too */
};

typedef struct service_s service;
struct service_s
{
  bundle const *bundle;
  section const *section; /* 0 for a service that has none */
  char *name;
  char const *user;  /* 0: runs as root */
  genalloc needs;    /* of char *: started before this one, where the bundle has them */
  genalloc controls; /* of char *: services that its user may start and stop, in a bundle that runs as root */
  genalloc programs; /* of char *: absolute; when one is replaced, up restarts the service */
  genalloc directories; /* of service_directory */
  genalloc files;       /* of service_file, sorted by path once the plan is made */
  int whole;            /* what is left of its process group when it ends is ended, too */
};

typedef struct service_kind_s service_kind;
struct service_kind_s
{
  section_kind section; /* its section; name 0: it has none */
  /* Whether the bundle has the service; 0: it has it exactly when the file has the section. */
  int (*present)(bundle const *b);
  /*
   * Fills in the service whose bundle, section, name and user are set. Says what is wrong to r.
   * 0: the section makes no service of its own. Returns 0, or -1 and errno (ENOMEM).
   */
  int (*make)(service *sv, report *r);
  char const *service; /* the service's name; 0: the section's name, or its argument */
  /* What only this machine can tell (`mailctl check` and `up`): certificates, programs. May read files. May be 0. */
  void (*check)(service const *sv, report *r);
  /*
   * Appends what the service's user must be able to use, beside its programs, and beside the files of its section,
   * which it must reach. May read files. May be 0. Returns 0, or -1 and ENOMEM.
   */
  int (*uses)(service const *sv, genalloc *uses);
  /*
   * Appends, NUL included, the file that the daemon has open as long as it runs, which only one process can. May be 0.
   * Returns 0, or -1 and ENOMEM.
   */
  int (*lock)(service const *sv, stralloc *path);
  /* HUP makes the daemon read its data again, so that a change below data/ needs no restart. */
  enum
  {
    RELOADS_NOT,
    RELOADS,
    RELOADS_AND_TELLS /* in its log, by the words of runlib/reload.h */
  } reloads;
  /*
   * The text of the service's section as `init` writes it below `[name]`: lines of `key = value`;
   * 0: a new bundle does not have the service; "": it has it, with nothing but defaults.
   */
  char const *init;
  /* The system user of the service in a bundle that root's `init` wrote; 0: that of [bundle]. */
  char const *user;
};

/* Adds a file. The bytes are copied. Each returns 0, or -1 and errno. */
extern int service_add_file(service *sv, char const *path, char const *bytes, size_t len, mode_t mode);
extern int service_add_text(service *sv, char const *path, mode_t mode, char const *format, ...)
    __attribute__((format(printf, 4, 5)));
extern int service_add_need(service *sv, char const *name);
extern int service_add_needs(service *sv, char const *list); /* between blanks or commas; 0: none */
/* The same for whichever service of the bundle listens at unix:/PATH or inet:ADDRESS:PORT; if none does, for none. */
extern int service_add_need_at(service *sv, char const *address);
extern int service_add_control(service *sv, char const *name);
extern int service_add_program(service *sv, char const *path);
/*
 * user 0: the service's own. A directory that is there already gets the owner and mode again, and the files in it that
 * were its old owner's become the new one's.
 */
extern int service_add_directory(service *sv, char const *path, mode_t mode, char const *user);
/* The same, the service's own, where others keep files too: these stay whose they are. */
extern int service_add_shared_directory(service *sv, char const *path, mode_t mode);

/*
 * Writes `run`, `notification-fd` 3 and `timeout-kill`. The script is execline: it sends stderr to the
 * logger, goes to the home directory, becomes the service's user, reads `env/` if there is one, and
 * then becomes command, which is execline text (quote words with service_quote). drain: milliseconds
 * that the daemon may take after TERM before it is killed, 0: for ever. A daemon that must begin as
 * root sets user to 0 and drops by itself.
 */
extern int service_add_run(service *sv, char const *command, unsigned int drain);

/*
 * The beginning of such a script, for a service that must do more between the two: stderr to the logger,
 * and the record of what runs now (pid, start time, content) by which up and status recognise it.
 * The working directory is still the service directory. Add env/ files before.
 */
extern int service_prelude(service *sv, stralloc *sa);
/* `s6-setuidgid USER\n` where the bundle runs as root and the service has a user; else nothing. */
extern int service_drop(service *sv, stralloc *sa);
/* The record alone, for a script of another beginning; suffix as in ".log": which process of the service it is. */
extern int service_record(service *sv, char const *suffix, stralloc *sa);
/* The finish script; the plan adds it to every service. */
extern int service_add_finish(service *sv);

/*
 * Appends what makes descriptor 0 a unix socket RUN/name with the octal mode that the section's key `mode` says, for a
 * script that gives root up afterwards: RUN is not its user's. What is wrong with the mode goes to r.
 */
extern int service_bind(service const *sv, stralloc *sa, char const *name, report *r);
/*
 * Appends ` -D DOOR`, the unix socket below RUN/doors where a listener's sockets go on (runlib/tcp/standby.h), and adds
 * that directory. `finished` closes the door of a service that is stopped.
 */
extern int service_door(service *sv, stralloc *sa);
/* Appends ` OPTION ADDRESS` for each address of the section's key, such as `listen`. */
extern int service_listen(service const *sv, stralloc *sa, char const *key, char const *option);

/* Appends word to sa, quoted for execlineb. */
extern int service_quote(stralloc *sa, char const *word);
/* Appends before as it is, then directory and name together as one word, quoted. */
extern int service_word(stralloc *sa, char const *before, char const *directory, char const *name);
/* Appends formatted text. */
extern int service_append(stralloc *sa, char const *format, ...) __attribute__((format(printf, 2, 3)));

extern void service_free(service *sv);

#endif
