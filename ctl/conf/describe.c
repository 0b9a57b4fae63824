#include <string.h>

#include <services/contract/bundle.h>
#include <services/contract/kinds.h>
#include <services/contract/service.h>

#include <ctl/conf/describe.h>

#define COMMENT_MAX 100 /* letters of a comment's line */

typedef struct unit_s unit;
struct unit_s
{
  char const *name;
  uint64_t factor;
};
static unit const sizes[] = {{"G", 1ul << 30}, {"M", 1ul << 20}, {"K", 1ul << 10}, {"", 1}};
static unit const times[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

int describe_number(stralloc *sa, key const *k, uint64_t n)
{
  unit const *u = k->type == KEY_TIME ? times : sizes;

  if (k->type == KEY_COUNT || !n) return service_append(sa, "%llu", (unsigned long long)n);
  while (n % u->factor) u++;
  return service_append(sa, "%llu%s", (unsigned long long)(n / u->factor), u->name);
}

static int append_range(stralloc *sa, key const *k)
{
  if (!k->min && !k->max) return 0;
  if (!k->max) return service_append(sa, "at least ") < 0 ? -1 : describe_number(sa, k, k->min);
  if (describe_number(sa, k, k->min) < 0 || service_append(sa, " to ") < 0) return -1;
  return describe_number(sa, k, k->max);
}

static int append_choices(stralloc *sa, char const *choices)
{
  while (*choices)
  {
    size_t n = strcspn(choices, "|");
    char const *next = choices + n + (choices[n] == '|');
    char const *joint = !*next ? "" : strchr(next, '|') ? ", " : " or ";
    if (service_append(sa, "%.*s%s", (int)n, choices, joint) < 0) return -1;
    choices = next;
  }
  return 0;
}

int describe_values(stralloc *sa, key const *k)
{
  switch (k->type)
  {
    case KEY_COUNT:
    case KEY_SIZE:
    case KEY_TIME: return append_range(sa, k);
    case KEY_BOOL: return service_append(sa, "yes or no");
    case KEY_CHOICE: return append_choices(sa, k->choices);
    default: return 0;
  }
}

/* --- a new mailctl.conf --------------------------------------------------------------------------- */

/* `key = value` of a line, less what is around it; 0: not one of key. */
static int sets(char const *line, size_t len, char const *name)
{
  size_t n = strlen(name);

  if (len < n || memcmp(line, name, n)) return 0;
  for (; n < len && (line[n] == ' ' || line[n] == '\t'); n++)
  {
  }
  return n < len && line[n] == '=';
}

/* Appends set's lines for one key. Returns how many, or -1. */
static int append_set(stralloc *sa, char const *set, char const *name)
{
  int found = 0;

  while (set && *set)
  {
    size_t n = strcspn(set, "\n");
    if (sets(set, n, name))
    {
      if (service_append(sa, "%.*s\n", (int)n, set) < 0) return -1;
      found++;
    }
    set += n + (set[n] == '\n');
  }
  return found;
}

/* What set says of keys that there are not. The parser will complain of it, which is better than dropping it. */
static int append_rest(stralloc *sa, section_kind const *kind, char const *set)
{
  while (set && *set)
  {
    size_t n = strcspn(set, "\n");
    key const *k = kind->keys;
    while (k && k->name && !sets(set, n, k->name)) k++;
    if (n && (!k || !k->name) && service_append(sa, "%.*s\n", (int)n, set) < 0) return -1;
    set += n + (set[n] == '\n');
  }
  return 0;
}

/* Text as comment lines, broken at blanks. */
static int append_comment(stralloc *sa, char const *text)
{
  while (*text)
  {
    size_t n = strlen(text);
    if (n > COMMENT_MAX)
      for (n = COMMENT_MAX; n > 1 && text[n] != ' '; n--)
      {
      }
    if (service_append(sa, "# %.*s\n", (int)n, text) < 0) return -1;
    text += n + (text[n] == ' ');
  }
  return 0;
}

/* help, and what the value may be where help does not say it. */
static int append_help(stralloc *sa, key const *k)
{
  stralloc text = STRALLOC_ZERO;
  size_t before;
  int result = -1;

  if (service_append(&text, "%s (", k->help) < 0) goto end;
  before = text.len;
  if (describe_values(&text, k) < 0) goto end;
  if (text.len == before)
    text.len -= 2;
  else if (service_append(&text, ")") < 0)
    goto end;
  if (k->repeat && service_append(&text, "; may be said several times") < 0) goto end;
  if (stralloc_0(&text)) result = append_comment(sa, text.s);
end:
  stralloc_free(&text);
  return result;
}

static int append_key(stralloc *sa, key const *k, char const *set, char const *user)
{
  int found;

  if (service_append(sa, "\n") < 0 || append_help(sa, k) < 0) return -1;
  found = append_set(sa, set, k->name);
  if (found) return found < 0 ? -1 : 0;
  if (user && !strcmp(k->name, "user")) return service_append(sa, "%suser = %s\n", set ? "" : "#", user);
  return service_append(sa, "#%s =%s%s\n", k->name, k->fallback ? " " : "", k->fallback ? k->fallback : "");
}

int describe_section(stralloc *sa, section_kind const *kind, char const *set, char const *user)
{
  int whole = set && *set == '['; /* sections with names of their own */

  if (service_append(sa, "\n\n# %s.\n%s[%s%s%s]\n", kind->help, set && !whole ? "" : "#", kind->name,
                     kind->argument ? " " : "", kind->argument ? kind->argument : "") < 0)
    return -1;
  for (key const *k = kind->keys; k && k->name; k++)
    if (append_key(sa, k, whole ? 0 : set, whole ? 0 : user) < 0) return -1;
  if (!whole) return append_rest(sa, kind, set);
  return service_append(sa, "\n%s%s%s%s", set, user ? "user = " : "", user ? user : "", user ? "\n" : "");
}

/* The section as a new bundle has it, by the first of its kinds. */
static int describe_new_section(stralloc *sa, section_kind const *kind, described const *others,
                                described_users users)
{
  kinds_walk w = KINDS_WALK_ZERO;
  service_kind const *k;
  char const *user = 0;

  while ((k = kinds_next(&w)) && (!k->section.name || strcmp(k->section.name, kind->name)))
  {
  }
  while (others->section && strcmp(others->section, kind->name)) others++;
  if (k && k->user && (users == DESCRIBED_OWN || (users == DESCRIBED_ONE && !strcmp(k->user, "root"))))
    user = k->user;
  return describe_section(sa, kind, others->section ? others->set : k ? k->init : 0, user);
}

int describe_conf(stralloc *sa, described const *others, described_users users)
{
  kinds_walk w = KINDS_WALK_ZERO;
  section_kind const *kind;

  if (service_append(
          sa, "# mailctl.conf, as `mailctl init` wrote it: mailctl.conf(5) explains it.\n"
              "#\n"
              "# Every section and every key is here. A key behind a # shows its default, which holds\n"
              "# until the # is removed; a section behind a # is a service that this bundle does not have.\n"
              "# `mailctl check` finds mistakes, `mailctl plan` shows what a change would do, and\n"
              "# `mailctl up` does it.\n") < 0)
    return -1;
  while ((kind = kinds_next_section(&w)))
    if (describe_new_section(sa, kind, others, users) < 0) return -1;
  return 0;
}

/* --- mailctl.conf(5) ------------------------------------------------------------------------------ */

/* Text for mdoc: nothing in it may be taken for a request, a macro or an escape. */
static int append_plain(stralloc *sa, char const *text)
{
  if (service_append(sa, "\\&") < 0) return -1;
  for (; *text; text++)
    if (!stralloc_catb(sa, text, 1) || (*text == '\\' && !stralloc_catb(sa, "e", 1))) return -1;
  return 0;
}

/* The same, as a sentence, or several, each on a line of its own. */
static int append_sentence(stralloc *sa, char const *text)
{
  size_t before = sa->len + 2;

  if (append_plain(sa, text) < 0 || service_append(sa, ".\n") < 0) return -1;
  if (sa->s[before] >= 'a' && sa->s[before] <= 'z') sa->s[before] = (char)(sa->s[before] - 'a' + 'A');
  for (size_t i = before; i + 2 < sa->len; i++)
    if (sa->s[i] == '.' && sa->s[i + 1] == ' ' && sa->s[i + 2] >= 'A' && sa->s[i + 2] <= 'Z')
      sa->s[i + 1] = '\n';
  return 0;
}

static int append_bounds(stralloc *sa, key const *k)
{
  stralloc range = STRALLOC_ZERO;
  int result = -1;

  if (k->type == KEY_BOOL || k->type == KEY_CHOICE) return 0;
  if (describe_values(&range, k) == 0 && stralloc_0(&range))
    result = range.len > 1 ? append_sentence(sa, range.s) : 0;
  stralloc_free(&range);
  return result;
}

static char const *type_name(key const *k)
{
  switch (k->type)
  {
    case KEY_PATH: return "path";
    case KEY_COMMAND: return "command";
    case KEY_USER: return "user";
    case KEY_COUNT: return "number";
    case KEY_SIZE: return "size";
    case KEY_TIME: return "time";
    case KEY_BOOL: return "yes|no";
    case KEY_CHOICE: return k->choices;
    case KEY_ADDRESSES: return "address ...";
    case KEY_NAMES: return "service ...";
    default: return "text";
  }
}

static int manual_key(stralloc *sa, key const *k)
{
  if (service_append(sa, ".It Ic %s No = Ar %s\n", k->name, type_name(k)) < 0 ||
      append_sentence(sa, k->help) < 0 ||
      (k->repeat && service_append(sa, "May stand several times; the order counts.\n") < 0) ||
      append_bounds(sa, k) < 0)
    return -1;
  if (!k->fallback) return 0;
  if (service_append(sa, "Default:\n.Ql ") < 0 || append_plain(sa, k->fallback) < 0) return -1;
  return service_append(sa, " .\n");
}

int describe_manual(stralloc *sa)
{
  kinds_walk w = KINDS_WALK_ZERO;
  section_kind const *kind;

  while ((kind = kinds_next_section(&w)))
  {
    if (service_append(sa, ".Ss [%s%s%s]\\&\n", kind->name, kind->argument ? " " : "",
                       kind->argument ? kind->argument : "") < 0 ||
        append_sentence(sa, kind->help) < 0)
      return -1;
    if (!kind->keys || !kind->keys->name) continue;
    if (service_append(sa, ".Bl -tag -width Ds\n") < 0) return -1;
    for (key const *k = kind->keys; k->name; k++)
      if (manual_key(sa, k) < 0) return -1;
    if (service_append(sa, ".El\n") < 0) return -1;
  }
  return 0;
}
