#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/walk.h>

#include <services/contract/where.h>

#include <ctl/command/backup.h>
#include <ctl/command/command.h>
#include <ctl/say.h>

/* `mailctl backup FILE`: what must outlive this machine, into a new file, while all runs. */

static int backup_tree(backup *x, char const *path)
{
  char name[PATH_MAX];
  int result;

  x->in_tree = 1;
  result = places_name(&x->p, path, name) ? backup_directory(x, AT_FDCWD, path, name) : 0;
  x->in_tree = 0;
  if (result < 0) say_cannot("back up ", path);
  return result < 0 ? -1 : 0;
}

/*
 * In the order in which messages go, so that each is found at least once; before the Maildirs, so that none is found
 * nowhere: who takes the copy back may see again what was delivered in between.
 */
static int backup_spool(backup *x)
{
  static char const *const flow[] = {"/tmp", "/todo", "/out", "/remote", "/held", "/failed", "/notes"};
  stralloc path = STRALLOC_ZERO;
  archive_member m;
  struct stat st;
  char name[PATH_MAX];
  int result = 0;

  if (!spool_present(&x->w.b)) return 0;
  if (spool_path(&path, &x->w.b, "") < 0) return -1;
  x->in_spool = 1;
  if (places_name(&x->p, path.s, name) && stat(path.s, &st) == 0)
  {
    m = backup_member(x, &st, name);
    result = archive_put(&x->a, &m);
    for (unsigned int i = 0; i < sizeof flow / sizeof *flow && !result && x->spool; i++)
    {
      path.len = 0;
      result = spool_path(&path, &x->w.b, flow[i]) < 0 ? -1 : backup_tree(x, path.s);
    }
  }
  x->in_spool = 0;
  stralloc_free(&path);
  return result;
}

static int backup_conf(backup *x)
{
  stralloc text = STRALLOC_ZERO;
  struct stat st;
  archive_member m;
  int result = -1;

  if (stat(x->w.b.file, &st) == 0 && places_conf(&text, &x->p, &x->w) == 0 && stralloc_0(&text))
  {
    m = backup_member(x, &st, "mailctl.conf");
    m.size = text.len - 1;
    result = archive_put_bytes(&x->a, &m, text.s);
  }
  stralloc_free(&text);
  return result;
}

/* Files that have a place of their own: certificates, aliases, passwords. */
static int backup_files(backup *x)
{
  place const *p = genalloc_s(place, &x->p.list);
  archive_member m = {.type = ARCHIVE_DIRECTORY, .mode = 0755, .mtime = 0, .user = "root", .name = "files"};
  struct stat st;
  int result = x->p.files ? archive_put(&x->a, &m) : 0;

  for (size_t n = genalloc_len(place, &x->p.list); n && !result; n--, p++)
    if (*p->name && stat(p->path, &st) == 0 && S_ISREG(st.st_mode))
      result = backup_file(x, AT_FDCWD, p->path, p->name);
  return result < 0 ? -1 : 0;
}

/* What lies beside mailctl.conf, such as aliases, whoever it is for; of directories, those that are the bundle's. */
static int backup_beside(backup *x)
{
  char base[PATH_MAX];
  genalloc names = GENALLOC_ZERO;
  struct stat st;
  int dir, result = 0;

  snprintf(base, sizeof base, "%.*s", (int)x->p.base, x->w.b.file);
  dir = walk_directory(AT_FDCWD, base);
  if (dir < 0 || backup_names(dir, &names) < 0) result = -1;
  for (size_t i = 0; i < genalloc_len(char *, &names) && !result; i++)
  {
    char const *file = genalloc_s(char *, &names)[i];
    if (strcmp(file, "mailctl.conf") && strcmp(base, file) && !fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) &&
        S_ISREG(st.st_mode))
      result = backup_file(x, dir, file, file) < 0 ? -1 : 0;
  }
  if (dir >= 0) fd_close(dir);
  backup_free_names(&names);
  return result;
}

static int backup_all(backup *x)
{
  stralloc keys = STRALLOC_ZERO, mail = STRALLOC_ZERO;
  bundle const *b = &x->w.b;
  int result = -1;

  if (backup_conf(x) < 0 || backup_tree(x, b->control) < 0 || backup_tree(x, b->state) < 0 ||
      backup_spool(x) < 0 || backup_files(x) < 0 || backup_beside(x) < 0)
    goto end;
  if (dkim_keys(&keys, b) < 0 || (strncmp(keys.s, b->state, strlen(b->state)) && backup_tree(x, keys.s) < 0))
    goto end;
  if (x->mail && spool_present(b) && (spool_mail(&mail, b, "") < 0 || backup_tree(x, mail.s) < 0)) goto end;
  result = archive_end(&x->a);
end:
  stralloc_free(&keys);
  stralloc_free(&mail);
  return result;
}

/* That it can be read, and has what it should have. */
static int backup_verify(backup *x, char const *file)
{
  archive a = ARCHIVE_ZERO;
  archive_member m;
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC), result;

  a.fd = open(file, O_RDONLY | O_CLOEXEC);
  while ((result = a.fd < 0 ? -1 : archive_next(&a, &m)) > 0)
    if (m.type == ARCHIVE_FILE && archive_get(&a, &m, null) < 0) break;
  if (!result &&
      (a.manifest.len != x->a.manifest.len || memcmp(a.manifest.s, x->a.manifest.s, a.manifest.len)))
    result = -1;
  archive_close(&a);
  fd_close(null);
  return result ? -1 : 0;
}

static int backup_find_spool(backup *x)
{
  stralloc path = STRALLOC_ZERO;
  int result = !spool_present(&x->w.b) ? 0 : spool_path(&path, &x->w.b, "");

  if (!result && path.len && !places_name(&x->p, path.s, x->spool_name)) *x->spool_name = 0;
  stralloc_free(&path);
  return result;
}

static int backup_run(backup *x, char const *file)
{
  struct stat st;

  x->a.fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (x->a.fd < 0 || fstat(x->a.fd, &st) < 0)
  {
    say_cannot("make ", file);
    return EXIT_SYSTEM;
  }
  x->dev = st.st_dev;
  x->inode = st.st_ino;
  if (places_find(&x->p, &x->w) == 0 && backup_find_spool(x) == 0 && backup_all(x) == 0 &&
      backup_verify(x, file) == 0)
  {
    printf("%s: %zu bytes of names, verified%s\n", file, x->a.manifest.len,
           x->spool || x->mail ? "" : "; without mail: --spool --mail");
    return 0;
  }
  say_cannot("write ", file);
  unlink(file);
  return EXIT_SYSTEM;
}

int command_backup(context const *cx, int argc, char const *const *argv)
{
  static backup x = {.a = ARCHIVE_ZERO, .w = WANTED_ZERO, .p = PLACES_ZERO};
  char const *file = 0;
  int status = 0;

  for (int i = 1; i < argc && !status; i++)
    if (!strcmp(argv[i], "--spool"))
      x.spool = 1;
    else if (!strcmp(argv[i], "--mail"))
      x.mail = 1;
    else if (argv[i][0] == '-' || file)
      status = usage_error(argv[0], "--spool, --mail and one FILE");
    else
      file = argv[i];
  if (!status && !file) status = usage_error(argv[0], "into which FILE?");
  if (!status) status = wanted_load(&x.w, cx, 0);
  if (!status) status = backup_run(&x, file);
  archive_close(&x.a);
  genalloc_free(backup_link, &x.links);
  stralloc_free(&x.names);
  genalloc_free(place, &x.p.list);
  wanted_free(&x.w);
  return status;
}
