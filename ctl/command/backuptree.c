#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/walk.h>

#include <ctl/command/backup.h>
#include <ctl/say.h>

#define PASSES 5 /* over a directory in which names change while it is read */

/* --- one thing --------------------------------------------------------------------------------------- */

static char const *backup_user(backup *x, uid_t uid)
{
  struct passwd const *pw;

  if (*x->user && x->uid == uid) return x->user;
  pw = getpwuid(uid);
  x->uid = uid;
  if (!pw || snprintf(x->user, sizeof x->user, "%s", pw->pw_name) >= (int)sizeof x->user)
    snprintf(x->user, sizeof x->user, "%lu", (unsigned long)uid);
  return x->user;
}

archive_member backup_member(backup *x, struct stat const *st, char const *name)
{
  archive_member m = {.type = S_ISDIR(st->st_mode) ? ARCHIVE_DIRECTORY : ARCHIVE_FILE,
                      .mode = st->st_mode & 07777,
                      .mtime = st->st_mtime,
                      .size = S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size};

  strcpy(m.user, backup_user(x, st->st_uid));
  strcpy(m.name, name);
  return m;
}

/* Whether the message is there under another name already; else remembers this one. */
static char const *backup_other_name(backup *x, struct stat const *st, char const *name)
{
  backup_link const *l = genalloc_s(backup_link, &x->links);
  backup_link new = {.inode = st->st_ino, .name = x->names.len};

  for (size_t n = genalloc_len(backup_link, &x->links); n; n--, l++)
    if (l->inode == st->st_ino) return x->names.s + l->name;
  if (stralloc_catb(&x->names, name, strlen(name) + 1)) (void)genalloc_append(backup_link, &x->links, &new);
  return 0;
}

/* Some files have two reasons to be there. */
static int backup_has(backup const *x, char const *name)
{
  char line[PATH_MAX + 2];
  int n = snprintf(line, sizeof line, " %s\n", name);

  return !x->in_tree && x->a.manifest.len && memmem(x->a.manifest.s, x->a.manifest.len, line, (size_t)n) != 0;
}

int backup_file(backup *x, int dir, char const *file, char const *name)
{
  int fd = walk_open(dir, file, O_RDONLY, 0);
  archive_member m;
  struct stat st;
  char const *other;
  int result = -1;

  if (fd < 0) return errno == ENOENT ? 1 : -1;
  if (fstat(fd, &st) < 0) goto end;
  result = 0;
  if ((st.st_dev == x->dev && st.st_ino == x->inode) || backup_has(x, name)) goto end;
  m = backup_member(x, &st, name);
  other = x->in_spool ? backup_other_name(x, &st, name) : 0;
  if (other)
  {
    m.type = ARCHIVE_NAME;
    m.size = 0;
    strcpy(m.target, other);
    result = archive_put(&x->a, &m);
  }
  else if ((result = archive_put_file(&x->a, &m, fd)) > 0)
  {
    say("backup: ", name, " changes all the time: its copy may be a mixture");
    result = 0;
  }
end:
  fd_close(fd);
  return result;
}

/* --- a directory -------------------------------------------------------------------------------------- */

/* What is made anew, or must not be in two places at once. */
static int backup_leaves_out(backup const *x, char const *name, char const *base)
{
  if (!x->in_spool && *x->spool_name && !strcmp(name, x->spool_name)) return 1;
  return !strcmp(name, "state/generations") || !strcmp(name, "state/current") ||
         !strcmp(name, "state/confirm") || !strcmp(base, "lock.mdb") || !strcmp(name, "control/overloaded") ||
         strchr(name, '\n');
}

static int backup_down(void const *a, void const *b)
{
  return strcmp(*(char *const *)b, *(char *const *)a);
}

int backup_names(int dir, genalloc *list)
{
  int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = copy < 0 ? 0 : fdopendir(copy);
  struct dirent *e;
  int result = d ? 0 : -1;

  while (d && !result && (e = readdir(d)))
  {
    char *name = e->d_name[0] == '.' && (!e->d_name[1] || !strcmp(e->d_name, "..")) ? 0 : strdup(e->d_name);
    if (name && !genalloc_append(char *, list, &name)) result = -1;
  }
  if (d) closedir(d);
  qsort(genalloc_s(char *, list), genalloc_len(char *, list), sizeof(char *), &backup_down);
  return result;
}

void backup_free_names(genalloc *list)
{
  for (size_t i = 0; i < genalloc_len(char *, list); i++) free(genalloc_s(char *, list)[i]);
  genalloc_free(char *, list);
}

/* Flags behind the colon of a Maildir's file change while it is read. */
static int backup_is_done(genalloc const *done, char const *name)
{
  char *const *s = genalloc_s(char *, done);
  size_t len = strcspn(name, ":");

  for (size_t n = name[len] ? genalloc_len(char *, done) : 0; n; n--, s++)
    if (!strncmp(*s, name, len) && ((*s)[len] == ':' || !(*s)[len])) return 1;
  return 0;
}

static int backup_entry(backup *x, int dir, char const *file, char const *name)
{
  char below[PATH_MAX];
  struct stat st;

  if (snprintf(below, sizeof below, "%s%s%s", name, *name ? "/" : "", file) >= (int)sizeof below)
    return (errno = ENAMETOOLONG, -1);
  if (backup_leaves_out(x, below, file)) return 0;
  if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0) return errno == ENOENT ? 1 : -1;
  if (S_ISDIR(st.st_mode)) return backup_directory(x, dir, file, below);
  return S_ISREG(st.st_mode) ? backup_file(x, dir, file, below) : 0;
}

/* What was renamed before it was opened is looked for again, under its new name. */
static int backup_entries(backup *x, int dir, char const *name)
{
  genalloc first = GENALLOC_ZERO;
  int gone = 1, result = 0;

  for (unsigned int pass = 0; pass < PASSES && gone && !result; pass++)
  {
    genalloc now = GENALLOC_ZERO;
    gone = 0;
    result = backup_names(dir, &now);
    for (size_t i = 0; i < genalloc_len(char *, &now) && !result; i++)
    {
      char *file = genalloc_s(char *, &now)[i];
      int r =
          pass && (backup_is_done(&first, file) || !strchr(file, ':')) ? 0 : backup_entry(x, dir, file, name);
      if (r < 0)
      {
        say_cannot("back up ", name, "/", file);
        result = -1;
      }
      gone |= r > 0 && strchr(file, ':');
      if (!r && strchr(file, ':') && (file = strdup(file)) && !genalloc_append(char *, &first, &file))
        result = -1;
    }
    backup_free_names(&now);
  }
  backup_free_names(&first);
  return result;
}

int backup_directory(backup *x, int parent, char const *path, char const *name)
{
  int dir = walk_directory(parent, path);
  char const *slash = strrchr(name, '/');
  archive_member m;
  struct stat st;
  int result = -1;

  if (dir < 0) return errno == ENOENT ? 1 : -1;
  if (fstat(dir, &st) == 0)
  {
    m = backup_member(x, &st, name);
    result = archive_put(&x->a, &m);
  }
  if (!result && strcmp(slash ? slash + 1 : name, "tmp")) result = backup_entries(x, dir, name);
  fd_close(dir);
  return result;
}
