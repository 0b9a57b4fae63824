#include <string.h>
#include <strings.h>

#include "data.h"

static int is_field(data const *d, char const *name)
{
  size_t n = strlen(name);

  if (d->position <= n || strncasecmp(d->field, name, n)) return 0;
  while (n < d->position && (d->field[n] == ' ' || d->field[n] == '\t')) n++;
  return n < d->position && d->field[n] == ':';
}

static void line_ends(data *d)
{
  if (!d->body)
  {
    if (!d->position)
      d->body = 1;
    else
      d->hops += is_field(d, "received") || is_field(d, "delivered-to");
  }
  d->position = 0;
}

static void keep(data *d, char const *s, size_t len)
{
  size_t n = DATA_FIELD - d->position;

  if (d->body || !n) return;
  if (n > len) n = len;
  memcpy(d->field + d->position, s, n);
  d->position += (unsigned int)n;
}

/* In the middle of a line: copies up to its end or the end of the input. Returns what it took. */
static size_t in_line(data *d, char const *in, size_t len, char *out, size_t *n)
{
  char const *lf = memchr(in, '\n', len);
  size_t span = lf ? (size_t)(lf - in) : len;
  char const *cr = span ? memchr(in, '\r', span) : 0;
  size_t text = cr ? (size_t)(cr - in) : span;

  keep(d, in, text);
  memcpy(out + *n, in, text);
  *n += text;
  if (!cr)
  {
    d->state = lf ? DATA_BAD : DATA_LINE;
    return span;
  }
  d->state = DATA_CR;
  return text + 1;
}

static void after_cr(data *d, char c, char *out, size_t *n)
{
  d->state = c == '\n' ? DATA_START : DATA_BAD;
  if (c != '\n') return;
  out[(*n)++] = '\n';
  line_ends(d);
}

size_t data_decode(data *d, char const *in, size_t len, char *out, size_t *n)
{
  size_t i = 0;

  *n = 0;
  while (i < len && d->state < DATA_END) switch (d->state)
    {
      case DATA_START:
        if (in[i] == '.')
        {
          d->state = DATA_DOT;
          i++;
          break;
        }
        /* fallthrough */
      case DATA_LINE: i += in_line(d, in + i, len - i, out, n); break;
      case DATA_DOT:
        if (in[i] == '\r')
        {
          d->state = DATA_DOT_CR;
          i++;
        }
        else
          i += in_line(d, in + i, len - i, out, n);
        break;
      case DATA_CR: after_cr(d, in[i++], out, n); break;
      case DATA_DOT_CR: d->state = in[i++] == '\n' ? DATA_END : DATA_BAD; break;
      default: break;
    }
  d->size += *n;
  return i;
}
