#include <stdarg.h>
#include <stdio.h>

#include <services/contract/report.h>

static void add(report *r, unsigned int line, section const *s, char const *name, char const *kind,
                char const *format, va_list args)
{
  char buf[2048];
  int n = snprintf(buf, sizeof buf, "%s", r->file ? r->file : "mailctl.conf");

#define PUT(...)                                                                                             \
  do                                                                                                         \
  {                                                                                                          \
    if (n >= 0 && (size_t)n < sizeof buf) n += snprintf(buf + n, sizeof buf - (size_t)n, __VA_ARGS__);       \
  } while (0)
  if (line) PUT(":%u", line);
  PUT(": ");
  if (s && s->argument && s->argument[0])
    PUT("[%s %s] ", s->kind->name, s->argument);
  else if (s)
    PUT("[%s] ", s->kind->name);
  if (name) PUT("%s: ", name);
  PUT("%s", kind);
#undef PUT
  if (n >= 0 && (size_t)n < sizeof buf) n += vsnprintf(buf + n, sizeof buf - (size_t)n, format, args);
  if (n >= 0 && (size_t)n < sizeof buf)
    (void)(stralloc_cats(&r->text, buf) && stralloc_catb(&r->text, "\n", 1));
  else
    (void)(stralloc_cats(&r->text, buf) && stralloc_cats(&r->text, "...\n"));
}

static unsigned int line_of(section const *s, char const *name)
{
  value const *v = s && name ? section_value(s, name) : 0;
  return v && v->line ? v->line : s ? s->line : 0;
}

void report_error(report *r, section const *s, char const *name, char const *format, ...)
{
  va_list args;
  r->errors++;
  va_start(args, format);
  add(r, line_of(s, name), s, name, "", format, args);
  va_end(args);
}

void report_warning(report *r, section const *s, char const *name, char const *format, ...)
{
  va_list args;
  r->warnings++;
  va_start(args, format);
  add(r, line_of(s, name), s, name, "warning: ", format, args);
  va_end(args);
}

void report_line(report *r, unsigned int line, char const *format, ...)
{
  va_list args;
  r->errors++;
  va_start(args, format);
  add(r, line, 0, 0, "", format, args);
  va_end(args);
}

void report_note(report *r, section const *s, char const *text)
{
  (void)(stralloc_cats(&r->notes, s->kind->name) && stralloc_cats(&r->notes, ": ") &&
         stralloc_cats(&r->notes, text) && stralloc_catb(&r->notes, "\n", 1));
}

void report_free(report *r)
{
  stralloc_free(&r->notes);
  stralloc_free(&r->text);
}
