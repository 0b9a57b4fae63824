#include <ctl/status/show.h>

static int put_line(stralloc *sa, show const *w, service_fields const *f, status_field const *const *chosen,
                    size_t n)
{
  for (size_t i = 0; i < n; i++)
  {
    status_field const *x = chosen[i];
    char words[FIELD_WORDS];
    status_value const *d = status_field_value(x, x->scope == FIELD_SERVICE ? (void const *)f : w->s);
    if (service_append(sa, "%s%s", i ? "\t" : "", status_field_plain(words, x, d)) < 0) return -1;
  }
  return service_append(sa, "\n");
}

int show_fields(stralloc *sa, show const *w, status_field const *const *chosen, size_t n)
{
  service_fields const *f = snapshot_services(w->s);
  int services = 0;

  for (size_t i = 0; i < n; i++) services |= chosen[i]->scope == FIELD_SERVICE;
  if (!services) return put_line(sa, w, 0, chosen, n);
  for (size_t k = snapshot_count(w->s); k; k--, f++)
    if (show_is_chosen(w, f->id) && put_line(sa, w, f, chosen, n) < 0) return -1;
  return 0;
}
