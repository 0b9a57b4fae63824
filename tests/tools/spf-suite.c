#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <services/policy/spf/spf.h>

/*
 * Reads what spf-suite.py writes, and evaluates each test: once with all answers there, and once with each of
 * them missing when it is asked for first. Prints TAP. Arguments: -a, any of several results will do, not the
 * first alone; tests to be passed over, each with the reason behind a `:`. Or -b ROUNDS, for
 * tests/bench/spf.sh: prints evaluations a second of CPU.
 */

#define ZONE_MAX    1024
#define RECORDS_MAX 32
#define CHAIN_MAX   8
#define FIELDS_MAX  10

typedef struct entry_s entry;
struct entry_s
{
  char type[8];
  char *name;
  char *value;
  size_t len;
};

typedef struct zone_s zone;
struct zone_s
{
  entry entries[ZONE_MAX];
  unsigned int n;
  int slow; /* what is asked for first is not there yet */
  char asked[256][DNS_NAME_MAX + 8];
  unsigned int asked_n;
};

static zone z;

static char const *type_name(dns_type type)
{
  switch (type)
  {
    case DNS_A: return "A";
    case DNS_AAAA: return "AAAA";
    case DNS_MX: return "MX";
    case DNS_PTR: return "PTR";
    default: return "TXT";
  }
}

static int known(char const *name, char const *type)
{
  char key[DNS_NAME_MAX + 8];

  snprintf(key, sizeof key, "%s %s", type, name);
  for (unsigned int i = 0; i < z.asked_n; i++)
    if (!strcasecmp(z.asked[i], key)) return 1;
  if (z.asked_n == 256) abort();
  strcpy(z.asked[z.asked_n++], key);
  return 0;
}

static dns_answer const *lookup(void *world, char const *name, dns_type type)
{
  static dns_record records[64][RECORDS_MAX]; /* an evaluation may hold several answers */
  static dns_answer answers[64];
  static unsigned int turn;
  dns_answer *a = &answers[turn % 64];
  dns_record *r = records[turn++ % 64];
  char const *wanted = type_name(type);
  int silent = 0;

  (void)world;
  if (z.slow && !known(name, wanted)) return 0;
  *a = (dns_answer){DNS_NXDOMAIN, 0, r};
  for (unsigned int hops = 0; hops < CHAIN_MAX; hops++)
  {
    char const *alias = 0;
    for (unsigned int i = 0; i < z.n; i++)
    {
      entry const *e = &z.entries[i];
      if (strcasecmp(e->name, name)) continue;
      if (a->status == DNS_NXDOMAIN) a->status = DNS_NODATA;
      if (!strcmp(e->type, "TIMEOUT")) silent = 1;
      if (!strcmp(e->type, "CNAME")) alias = e->value;
      if (strcmp(e->type, wanted) || a->n == RECORDS_MAX) continue;
      r[a->n].data = e->value;
      r[a->n++].len = e->len;
      a->status = DNS_FOUND;
    }
    if (a->n) return a;
    if (silent) a->status = DNS_FAILED;
    if (!alias) return a;
    name = alias;
  }
  a->status = DNS_FAILED;
  return a;
}

static size_t decode(char *s)
{
  size_t n = 0;
  unsigned int byte;

  for (char const *from = s; *from; n++)
    if (*from == '%' && sscanf(from + 1, "%2x", &byte) == 1)
    {
      s[n] = (char)byte;
      from += 3;
    }
    else
      s[n] = *from++;
  s[n] = 0;
  return n;
}

static void add_entry(char **f, size_t len)
{
  entry *e = &z.entries[z.n++];

  if (z.n == ZONE_MAX) abort();
  snprintf(e->type, sizeof e->type, "%s", f[1]);
  e->name = strdup(f[2]);
  e->value = malloc(len + 17);
  e->len = len;
  memcpy(e->value, f[3], len + 1);
  if (!strcmp(e->type, "A")) e->len = inet_pton(AF_INET, f[3], e->value) == 1 ? 4 : 0;
  if (!strcmp(e->type, "AAAA")) e->len = inet_pton(AF_INET6, f[3], e->value) == 1 ? 16 : 0;
  if (strcmp(e->type, "TXT") && len && e->value[len - 1] == '.') e->value[--e->len] = 0;
}

static void evaluate(spf_question *q, char const *host, spf_answer *a)
{
  static unsigned char ip[16];

  q->ip = ip;
  q->ip_len = inet_pton(AF_INET6, host, ip) == 1 ? 16 : 4;
  if (q->ip_len == 4 && inet_pton(AF_INET, host, ip) != 1) abort();
  z.asked_n = 0;
  while (spf_check(q, a) == SPF_PENDING)
    if (!z.slow) abort();
}

/* One test, so many times. */
static void run_rounds(char **f, unsigned int rounds)
{
  spf_question q = {.helo = f[3], .sender = f[4], .lookup = &lookup, .now = 1000000000};
  spf_answer a;

  z.slow = 0;
  while (rounds--) evaluate(&q, f[2], &a);
}

static int run_test(char **f, unsigned int n, unsigned int number)
{
  spf_question q = {.helo = f[3], .sender = f[4], .lookup = &lookup, .now = 1000000000};
  spf_answer at_once, in_turn;
  int good = 0;

  z.slow = 0;
  evaluate(&q, f[2], &at_once);
  z.slow = 1;
  evaluate(&q, f[2], &in_turn);
  for (unsigned int i = 6; i < n; i++) good |= !strcmp(f[i], spf_result_name(at_once.result));
  if (f[5][0] != '-' || f[5][1])
    good &= !strcmp(f[5], *at_once.explanation ? at_once.explanation : "DEFAULT");
  good &= at_once.result == in_turn.result && !strcmp(at_once.explanation, in_turn.explanation) &&
          !strcmp(at_once.mechanism, in_turn.mechanism) && !strcmp(at_once.problem, in_turn.problem);
  printf("%sok %u - %s: %s\n", good ? "" : "not ", number, f[1], spf_result_name(at_once.result));
  if (!good)
    printf("# %s (%s), explanation `%s`, wanted %s, `%s`; in turn: %s\n", spf_result_name(at_once.result),
           at_once.problem, at_once.explanation, f[6], f[5], spf_result_name(in_turn.result));
  return good;
}

static char const *passed_over(char const *id, char **skip)
{
  size_t n = strlen(id);

  for (; *skip; skip++)
    if (!strncmp(*skip, id, n) && (*skip)[n] == ':') return *skip + n + 1;
  return 0;
}

int main(int argc, char **argv)
{
  char *line = 0, *f[FIELDS_MAX + 1];
  size_t room = 0;
  unsigned int number = 0;
  unsigned int rounds = argc > 2 && !strcmp(argv[1], "-b") ? (unsigned int)strtoul(argv[2], 0, 10) : 0;
  clock_t spent = 0;
  int bad = 0, any;

  any = argc > 1 && !strcmp(argv[1], "-a");
  while (getline(&line, &room, stdin) > 0)
  {
    unsigned int n = 0;
    size_t len = 0;
    for (char *s = strtok(line, " \n"); s && n < FIELDS_MAX; s = strtok(0, " \n"), n++) f[n] = s;
    for (unsigned int i = 1; i < n; i++)
      if (*f[i] == '=') len = decode(++f[i]);
    if (!strcmp(f[0], "scenario"))
      z.n = 0;
    else if (!strcmp(f[0], "zone"))
      add_entry(f, len);
    else if (rounds)
    {
      clock_t start = clock();
      run_rounds(f, rounds);
      spent += clock() - start;
      number += rounds;
    }
    else if (passed_over(f[1], argv + 1))
      printf("ok %u - %s # skip %s\n", ++number, f[1], passed_over(f[1], argv + 1));
    else
      bad |= !run_test(f, any || n < 7 ? n : 7, ++number);
  }
  if (rounds)
    printf("%.0f\n", (double)number * CLOCKS_PER_SEC / (double)spent);
  else
    printf("1..%u\n", number);
  free(line);
  return bad;
}
