#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/*
 * rater-show [--json]: prints raterd's answer, which is the whole of standard input, as `rater` shows it. A program of its
 * own, so that rater, which scripts run for each question, has no JSON to start with.
 */
#define ANSWER_MAX (1u << 20)

/* A value may be anything that a client sent, and this may be a terminal. */
static void put_text(char const *s)
{
  for (; *s; s++)
  {
    unsigned char c = (unsigned char)*s;
    if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)s[1] < 0xa0))
      printf("\\x%02x", c == 0xc2 ? (unsigned int)(unsigned char)*++s : c);
    else
      putchar(c);
  }
}

static void put_value(json_t const *v)
{
  if (json_is_string(v))
    put_text(json_string_value(v));
  else
    printf("%lld", (long long)json_integer_value(v));
}

/* `{"class":C,"rules":[...]}` as lines of rater-rules(5). */
static void put_rules(json_t *row)
{
  json_t *r;
  size_t i;

  json_array_foreach(json_object_get(row, "rules"), i, r)
  {
    put_text(json_string_value(json_object_get(row, "class")));
    putchar(' ');
    put_text(json_string_value(r));
    putchar('\n');
  }
}

static void put_row(json_t *row, int titles)
{
  char const *name;
  json_t *v;
  int first = 1;

  json_object_foreach(row, name, v)
  {
    if (!first) putchar('\t');
    first = 0;
    /* json_object_foreach goes on from name */
    if (titles)
      for (char const *t = name; *t; t++) putchar(toupper((unsigned char)*t));
    else
      put_value(v);
  }
  putchar('\n');
}

static void put_table(json_t *rows)
{
  json_t *row;
  size_t i;

  json_array_foreach(rows, i, row)
  {
    if (json_object_get(row, "rules"))
    {
      put_rules(row);
      continue;
    }
    if (!i) put_row(row, 1);
    put_row(row, 0);
  }
}

/* A report's JSON for people: a line a number, a table a list. Prints it as it is if it is no JSON. */
static void show_report(char const *json, size_t n)
{
  json_t *all = json_loadb(json, n, 0, 0), *v;
  char const *name;

  if (!json_is_object(all))
    printf("%.*s\n", (int)n, json);
  else
    json_object_foreach(all, name, v)
    {
      if (json_is_array(v))
        put_table(v);
      else
      {
        printf("%s\t", name);
        put_value(v);
        putchar('\n');
      }
    }
  json_decref(all);
}

/* `0 n/limit [seconds]`: the numbers get their names; seconds is that of waiting, if it is refused. */
static json_t *verdict_json(char const *text, char const *seconds)
{
  char *end;
  long long n = strtoll(text, &end, 10);
  long long limit = *end == '/' ? strtoll(end + 1, &end, 10) : 0;
  json_t *v = json_pack("{s:I,s:I}", "count", (json_int_t)n, "limit", (json_int_t)limit);

  if (*end == ' ' && end[1] != '-') json_object_set_new(v, seconds, json_integer(strtoll(end + 1, 0, 10)));
  return v;
}

/* The whole answer as one JSON object on a line. */
static void show_json(char const *answer, size_t n)
{
  json_t *v = 0;

  if (answer[0] == '2')
    v = json_pack("{s:s%}", "error", answer + 2, n - 2);
  else if (answer[2] == '{')
    v = json_loadb(answer + 2, n - 2, 0, 0);
  else
    v = verdict_json(answer + 2, answer[0] == '1' ? "retry" : "delay");
  if (!v) v = json_object();
  json_object_set_new(v, "answer", json_integer(answer[0] - '0'));
  json_dumpf(v, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
  putchar('\n');
  json_decref(v);
}

/* Exits as rater does for this answer: with its first digit. */
int main(int argc, char const *const *argv)
{
  static char answer[ANSWER_MAX + 1];
  size_t n = fread(answer, 1, ANSWER_MAX, stdin);

  if (n < 2 || answer[0] < '0' || answer[0] > '2') return 100;
  if (argc == 2 && !strcmp(argv[1], "--json"))
    show_json(answer, n);
  else
    show_report(answer + 2, n - 2);
  if (!fflush(stdout)) return answer[0] - '0';
  perror("rater: fatal: unable to write to standard output");
  return 111;
}
