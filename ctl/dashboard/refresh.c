#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <services/contract/service.h>

#include <ctl/dashboard/dashboard-internal.h>
#include <ctl/dashboard/screen.h>
#include <ctl/dashboard/table.h>

/* What there is: looked at, and drawn. */

#define SHARE                                                                                                \
  120 /* a refresh by the clock comes no sooner than after so many times what the last one cost: under 1 % */

static view view_of(dash const *d)
{
  return (view){.s = &d->data.now,
                .hostname = d->data.st->b.hostname,
                .u = &d->u,
                .at = d->at,
                .n = d->n,
                .log = &d->data.log,
                .log_error = d->data.log_error,
                .backlog = {.points = d->data.points, .n = d->data.npoints, .step = d->data.step},
                .notes = d->data.notes.s ? d->data.notes.s : "",
                .more = &d->data.more,
                .run = &d->run,
                .said = d->said};
}

static size_t positive(int n)
{
  return n > 0 ? (size_t)n : 0;
}

ui_world dash_world(dash const *d)
{
  view v = view_of(d);
  layout l = {.title = {0, 0, 0, 0}};
  int hidden = view_layout(&l, &v, d->c.rows, d->c.cols) < 0;
  int room = hidden ? 0 : l.table.rows - 1;

  return (ui_world){.names = d->names,
                    .n = d->n,
                    .rows = positive(room),
                    .page_rows = positive(room),
                    .lines = dash_log_count(&d->data.log),
                    .items = view_items(&v, d->c.cols),
                    .running = d->data.now.running && !d->data.now.alone,
                    .hidden = hidden};
}

int dash_list(dash *d)
{
  size_t n = snapshot_count(&d->data.now);
  size_t *at = realloc(d->at, (n + 1) * sizeof *at);
  char const **names;
  ui_world w;

  if (!at) return -1;
  d->at = at;
  names = realloc(d->names, (n + 1) * sizeof *names);
  if (!names) return -1;
  d->names = names;
  d->n = dash_table_filter(d->at, &d->data.now, d->u.filter);
  for (size_t i = 0; i < d->n; i++) d->names[i] = snapshot_services(&d->data.now)[d->at[i]].id;
  w = dash_world(d);
  ui_settle(&d->u, &w);
  return 0;
}

/* A log that somebody has scrolled up in stands still. */
void dash_read_log(dash *d)
{
  stralloc dir = STRALLOC_ZERO;

  if (d->u.page == PAGE_LOG && (d->u.up || d->u.match)) return;
  d->log_stale = 0;
  if (dash_data_log(&d->data, d->u.chosen, d->u.page == PAGE_LOG ? DASH_LOG_PAGE : DASH_LOG_PANE))
    d->spoilt = 1;
  if (*d->u.chosen && service_append(&dir, "%s/%s", d->data.st->b.log, d->u.chosen) >= 0 && stralloc_0(&dir))
    dash_watch_log(&d->watch, dir.s);
  stralloc_free(&dir);
}

void dash_read_more(dash *d)
{
  (void)dash_data_more(&d->data, d->u.page == PAGE_DETAIL ? d->u.chosen : "");
}

static size_t curve_points(dash const *d)
{
  layout l;

  if (layout_overview(&l, d->c.rows, d->c.cols, d->n, view_fields(&d->data.now)) < 0) return 0;
  return positive(curve_columns(l.curve));
}

static pid_t supervisor_of(snapshot const *s)
{
  return s->supervisor.pid.known == KNOWN ? (pid_t)s->supervisor.pid.n : 0;
}

/* CPU time of this process, us. */
static uint64_t cost(void)
{
  struct timespec ts = {.tv_sec = 0};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
  return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Events first, then the status: so nothing that happens in between is missed. */
void dash_refresh(dash *d)
{
  uint64_t before = cost();

  dash_watch_services(&d->watch, d->data.st, supervisor_of(&d->data.now));
  d->stale = 0;
  d->refreshed = d->stamp;
  if (dash_data_refresh(&d->data, curve_points(d)) < 0 || dash_list(d) < 0)
    snprintf(d->said, sizeof d->said, "unable to look: %s", strerror(errno));
  dash_read_log(d);
  dash_read_more(d);
  (void)dash_run_look(&d->run);
  d->spoilt = 1;
  before = (cost() - before) * SHARE / 1000;
  d->tick = before < DASH_TICK ? DASH_TICK : before > 10 * DASH_TICK ? 10 * DASH_TICK : (int)before;
}

int dash_take_size(dash *d)
{
  int rows, cols;

  screen_size(&rows, &cols);
  return canvas_resize(&d->c, rows, cols);
}

void dash_draw(dash *d)
{
  view v;

  if (dash_take_size(d) < 0 || dash_list(d) < 0) return;
  dash_data_points(&d->data, curve_points(d));
  v = view_of(d);
  view_draw(&d->c, &v);
  screen_show(&d->c);
  d->spoilt = 0;
}
