#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <runlib/rater.h>

#include <services/plugins/kit.h>

/*
 * Asks raterd about what a client does. The classics of that name, of which there are links to this program,
 * say and log what they always did.
 */

#define RATER       "127.0.0.1:1999"
#define TIMEOUT     500 /* ms */
#define REPLY       "451 Too often: try again later (#4.7.1)"
#define KEY_MAX     1000
#define CLASSIC     "421 Too many connections. Please reduce connections per minute."
#define CLASSIC_LOG "Rate exceeded per %s (%s)"

typedef struct question_s question;
struct question_s
{
  char class[33];
  char key[KEY_MAX + 1];
};

typedef struct known_s known;
struct known_s
{
  char const *name; /* of the class, or of the classic */
  char const *variable;
};

/* What a class without a key is about. */
static known const usual[] = {{"ip", "TCPREMOTEIP"},  {"user", "SMTPAUTHUSER"}, {"sender", "SMTPMAILFROM"},
                              {"rcpt", "SMTPRCPTTO"}, {"helo", "SMTPHELOHOST"}, {0, 0}};

static char const *program = "rate";

static int name_char(char c)
{
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The variable at s, which begins with `$`: its value ("" if not set); *used: its length in s, 0 if it is none. */
static char const *variable(env const *e, char const *s, size_t n, size_t *used)
{
  char name[64];
  size_t brace = n > 1 && s[1] == '{';
  size_t len = 0;
  char const *value;

  while (1 + brace + len < n && name_char(s[1 + brace + len])) len++;
  *used = 0;
  if (!len || len >= sizeof name || (brace && (2 + len >= n || s[2 + len] != '}'))) return "";
  memcpy(name, s + 1 + brace, len);
  name[len] = 0;
  *used = 1 + len + 2 * brace;
  value = env_get(e, name);
  return value ? value : "";
}

static void put_key(question *q, size_t *len, char const *s, size_t n)
{
  if (n > KEY_MAX - *len) n = KEY_MAX - *len;
  memcpy(q->key + *len, s, n);
  *len += n;
  q->key[*len] = 0;
}

/* Text with $VARIABLE and ${VARIABLE} in it. */
static void expand(question *q, env const *e, char const *s, size_t n)
{
  size_t len = 0, used;

  q->key[0] = 0;
  while (n)
  {
    char const *value = s[0] == '$' ? variable(e, s, n, &used) : (used = 0, "");
    if (used)
      put_key(q, &len, value, strlen(value));
    else
      put_key(q, &len, s, used = 1);
    s += used;
    n -= used;
  }
}

/* A word of RATE, CLASS:KEY or one of the usual classes. Returns 1, or 0 if it is none. */
static int read_word(question *q, env const *e, char const *word, size_t n)
{
  char const *colon = memchr(word, ':', n);
  size_t len = colon ? (size_t)(colon - word) : n;
  char text[32] = "$";

  if (!len || len >= sizeof q->class) return 0;
  memcpy(q->class, word, len);
  q->class[len] = 0;
  if (colon)
  {
    expand(q, e, colon + 1, n - len - 1);
    return 1;
  }
  for (known const *k = usual; k->name; k++)
    if (!strcmp(k->name, q->class))
    {
      strcpy(text + 1, k->variable);
      expand(q, e, text, strlen(text));
      return 1;
    }
  return 0;
}

static unsigned int number_of(env const *e, char const *name, unsigned int fallback, decision *d)
{
  unsigned int n = fallback;
  if (env_number(e, name, &n) < 0) decision_log(d, "%s is not a number: taken for %u", name, fallback);
  return n;
}

/* RATEQUANTITY: a number, or `recipients`, the recipients accepted so far (1 if there are none yet). */
static uint64_t quantity_of(env const *e, decision *d)
{
  char const *text = env_get(e, "RATEQUANTITY");
  unsigned int n;

  if (text && !strcmp(text, "recipients"))
    n = number_of(e, "SMTPRCPTCOUNT", 1, d);
  else
    n = number_of(e, "RATEQUANTITY", 1, d);
  return n ? n : 1;
}

static char const *why(int e)
{
  return e == EREMOTEIO ? "it has no such class, or refuses the request" : strerror(e);
}

/* Asks. Whatever keeps raterd from answering is no reason to keep mail out: it is logged, and the client goes on. */
static rater_answer ask(env const *e, question const *q, uint64_t quantity, uint32_t *retry, decision *d)
{
  char const *address = env_get(e, "RATER");
  unsigned int timeout = number_of(e, "RATETIMEOUT", TIMEOUT, d);
  rater_answer a;

  if (!address || !*address) address = RATER;
  a = rater_ask(address, q->class, q->key, quantity, timeout, retry);
  if (a == RATER_UNAVAILABLE)
    decision_log(d, "can't ask rater at %s about %s: %s", address, q->class, why(errno));
  return a;
}

/* The reply, its first %s replaced by the seconds that remain. 421 ends the session, as it must. */
static void say_reply(decision *d, char const *reply, uint32_t retry)
{
  char text[512];
  char const *at = strstr(reply, "%s");

  if (strlen(reply) < 4 || !strchr("45", reply[0])) reply = REPLY, at = 0;
  if (at)
    snprintf(text, sizeof text, "%.*s%u%s", (int)(at - reply), reply, retry == RATER_NEVER ? 0 : retry,
             at + 2);
  else
    snprintf(text, sizeof text, "%s", reply);
  decision_say(d, strncmp(reply, "421", 3) ? 'E' : 'R', "%s", text);
}

static void classic(env const *e, char const *class, char const *variable_name, char const *of, decision *d)
{
  question q;
  char const *value = env_get(e, variable_name);
  uint32_t retry;
  size_t len = 0;

  if (!value || !*value) return;
  strcpy(q.class, class);
  put_key(&q, &len, value, strlen(value));
  if (ask(e, &q, 1, &retry, d) != RATER_REFUSED) return;
  decision_say(d, 'R', CLASSIC);
  decision_log(d, CLASSIC_LOG, of, value);
}

static void rate(env const *e, decision *d)
{
  char const *list = env_get(e, "RATE");
  char const *reply = env_get(e, "RATEREPLY");
  uint64_t quantity = quantity_of(e, d);
  question q;
  size_t n;

  if (!list || !*list) decision_log(d, "RATE is not set: nothing to ask");
  for (; list && *list; list += n)
  {
    uint32_t retry;
    list += strspn(list, " \t,");
    n = strcspn(list, " \t,");
    if (!n) break;
    if (!read_word(&q, e, list, n))
      decision_log(d, "RATE: `%.*s` is not CLASS:KEY", (int)n, list);
    else if (q.key[0] && ask(e, &q, quantity, &retry, d) == RATER_REFUSED)
    {
      say_reply(d, reply && *reply ? reply : REPLY, retry);
      decision_log(d, "too often: %s %s", q.class, q.key);
      return;
    }
  }
}

static void decide(env const *e, decision *d)
{
  if (!strcmp(program, "ipthrottle"))
    classic(e, "ip", "TCPREMOTEIP", "IP", d);
  else if (!strcmp(program, "userthrottle"))
    classic(e, "user", "SMTPAUTHUSER", "user", d);
  else
    rate(e, d);
}

static char const help[] =
    "rate, ipthrottle or userthrottle\n"
    "In any section: asks raterd whether the client does this too often, and refuses it then.\n"
    "RATER: raterd's unix socket or address (" RATER "). RATETIMEOUT: ms to wait for it (500).\n"
    "RATE: what to ask, CLASS:KEY between blanks, with $VARIABLE in KEY; an empty KEY is left out.\n"
    "  ip, user, sender, rcpt, helo alone mean the address, the login, the sender, and so on.\n"
    "RATEQUANTITY: how many this counts for (1), or `recipients`.\n"
    "RATEREPLY: the reply (" REPLY "); 421 also ends the session; %s in it: the seconds to wait.\n"
    "ipthrottle asks for `ip' alone and userthrottle for `user', with the reply\n"
    "  " CLASSIC "\n"
    "When raterd does not answer, that is logged, and nothing is refused.\n";

int main(int argc, char const *const *argv)
{
  plugin p = {.help = help, .decide = decide};
  char const *slash = strrchr(argc ? argv[0] : program, '/');

  if (argc) program = slash ? slash + 1 : argv[0];
  if (strcmp(program, "ipthrottle") && strcmp(program, "userthrottle")) program = "rate";
  p.name = program;
  return plugin_run(argc, argv, &p);
}
