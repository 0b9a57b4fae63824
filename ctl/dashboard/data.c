#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/stralloc.h>

#include <ctl/dashboard/curve.h>
#include <ctl/dashboard/data.h>
#include <ctl/status/show.h>

#define CURVE_SPAN 3600 /* seconds that the curve shows */
#define BASE_AGE   2    /* seconds */

/* 0: it could not be loaded, with the exit status in *status. */
static stored *load(context const *cx, int *status)
{
  static stored const none = STORED_ZERO;
  stored *st = malloc(sizeof *st);

  *status = EXIT_SYSTEM;
  if (!st) return 0;
  *st = none;
  *status = stored_load(st, cx);
  if (!*status) return st;
  stored_free(st);
  free(st);
  return 0;
}

/* When mailctl.conf was written; 0: it is not there. */
static struct timespec written(context const *cx)
{
  struct timespec const never = {.tv_sec = 0};
  struct stat st;

  return stat(cx->file, &st) < 0 ? never : st.st_mtim;
}

int dash_data_begin(dash_data *d, context const *cx)
{
  int status;

  d->cx = *cx;
  d->written = written(cx);
  d->st = load(&d->cx, &status);
  return status;
}

static void forget(dash_data *d)
{
  snapshot_free(&d->now);
  snapshot_free(&d->base);
}

/* What was brought up last may be another generation by now, and the file may have come to have mistakes. What cannot be read leaves the old one. */
static void reload(dash_data *d)
{
  struct timespec now = written(&d->cx);
  unsigned int number;
  stored *st;
  int status;

  if (generation_current(d->st->b.state, &number) < 0 ||
      (number == d->st->g.number && now.tv_sec == d->written.tv_sec && now.tv_nsec == d->written.tv_nsec))
    return;
  d->written = now;
  st = load(&d->cx, &status);
  if (!st) return;
  forget(d);
  stored_free(d->st);
  free(d->st);
  d->st = st;
}

static int is_old(snapshot const *base, tain const *now)
{
  tain then;

  tain_addsec(&then, &base->now, BASE_AGE);
  return tain_less(&then, now);
}

static int take(dash_data *d)
{
  snapshot new = SNAPSHOT_ZERO;
  int first = !d->now.now.sec.x;

  if (snapshot_take(&new, d->st, first ? 0 : d->base.now.sec.x ? &d->base : &d->now) < 0)
  {
    snapshot_free(&new);
    return -1;
  }
  if (!d->base.now.sec.x || is_old(&d->base, &new.now))
  {
    snapshot_free(&d->base);
    d->base = d->now;
  }
  else
    snapshot_free(&d->now);
  d->now = new;
  return 0;
}

void dash_data_points(dash_data *d, size_t columns)
{
  struct timespec ts;
  stralloc directory = STRALLOC_ZERO;

  if (columns > CANVAS_MAX) columns = CANVAS_MAX;
  if (!timespec_sysclock_from_tain(&ts, &d->now.now)) return;
  if (d->npoints == columns && d->read / HISTORY_STEP == (uint64_t)ts.tv_sec / HISTORY_STEP) return;
  d->npoints = columns;
  d->read = (uint64_t)ts.tv_sec;
  d->step = curve_step(columns, CURVE_SPAN);
  if (service_append(&directory, "%s/overload", d->st->b.run) < 0 || !stralloc_0(&directory) ||
      history_read(directory.s, d->read, d->points, columns, d->step) < 0)
    memset(d->points, 0, columns * sizeof d->points[0]);
  stralloc_free(&directory);
}

int dash_data_refresh(dash_data *d, size_t columns)
{
  reload(d);
  if (take(d) < 0) return -1;
  d->notes.len = 0;
  if (show_notes(&d->notes, &d->now, d->st) < 0 || !stralloc_0(&d->notes)) return -1;
  dash_data_points(d, columns);
  return 0;
}

int dash_data_log(dash_data *d, char const *name, size_t max)
{
  stralloc dir = STRALLOC_ZERO;
  int r = -1;

  errno = ENOENT;
  if (*name && service_append(&dir, "%s/%s", d->st->b.log, name) >= 0 && stralloc_0(&dir) &&
      dash_log_turn(&d->log, dir.s) >= 0)
    r = dash_log_read(&d->log, max);
  d->log_error = r < 0 ? errno : 0;
  stralloc_free(&dir);
  return r != 0;
}

int dash_data_more(dash_data *d, char const *name)
{
  d->more.len = 0;
  if (*name && (service_append(&d->more, "last deaths\n") < 0 || show_deaths(&d->more, d->st, name) < 0 ||
                service_append(&d->more, "files\n") < 0 || show_files(&d->more, d->st, name) < 0 ||
                show_milters(&d->more, &d->now, "  milter ", name) < 0))
    d->more.len = 0;
  return stralloc_0(&d->more) ? (d->more.len--, 0) : -1;
}

void dash_data_free(dash_data *d)
{
  stralloc_free(&d->notes);
  stralloc_free(&d->more);
  forget(d);
  if (d->st) stored_free(d->st);
  free(d->st);
  dash_log_free(&d->log);
}
