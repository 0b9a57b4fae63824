#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include "dns.h"
#include "rdata.h"

/*
 * dnscheck [-n SERVERS]: asks the DNS for records. A line of its input is `NAME TYPE DATA`, as a zone file has them, a TXT
 * record's text without quotes, and DATA `*` for any; of its output, in the same order:
 *
 *   ok            it is there
 *   missing       there is none of its kind
 *   wrong FOUND   there is another one instead; of TXT, the kind is what it begins with, such as v=spf1
 *   several FOUND there are two of a kind that can only be once
 *   failed        nobody could tell
 */

#define USAGE     "dnscheck [-n SERVERS] <records"
#define LINES     256
#define INPUT     65536
#define FOUND_MAX 400

typedef struct line_s line;
struct line_s
{
  char const *name;
  unsigned int type;
  char const *data;
  dns_answer answer;
};

static line lines[LINES];
static unsigned int nlines;

__attribute__((noreturn)) static void dnscheck_bad(char const *text)
{
  strerr_dief(100, "not a record: ", text);
}

static void dnscheck_add(char *text)
{
  char *type = strchr(text, ' ');
  char *data = type ? strchr(type + 1, ' ') : 0;

  if (!data || nlines == LINES) dnscheck_bad(text);
  *type++ = 0;
  *data++ = 0;
  lines[nlines] = (line){.name = text, .type = rdata_type(type), .data = data, .answer = DNS_ANSWER_ZERO};
  if (!lines[nlines++].type) dnscheck_bad(type);
}

/* A TXT record of another kind is somebody else's. */
static int dnscheck_concerns(line const *l, char const *found)
{
  size_t n = strcspn(l->data, "; ");
  return l->type != DNS_TXT || (!strncasecmp(found, l->data, n) && (!found[n] || strchr("; ", found[n])));
}

static void dnscheck_tell(line const *l)
{
  stralloc found = STRALLOC_ZERO, text = STRALLOC_ZERO;
  unsigned int same = 0, n = 0;

  for (unsigned int i = 0; i < l->answer.n; i++)
  {
    text.len = 0;
    if (rdata_text(&text, &l->answer, i, l->type) < 0 || !stralloc_0(&text) || !dnscheck_concerns(l, text.s))
      continue;
    n++;
    same += !strcmp(l->data, "*") || rdata_same(l->type, l->data, text.s);
    if (!stralloc_cats(&found, found.len ? ", " : "") || !stralloc_cats(&found, text.s))
      strerr_diefu1sys(111, "tell");
  }
  if (l->answer.state == DNS_FAILED)
    puts("failed");
  else if (!n)
    puts("missing");
  else if (same && (l->type != DNS_TXT || n == 1))
    puts("ok");
  else
    printf("%s %.*s\n", same || (l->type == DNS_TXT && n > 1) ? "several" : "wrong",
           (int)(found.len < FOUND_MAX ? found.len : FOUND_MAX), found.s);
  stralloc_free(&found);
  stralloc_free(&text);
}

int main(int argc, char const *const *argv)
{
  static char input[INPUT + 1];
  char const *servers = 0, *wrong;
  size_t len;
  int c;

  PROG = "dnscheck";
  while ((c = getopt(argc, (char *const *)argv, "n:")) != -1)
    if (c == 'n')
      servers = optarg;
    else
      strerr_dieusage(100, USAGE);
  if (optind < argc) strerr_dieusage(100, USAGE);
  len = fread(input, 1, INPUT, stdin);
  for (char *s = input, *end; s < input + len && (end = memchr(s, '\n', (size_t)(input + len - s)));
       s = end + 1)
  {
    *end = 0;
    dnscheck_add(s);
  }
  wrong = dns_open(servers);
  if (wrong) strerr_dief(111, "unable to begin with the DNS: ", wrong);
  for (unsigned int i = 0; i < nlines; i++) dns_ask(lines[i].name, lines[i].type, &lines[i].answer);
  dns_wait();
  for (unsigned int i = 0; i < nlines; i++) dnscheck_tell(lines + i);
  return fflush(stdout) == 0 ? 0 : 111;
}
