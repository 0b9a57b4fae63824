#include <stdio.h>
#include <string.h>

#include <runlib/envelope.h>

#include <services/spool/result.h>

static char const nothing[] = "remote ended without a report (#4.3.0)";

/* The next part: its letter, and its text. Returns 0 at the end. */
static char next_part(char const **s, char const *end, char const **text)
{
  char const *nul = *s < end ? memchr(*s, 0, (size_t)(end - *s)) : 0;
  char letter;

  if (!nul || nul == *s) return 0;
  letter = **s;
  *text = *s + 1;
  *s = nul + 1;
  return letter;
}

static char for_message(char letter)
{
  return letter == 'K' ? ENVELOPE_DONE : letter == 'D' ? ENVELOPE_FAILED : ENVELOPE_REMOTE;
}

health results_read(char const *report, size_t len, recipient_result *r, unsigned int n)
{
  char const *s = report, *text = nothing, *end = report + len;
  char status[STATUS_SIZE], letter;
  unsigned int said = 0;

  for (unsigned int i = 0; i < n; i++) r[i] = (recipient_result){ENVELOPE_REMOTE, nothing};
  while ((letter = next_part(&s, end, &text)) && strchr("rhs", letter) && said < n)
    r[said++] = (recipient_result){letter == 'h'   ? ENVELOPE_FAILED
                                   : letter == 'r' ? ENVELOPE_DONE
                                                   : ENVELOPE_REMOTE,
                                   text};
  /* Without the message's part, nobody has it for certain. */
  if (!letter || !strchr("KZD", letter) || (said && said < n))
  {
    for (unsigned int i = 0; i < n; i++) r[i] = (recipient_result){ENVELOPE_REMOTE, nothing};
    return HEALTH_UNKNOWN;
  }
  for (unsigned int i = 0; i < n; i++)
    if (!said || r[i].letter == ENVELOPE_DONE) r[i] = (recipient_result){for_message(letter), text};
  if (said || letter != 'Z' || result_said(text)) return HEALTH_GOOD;
  result_status(status, text);
  return strncmp(status, "4.4.", 4) ? HEALTH_UNKNOWN : HEALTH_BAD;
}

char const *result_said(char const *text)
{
  static char const words[] = "Remote host said: ";
  char const *s = strstr(text, words);

  return s ? s + sizeof words - 1 : 0;
}

static int is_digit(char c)
{
  return c >= '0' && c <= '9';
}

/* Copies `C.NNN.NNN`. Returns whether it was there. */
static int scan_status(char status[STATUS_SIZE], char const *s)
{
  size_t n = strspn(s, "0123456789.");
  unsigned int a, b;
  char end;

  if ((*s != '4' && *s != '5') || n >= 10 || n < 5 || s[1] != '.') return 0;
  if (sscanf(s + 2, "%3u.%3u%c", &a, &b, &end) < 2) return 0;
  snprintf(status, STATUS_SIZE, "%c.%u.%u", *s, a, b);
  return 1;
}

void result_status(char status[STATUS_SIZE], char const *text)
{
  char const *s = result_said(text), *mark = s ? 0 : strrchr(text, '#');

  if (s && is_digit(s[0]) && is_digit(s[1]) && is_digit(s[2]) && s[3] && scan_status(status, s + 4)) return;
  if (mark && scan_status(status, mark + 1)) return;
  strcpy(status, "5.0.0");
}
