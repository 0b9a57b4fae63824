#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <runlib/rater.h>

/*
 * storm SOCKET ADDRESS COUNT CLIENTS KILL_MS RATERD...: starts raterd, and kills it with KILL every KILL_MS, while
 * CLIENTS threads ask COUNT questions of all kinds. Then compares everything that was admitted with what
 * rater-rules(5) promises, and every question's time with its timeout.
 */

#define TIMEOUT 2000 /* ms, of a question */
#define SLACK   1500 /* ms that a thread may wait beyond that, and beyond what the killer overslept */
#define KEYS    64   /* of a class */

/* The limits of rater.sh's rules file, as the guarantee needs them. */
static struct
{
  char const *name;
  double count, period, burst; /* period: ns */
} const classes[] = {
    {"fast", 2000, 1e9, 100},   {"slow", 20, 1e9, 10},      {"strict", 50, 1e9, 20},
    {"penalty", 100, 10e9, 50}, {"hour", 3600, 3600e9, 30}, {"bytes", 1e6, 1e9, 500000},
};
#define CLASSES (sizeof classes / sizeof classes[0])

typedef struct event_s event;
struct event_s
{
  uint64_t sent, heard; /* ns; raterd counted in between */
  uint32_t quantity;
  uint16_t key; /* class * KEYS + key */
};

typedef struct asker_s asker;
struct asker_s
{
  pthread_t thread;
  uint64_t random;
  event *events;
  size_t n, room;
  uint64_t asked, admitted, refused, unavailable, wrong, longest; /* longest: ns beyond the timeout */
};

static char const *path, *tcp;
static atomic_long left;
static atomic_int over;

static uint64_t now_ns(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(char const *what)
{
  perror(what);
  exit(111);
}

static uint64_t rnd(asker *a, uint64_t n)
{
  a->random ^= a->random << 13, a->random ^= a->random >> 7, a->random ^= a->random << 17;
  return a->random % n;
}

static void note(asker *a, uint64_t sent, uint64_t heard, uint64_t quantity, unsigned int key)
{
  if (a->n == a->room)
  {
    a->room = a->room ? 2 * a->room : 4096;
    a->events = realloc(a->events, a->room * sizeof *a->events);
    if (!a->events) die("realloc");
  }
  a->events[a->n++] =
      (event){.sent = sent, .heard = heard, .quantity = (uint32_t)quantity, .key = (uint16_t)key};
}

/* Requests whose answers say nothing about the guarantee, but must come. */
static rater_answer other(asker *a, rater_connection *c, char const *name)
{
  static char const *const lines[] = {"!stats",        "!limits", "!top 3",    "nope x",
                                      "!peek slow k1", "",        "!add x y z"};
  static _Thread_local char answer[65536];
  char const *line = lines[rnd(a, sizeof lines / sizeof lines[0])];
  long n = rater_exchange(c, line, strlen(line), answer, sizeof answer, TIMEOUT);

  (void)name;
  if (n < 0) return RATER_UNAVAILABLE;
  if (n < 4 || answer[0] < '0' || answer[0] > '2' || answer[1] != ' ') a->wrong++;
  return RATER_REFUSED;
}

static rater_answer question(asker *a, rater_connection *c, unsigned int key, uint64_t *quantity)
{
  char const *name = classes[key / KEYS].name;
  char value[32];
  uint32_t retry;
  uint64_t kind = rnd(a, 100);

  snprintf(value, sizeof value, "k%u", key % KEYS);
  *quantity = !strcmp(name, "bytes") ? 1 + rnd(a, 100000) : rnd(a, 10) ? 1 : 1 + rnd(a, 12);
  if (kind < 2)
  {
    *quantity = 1;
    return rater_ask(tcp, name, value, 1, TIMEOUT, &retry);
  }
  if (kind < 6) return rater_ask(path, name, value, *quantity, TIMEOUT, &retry);
  if (kind < 9)
  {
    *quantity = 0;
    return rater_ask_kept(c, name, value, 0, TIMEOUT, &retry);
  }
  if (kind < 11)
  {
    *quantity = 0;
    return other(a, c, name);
  }
  return rater_ask_kept(c, name, value, *quantity, TIMEOUT, &retry);
}

static void *ask(void *data)
{
  asker *a = data;
  rater_connection c = RATER_CONNECTION(path);

  while (atomic_fetch_sub(&left, 1) > 0)
  {
    unsigned int key = (unsigned int)rnd(a, CLASSES * KEYS);
    uint64_t quantity, sent = now_ns(), heard;
    rater_answer answer = question(a, &c, key, &quantity);
    int e = errno;

    heard = now_ns();
    a->asked++;
    if (heard - sent > a->longest) a->longest = heard - sent;
    if (answer == RATER_ALLOWED && quantity) note(a, sent, heard, quantity, key);
    a->admitted += answer == RATER_ALLOWED;
    a->refused += answer == RATER_REFUSED;
    if (answer != RATER_UNAVAILABLE) continue;
    a->unavailable++;
    if (e == EPROTO || e == EINVAL || e == EMSGSIZE || e == EREMOTEIO) a->wrong++;
    /* raterd is being started: this does not count as a question */
    atomic_fetch_add(&left, 1);
    poll(0, 0, 1);
  }
  rater_close(&c);
  return 0;
}

static pid_t start(char **argv)
{
  int p[2];
  char c;
  pid_t pid;

  if (pipe(p) < 0) die("pipe");
  pid = fork();
  if (pid < 0) die("fork");
  if (!pid)
  {
    close(p[0]);
    if (dup2(p[1], 7) < 0) _exit(111);
    execv(argv[0], argv);
    _exit(127);
  }
  close(p[1]);
  if (read(p[0], &c, 1) != 1) exit((fputs("storm: raterd does not start\n", stderr), 1));
  close(p[0]);
  return pid;
}

typedef struct killer_s killer;
struct killer_s
{
  pthread_t thread;
  char **argv;
  int ms;
  unsigned int kills;
  uint64_t late; /* ns, at the most, that it slept too long */
};

static void *keep_killing(void *data)
{
  killer *k = data;

  while (!atomic_load(&over))
  {
    pid_t pid = start(k->argv);
    uint64_t awake = now_ns() + (uint64_t)k->ms * 1000000u, now;
    poll(0, 0, k->ms);
    now = now_ns();
    if (now > awake && now - awake > k->late) k->late = now - awake;
    kill(pid, SIGKILL);
    waitpid(pid, 0, 0);
    k->kills++;
  }
  return 0;
}

static int by_sent(void const *a, void const *b)
{
  event const *x = a, *y = b;
  return x->sent < y->sent ? -1 : x->sent > y->sent;
}

static int by_heard(void const *a, void const *b)
{
  event const *x = a, *y = b;
  return x->heard < y->heard ? -1 : x->heard > y->heard;
}

/*
 * Over all windows from a to b: what was sent not before a and heard not after b was counted within. With
 * H(b), all that was heard by b, and S(a), all that was sent before a, that is H(b) - S(a) or more, so that
 * H(b) - S(a) <= burst + rate * (b - a) must hold, and the a that is hardest to meet is the least S(a) - rate * a.
 */
static double excess(event const *all, event *heard, size_t n, unsigned int class)
{
  double rate = classes[class].count / classes[class].period;
  double sent_sum = 0, heard_sum = 0, least = 0, worst = -1e18;
  uint64_t zero = n ? all[0].sent : 0;
  size_t i = 0;

  memcpy(heard, all, n * sizeof *heard);
  qsort(heard, n, sizeof *heard, &by_heard);
  for (size_t j = 0; j < n; j++)
  {
    for (; i < n && all[i].sent <= heard[j].heard; i++)
    {
      double here = sent_sum - rate * (double)(all[i].sent - zero);
      if (!i || here < least) least = here;
      sent_sum += all[i].quantity;
    }
    heard_sum += heard[j].quantity;
    /* raterd's clock ticks in ms: a window may be one longer than it looks */
    double over_it =
        heard_sum - rate * ((double)(heard[j].heard - zero) + 1e6) - least - classes[class].burst;
    if (over_it > worst) worst = over_it;
  }
  return worst;
}

static int check(asker const *askers, unsigned int clients)
{
  size_t total = 0, n = 0;
  event *all, *one, *tmp;
  int bad = 0;

  for (unsigned int i = 0; i < clients; i++) total += askers[i].n;
  all = malloc((total + 1) * sizeof *all);
  one = malloc((total + 1) * sizeof *all);
  tmp = malloc((total + 1) * sizeof *all);
  if (!all || !one || !tmp) die("malloc");
  for (unsigned int i = 0; i < clients; i++)
  {
    if (askers[i].n) memcpy(all + n, askers[i].events, askers[i].n * sizeof *all);
    n += askers[i].n;
  }
  qsort(all, n, sizeof *all, &by_sent);
  for (unsigned int class = 0; class < CLASSES; class ++)
  {
    double worst = -1e18;
    size_t admitted = 0;
    for (unsigned int key = class * KEYS; key < (class + 1) * KEYS; key++)
    {
      size_t m = 0;
      double w;
      for (size_t i = 0; i < n; i++)
        if (all[i].key == key) one[m++] = all[i];
      w = m ? excess(one, tmp, m, class) : -1;
      admitted += m;
      if (w > worst) worst = w;
    }
    printf("%-8s %9zu admitted, at the most %.1f beyond the guarantee\n", classes[class].name, admitted,
           worst);
    if (worst > 0.001) bad = 1;
    if (!admitted) bad = 1;
  }
  free(all);
  free(one);
  free(tmp);
  return bad;
}

static asker *run(unsigned int clients, long count, killer *k)
{
  asker *askers = calloc(clients, sizeof *askers);

  if (!askers) die("calloc");
  atomic_store(&left, count);
  if (pthread_create(&k->thread, 0, &keep_killing, k)) die("pthread_create");
  for (unsigned int i = 0; i < clients; i++)
  {
    askers[i].random = 88172645463325252ull + i * 7919;
    if (pthread_create(&askers[i].thread, 0, &ask, &askers[i])) die("pthread_create");
  }
  for (unsigned int i = 0; i < clients; i++) pthread_join(askers[i].thread, 0);
  atomic_store(&over, 1);
  pthread_join(k->thread, 0);
  return askers;
}

int main(int argc, char **argv)
{
  asker sum = {.asked = 0}, *askers;
  killer k = {.kills = 0, .late = 0};
  uint64_t begin = now_ns();
  unsigned int clients;
  int bad;

  if (argc < 7) return 100;
  path = argv[1];
  tcp = argv[2];
  clients = (unsigned int)atoi(argv[4]);
  k.ms = atoi(argv[5]);
  k.argv = argv + 6;
  askers = run(clients, atol(argv[3]), &k);
  for (unsigned int i = 0; i < clients; i++)
  {
    sum.asked += askers[i].asked;
    sum.admitted += askers[i].admitted;
    sum.refused += askers[i].refused;
    sum.unavailable += askers[i].unavailable;
    sum.wrong += askers[i].wrong;
    if (askers[i].longest > sum.longest) sum.longest = askers[i].longest;
  }
  printf("%llu questions in %.1f s, %u kills: %llu admitted, %llu refused, %llu while raterd was away\n",
         (unsigned long long)(sum.asked - sum.unavailable), (double)(now_ns() - begin) / 1e9, k.kills,
         (unsigned long long)sum.admitted, (unsigned long long)sum.refused,
         (unsigned long long)sum.unavailable);
  printf("longest question %.0f ms, and the machine %.0f ms late; wrong answers %llu\n",
         (double)sum.longest / 1e6, (double)k.late / 1e6, (unsigned long long)sum.wrong);
  bad = check(askers, clients);
  if (sum.wrong || sum.longest > (TIMEOUT + SLACK) * 1000000ull + k.late) bad = 1;
  for (unsigned int i = 0; i < clients; i++) free(askers[i].events);
  free(askers);
  puts(bad ? "BAD" : "good");
  return bad;
}
