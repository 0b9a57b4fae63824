#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/bytestr.h>
#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>

#include <runlib/clock.h>

#include <services/contract/service.h>

#include <ctl/command/command.h>
#include <ctl/command/fleet.h>
#include <ctl/conf/conf.h>
#include <ctl/say.h>

#define MACHINES    64
#define ANSWER_TIME 10000 /* ms for a machine */
#define ANSWER_MAX  (1u << 20)
#define SSH         "ssh -o BatchMode=yes -o ConnectTimeout=5 "

typedef struct machine_s machine;
struct machine_s
{
  char name[64];
  stralloc command;
  pid_t pid;
  int fd; /* -1: its answer is whole */
  stralloc answer;
  int status; /* its exit code; -1: it has not answered in time, or too much */
  json_t *json;
};

typedef struct fleet_s fleet;
struct fleet_s
{
  machine machines[MACHINES];
  unsigned int n;
  int json;
  stralloc words; /* the command, quoted for the machines' shells, with a blank before each word */
};

/* --- who is asked ------------------------------------------------------------------------------------ */

static int is_name(char const *s)
{
  return *s && *s != '-' &&
         !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-")];
}

/* `NAME COMMAND` of [fleet] for the i-th machine: its name's length and the command; 0: there are no more. */
static char const *fleet_line(section const *s, size_t i, size_t *len, char const **run)
{
  value const *v = s ? section_nth(s, "host", i) : 0;

  if (!v) return 0;
  *len = strcspn(v->text, " \t");
  *run = v->text + *len + strspn(v->text + *len, " \t");
  return v->text;
}

/* What runs mailctl there; a command that was written for status is one for others, too. */
static int set_command(machine *m, section const *s)
{
  static char const tail[] = " status --json";
  char const *line, *run;
  size_t len, n;

  for (size_t i = 0; (line = fleet_line(s, i, &len, &run)); i++)
    if (strlen(m->name) == len && !memcmp(m->name, line, len))
    {
      n = strlen(run);
      if (n > sizeof tail - 1 && !strcmp(run + n - (sizeof tail - 1), tail)) n -= sizeof tail - 1;
      return stralloc_catb(&m->command, run, n) ? 0 : -1;
    }
  return stralloc_cats(&m->command, SSH) && stralloc_cats(&m->command, m->name) &&
                 stralloc_cats(&m->command, " mailctl")
             ? 0
             : -1;
}

static int add_machine(fleet *f, char const *name, size_t len)
{
  machine *m = &f->machines[f->n];

  if (f->n == MACHINES) return usage_error("--host", "more than 64 machines");
  *m = (machine){.fd = -1, .status = -1};
  if (len < sizeof m->name) memcpy(m->name, name, len);
  if (!is_name(m->name))
    return usage_error("--host", "the name of a machine: up to 63 letters, digits, `.`, `_`, `-`, `@`");
  f->n++;
  return 0;
}

static int add_all(fleet *f, section const *s)
{
  char const *line, *run;
  size_t len;

  if (!s || !section_nth(s, "host", 0)) return usage_error("--fleet", "the file has no [fleet] with a host");
  for (size_t i = 0; (line = fleet_line(s, i, &len, &run)); i++)
  {
    int status = add_machine(f, line, len);
    if (status) return status;
  }
  return 0;
}

static int add_word(fleet *f, char const *word)
{
  if (!stralloc_cats(&f->words, " '")) return -1;
  for (; *word; word++)
    if (!(*word == '\'' ? stralloc_cats(&f->words, "'\\''") : stralloc_catb(&f->words, word, 1))) return -1;
  return stralloc_cats(&f->words, "'") ? 0 : -1;
}

static int parse(fleet *f, section const *s, int argc, char const *const *argv)
{
  int status = 0, is_status = !strcmp(argv[0], "status");

  if (!stralloc_cats(&f->words, " ") || !stralloc_cats(&f->words, argv[0])) return EXIT_SYSTEM;
  for (int i = 1; i < argc && !status; i++)
    if (!strcmp(argv[i], "--host"))
    {
      i++;
      status = add_machine(f, i < argc ? argv[i] : "", i < argc ? strlen(argv[i]) : 0);
    }
    else if (!strcmp(argv[i], "--fleet"))
      status = add_all(f, s);
    else if (is_status && !strcmp(argv[i], "--json"))
      f->json = 1;
    else if (is_status)
      status = usage_error("status", "with --host and --fleet there is --json alone");
    else if (add_word(f, argv[i]) < 0)
      status = EXIT_SYSTEM;
  if (is_status && !status && !stralloc_cats(&f->words, " --json")) status = EXIT_SYSTEM;
  return status;
}

/* --- asking ------------------------------------------------------------------------------------------ */

static int begin(machine *m, stralloc const *words)
{
  int p[2];

  if (!stralloc_catb(&m->command, words->s, words->len) || !stralloc_cats(&m->command, " 2>&1") ||
      !stralloc_0(&m->command) || pipe2(p, O_CLOEXEC) < 0)
    return -1;
  m->pid = fork();
  if (m->pid < 0) return -1;
  if (!m->pid)
  {
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setpgid(0, 0);
    if (dup2(null, 0) < 0 || dup2(p[1], 1) < 0) _exit(111);
    execl("/bin/sh", "sh", "-c", m->command.s, (char *)0);
    _exit(127);
  }
  fd_close(p[1]);
  m->fd = p[0];
  return 0;
}

static void finish(machine *m, int in_time)
{
  int w = 0;

  fd_close(m->fd);
  m->fd = -1;
  if (!in_time) kill(-m->pid, SIGKILL);
  while (waitpid(m->pid, &w, 0) < 0 && errno == EINTR) continue;
  m->status = in_time && WIFEXITED(w) ? WEXITSTATUS(w) : -1;
}

static void hear(machine *m)
{
  char buf[65536];
  ssize_t n = read(m->fd, buf, sizeof buf);

  if (n < 0 && errno == EINTR) return;
  if (n <= 0)
    finish(m, 1);
  else if (m->answer.len + (size_t)n > ANSWER_MAX || !stralloc_catb(&m->answer, buf, (size_t)n))
    finish(m, 0);
}

static void ask_all(fleet *f)
{
  uint64_t end = clock_ms() + ANSWER_TIME, now;
  struct pollfd x[MACHINES];

  for (unsigned int i = 0; i < f->n; i++)
    if (begin(&f->machines[i], &f->words) < 0) say_cannot("ask ", f->machines[i].name);
  for (;;)
  {
    unsigned int open = 0;
    for (unsigned int i = 0; i < f->n; i++)
    {
      x[i] = (struct pollfd){.fd = f->machines[i].fd, .events = POLLIN};
      open += f->machines[i].fd >= 0;
    }
    now = clock_ms();
    if (!open || now >= end) break;
    if (poll(x, f->n, (int)(end - now)) <= 0) continue;
    for (unsigned int i = 0; i < f->n; i++)
      if (x[i].revents && f->machines[i].fd >= 0) hear(&f->machines[i]);
  }
  for (unsigned int i = 0; i < f->n; i++)
    if (f->machines[i].fd >= 0) finish(&f->machines[i], 0);
}

/* --- the answer -------------------------------------------------------------------------------------- */

/* Why there is no answer: the last line that the machine, or the way there, said. */
static char const *reason(machine *m)
{
  char *s, *line;

  if (m->status < 0 || !m->answer.len) return m->status < 0 ? "no answer in 10 seconds" : "it says nothing";
  while (m->answer.len && m->answer.s[m->answer.len - 1] == '\n') m->answer.len--;
  if (!stralloc_0(&m->answer)) return "";
  line = strrchr(m->answer.s, '\n');
  line = line ? line + 1 : m->answer.s;
  for (s = line; *s; s++)
    if ((unsigned char)*s < ' ' || *s == 127) *s = '?';
  if (s - line > 200) line[200] = 0;
  return line;
}

static char const *word(json_t const *all, char const *of, char const *name)
{
  char const *s = json_string_value(json_object_get(of ? json_object_get(all, of) : all, name));
  return s ? s : "-";
}

static char const *number(json_t const *all, char const *of, char const *name, char text[32])
{
  json_t const *v = json_object_get(json_object_get(all, of), name);

  if (json_is_number(v))
    snprintf(text, 32, "%.4g", json_number_value(v));
  else
    strcpy(text, "-");
  return text;
}

static void put_row(machine *m)
{
  char texts[4][32], ready[32];
  unsigned int wanted = 0, up = 0;
  size_t i;
  json_t *s;

  if (!m->json)
  {
    printf("%-20s %-9s %s\n", m->name, "away", reason(m));
    return;
  }
  json_array_foreach(json_object_get(m->json, "services"), i, s)
  {
    wanted += json_is_true(json_object_get(s, "wanted"));
    up += json_is_true(json_object_get(s, "wanted")) && !strcmp(word(s, 0, "state"), "ready");
  }
  snprintf(ready, sizeof ready, "%u/%u", up, wanted);
  printf("%-20s %-9s %7s  %-10s %8s %8s %8s %8s\n", m->name, word(m->json, 0, "health"), ready,
         word(m->json, "overload", "state"), number(m->json, "queue", "backlog", texts[0]),
         number(m->json, "queue", "oldest", texts[1]),
         number(m->json, "smtpd", "messages_per_minute", texts[2]),
         number(m->json, "outbound", "waiting", texts[3]));
}

static int put_json(fleet *f)
{
  json_t *list = json_array();
  int result;

  for (unsigned int i = 0; i < f->n; i++)
  {
    machine *m = &f->machines[i];
    json_array_append_new(
        list, m->json ? json_pack("{s:s,s:b,s:O}", "name", m->name, "reached", 1, "status", m->json)
                      : json_pack("{s:s,s:b,s:s%}", "name", m->name, "reached", 0, "reason", reason(m),
                                  strlen(reason(m))));
  }
  list = json_pack("{s:o}", "machines", list);
  result = list && json_dumpf(list, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER) == 0 && putchar('\n') != EOF
               ? 0
               : -1;
  json_decref(list);
  return result;
}

/* The statuses as one table or document. The worst: 1 where one is not well or not there. */
static int show_status(fleet *f)
{
  int worst = 0;

  for (unsigned int i = 0; i < f->n; i++)
  {
    machine *m = &f->machines[i];
    /* ssh may have a word to say first */
    size_t at = m->status >= 0 && m->answer.len ? byte_chr(m->answer.s, m->answer.len, '{') : m->answer.len;
    m->json =
        at < m->answer.len ? json_loadb(m->answer.s + at, m->answer.len - at, JSON_DISABLE_EOF_CHECK, 0) : 0;
    if (m->json && !json_is_object(m->json)) json_decref(m->json), m->json = 0;
    if (!m->json || strcmp(word(m->json, 0, "health"), "well")) worst = EXIT_NO;
  }
  if (f->json) return put_json(f) < 0 ? EXIT_SYSTEM : worst;
  printf("%-20s %-9s %7s  %-10s %8s %8s %8s %8s\n", "MACHINE", "HEALTH", "READY", "OVERLOAD", "BACKLOG",
         "OLDEST", "MAIL/MIN", "OUT");
  for (unsigned int i = 0; i < f->n; i++) put_row(&f->machines[i]);
  return worst;
}

/* What each machine says, behind its name. */
static int show_words(fleet *f)
{
  int worst = 0;

  for (unsigned int i = 0; i < f->n; i++)
  {
    machine *m = &f->machines[i];
    if (m->status) worst = EXIT_NO;
    if (m->status < 0 || !m->answer.len || !stralloc_0(&m->answer))
    {
      printf("%s: %s\n", m->name, m->status ? reason(m) : "done");
      continue;
    }
    for (char *line = strtok(m->answer.s, "\n"); line; line = strtok(0, "\n"))
    {
      printf("%s: ", m->name);
      for (; *line; line++) putchar((unsigned char)*line < ' ' || *line == 127 ? '?' : *line);
      putchar('\n');
    }
  }
  return worst;
}

int fleet_asked(int argc, char const *const *argv)
{
  for (int i = 1; i < argc; i++)
    if (!strcmp(argv[i], "--host") || !strcmp(argv[i], "--fleet")) return 1;
  return 0;
}

int fleet_command(context const *cx, int argc, char const *const *argv)
{
  static fleet f;
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  bundle b = {.sections = &c.sections};
  section const *s =
      access(cx->file, R_OK) == 0 && conf_read(&c, cx->file, &r) == 0 ? bundle_section(&b, "fleet") : 0;
  int status = parse(&f, s, argc, argv);

  for (unsigned int i = 0; i < f.n && !status; i++)
    if (set_command(&f.machines[i], s) < 0) status = EXIT_SYSTEM;
  if (status) return status;
  ask_all(&f);
  status = !strcmp(argv[0], "status") ? show_status(&f) : show_words(&f);
  return fflush(stdout) || ferror(stdout) ? EXIT_SYSTEM : status;
}
