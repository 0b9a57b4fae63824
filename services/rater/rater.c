#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <runlib/rater.h>

/* Links the C library alone: scripts run it for each question, and most of what it costs is its start. */

#define USAGE       "rater [ -q ] [ -s ADDRESS ] [ -t MS ] [ --peek | --add N | --reset | --json ] CLASS VALUE..."
#define ADDRESS     "127.0.0.1:1999" /* where the original rater was */
#define TIMEOUT     2000
#define ANSWER_MAX  (1u << 20)
#define UNREACHABLE 111

typedef enum task_e
{
  TASK_CHECK,
  TASK_ADD,
  TASK_OPEN,
  TASK_PEEK,
  TASK_RESET,
  TASK_TOP,
  TASK_STATS,
  TASK_LIMITS
} task;

typedef struct options_s options;
struct options_s
{
  char const *address;
  task task;
  char const *number; /* of --add and -n */
  unsigned int timeout;
  int quiet, json;
};

static void die(int code, char const *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
static void die(int code, char const *format, ...)
{
  va_list args;

  va_start(args, format);
  fputs("rater: fatal: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(code);
}

static void bad_usage(char const *why, char const *what)
{
  die(100, "%s%s (usage: %s; rater --help)", why, what, USAGE);
}

static void help(void)
{
  static char const text[] =
      "usage: " USAGE "\n"
      "       rater [ -q ] [ -s ADDRESS ] [ -t MS ] --open CLASS VALUE TIME\n"
      "       rater [ -s ADDRESS ] [ -t MS ] [ -n N ] --top | --stats | --limits [ --json ] [ CLASS ]\n\n"
      "Asks raterd whether a thing happens too often, and counts that it happened.\n"
      "Prints the answer; exits 0: fine, 1: too often, 2: an error, 111: no answer.\n\n"
      "  -s ADDRESS  raterd's unix socket, or 127.0.0.1:1999; else $RATER, else " ADDRESS "\n"
      "  -t MS       wait no longer than this for the answer (2000)\n"
      "  -q          print no answer\n"
      "  --json      print the answer as JSON\n"
      "All that follows needs the unix socket:\n"
      "  --add N     it happened N times\n"
      "  --peek      ask, but do not count\n"
      "  --open      let the value in for TIME (30m), in a class of windows\n"
      "  --reset     forget the value's count (raterd's user and root alone)\n"
      "  --top       who was refused most (raterd's user and root alone); -n N: the first N of a class\n"
      "  --stats     what raterd did\n"
      "  --limits    the rules in force\n"
      "See rater(1).\n";
  fputs(text, stdout);
  exit(fflush(stdout) || ferror(stdout) ? 111 : 0);
}

static void version(void)
{
  puts("rater (mailctl) " VERSION);
  exit(fflush(stdout) || ferror(stdout) ? 111 : 0);
}

static int is_number(char const *s)
{
  return *s && strlen(s) <= 18 && !s[strspn(s, "0123456789")];
}

static void set_task(options *o, task t)
{
  if (o->task != TASK_CHECK) bad_usage("more than one thing to do", "");
  o->task = t;
}

/* The long options; returns 1 if it took the next argument as well. */
static int long_option(options *o, char const *name, char const *next)
{
  static struct
  {
    char const *name;
    task task;
  } const tasks[] = {{"--peek", TASK_PEEK}, {"--open", TASK_OPEN},   {"--reset", TASK_RESET},
                     {"--top", TASK_TOP},   {"--stats", TASK_STATS}, {"--limits", TASK_LIMITS},
                     {0, TASK_CHECK}};

  for (unsigned int i = 0; tasks[i].name; i++)
    if (!strcmp(name, tasks[i].name)) return set_task(o, tasks[i].task), 0;
  if (!strcmp(name, "--help")) help();
  if (!strcmp(name, "--version")) version();
  if (!strcmp(name, "--json")) return o->json = 1, 0;
  if (strcmp(name, "--add")) bad_usage("unknown option ", name);
  if (!next || !is_number(next) || !next[strspn(next, "0")])
    bad_usage("--add: not a number of 1 or more: ", next ? next : "");
  set_task(o, TASK_ADD);
  o->number = next;
  return 1;
}

static void short_option(options *o, int opt, char const *arg)
{
  switch (opt)
  {
    case 'q': o->quiet = 1; break;
    case 's': o->address = arg; break;
    case 't':
      if (!is_number(arg) || !(o->timeout = (unsigned int)strtoul(arg, 0, 10)))
        bad_usage("-t: not a number of milliseconds: ", arg);
      break;
    case 'n':
      if (!is_number(arg)) bad_usage("-n: not a number: ", arg);
      o->number = arg;
      break;
    default: bad_usage("unknown option -", (char[2]){(char)opt, 0});
  }
}

/* A cluster of short options, such as -qs ADDRESS; returns 1 if it took the next argument as well. */
static int short_options(options *o, char const *cluster, char const *next)
{
  for (; *cluster; cluster++)
  {
    char const *arg = cluster[1] ? cluster + 1 : next;
    if (!strchr("stn", *cluster))
    {
      short_option(o, *cluster, "");
      continue;
    }
    if (!arg) bad_usage("a value is missing after -", cluster);
    short_option(o, *cluster, arg);
    return !cluster[1];
  }
  return 0;
}

/* Options end at the first word that is none, so that values may begin with a dash. Returns its place. */
static int parse_options(int argc, char const *const *argv, options *o)
{
  int at = 1;

  while (at < argc && argv[at][0] == '-' && argv[at][1])
  {
    char const *next = at + 1 < argc ? argv[at + 1] : 0;
    if (!strcmp(argv[at], "--")) return at + 1;
    at += 1 + (argv[at][1] == '-' ? long_option(o, argv[at], next) : short_options(o, argv[at] + 1, next));
  }
  return at;
}

static size_t put(char *line, size_t n, char const *s)
{
  for (; *s && n < RATER_LINE_MAX; s++) line[n++] = *s == '\n' ? '?' : *s;
  return n;
}

static int class_ok(char const *s)
{
  return *s && *s != '!' && !s[strcspn(s, " \n")];
}

/* The words joined with blanks, as the original client did; a line has RATER_LINE_MAX bytes. */
static size_t make_line(char *line, options const *o, int argc, char const *const *argv)
{
  static char const *const verbs[] = {"",        "!add ", "!open ",  "!peek ",
                                      "!reset ", "!top ", "!stats ", "!limits "};
  size_t n = put(line, 0, verbs[o->task]);

  if (o->task == TASK_ADD || o->task == TASK_OPEN || o->task == TASK_TOP)
  {
    n = put(line, n, o->number ? o->number : "10");
    if (argc) n = put(line, n, " ");
  }
  for (int i = 0; i < argc; i++) n = put(line, i ? put(line, n, " ") : n, argv[i]);
  if (o->task >= TASK_TOP && n && line[n - 1] == ' ') n--;
  return n;
}

/* 90, 90s, 30m, 2h, 1d as seconds. */
static char const *seconds_of(char const *time)
{
  static char s[24];
  size_t n = strspn(time, "0123456789");
  unsigned long unit = 1;

  if (time[n] == 'm') unit = 60;
  if (time[n] == 'h') unit = 3600;
  if (time[n] == 'd') unit = 86400;
  if (!n || n > 8 || (time[n] && (!strchr("smhd", time[n]) || time[n + 1])) || !strtoul(time, 0, 10))
    bad_usage("--open: not a TIME such as 30m: ", time);
  snprintf(s, sizeof s, "%lu", strtoul(time, 0, 10) * unit);
  return s;
}

static void check_words(options const *o, int argc, char const *const *argv)
{
  if (argc && !class_ok(argv[0])) bad_usage("not a class: ", argv[0]);
  if (o->task >= TASK_TOP && argc > 1) bad_usage("more than one CLASS", "");
  if (o->task < TASK_TOP && argc < 2) bad_usage(argc ? "no VALUE" : "no CLASS", "");
  if (o->task != TASK_CHECK && !strchr(o->address, '/'))
    die(100, "%s is not raterd's unix socket, and only there is more than checks: set $RATER or -s",
        o->address);
}

/* Becomes LIBEXEC/rater-show, with the answer as its input. */
static void show(options const *o, char const *answer, size_t n)
{
  char path[PATH_MAX];
  ssize_t len = readlink("/proc/self/exe", path, sizeof path - 40);
  int fd = memfd_create("answer", 0);
  char *slash;

  if (len < 0 || fd < 0) die(111, "unable to show the answer: %s", strerror(errno));
  path[len] = 0;
  slash = strrchr(path, '/');
  strcpy(slash ? slash : path, "/../libexec/mailctl/rater-show");
  if (write(fd, answer, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, 0) < 0)
    die(111, "unable to show the answer: %s", strerror(errno));
  execl(path, "rater", o->json ? "--json" : (char const *)0, (char const *)0);
  die(111, "unable to run %s: %s", path, strerror(errno));
}

static int tell(options const *o, char const *answer, size_t n)
{
  int code = answer[0] >= '0' && answer[0] <= '2' && answer[1] == ' ' ? answer[0] - '0' : -1;

  if (code < 0) die(UNREACHABLE, "raterd at %s answered nonsense: %s", o->address, answer);
  if (o->quiet) return code;
  if (code == 2 && o->task != TASK_CHECK)
    fprintf(stderr, "rater: fatal: raterd answered: %s\n", answer + 2);
  else if (o->json || o->task >= TASK_TOP)
    show(o, answer, n);
  else
    puts(answer);
  if (fflush(stdout) || ferror(stdout)) die(111, "unable to write to standard output: %s", strerror(errno));
  return code;
}

int main(int argc, char const *const *argv)
{
  static char answer[ANSWER_MAX];
  options o = {.address = getenv("RATER"), .timeout = TIMEOUT};
  rater_connection c = RATER_CONNECTION(0);
  char line[RATER_LINE_MAX];
  long n;
  int at;

  if (!o.address || !*o.address) o.address = ADDRESS;
  at = parse_options(argc, argv, &o);
  if (o.task == TASK_OPEN)
  {
    if (argc - at < 3) bad_usage("--open takes CLASS, VALUE and TIME", "");
    o.number = seconds_of(argv[--argc]);
  }
  check_words(&o, argc - at, argv + at);
  c.address = o.address;
  n = rater_exchange(&c, line, make_line(line, &o, argc - at, argv + at), answer, sizeof answer, o.timeout);
  if (n < 0) die(UNREACHABLE, "unable to ask raterd at %s: %s", o.address, strerror(errno));
  return tell(&o, answer, (size_t)n);
}
