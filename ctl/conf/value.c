#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <runlib/address.h>

#include <services/contract/service.h>

#include <ctl/conf/describe.h>
#include <ctl/conf/suggest.h>

#include "conf-internal.h"

#define LETTERS      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS       "0123456789"
#define NAME_MAX_LEN 32

char const *conf_name_wrong(char const *name)
{
  if (!*name) return "empty";
  if (strlen(name) > NAME_MAX_LEN) return "longer than 32 letters";
  if (name[strspn(name, LETTERS DIGITS "-_")]) return "not made of letters, digits, - and _ alone";
  if (name[0] == '-') return "wrong: it begins with -";
  return 0;
}

static int append_bounds(stralloc *sa, key const *k)
{
  if (service_append(sa, " (at least ") < 0 || describe_number(sa, k, k->min) < 0) return -1;
  if (k->max && (service_append(sa, ", at most ") < 0 || describe_number(sa, k, k->max) < 0)) return -1;
  return service_append(sa, ")");
}

/* The words that a CHOICE can be, and the nearest to text. */
static int append_choices(stralloc *sa, char const *choices, char const *text)
{
  char words[256];
  suggest s;

  if (service_append(sa, ":") < 0) return -1;
  suggest_start(&s, text);
  snprintf(words, sizeof words, "%s", choices);
  for (char *rest = words, *word; (word = strsep(&rest, "|"));)
  {
    suggest_try(&s, word);
    if (service_append(sa, " %s%s", word, rest ? "," : "") < 0) return -1;
  }
  return s.best ? service_append(sa, " (did you mean `%s`?)", s.best) : 0;
}

static int number_value(value *v, key const *k, char const *text, stralloc *why)
{
  char const *wrong = key_number(k, text, &v->number);

  if (!wrong) return 0;
  if (service_append(why, "`%s` is %s", text, wrong) < 0) return -1;
  if (k->type == KEY_CHOICE) return append_choices(why, k->choices, text) < 0 ? -1 : 1;
  if (!strncmp(wrong, "too ", 4) && append_bounds(why, k) < 0) return -1;
  return 1;
}

static int addresses_value(char const *text, stralloc *why)
{
  char const *word;
  int any = 0;

  for (size_t n; (n = list_word(&text, &word)); any = 1)
  {
    char s[ADDRESS_FMT];
    address a;
    char const *wrong = "too long for an address";

    snprintf(s, sizeof s, "%.*s", (int)n, word);
    if (n < sizeof s) wrong = address_scan(s, &a);
    if (wrong) return service_append(why, "`%s` is %s", s, wrong) < 0 ? -1 : 1;
  }
  return any ? 0 : service_append(why, "names no address") < 0 ? -1 : 1;
}

static int names_value(char const *text, stralloc *why)
{
  char const *word;

  for (size_t n; (n = list_word(&text, &word));)
  {
    char s[64];
    char const *wrong;
    snprintf(s, sizeof s, "%.*s", (int)n, word);
    wrong = conf_name_wrong(s);
    if (wrong) return service_append(why, "the name `%s` is %s", s, wrong) < 0 ? -1 : 1;
  }
  return 0;
}

static int path_value(value *v, char const *text, char const *directory, stralloc *why)
{
  while (text[0] == '.' && text[1] == '/')
    for (text++; *text == '/'; text++)
    {
    }
  if (text[0] == '/')
    v->text = strdup(text);
  else if (!*text || !strcmp(text, "."))
    v->text = strdup(directory);
  else if (asprintf(&v->text, "%s/%s", strcmp(directory, "/") ? directory : "", text) < 0)
    v->text = 0;
  if (!v->text) return -1;
  for (size_t n = strlen(v->text); n > 1 && v->text[n - 1] == '/'; n--) v->text[n - 1] = 0;
  if (strlen(v->text) < PATH_MAX) return 0;
  free(v->text);
  v->text = 0;
  return service_append(why, "a path of more than %d bytes", PATH_MAX - 1) < 0 ? -1 : 1;
}

/* Why execlineb could not read a command line (execlineb(1)); 0: it can. Static. */
static char const *command_wrong(char const *s)
{
  unsigned int depth = 0;

  for (s += strspn(s, " \t"); *s; s += strspn(s, " \t"))
  {
    char const *word = s;
    int quoted = 0;
    for (; *s && (quoted || (*s != ' ' && *s != '\t')); s++)
      if (*s == '"')
        quoted = !quoted;
      else if (*s == '\\' && !*++s)
        return "ends with a backslash";
    if (quoted) return "has a quote that does not end: \"";
    if (s - word != 1) continue;
    if (*word == '{') depth++;
    if (*word == '}' && !depth--) return "has a } without its {";
  }
  return depth ? "has a { without its }" : 0;
}

static int check_value(value *v, key const *k, char const *text, stralloc *why)
{
  char const *wrong;

  switch (k->type)
  {
    case KEY_COUNT:
    case KEY_SIZE:
    case KEY_TIME:
    case KEY_BOOL:
    case KEY_CHOICE: return number_value(v, k, text, why);
    case KEY_ADDRESSES: return addresses_value(text, why);
    case KEY_NAMES: return names_value(text, why);
    case KEY_USER:
      wrong = conf_name_wrong(text);
      return !wrong ? 0 : service_append(why, "the user name `%s` is %s", text, wrong) < 0 ? -1 : 1;
    case KEY_COMMAND:
      wrong = command_wrong(text);
      return !wrong ? 0 : service_append(why, "`%s` %s", text, wrong) < 0 ? -1 : 1;
    default: return 0;
  }
}

int conf_value(value *v, key const *k, char const *text, char const *directory, stralloc *why)
{
  int wrong;

  v->key = k;
  v->text = 0;
  v->number = 0;
  if (k->type == KEY_PATH) return path_value(v, text, directory, why);
  wrong = check_value(v, k, text, why);
  if (wrong) return wrong;
  v->text = strdup(text);
  return v->text ? 0 : -1;
}
