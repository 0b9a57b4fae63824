#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>

#include <ctl/maker.h>
#include <ctl/say.h>

static int failed(char const *verb, char const *path)
{
  say_cannot(verb, " ", path);
  return -1;
}

/* Writes DIR/name into path (PATH_MAX bytes). */
static int place(maker const *m, char const *name, char *path)
{
  if (snprintf(path, PATH_MAX, "%s/%s", m->folder, name) < PATH_MAX) return 0;
  errno = ENAMETOOLONG;
  return failed("make", name);
}

static int keep(maker *m, char const *path)
{
  char *copy = strdup(path);

  if (copy && genalloc_append(char *, &m->made, &copy)) return 0;
  free(copy);
  return failed("remember", path);
}

static int give(maker const *m, char const *path, int whose)
{
  if (whose == MAKER_USERS && m->give && lchown(path, m->uid, m->gid) < 0) return failed("chown", path);
  return 0;
}

int maker_begin(maker *m)
{
  if (mkdir(m->folder, 0755) == 0)
    return chmod(m->folder, 0755) < 0 ? failed("chmod", m->folder) : keep(m, m->folder);
  return errno == EEXIST ? 0 : failed("make the folder", m->folder);
}

int maker_folder(maker *m, char const *name, mode_t mode, int whose)
{
  char path[PATH_MAX];

  if (place(m, name, path) < 0) return -1;
  if (mkdir(path, mode) < 0) return failed("make the folder", path);
  if (keep(m, path) < 0) return -1;
  if (chmod(path, mode) < 0) return failed("chmod", path);
  return give(m, path, whose);
}

int maker_file(maker *m, char const *name, char const *bytes, size_t len, mode_t mode, int whose)
{
  char path[PATH_MAX];
  int fd;
  int e;

  if (place(m, name, path) < 0) return -1;
  fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return failed("make", path);
  e = keep(m, path) < 0 || allwrite(fd, bytes, len) < len || fchmod(fd, mode) < 0 || fsync(fd) < 0;
  if (e) failed("write", path);
  fd_close(fd);
  return e ? -1 : give(m, path, whose);
}

int maker_link(maker *m, char const *name, char const *target)
{
  char path[PATH_MAX];

  if (place(m, name, path) < 0) return -1;
  return symlink(target, path) < 0 ? failed("make the link", path) : keep(m, path);
}

int maker_mode(maker *m, char const *name, mode_t mode)
{
  char path[PATH_MAX];

  if (place(m, name, path) < 0) return -1;
  return chmod(path, mode) < 0 ? failed("chmod", path) : 0;
}

/* --- programs ------------------------------------------------------------------------------------ */

static void become(char const *const *argv, int in, int out)
{
  sigset_t none;

  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  umask(077);
  if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(111);
  execvp(argv[0], (char *const *)argv);
  dprintf(2, "%s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

/* Feeds the child and gathers what it says, until it closes its output. */
static int converse(int in, int out, char const *input, stralloc *said)
{
  size_t len = input ? strlen(input) : 0;
  int e = allwrite(in, input ? input : "", len) < len;

  fd_close(in);
  if (!slurp(said, out)) e = 1;
  fd_close(out);
  return e;
}

int maker_run(maker *m, char const *const *argv, char const *input)
{
  stralloc said = STRALLOC_ZERO;
  int in[2] = {-1, -1}, out[2] = {-1, -1};
  int status = -1;
  pid_t pid;

  (void)m;
  if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0) return failed("make a pipe for", argv[0]);
  pid = fork();
  if (!pid) become(argv, in[0], out[1]);
  fd_close(in[0]);
  fd_close(out[1]);
  if (pid < 0) return failed("fork for", argv[0]);
  converse(in[1], out[0], input, &said);
  if (waitpid_nointr(pid, &status, 0) < 0) status = -1;
  if (status)
  {
    allwrite(2, said.s, said.len);
    say("the program ", argv[0], " failed");
  }
  stralloc_free(&said);
  return status ? -1 : 0;
}

/* -------------------------------------------------------------------------------------------------- */

void maker_end(maker *m)
{
  char **path = genalloc_s(char *, &m->made);

  for (size_t n = genalloc_len(char *, &m->made); n; n--) free(*path++);
  genalloc_free(char *, &m->made);
}

/* Folders go with all that programs have left in them: nobody but us knew them. */
void maker_undo(maker *m)
{
  for (size_t n = genalloc_len(char *, &m->made); n; n--)
  {
    char const *path = genalloc_s(char *, &m->made)[n - 1];
    if (rm_rf(path) < 0 && errno != ENOENT) failed("remove", path);
  }
  maker_end(m);
}
