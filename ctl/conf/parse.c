#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include <services/contract/kinds.h>

#include <ctl/conf/suggest.h>

#include "conf-internal.h"

/*
 * inih splits `key = value`. By itself it hides line numbers, empty and repeated sections, lines over
 * its buffer and what follows ` ;` in a value: the reader below sees every line first, keeps the
 * section, and hands over only what inih cannot misread.
 */

static int blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

/* --- [section] --------------------------------------------------------------------------------- */

void conf_add_section(parser *p, section_kind const *kind, char const *argument)
{
  section s = SECTION_ZERO;

  s.kind = kind;
  s.line = p->line;
  s.argument = strdup(argument);
  if (!s.argument || !genalloc_append(section, &p->c->sections, &s))
  {
    free(s.argument);
    p->failed = 1;
  }
}

/* Says so. Returns the section that is likely meant, or 0. */
static section_kind const *unknown_section(parser *p, char const *name)
{
  kinds_walk w = KINDS_WALK_ZERO;
  section_kind const *kind;
  suggest s;

  suggest_start(&s, name);
  while ((kind = kinds_next_section(&w))) suggest_try(&s, kind->name);
  if (s.best)
    report_line(p->r, p->line, "[%s] there is no such section (did you mean [%s]?)", name, s.best);
  else
    report_line(p->r, p->line, "[%s] there is no such section", name);
  return s.best ? kinds_section(s.best) : 0;
}

/* The index of [kind argument], or how many sections there are. */
static size_t find_section(conf const *c, section_kind const *kind, char const *argument)
{
  size_t n = genalloc_len(section, &c->sections);
  size_t i = 0;

  while (i < n && (conf_section(c, i)->kind != kind || strcmp(conf_section(c, i)->argument, argument))) i++;
  return i;
}

/* Whether [kind argument] may be written so; says why not. */
static int header_right(parser *p, section_kind const *kind, char const *argument)
{
  char const *wrong = kind->argument ? conf_name_wrong(argument) : 0;

  if (!kind->argument && *argument)
    report_line(p->r, p->line, "[%s %s] this section takes no name: write [%s]", kind->name, argument,
                kind->name);
  else if (kind->argument && !*argument)
    report_line(p->r, p->line, "[%s] needs a name: [%s %s]", kind->name, kind->name, kind->argument);
  else if (wrong)
    report_line(p->r, p->line, "[%s %s] the name is %s", kind->name, argument, wrong);
  else
    return 1;
  return 0;
}

static void forget(section *s)
{
  size_t n = genalloc_len(value, &s->values);

  for (size_t i = 0; i < n; i++) free(genalloc_s(value, &s->values)[i].text);
  genalloc_setlen(value, &s->values, 0);
  s->line = 0;
}

/*
 * What stands in a misspelt section is read as if it were the one that is meant, so that its mistakes are found in the
 * same go, and nobody is told that the one that is meant is missing.
 */
static void begin_section(parser *p, char const *name, char const *argument)
{
  section_kind const *kind = kinds_section(name);
  int guessed = !kind;
  section *s;

  p->place = UNKNOWN;
  forget(&p->other);
  if (!kind) kind = unknown_section(p, name);
  if (!kind || (guessed && !kind->argument != !*argument) || !header_right(p, kind, argument)) return;
  p->current = find_section(p->c, kind, argument);
  if (p->current == genalloc_len(section, &p->c->sections))
  {
    conf_add_section(p, kind, argument);
    if (p->failed) return;
    conf_section(p->c, p->current)->line = 0;
  }
  s = conf_section(p->c, p->current);
  if (guessed && s->line) /* the right one is there: only to be read */
  {
    p->place = OTHER;
    p->other.kind = kind;
    p->other.line = p->line;
    return;
  }
  p->place = INSIDE;
  if (s->guessed) forget(s); /* the right one has come */
  if (s->line)
    conf_say(p->r, p->line, s, 0, "this section has begun before, in line %u", s->line);
  else
    s->line = p->line;
  s->guessed = guessed;
}

/* `[name]` or `[name argument]`, nothing else on the line. line has no blanks at either end. */
static void header(parser *p, char const *line, size_t len)
{
  char text[CONF_NAME_MAX + 1];
  char *name = text;
  char *argument;

  p->place = UNKNOWN;
  if (line[len - 1] != ']' || memchr(line, ']', len - 1))
  {
    report_line(p->r, p->line, "a section is written [name], on a line of its own");
    return;
  }
  if (len - 2 > CONF_NAME_MAX)
  {
    report_line(p->r, p->line, "a section's name of more than %d bytes", CONF_NAME_MAX);
    return;
  }
  memcpy(text, line + 1, len - 2);
  for (len -= 2; len && blank(text[len - 1]); len--)
  {
  }
  text[len] = 0;
  name += strspn(name, " \t");
  argument = name + strcspn(name, " \t");
  if (*argument) *argument++ = 0;
  begin_section(p, name, argument + strspn(argument, " \t"));
}

/* --- key = value ------------------------------------------------------------------------------- */

static void unknown_key(parser *p, section const *s, char const *name)
{
  kinds_walk w = KINDS_WALK_ZERO;
  section_kind const *kind;
  suggest near;

  suggest_start(&near, name);
  for (key const *k = s->kind->keys; k && k->name; k++) suggest_try(&near, k->name);
  if (near.best)
  {
    conf_say(p->r, p->line, s, name, "there is no such key (did you mean `%s`?)", near.best);
    return;
  }
  while ((kind = kinds_next_section(&w)))
    if (kind->keys && key_find(kind, name))
    {
      conf_say(p->r, p->line, s, name, "there is no such key here (it is one of [%s])", kind->name);
      return;
    }
  conf_say(p->r, p->line, s, name, "there is no such key");
}

/* Replaces each %set%. Returns 0, or -1 and ENOMEM. */
static int expand_set(stralloc *sa, char const *text, char const *set)
{
  static char const mark[] = "%set%";

  for (char const *at; (at = strstr(text, mark)); text = at + sizeof mark - 1)
    if (!stralloc_catb(sa, text, (size_t)(at - text)) || !stralloc_cats(sa, set)) return -1;
  return stralloc_cats(sa, text) && stralloc_0(sa) ? 0 : -1;
}

void conf_add_value(parser *p, section *s, key const *k, char const *text, unsigned int line)
{
  stralloc why = STRALLOC_ZERO, full = STRALLOC_ZERO;
  int expands = p->c->set && (k->type == KEY_PATH || k->type == KEY_COMMAND);
  int wrong = expands ? expand_set(&full, text, p->c->set) : 0;
  value v;

  if (!wrong) wrong = conf_value(&v, k, expands ? full.s : text, p->directory, &why);
  v.line = line;
  if (wrong > 0)
    conf_say(p->r, line ? line : s->line, s, k->name, "%.*s", (int)why.len, why.s);
  else if (wrong < 0)
    p->failed = 1;
  else if (!genalloc_append(value, &s->values, &v))
  {
    free(v.text);
    p->failed = 1;
  }
  stralloc_free(&why);
  stralloc_free(&full);
}

/* inih's handler. Its idea of the section is not used: it is cut, and does not tell two of a name apart. */
static int take(void *user, char const *section_name, char const *name, char const *text)
{
  parser *p = user;
  section *s = p->failed            ? 0
               : p->place == INSIDE ? conf_section(p->c, p->current)
               : p->place == OTHER  ? &p->other
                                    : 0;
  value const *before;
  key const *k;

  (void)section_name;
  if (!s) return 1;
  k = s->kind->keys ? key_find(s->kind, name) : 0;
  before = k && !k->repeat ? section_value(s, name) : 0;
  if (!k)
    unknown_key(p, s, name);
  else if (before)
    conf_say(p->r, p->line, s, name, "stands twice; it was set before, in line %u", before->line);
  else if (!*text)
    conf_say(p->r, p->line, s, name, "has no value (to have the default, put a # before the line)");
  else
    conf_add_value(p, s, k, text, p->line);
  return 1;
}

/* Whether inih will read the line as `key = value` and nothing else; says what is wrong. */
static int key_line_right(parser *p, char const *s, size_t len)
{
  size_t n = strcspn(s, "=");
  size_t name = n;

  while (name && (s[name - 1] == ' ' || s[name - 1] == '\t')) name--;
  if (p->place == BEFORE)
    report_line(p->r, p->line, "a key before the first [section]");
  else if (n == len || !name || memchr(s, ':', n))
    report_line(p->r, p->line, "neither [section] nor key = value");
  else if (name > CONF_NAME_MAX)
    report_line(p->r, p->line, "a key of more than %d bytes", CONF_NAME_MAX);
  else
    return 1;
  return 0;
}

/* A comment needs a line of its own: inih cuts a value at ` ;`, and people expect the same of ` #`. */
static int comment_inside(char const *s, size_t len)
{
  for (size_t i = 1; i < len; i++)
    if ((s[i] == ';' || s[i] == '#') && (s[i - 1] == ' ' || s[i - 1] == '\t')) return s[i];
  return 0;
}

/* --- lines ------------------------------------------------------------------------------------- */

static int bytes_right(parser *p, char const *s, size_t len)
{
  if (memchr(s, 0, len))
  {
    report_line(p->r, p->line, "a NUL byte");
    return 0;
  }
  if (len > CONF_LINE_MAX)
  {
    report_line(p->r, p->line, "a line of more than %d bytes", CONF_LINE_MAX);
    return 0;
  }
  for (size_t i = 0; i < len; i++)
    if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 127)
    {
      report_line(p->r, p->line, "a control character (byte %u)", (unsigned char)s[i]);
      return 0;
    }
  return 1;
}

/* The next line without blanks at its ends, a pointer into the bytes; 0 at the end. */
static char const *next_line(parser *p, size_t *len)
{
  char const *s = p->bytes + p->pos;
  char const *newline;

  if (p->pos >= p->len) return 0;
  newline = memchr(s, '\n', p->len - p->pos);
  *len = newline ? (size_t)(newline - s) : p->len - p->pos;
  p->pos += *len + (newline != 0);
  if (!p->line++ && *len >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)) s += 3, *len -= 3; /* a byte order mark */
  while (*len && blank(s[*len - 1])) --*len;
  while (*len && blank(*s)) s++, --*len;
  return s;
}

/* Does what a line asks for by itself. Returns whether it is one for inih. line ends with a NUL. */
static int examine(parser *p, char const *line, size_t len)
{
  int c;

  if (line[0] == '[')
  {
    header(p, line, len);
    return 0;
  }
  if (!key_line_right(p, line, len)) return 0;
  c = comment_inside(line, len);
  if (c) report_line(p->r, p->line, "` %c` inside a value: a comment needs a line of its own", c);
  return !c;
}

/* inih's reader, in the manner of fgets. */
static char *give(char *to, int size, void *user)
{
  parser *p = user;
  char const *s;
  size_t len;

  while (!p->failed && (s = next_line(p, &len)))
  {
    if (p->r->errors >= CONF_ERRORS)
    {
      report_line(p->r, p->line, "too many errors: nothing after this was read");
      break;
    }
    if (!len || *s == '#' || *s == ';' || !bytes_right(p, s, len)) continue;
    if (len + 1 > (size_t)size) continue; /* ini_max_line has room for every line that is right */
    memcpy(to, s, len);
    to[len] = 0;
    if (examine(p, to, len)) return to;
  }
  return 0;
}

int conf_lines(parser *p)
{
  int result;

  ini_max_line = CONF_LINE_MAX + 3;
  result = ini_parse_stream(give, p, take, p) == -2 || p->failed ? -1 : 0;
  forget(&p->other);
  genalloc_free(value, &p->other.values);
  return result;
}
