#include <stdio.h>
#include <string.h>

#include <runlib/enhanced.h>

#include "queue.h"
#include "session-internal.h"

/* The codes are qmail-queue's (qmail-queue(8)), the texts those that qmail-smtpd's users know. */
char const *queue_reply(session const *s, int code)
{
  static char text[2 * sizeof((queue *)0)->words];
  char const *words = code == QUEUE_WORDS ? s->operations->queue_words(s->operations->host) : "";

  if ((*words == 'D' || *words == 'Z') && words[1])
  {
    size_t n;
    char c = *words == 'D' ? '5' : '4';
    char const *status = enhanced_for(c, words + 1, strlen(words + 1), c == '5' ? "5.3.0" : "4.3.0", &n);
    snprintf(text, sizeof text, "%s %.*s%s%s", c == '5' ? "554" : "451", (int)n, status, n ? " " : "",
             words + 1);
    return text;
  }
  switch (code)
  {
    case 115:
    case 11: return "554 5.1.3 envelope address too long for qq";
    case 31: return "554 5.3.0 mail server permanently rejected message";
    case 51: return "451 4.3.0 qq out of memory";
    case 52: return "451 4.3.0 qq timeout";
    case 53: return "452 4.3.1 qq write error or disk full";
    case 54: return "451 4.3.0 qq read error";
    case 55: return "451 4.3.0 qq unable to read configuration";
    case 56: return "451 4.3.0 qq trouble making network connection";
    case 61: return "451 4.3.0 qq trouble in home directory";
    case 62:
    case 63:
    case 64:
    case 65:
    case 66: return "451 4.3.0 qq trouble creating files in queue";
    case 71: return "451 4.3.0 mail server temporarily rejected message";
    case 72: return "451 4.4.1 connection to mail server timed out";
    case 73: return "451 4.4.1 connection to mail server rejected";
    case 74: return "451 4.4.2 communication with mail server failed";
    case 81:
    case 91: return "451 4.3.0 qq internal bug";
    case 120: return "451 4.3.0 unable to exec qq";
    case -1: return "451 4.3.0 qq crashed";
    default:
      return code >= 11 && code <= 40 ? "554 5.3.0 qq permanent problem" : "451 4.3.0 qq temporary problem";
  }
}
