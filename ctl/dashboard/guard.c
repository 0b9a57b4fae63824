#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <ctl/context.h>
#include <ctl/dashboard/guard.h>
#include <ctl/dashboard/screen.h>
#include <ctl/say.h>
#include <ctl/words.h>

/* Those that the whole foreground process group gets: they are the child's to act upon. */
static int const leave[] = {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTOU};

static void set_all(void (*handler)(int))
{
  for (unsigned int i = 0; i < sizeof leave / sizeof leave[0]; i++) signal(leave[i], handler);
}

static pid_t child;

static void pass_on(int sig)
{
  kill(child, sig);
}

static void give_back(struct termios const *modes)
{
  tcsetattr(0, TCSANOW, modes);
  screen_rescue();
  tcsetattr(0, TCSANOW, modes);
}

/* The terminal as it was; and the same end, so that whoever started us sees it too. */
static int clean_up(int wstat, struct termios const *modes)
{
  char words[WORDS_MAX];
  int sig = WTERMSIG(wstat);

  give_back(modes);
  say("the dashboard was ", words_exit(words, wstat));
  setrlimit(RLIMIT_CORE, &(struct rlimit){.rlim_cur = 0, .rlim_max = 0});
  signal(sig, SIG_DFL);
  raise(sig);
  return 128 + sig;
}

/* It may have ended in the middle of something: an exit deep in a library. */
static int leave_with(int status, struct termios const *modes)
{
  struct termios now;

  if (tcgetattr(0, &now) >= 0 && now.c_lflag != modes->c_lflag) give_back(modes);
  return status;
}

static int wait_for_it(struct termios const *modes)
{
  int wstat;

  for (;;)
  {
    pid_t r = waitpid(child, &wstat, WUNTRACED);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return EXIT_SYSTEM;
    if (WIFEXITED(wstat)) return leave_with(WEXITSTATUS(wstat), modes);
    if (WIFSIGNALED(wstat)) return clean_up(wstat, modes);
    /* Only now, when the child has given the terminal back, may the shell have it. */
    signal(SIGTSTP, SIG_DFL);
    raise(SIGTSTP);
    signal(SIGTSTP, SIG_IGN);
    kill(child, SIGCONT);
  }
}

int guarded(int (*run)(void *), void *data)
{
  struct termios modes;
  pid_t parent = getpid();

  if (tcgetattr(0, &modes) < 0)
  {
    say_cannot("use the terminal");
    return EXIT_SYSTEM;
  }
  set_all(SIG_IGN);
  child = fork();
  if (child < 0)
  {
    say_cannot("fork");
    return EXIT_SYSTEM;
  }
  if (!child)
  {
    set_all(SIG_DFL);
    if (prctl(PR_SET_PDEATHSIG, SIGHUP) < 0 || getppid() != parent) _exit(EXIT_SYSTEM);
    exit((*run)(data));
  }
  signal(SIGTERM, &pass_on);
  return wait_for_it(&modes);
}
