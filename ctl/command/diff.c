#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <ctl/command/command.h>
#include <ctl/command/diff.h>
#include <ctl/command/generations.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

void diff_hold(int held)
{
  sigset_t signals;

  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(held ? SIG_BLOCK : SIG_UNBLOCK, &signals, 0);
}

/* What is of the record alone is left out. Returns how it ended. */
static int run_diff(char const *dir, char const *from, char const *to)
{
  char const *const argv[] = {
      "diff", "-r", "-u", "-N", "-x", "manifest", "-x", GENERATION_ABOUT, "-x", GENERATION_HEALTH,
      from,   to,   0};
  int wstat = -1;
  pid_t pid = fork();

  if (!pid)
  {
    signal(SIGPIPE, SIG_DFL);
    diff_hold(0);
    if (chdir(dir) < 0) _exit(111);
    execvp(argv[0], (char *const *)argv);
    _exit(111);
  }
  return pid < 0 || waitpid_nointr(pid, &wstat, 0) < 0 ? -1 : wstat;
}

int diff_show(char const *dir, char const *from, char const *to)
{
  int wstat;

  fflush(stdout);
  wstat = run_diff(dir, from, to);
  /* A reader that goes away has seen enough. */
  if (wstat >= 0 && (WIFSIGNALED(wstat) ? WTERMSIG(wstat) == SIGPIPE : WEXITSTATUS(wstat) <= 1)) return 0;
  if (wstat < 0)
    say_cannot("compare ", from, " with ", to, " in ", dir);
  else if (WIFEXITED(wstat) && WEXITSTATUS(wstat) == 2)
    say("not all files could be compared");
  else
    say("the program diff failed");
  return -1;
}

/* What changed in words, and then in the files. */
static int diff(char const *state, unsigned int from, unsigned int to)
{
  stralloc words = STRALLOC_ZERO, dir = STRALLOC_ZERO;
  char names[2][UINT_FMT + 8];
  int status = EXIT_SYSTEM;

  if (generations_changes(&words, state, from, to) < 0 || !stralloc_0(&words) ||
      service_append(&dir, "%s/generations", state) < 0 || !stralloc_0(&dir))
  {
    say_cannot("read these generations below ", state);
    goto end;
  }
  printf("%s\n", words.s);
  snprintf(names[0], sizeof names[0], "%04u", from);
  snprintf(names[1], sizeof names[1], "%04u", to);
  status = diff_show(dir.s, names[0], names[1]) < 0 ? EXIT_SYSTEM : 0;
end:
  stralloc_free(&words);
  stralloc_free(&dir);
  return status;
}

int command_diff(context const *cx, int argc, char const *const *argv)
{
  unsigned int number[2] = {0, 0};
  char *state;
  int status = EXIT_SYSTEM;

  for (int i = 1; i < argc; i++)
    if (argc > 3 || !uint0_scan(argv[i], number + i - 1) || !number[i - 1]) argc = 0;
  if (argc < 2) return usage_error(argv[0], "it takes the numbers of one or two generations");
  if (!(state = find_state(cx))) return EXIT_SYSTEM;
  if (!number[1] && (generation_current(state, number + 1) < 0 || !number[1]))
    say_cannot("read ", state, "/current");
  else
    status = diff(state, number[0], number[1]);
  free(state);
  return status;
}
