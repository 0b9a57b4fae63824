#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/address.h>
#include <runlib/procstat.h>

#include <services/contract/kinds.h>

#include <ctl/live/claim.h>
#include <ctl/live/orphan.h>
#include <ctl/machine/machine.h>
#include <ctl/machine/port.h>
#include <ctl/machine/reach.h>

#include "machine-internal.h"

/* --- users -------------------------------------------------------------------------------------- */

static void check_user(section const *s, char const *name, report *r)
{
  who w;

  if (!who_find(&w, name)) return;
  if (errno == ENOENT)
    report_error(r, s, "user",
                 "there is no user `%s` on this machine (root can make it: "
                 "useradd --system --no-create-home --shell /usr/sbin/nologin %s)",
                 name, name);
  else
    report_error(r, s, "user", "unable to look up the user `%s`: %s", name, strerror(errno));
}

/* Whether a section before s names the same user: one report is enough. */
static int named_before(bundle const *b, section const *s, char const *name)
{
  for (section const *t = genalloc_s(section, b->sections); t != s; t++)
  {
    char const *other = section_text(t, "user");
    if (other && !strcmp(other, name)) return 1;
  }
  return 0;
}

static char const *user_of(bundle const *b, section const *s)
{
  char const *user = s ? section_text(s, "user") : 0;
  return user ? user : section_text(b->self, "user");
}

static int has_addresses(section const *s)
{
  for (key const *k = s->kind->keys; k && k->name; k++)
    if (k->type == KEY_ADDRESSES && section_value(s, k->name)) return 1;
  return 0;
}

/* Run by root, whatever a stranger on the network can talk to must be somebody else. */
static void check_root(bundle const *b, section const *s, report *r)
{
  char const *user = user_of(b, s);
  who w;

  if (!b->root || !has_addresses(s)) return;
  if (!user)
    report_error(r, s, "user",
                 "it listens on the network and must not run as root: name a user, here or in [bundle]");
  else if (!who_find(&w, user) && !w.uid)
    report_error(r, s, "user", "it listens on the network and must not run as root (`%s`)", user);
}

static void check_users(bundle const *b, report *r)
{
  section const *s = genalloc_s(section, b->sections);
  char const *group = section_text(b->self, "status-group");

  for (size_t n = genalloc_len(section, b->sections); n; n--, s++)
  {
    char const *name = section_text(s, "user");
    if (name && !named_before(b, s, name)) check_user(s, name, r);
    check_root(b, s, r);
  }
  if (group && !getgrnam(group))
    report_error(r, b->self, "status-group",
                 "there is no group `%s` on this machine (root can make it: groupadd --system %s)", group,
                 group);
}

/* --- directories ------------------------------------------------------------------------------------ */

/* The longest part of path that exists. */
static void existing_part(char const *path, char *part, struct stat *st)
{
  snprintf(part, PATH_MAX, "%s", path);
  while (stat(part, st) < 0 && strlen(part) > 1)
  {
    char *slash = strrchr(part, '/');
    slash[slash == part] = 0;
  }
}

/* A directory that mailctl keeps, and makes where it is missing. */
static void check_kept(bundle const *b, char const *name, report *r)
{
  char const *path = section_text(b->self, name);
  char part[PATH_MAX];
  char culprit[PATH_MAX];
  struct stat st;
  int e;

  existing_part(path, part, &st);
  if (!S_ISDIR(st.st_mode))
  {
    report_error(r, b->self, name, "%s is not a directory", part);
    return;
  }
  e = reach_try(0, part, W_OK | X_OK, culprit);
  if (e == EACCES)
    report_error(r, b->self, name, "we may not write to %s", culprit);
  else if (e)
    report_error(r, b->self, name, "%s: %s", part, strerror(e));
}

/* Whether somebody but root can exchange path, or what is in it: says so. In a sticky directory others cannot. */
static int check_roots(bundle const *b, char const *name, char const *path, report *r)
{
  char const *in = strcmp(path, section_text(b->self, name)) ? "below" : "in";
  struct stat st;

  if (stat(path, &st) < 0) return 0;
  if (st.st_uid)
    report_error(r, b->self, name, "root runs what is %s %s, which belongs to another user: chown root %s",
                 in, path, path);
  else if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
    report_error(r, b->self, name, "root runs what is %s %s, where others may write: chmod go-w %s", in, path,
                 path);
  else
    return 0;
  return 1;
}

/*
 * Root runs what is in STATE and RUN: whoever can exchange either of them, or a directory on the way there, also by
 * the links in it, is root as well.
 */
static void check_safe(bundle const *b, char const *name, report *r)
{
  char ways[2][PATH_MAX];
  int n = 1;

  if (!b->root || snprintf(ways[0], PATH_MAX, "%s", section_text(b->self, name)) >= PATH_MAX) return;
  if (realpath(ways[0], ways[1]) && strcmp(ways[0], ways[1])) n = 2;
  for (int i = 0; i < n; i++)
    for (char *slash = ways[i];; *slash = '/')
    {
      slash = strchrnul(slash + 1, '/');
      char last = *slash;
      *slash = 0;
      if (check_roots(b, name, ways[i], r)) return;
      if (!last) break;
    }
}

static void check_control(bundle const *b, report *r)
{
  struct stat st;

  if (stat(b->control, &st) < 0)
    report_error(r, b->self, "control", "%s: %s (mailctl init makes one, and notqmail has its own)",
                 b->control, strerror(errno));
  else if (!S_ISDIR(st.st_mode))
    report_error(r, b->self, "control", "%s is not a directory", b->control);
}

static void check_directories(bundle const *b, report *r)
{
  check_kept(b, "state", r);
  check_kept(b, "run", r);
  check_kept(b, "log", r);
  check_safe(b, "state", r);
  check_safe(b, "run", r);
  check_control(b, r);
}

/* --- addresses ---------------------------------------------------------------------------------- */

/*
 * One that listens while s6 starts another (runlib/tcp/standby.h): it has the service's arguments. Without the doors, at
 * which the other takes over, it is only in the way.
 */
static int is_standby(bundle const *b, pid_t pid)
{
  char path[64], doors[PATH_MAX], arguments[8192];
  ssize_t n;

  snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
  snprintf(doors, sizeof doors, "%s/doors/", b->run);
  n = openreadnclose(path, arguments, sizeof arguments);
  return n > 0 && !access(doors, F_OK) && memmem(arguments, (size_t)n, doors, strlen(doors));
}

int machine_is_ours(bundle const *b, pid_t pid)
{
  char services[PATH_MAX];

  snprintf(services, sizeof services, "%s/servicedirs", b->run);
  if (access(services, F_OK) < 0 && errno == EACCES) return 1;
  return pid && (port_below(pid, services) || orphan_is(b, pid) || is_standby(b, pid));
}

static void say_taken(section const *s, char const *name, char const *text, pid_t pid, report *r)
{
  char comm[PROCESS_COMM];

  process_comm(comm, pid);
  if (pid)
    report_error(r, s, name, "%s is in use, by the process %ld (%s)", text, (long)pid, comm);
  else
    report_error(r, s, name, "%s is in use, by a process that we may not see", text);
}

static void check_address(bundle const *b, section const *s, char const *name, address const *a, report *r)
{
  char text[ADDRESS_FMT];
  pid_t pid;
  int e = port_taken(a, &pid);

  address_fmt(text, a);
  if (e == EADDRINUSE && machine_is_ours(b, pid)) return;
  if (e == EADDRINUSE)
    say_taken(s, name, text, pid, r);
  else if (e == EADDRNOTAVAIL)
    report_error(r, s, name, "%s: this machine does not have that address", text);
  else if (e == EACCES)
    report_error(r, s, name,
                 "%s: only root may listen on so low a port (take one over 1023, or start mailctl as root)",
                 text);
  else if (e)
    report_error(r, s, name, "%s: %s", text, strerror(e));
}

static void check_addresses(bundle const *b, section const *s, value const *v, report *r)
{
  char const *rest = v->text;
  char const *word;

  for (size_t n; (n = list_word(&rest, &word));)
  {
    char text[ADDRESS_FMT];
    address a;
    snprintf(text, sizeof text, "%.*s", (int)n, word);
    if (!address_scan(text, &a)) check_address(b, s, v->key->name, &a, r);
  }
}

void machine_check_bundle(bundle const *b, report *r)
{
  section const *s = genalloc_s(section, b->sections);

  if (claim_taken(b, r)) return; /* the other's services would only be in the way */
  check_users(b, r);
  check_directories(b, r);
  for (size_t n = genalloc_len(section, b->sections); n; n--, s++)
  {
    value const *v = genalloc_s(value, &s->values);
    for (size_t m = genalloc_len(value, &s->values); m; m--, v++)
      if (v->key->type == KEY_ADDRESSES) check_addresses(b, s, v, r);
  }
}
