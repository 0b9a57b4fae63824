#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <skalibs/types.h>

#include "settings.h"

condition_kind const condition_kinds[CONDITIONS] = {
    [BLOCK_ADDRESS] = {"block", "DENIED_BLACKLIST_IP"},
    [BLOCK_RDNS] = {"block", "DENIED_BLACKLIST_NAME"},
    [BLOCK_SENDER] = {"block", "DENIED_SENDER_BLACKLISTED"},
    [BLOCK_RECIPIENT] = {"block", "DENIED_RECIPIENT_BLACKLISTED"},
    [RDNS_MISSING] = {"rdns-missing", "DENIED_RDNS_MISSING"},
    [RDNS_UNRESOLVED] = {"rdns-unresolved", "DENIED_RDNS_RESOLVE"},
    [RDNS_UNCONFIRMED] = {"rdns-unconfirmed", "DENIED_RDNS_UNCONFIRMED"},
    [RDNS_KEYWORD] = {"rdns-keyword", "DENIED_IP_IN_RDNS"},
    [RDNS_COUNTRY] = {"rdns-country", "DENIED_IP_IN_CC_RDNS"},
    [HELO_INVALID] = {"helo-invalid", "DENIED_HELO_INVALID"},
    [HELO_OURS] = {"helo-ours", "DENIED_HELO_OURS"},
    [LISTED] = {"listed", "DENIED_RBL_MATCH"},
    [SPF_IS_NONE] = {"spf-none", "DENIED_SPF_NONE"},
    [SPF_IS_NEUTRAL] = {"spf-neutral", "DENIED_SPF_NEUTRAL"},
    [SPF_IS_PASS] = {"spf-pass", "DENIED_SPF_PASS"},
    [SPF_IS_FAIL] = {"spf-fail", "DENIED_SPF_FAIL"},
    [SPF_IS_SOFTFAIL] = {"spf-softfail", "DENIED_SPF_SOFTFAIL"},
    [SPF_IS_TEMPERROR] = {"spf-temperror", "DENIED_SPF_TEMPERROR"},
    [SPF_IS_PERMERROR] = {"spf-permerror", "DENIED_SPF_PERMERROR"},
    [SPF_HELO_FAIL] = {"spf-helo-fail", "DENIED_SPF_HELO"},
    [SENDER_UNKNOWN] = {"sender-unknown", "DENIED_SENDER_NO_MX"},
    [SENDER_NULL_MX] = {"sender-null-mx", "DENIED_SENDER_NULL_MX"},
    [GREYLISTED] = {"", "DENIED_GRAYLISTED"},
};

void settings_init(settings *s)
{
  static settings const fresh = {.threshold = 1,
                                 .greylist_delay = 300,
                                 .greylist_window = 2 * 86400,
                                 .greylist_lifetime = 36 * 86400,
                                 .hostname = "localhost"};

  *s = fresh;
  for (unsigned int i = 0; i < LIST_KINDS; i++) s->allow[i].kind = s->block[i].kind = (list_kind)i;
  for (unsigned int i = BLOCK_ADDRESS; i <= BLOCK_RECIPIENT; i++) s->actions[i] = ACTION_REJECT;
  s->actions[LISTED] = ACTION_REJECT;
}

void settings_free(settings *s)
{
  dnslist *d = genalloc_s(dnslist, &s->dnslists);

  for (unsigned int i = 0; i < LIST_KINDS; i++)
  {
    list_free(&s->allow[i]);
    list_free(&s->block[i]);
  }
  for (size_t n = genalloc_len(dnslist, &s->dnslists); n; n--, d++)
  {
    free(d->name);
    free(d->reply);
  }
  genalloc_free(dnslist, &s->dnslists);
  stralloc_free(&s->keywords);
}

void settings_refresh(settings *s)
{
  for (unsigned int i = 0; i < LIST_KINDS; i++)
  {
    list_refresh(&s->allow[i]);
    list_refresh(&s->block[i]);
  }
}

/* --- DNS lists ------------------------------------------------------------------------------------ */

static size_t next_word(char const **s, char const **word)
{
  size_t n;

  *word = *s += strspn(*s, " \t");
  n = strcspn(*s, " \t");
  *s += n;
  return n;
}

static int word_is(char const *word, size_t n, char const *what)
{
  return strlen(what) == n && !memcmp(word, what, n);
}

/* `3`, or `127.0.0.3`. Returns its length, or 0. */
static size_t scan_code(char const *s, uint32_t *code)
{
  char text[16];
  struct in_addr a;
  size_t n = strspn(s, "0123456789.");
  unsigned int u;

  if (!n || n >= sizeof text) return 0;
  memcpy(text, s, n);
  text[n] = 0;
  if (uint0_scan(text, &u) && u <= 255)
    *code = 0x7f000000u | u;
  else if (inet_pton(AF_INET, text, &a) == 1)
    *code = ntohl(a.s_addr);
  else
    return 0;
  return *code >> 24 == 127 ? n : 0;
}

/* Answers that mean "listed": `2-11,127.0.1.2`. */
static int scan_codes(dnslist *d, char const *s, char const *end)
{
  while (s < end)
  {
    uint32_t from, to;
    size_t n = scan_code(s, &from);
    if (!n || d->n == DNSLIST_CODES) return 0;
    s += n;
    to = from;
    if (*s == '-')
    {
      n = scan_code(s + 1, &to);
      if (!n || to < from) return 0;
      s += n + 1;
    }
    d->codes[d->n].from = from;
    d->codes[d->n++].to = to;
    if (s < end && *s++ != ',') return 0;
  }
  return 1;
}

static int scan_of(dnslist *d, char const *s, size_t n)
{
  static char const *const words[] = {"sender", "helo", "rdns"};

  d->of = 0;
  for (char const *end = s + n; s < end; s++)
  {
    size_t len = strcspn(s, ", \t");
    unsigned int i = 0;
    while (i < 3 && !word_is(s, len, words[i])) i++;
    if (i == 3) return 0;
    d->of |= 1u << i;
    s += len;
  }
  return d->of != 0;
}

static char const *scan_dnslist(dnslist *d, char const *s)
{
  char const *word;
  size_t n = next_word(&s, &word);

  if (!n || n > 200 || !memchr(word, '.', n)) return "no name of a list (write zen.example.org)";
  d->name = strndup(word, n);
  while ((n = next_word(&s, &word)))
  {
    if (*word >= '0' && *word <= '9')
    {
      if (!scan_codes(d, word, word + n)) return "not codes (write 2-11, or 127.0.0.2-127.0.0.11,127.0.1.2)";
    }
    else if (word_is(word, n, "weight"))
    {
      char number[UINT_FMT + 1] = "";
      n = next_word(&s, &word);
      if (n && n < UINT_FMT) memcpy(number, word, n);
      if (!uint0_scan(number, &d->weight) || !d->weight || d->weight > 1000)
        return "weight needs a number, 1 to 1000";
    }
    else if (d->kind == RHSBL && word_is(word, n, "of"))
    {
      n = next_word(&s, &word);
      if (!scan_of(d, word, n)) return "of needs sender, helo or rdns, between commas";
    }
    else if (d->kind != DNSWL && word_is(word, n, "reply"))
    {
      d->reply = strdup(s + strspn(s, " \t"));
      return *d->reply ? 0 : "reply needs a text";
    }
    else
      return "after its name a list has codes, weight N or reply TEXT (an rhsbl also: of sender,helo,rdns)";
  }
  return 0;
}

static char const *add_dnslist(settings *s, dnslist_kind kind, char const *value)
{
  dnslist d = {.kind = kind, .weight = 1, .of = RHSBL_SENDER};
  char const *wrong = scan_dnslist(&d, value);

  if (!wrong && !d.n)
  {
    d.codes[0].from = 0x7f000002u;
    d.codes[d.n++].to = 0x7f0000ffu;
  }
  if (!wrong && !genalloc_append(dnslist, &s->dnslists, &d)) wrong = "out of memory";
  if (wrong)
  {
    free(d.name);
    free(d.reply);
  }
  return wrong;
}

/* --- keys ----------------------------------------------------------------------------------------- */

static char const *set_action(settings *s, char const *key, char const *value)
{
  static char const *const words[] = {"off", "observe", "mark", "greylist", "tempfail", "reject"};
  unsigned int a = 0;

  while (a < 6 && strcmp(words[a], value)) a++;
  if (a == 6) return "not off, observe, greylist, tempfail or reject";
  if (a == ACTION_MARK && strncmp(key, "spf-", 4)) return "only SPF can mark";
  for (unsigned int i = 0; i < CONDITIONS; i++)
    if (!strcmp(condition_kinds[i].key, key)) s->actions[i] = (action)a;
  return 0;
}

static char const *set_greylist(settings *s, char const *value)
{
  static char const *const words[] = {"suspicious", "observe", "everybody"};
  unsigned int i = 0;

  while (i < 3 && strcmp(words[i], value)) i++;
  if (i == 3) return "not suspicious, observe or everybody";
  s->greylist_all = i > 0;
  s->actions[GREYLISTED] = i == 1 ? ACTION_OBSERVE : ACTION_TEMPFAIL;
  return 0;
}

static char const *set_seconds(uint64_t *to, char const *value)
{
  return uint640_scan(value, to) && *to ? 0 : "not a number of seconds";
}

static char const *set_list(list *lists, char const *kind, char const *value)
{
  static char const *const kinds[LIST_KINDS] = {"address", "rdns", "sender", "recipient"};

  for (unsigned int i = 0; i < LIST_KINDS; i++)
    if (!strcmp(kinds[i], kind)) return list_add(&lists[i], value);
  return "unknown";
}

char const *settings_set(settings *s, char const *key, char const *value)
{
  for (unsigned int i = 0; i < CONDITIONS; i++)
    if (*condition_kinds[i].key && !strcmp(condition_kinds[i].key, key)) return set_action(s, key, value);
  if (!strncmp(key, "allow-", 6)) return set_list(s->allow, key + 6, value);
  if (!strncmp(key, "block-", 6)) return set_list(s->block, key + 6, value);
  if (!strcmp(key, "dnsbl")) return add_dnslist(s, DNSBL, value);
  if (!strcmp(key, "dnswl")) return add_dnslist(s, DNSWL, value);
  if (!strcmp(key, "rhsbl")) return add_dnslist(s, RHSBL, value);
  if (!strcmp(key, "threshold")) return uint0_scan(value, &s->threshold) && s->threshold ? 0 : "not a number";
  if (!strcmp(key, "keyword"))
    return stralloc_cats(&s->keywords, value) && stralloc_0(&s->keywords) ? 0 : "out of memory";
  if (!strcmp(key, "greylist")) return set_greylist(s, value);
  if (!strcmp(key, "greylist-delay")) return set_seconds(&s->greylist_delay, value);
  if (!strcmp(key, "greylist-window")) return set_seconds(&s->greylist_window, value);
  if (!strcmp(key, "greylist-lifetime")) return set_seconds(&s->greylist_lifetime, value);
  if (!strcmp(key, "hostname"))
    return snprintf(s->hostname, sizeof s->hostname, "%s", value) < (int)sizeof s->hostname ? 0 : "too long";
  return "unknown";
}

char const *settings_read(settings *s, char *text, unsigned int *line)
{
  char *next, *value;

  for (*line = 1; *text; text = next, ++*line)
  {
    size_t n = strcspn(text, "\n");
    char const *wrong;
    next = text + n + (text[n] == '\n');
    text[n] = 0;
    if (!*text || *text == '#') continue;
    value = strchr(text, ' ');
    if (!value) return "no value";
    *value++ = 0;
    wrong = settings_set(s, text, value);
    if (wrong) return wrong;
  }
  return 0;
}
