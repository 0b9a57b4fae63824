#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/iopause.h>
#include <skalibs/types.h>

#include <ctl/command/command.h>
#include <ctl/command/dnscheck.h>
#include <ctl/command/fleet.h>
#include <ctl/conf/suggest.h>
#include <ctl/dashboard/become.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>
#include <ctl/status/show.h>

#define FIELDS_MAX 128
#define WAIT_PAUSE 100 /* ms between two looks of --wait */

typedef enum form_e
{
  FORM_TABLE,
  FORM_JSON,
  FORM_METRICS,
  FORM_FIELDS,
  FORM_QUIET
} form;

typedef struct options_s options;
struct options_s
{
  form form;
  int wait;
  int watch;
  int dns;
  unsigned int patience; /* seconds; 0: for ever */
  status_field const *fields[FIELDS_MAX];
  size_t nfields;
  int argc;
  char const **names;
};

/* --- the command line ---------------------------------------------------------------------------- */

static int unknown_field(char const *name)
{
  suggest near;

  suggest_start(&near, name);
  for (size_t i = 0; i < status_fields_count; i++) suggest_try(&near, status_fields[i].name);
  if (near.best)
    say("status: no field is called ", name, "; did you mean ", near.best, "?");
  else
    say("status: no field is called ", name, "; `mailctl status -o help` lists them");
  return EXIT_USAGE;
}

static void list_fields(void)
{
  for (size_t i = 0; i < status_fields_count; i++)
    printf("%-34s %s\n", status_fields[i].name, status_fields[i].help);
}

static int set_form(options *o, form asked)
{
  if (o->form != FORM_TABLE && o->form != asked)
    return usage_error("status", "one of --json, --metrics, --quiet and -o");
  o->form = asked;
  return 0;
}

static int add_fields(options *o, char const *list)
{
  while (*list)
  {
    size_t len = strcspn(list, ",");
    status_field const *f = status_field_find(list, len);
    char name[64];
    if (!f)
    {
      snprintf(name, sizeof name, "%.*s", len < sizeof name ? (int)len : (int)sizeof name - 1, list);
      return unknown_field(name);
    }
    if (o->nfields == FIELDS_MAX) return usage_error("status", "too many fields");
    o->fields[o->nfields++] = f;
    list += len + (list[len] == ',');
  }
  if (set_form(o, FORM_FIELDS)) return EXIT_USAGE;
  return o->nfields ? 0 : usage_error("status", "-o which fields? `mailctl status -o help` lists them");
}

static int parse_wait(options *o, char const *seconds)
{
  o->wait = 1;
  if (!*seconds) return 0;
  return *seconds == '=' && uint0_scan(seconds + 1, &o->patience) && o->patience
             ? 0
             : usage_error("status", "--wait=SECONDS: a number of seconds from 1 on");
}

static int parse_one(options *o, char const *const *argv, int *i, int argc)
{
  char const *s = argv[*i];

  if (!strcmp(s, "--json")) return set_form(o, FORM_JSON);
  if (!strcmp(s, "--metrics")) return set_form(o, FORM_METRICS);
  if (!strcmp(s, "--quiet") || !strcmp(s, "-q")) return set_form(o, FORM_QUIET);
  if (!strcmp(s, "--watch"))
    o->watch = 1;
  else if (!strcmp(s, "--dns"))
    o->dns = 1;
  else if (!strncmp(s, "--wait", 6) && (!s[6] || s[6] == '='))
    return parse_wait(o, s + 6);
  else if (!strcmp(s, "-o"))
    return ++*i < argc ? add_fields(o, argv[*i]) : usage_error("status", "-o which fields?");
  else if (s[0] == '-')
    return usage_error("status", "what is that option?");
  else
    o->names[o->argc++] = s;
  return 0;
}

static int parse(options *o, int argc, char const *const *argv)
{
  int status = 0;

  o->names = calloc((size_t)argc + 1, sizeof *o->names);
  if (!o->names)
  {
    say("out of memory");
    return EXIT_SYSTEM;
  }
  for (int i = 1; i < argc && !status; i++) status = parse_one(o, argv, &i, argc);
  return status;
}

/* --- the terminal -------------------------------------------------------------------------------- */

static void ask_terminal(show *w)
{
  char const *term = getenv("TERM");
  char const *no_colour = getenv("NO_COLOR");
  struct winsize size;

  w->width = SHOW_WIDTH;
  if (!isatty(1)) return;
  if (!ioctl(1, TIOCGWINSZ, &size) && size.ws_col) w->width = size.ws_col;
  if (!term || !*term || !strcmp(term, "dumb")) return;
  w->colour = !no_colour || !*no_colour;
  w->symbols = setlocale(LC_CTYPE, "") && !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* --- the answer ---------------------------------------------------------------------------------- */

static int put_table(stralloc *sa, show const *w)
{
  if (!w->s->running) return service_append(sa, "the bundle is not running\n");
  if (show_table(sa, w) < 0 || service_append(sa, "\n") < 0) return -1;
  if (show_notes(sa, w->s, w->st) < 0) return -1;
  return w->argc == 1 ? show_detail(sa, w) : w->argc ? 0 : show_lines(sa, w);
}

static int put_form(stralloc *sa, show const *w, options const *o)
{
  switch (o->form)
  {
    case FORM_JSON: return show_json(sa, w);
    case FORM_METRICS: return show_metrics(sa, w);
    case FORM_FIELDS: return show_fields(sa, w, o->fields, o->nfields);
    case FORM_QUIET: return 0;
    default: return put_table(sa, w);
  }
}

static int put_dns(stralloc *sa, bundle const *b)
{
  stralloc said = STRALLOC_ZERO;
  int bad = dns_check(&said, b);
  int result = bad < 0    ? service_append(sa, "\ndns: unknown\n")
               : bad == 0 ? service_append(sa, "\ndns: all records are there\n")
                          : service_append(sa, "\ndns, %d records missing or wrong:\n%.*s", bad,
                                           (int)said.len, said.s);

  stralloc_free(&said);
  return result;
}

static int print(snapshot const *s, stored const *st, options const *o)
{
  show w = {.s = s, .st = st, .argc = o->argc, .names = o->names, .width = SHOW_WIDTH};
  stralloc sa = STRALLOC_ZERO;
  int result;

  if (o->form == FORM_TABLE) ask_terminal(&w);
  result =
      put_form(&sa, &w, o) < 0 || (o->dns && put_dns(&sa, &st->b) < 0) || allwrite(1, sa.s, sa.len) < sa.len
          ? -1
          : 0;
  if (result < 0) say_cannot("show the status");
  stralloc_free(&sa);
  return result;
}

static int check_names(stored const *st, options const *o)
{
  for (int i = 0; i < o->argc; i++)
    if (!generation_find(&st->g, o->names[i]))
    {
      say("no service is called ", o->names[i], " in what was brought up last");
      return EXIT_USAGE;
    }
  return 0;
}

/* One look. last: print it; otherwise only if all is well. */
static int look(context const *cx, options const *o, int last)
{
  stored st = STORED_ZERO;
  snapshot s = SNAPSHOT_ZERO;
  int status = stored_load(&st, cx);

  if (!status) status = check_names(&st, o);
  if (!status && snapshot_take(&s, &st, 0) < 0)
  {
    say_cannot("look at the services in ", st.b.run);
    status = EXIT_SYSTEM;
  }
  else if (!status)
  {
    status = snapshot_health(&s, o->argc, o->names);
    if ((last || !status) && print(&s, &st, o) < 0) status = EXIT_SYSTEM;
  }
  snapshot_free(&s);
  stored_free(&st);
  return status;
}

/* Until all is well. Looks again and again: what makes it well is not only what s6 tells. */
static int wait_until_well(context const *cx, options const *o)
{
  tain deadline = tain_infinite;
  int status;

  tain_now_set_stopwatch_g();
  if (o->patience) tain_addsec_g(&deadline, (int)(o->patience < 1000000000 ? o->patience : 1000000000));
  while ((status = look(cx, o, 0)) == EXIT_NO || status == EXIT_NONE)
  {
    static tain const pause = {.sec = TAI_ZERO, .nano = WAIT_PAUSE * 1000000};
    tain at;
    tain_now_g();
    if (!tain_less(&STAMP, &deadline))
    {
      status = look(cx, o, 1);
      return status == EXIT_NO || status == EXIT_NONE ? EXIT_TIMEOUT : status;
    }
    tain_add(&at, &STAMP, &pause);
    iopause_g(0, 0, tain_less(&at, &deadline) ? &at : &deadline);
  }
  return status;
}

int command_status(context const *cx, int argc, char const *const *argv)
{
  options o = {.form = FORM_TABLE};
  int status;

  if (fleet_asked(argc, argv)) return fleet_command(cx, argc, argv);
  if (argc == 3 && !strcmp(argv[1], "-o") && !strcmp(argv[2], "help")) return (list_fields(), 0);
  status = parse(&o, argc, argv);
  if (!status && o.watch)
    status = o.wait || o.form != FORM_TABLE || o.argc > 1
                 ? usage_error(argv[0], "--watch goes with one NAME at the most")
                 : dash_become(cx, o.names[0]);
  else if (!status && o.dns && o.form != FORM_TABLE)
    status = usage_error(argv[0], "--dns goes with the table alone");
  else if (!status)
    status = o.wait ? wait_until_well(cx, &o) : look(cx, &o, 1);
  free(o.names);
  return status;
}
