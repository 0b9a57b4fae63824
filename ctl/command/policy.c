#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <runlib/policyclient.h>

#include <services/contract/service.h>

#include <ctl/command/command.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>
#include <ctl/words.h>

/*
 * What policyd knows of greylisting: shown, forgotten, added. It is policyd that does it, and lets only root
 * and its own user.
 */

#define PATIENCE   10000 /* ms */
#define ANSWER_MAX (16u << 20)

static int policy_put(stralloc *sa, char const *name, char const *text)
{
  return stralloc_cats(sa, name) && stralloc_cats(sa, "=") && stralloc_cats(sa, text) &&
                 stralloc_cats(sa, "\n")
             ? 0
             : -1;
}

/* `network 192.0.2.0/24 known 7 1795870777` in words. */
static void policy_print_network(char *line, uint64_t now)
{
  char net[64], state[16], when[WORDS_MAX];
  unsigned long count, last;

  if (sscanf(line, "network %63s %15s %lu %lu", net, state, &count, &last) != 4) return;
  words_span(when, last < now ? 1000 * (now - last) : 0);
  printf("%-28s%-9s%6lu  %s ago\n", net, state, count, when);
}

/* Prints the answer's lines; its last one says how it went. Returns the exit status. */
static int policy_print(stralloc *answer)
{
  uint64_t now = (uint64_t)time(0);
  char *end, *action = 0;

  for (size_t i = 0; i < answer->len; i++) /* a policyd that was taken over has no way to our terminal */
    if (answer->s[i] != '\n' && (answer->s[i] < ' ' || answer->s[i] > '~')) answer->s[i] = '?';
  if (!stralloc_0(answer))
  {
    say_cannot("remember the answer");
    return EXIT_SYSTEM;
  }
  for (char *line = answer->s; *line; line = end)
  {
    end = line + strcspn(line, "\n");
    if (*end) *end++ = 0;
    if (!strncmp(line, "action=", 7))
      action = line + 7;
    else
      policy_print_network(line, now);
  }
  if (action && !strncmp(action, "ok ", 3))
    printf("%s forgotten\n", strcmp(action + 3, "0") ? action + 3 : "nothing");
  else if (!action || strcmp(action, "ok"))
  {
    say("policyd says: ", action && !strncmp(action, "error ", 6) ? action + 6 : "nothing");
    return EXIT_SYSTEM;
  }
  return 0;
}

static int policy_ask(stored const *s, stralloc const *question)
{
  policyclient c = POLICYCLIENT_ZERO;
  stralloc answer = STRALLOC_ZERO, where = STRALLOC_ZERO;
  int status = EXIT_SYSTEM;

  if (service_append(&where, "unix:%s/policy.sock", s->b.run) < 0 || !stralloc_0(&where))
    say_cannot("use ", s->b.run);
  else if (!policyclient_ask(&c, where.s, PATIENCE, question->s, question->len, &answer, ANSWER_MAX))
    status = policy_print(&answer);
  else if (errno == ENOENT || errno == ECONNREFUSED)
  {
    say("policyd does not run");
    status = EXIT_NONE;
  }
  else
    say_cannot("ask ", where.s);
  policyclient_close(&c);
  stralloc_free(&answer);
  stralloc_free(&where);
  return status;
}

static int is_address(char const *text)
{
  unsigned char ip[16];

  return inet_pton(AF_INET, text, ip) == 1 || inet_pton(AF_INET6, text, ip) == 1;
}

/* Returns 0, or the exit status of a command line that is wrong. */
static int policy_usage(int argc, char const *const *argv)
{
  int forget = argc > 1 && !strcmp(argv[1], "forget");

  if (argc < 2 || (argc == 2 && !strcmp(argv[1], "list"))) return 0;
  if (!forget && strcmp(argv[1], "add"))
    return usage_error("policy", "it takes list, add or forget, and nothing behind list");
  if (argc != 3 && !(forget && argc == 5))
    return usage_error("policy", forget ? "forget takes an address, or an address, a sender and a recipient"
                                        : "add takes an address");
  if (!is_address(argv[2]))
    return usage_error("policy", "that is no address: write one such as 192.0.2.1 or 2001:db8::1");
  for (int i = 3; i < argc; i++)
    if (strchr(argv[i], '\n')) return usage_error("policy", "a sender or a recipient has a newline");
  return 0;
}

static int policy_question(stralloc *q, int argc, char const *const *argv)
{
  static char const *const names[] = {"", "command", "client_address", "sender", "recipient"};

  if (policy_put(q, "request", "policyd_command") < 0 || (argc < 2 && policy_put(q, "command", "list") < 0))
    return -1;
  for (int i = 1; i < argc; i++)
    if (policy_put(q, names[i], argv[i]) < 0) return -1;
  return stralloc_cats(q, "\n") ? 0 : -1;
}

int command_policy(context const *cx, int argc, char const *const *argv)
{
  stored s = STORED_ZERO;
  stralloc q = STRALLOC_ZERO;
  int status = policy_usage(argc, argv);

  if (status) return status;
  status = stored_load(&s, cx);
  if (!status && policy_question(&q, argc, argv) < 0)
  {
    say_cannot("prepare the question");
    status = EXIT_SYSTEM;
  }
  if (!status) status = policy_ask(&s, &q);
  stralloc_free(&q);
  stored_free(&s);
  return status;
}
