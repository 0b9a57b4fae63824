#include <string.h>

#include <skalibs/uint32.h>

#include "packet.h"

#define VERSION_SPOKEN 6u
#define VERSION_DATA   4u /* DATA came with it, and with 3 unknown commands */
#define REPLY_LINES    16u
#define REPLY_LINE     500u /* bytes, of which RFC 5321, 4.5.3.1.5, allows 512 */

/* --- writing ------------------------------------------------------------------------------------- */

int packet_begin(stralloc *sa, char what, size_t *at)
{
  *at = sa->len;
  return stralloc_catb(sa, "\0\0\0\0", 4) && stralloc_catb(sa, &what, 1) ? 0 : -1;
}

void packet_end(stralloc *sa, size_t at)
{
  uint32_pack_big(sa->s + at, (uint32_t)(sa->len - at - 4));
}

int packet_add(stralloc *sa, char what, char const *data, size_t len)
{
  size_t at;

  if (packet_begin(sa, what, &at) < 0 || !stralloc_catb(sa, data, len)) return -1;
  packet_end(sa, at);
  return 0;
}

int packet_offer(stralloc *sa, uint32_t actions, uint32_t steps)
{
  char s[12];

  uint32_pack_big(s, VERSION_SPOKEN);
  uint32_pack_big(s + 4, actions);
  uint32_pack_big(s + 8, steps);
  return packet_add(sa, 'O', s, sizeof s);
}

/* --- reading ------------------------------------------------------------------------------------- */

static uint32_t number(char const *s)
{
  uint32_t n;

  uint32_unpack_big(s, &n);
  return n;
}

long packet_scan(packet *p, char const *s, size_t len)
{
  uint32_t n = len < 4 ? 1 : number(s);

  if (!n || n > PACKET_MAX) return -1;
  if (len < 5 || len - 4 < n) return 0;
  p->what = s[4];
  p->data = s + 5;
  p->len = n - 1;
  return (long)n + 4;
}

/* What follows the three numbers: a stage's number and its macros, again and again. */
static int read_macros(agreed *a, char const *s, size_t len)
{
  while (len)
  {
    char const *end = len > 4 ? memchr(s + 4, 0, len - 4) : 0;
    uint32_t at = len > 4 ? number(s) : STAGES;
    size_t n = end ? (size_t)(end - s) - 4 : STAGE_MACROS;
    if (at >= STAGES || n >= STAGE_MACROS) return -1;
    memcpy(a->macros[at], s + 4, n + 1);
    a->listed |= 1u << at;
    len -= n + 5;
    s += n + 5;
  }
  return 0;
}

int packet_agree(agreed *a, packet const *p, uint32_t actions, uint32_t steps)
{
  if (p->what != 'O' || p->len < 12) return -1;
  a->version = number(p->data);
  a->actions = number(p->data + 4);
  a->steps = number(p->data + 8);
  a->listed = 0;
  if (a->version < 2 || a->version > VERSION_SPOKEN || a->actions & ~actions || a->steps & ~steps) return -1;
  if (a->version < VERSION_DATA) a->steps |= STEP_NO_DATA | STEP_NO_UNKNOWN;
  return read_macros(a, p->data + 12, p->len - 12);
}

/* How the data of each answer is made: `n` a number, `t` and `v` texts, `b` bytes, `*` anything. */
static struct
{
  char what;
  uint32_t action;
  char const *data;
} const answers[] = {{ANSWER_CONTINUE, 0, ""},
                     {ANSWER_ACCEPT, 0, ""},
                     {ANSWER_REJECT, 0, ""},
                     {ANSWER_TEMPFAIL, 0, ""},
                     {ANSWER_DISCARD, 0, ""},
                     {ANSWER_REPLY, 0, "t"},
                     {ANSWER_SKIP, 0, ""},
                     {ANSWER_PROGRESS, 0, ""},
                     {ANSWER_SHUTDOWN, 0, ""},
                     {ANSWER_CONN_FAIL, 0, ""},
                     {ANSWER_ADD_HEADER, ACTION_ADD_HEADERS, "tv"},
                     {ANSWER_INSERT_HEADER, ACTION_ADD_HEADERS, "ntv"},
                     {ANSWER_CHANGE_HEADER, ACTION_HEADERS, "ntv"},
                     {ANSWER_SENDER, ACTION_SENDER, "t*"},
                     {ANSWER_ADD, ACTION_ADD_RECIPIENTS, "t"},
                     {ANSWER_ADD_PARAMETER, ACTION_ADD_PARAMETERS, "t*"},
                     {ANSWER_DELETE, ACTION_DELETE, "t"},
                     {ANSWER_BODY, ACTION_BODY, "b"},
                     {ANSWER_QUARANTINE, ACTION_QUARANTINE, "t"}};

static int read_data(milter_answer *a, char const *how, char const *s, size_t len)
{
  for (; *how; how++)
  {
    char const *end = *how == 't' || *how == 'v' ? memchr(s, 0, len) : s;
    size_t n = *how == 'n' ? 4 : *how == 'b' || *how == '*' ? len : end ? (size_t)(end - s) + 1 : len + 1;
    if (n > len) return -1;
    if (*how == 'n') a->index = number(s);
    if (*how == 't') a->text = s;
    if (*how == 'v') a->value = s;
    if (*how == 'b') a->data = s, a->len = n;
    s += n;
    len -= n;
  }
  return len ? -1 : 0;
}

int packet_answer(milter_answer *a, packet const *p)
{
  static milter_answer const fresh = {.text = "", .value = "", .data = ""};

  *a = fresh;
  for (unsigned int i = 0; i < sizeof answers / sizeof *answers; i++)
    if (answers[i].what == p->what)
    {
      a->what = p->what;
      a->action = answers[i].action;
      return read_data(a, answers[i].data, p->data, p->len);
    }
  return -1;
}

/* --- a reply ------------------------------------------------------------------------------------- */

static int is_digit(char c)
{
  return c >= '0' && c <= '9';
}

/* One line of n bytes, its `%%` undone. */
static int add_line(stralloc *sa, char const *code, char const *s, size_t n, int last)
{
  size_t from = sa->len;

  if (!stralloc_readyplus(sa, n + 6) || !stralloc_catb(sa, code, 3) ||
      !stralloc_catb(sa, last ? " " : "-", 1))
    return -1;
  for (size_t i = 0; i < n && sa->len - from < REPLY_LINE; i++)
  {
    unsigned char c = (unsigned char)s[i];
    if (c == '%' && i + 1 < n && s[i + 1] == '%') i++;
    sa->s[sa->len++] = c < 32 || c > 126 ? '?' : (char)c;
  }
  return last || stralloc_catb(sa, "\r\n", 2) ? 0 : -1;
}

int packet_reply(stralloc *sa, char const *text)
{
  char const *code = text;

  for (unsigned int i = 0; i < REPLY_LINES; i++)
  {
    size_t n = strcspn(text, "\n");
    int last = !text[n] || !text[n + 1];
    size_t len = n && text[n - 1] == '\r' ? n - 1 : n;
    if (len < 3 || (*text != '4' && *text != '5') || !is_digit(text[1]) || !is_digit(text[2]) ||
        memcmp(text, code, 3) || (len > 3 && text[3] != ' ' && text[3] != '-'))
      return 1;
    if (add_line(sa, code, text + (len > 3 ? 4 : 3), len > 3 ? len - 4 : 0, last || i + 1 == REPLY_LINES) < 0)
      return -1;
    if (last) return 0;
    text += n + 1;
  }
  return 0;
}
