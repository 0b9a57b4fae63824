#include <stdlib.h>
#include <string.h>

#include <ctl/plan/order.h>
#include <ctl/plan/plan.h>

static int by_name(void const *a, void const *b)
{
  return strcmp(((planned const *)a)->sv.name, ((planned const *)b)->sv.name);
}

static planned *find(planned *list, size_t n, char const *name)
{
  for (; n; n--, list++)
    if (!strcmp(list->sv.name, name)) return list;
  return 0;
}

static void drop_needs(planned *ps, planned *list, size_t n)
{
  char **need = genalloc_s(char *, &ps->sv.needs);
  size_t len = genalloc_len(char *, &ps->sv.needs);
  size_t kept = 0;

  for (size_t i = 0; i < len; i++)
  {
    if (find(list, n, need[i]))
      need[kept++] = need[i];
    else
      free(need[i]);
  }
  genalloc_setlen(char *, &ps->sv.needs, kept);
}

static int is_ready(planned const *ps, planned *placed, size_t n)
{
  char **need = genalloc_s(char *, &ps->sv.needs);

  for (size_t i = genalloc_len(char *, &ps->sv.needs); i; i--)
    if (!find(placed, n, *need++)) return 0;
  return 1;
}

/* Follows the first unplaced need of each from the first: within n steps the walk is inside the cycle. */
static int report_cycle(planned *rest, size_t n, report *r)
{
  stralloc sa = STRALLOC_ZERO;
  planned *at = rest;
  planned *first = 0;
  int result = -1;

  for (size_t steps = 0;; steps++)
  {
    char **need = genalloc_s(char *, &at->sv.needs);
    while (!find(rest, n, *need)) need++;
    if (steps == n) first = at;
    if (first && service_append(&sa, "%s needs ", at->sv.name) < 0) goto end;
    at = find(rest, n, *need);
    if (at == first) break;
  }
  if (service_append(&sa, "%s", first->sv.name) < 0 || !stralloc_0(&sa)) goto end;
  report_error(r, first->sv.section,
               first->sv.section && section_says(first->sv.section, "needs") ? "needs" : 0,
               "a cycle: %s; take one of these out", sa.s);
  result = 0;
end:
  stralloc_free(&sa);
  return result;
}

int order_services(genalloc *services, report *r)
{
  planned *list = genalloc_s(planned, services);
  size_t n = genalloc_len(planned, services);

  if (!n) return 0;
  if (n) qsort(list, n, sizeof *list, &by_name);
  for (size_t i = 0; i < n; i++) drop_needs(list + i, list, n);
  for (size_t placed = 0; placed < n; placed++)
  {
    size_t i = placed;
    while (i < n && !is_ready(list + i, list, placed)) i++;
    if (i == n) return report_cycle(list + placed, n - placed, r);
    planned next = list[i];
    memmove(list + placed + 1, list + placed, (i - placed) * sizeof *list);
    list[placed] = next;
  }
  return 0;
}
