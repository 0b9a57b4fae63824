#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <ctl/dashboard/ui.h>

int ui_matches(char const *filter, char const *text, size_t len)
{
  size_t n = strlen(filter);

  for (size_t i = 0; i + n <= len; i++)
  {
    size_t j = 0;
    while (j < n && tolower((unsigned char)text[i + j]) == tolower((unsigned char)filter[j])) j++;
    if (j == n) return 1;
  }
  return 0;
}

static void set_text(char *s, size_t max, char const *text)
{
  snprintf(s, max, "%s", text);
}

/* The chosen one's place; n where it is not among them. */
static size_t place(ui const *u, ui_world const *w)
{
  size_t i = 0;
  while (i < w->n && strcmp(w->names[i], u->chosen)) i++;
  return i;
}

void ui_settle(ui *u, ui_world const *w)
{
  size_t i = place(u, w);

  if (i == w->n)
  {
    if (!w->n && *u->filter) return;
    i = 0;
    set_text(u->chosen, sizeof u->chosen, w->n ? w->names[0] : "");
    if (u->page != PAGE_HELP) u->page = PAGE_OVERVIEW;
  }
  if (u->top > i) u->top = i;
  if (w->rows && i >= u->top + w->rows) u->top = i - w->rows + 1;
  if (w->rows && u->top + w->rows > w->n) u->top = w->n > w->rows ? w->n - w->rows : 0;
}

static void choose(ui *u, ui_world const *w, size_t i)
{
  if (!w->n) return;
  if (i >= w->n) i = w->n - 1;
  if (strcmp(u->chosen, w->names[i])) u->up = 0;
  set_text(u->chosen, sizeof u->chosen, w->names[i]);
  ui_settle(u, w);
}

/* --- commands ------------------------------------------------------------------------------------ */

static ui_action ask(ui *u, char const *verb, char const *target)
{
  set_text(u->target, sizeof u->target, target);
  memset(u->words, 0, sizeof u->words);
  u->words[0] = verb;
  u->words[1] = *u->target ? u->target : 0;
  u->mode = UI_ASK;
  return ACTION_NONE;
}

static void begin_typing(ui *u, ui_mode mode)
{
  u->mode = mode;
  set_text(u->typed, sizeof u->typed, mode == UI_FILTER ? u->filter : "");
}

static ui_action ask_key(ui *u, int key)
{
  u->mode = UI_KEYS;
  return key == UI_YES ? ACTION_COMMAND : ACTION_NONE;
}

static ui_action hold_key(ui *u, int key)
{
  static char const *const holds[][UI_WORDS] = {{"overload", "auto", 0},
                                                {"overload", "off", 0},
                                                {"overload", "on", "-l", "1", 0},
                                                {"overload", "on", "-l", "2", 0}};
  static char const keys[] = "a012";
  char const *found = key > 0 && key < 128 ? strchr(keys, tolower(key)) : 0;

  u->mode = UI_KEYS;
  if (!found || !*found) return ACTION_NONE;
  memcpy(u->words, holds[found - keys], sizeof u->words);
  if (*found == 'a')
    u->mode = UI_ASK;
  else
    begin_typing(u, UI_REASON);
  return ACTION_NONE;
}

static void add_option(ui *u, char const *option, char *to, char const *text)
{
  size_t n = 0;

  if (!*text) return;
  while (u->words[n]) n++;
  set_text(to, UI_TEXT, text);
  u->words[n] = option;
  u->words[n + 1] = to;
}

/* --- typing -------------------------------------------------------------------------------------- */

/* Takes the last character off, all the bytes of it. */
static void rub_out(char *s)
{
  size_t n = strlen(s);
  while (n && ((unsigned char)s[n - 1] & 0xc0) == 0x80) n--;
  s[n ? n - 1 : 0] = 0;
}

static void append(char *s, size_t max, unsigned int u)
{
  char bytes[4];
  size_t len = strlen(s);
  size_t n = u < 0x80 ? 1 : u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;

  if (u < 32 || u == 127 || len + n >= max) return;
  for (size_t i = n; i-- > 1; u >>= 6) bytes[i] = (char)(0x80 | (u & 63));
  bytes[0] = (char)(n == 1 ? u : (0xf00u >> n & 0xf0u) | u);
  memcpy(s + len, bytes, n);
  s[len + n] = 0;
}

static ui_action typing_key(ui *u, int key)
{
  ui_mode mode = u->mode;

  if (key == SCREEN_BACKSPACE)
    rub_out(u->typed);
  else if (key == SCREEN_ENTER || key == SCREEN_ESCAPE)
    u->mode = UI_KEYS;
  else if (key > 0 && key < KEYS_BEYOND)
    append(u->typed, sizeof u->typed, (unsigned int)key);
  if (mode == UI_FILTER) set_text(u->filter, sizeof u->filter, key == SCREEN_ESCAPE ? "" : u->typed);
  if (mode == UI_REASON && key == SCREEN_ENTER)
  {
    add_option(u, "-r", u->reason, u->typed);
    begin_typing(u, UI_EXPIRY);
  }
  if (mode == UI_EXPIRY && key == SCREEN_ENTER)
  {
    add_option(u, "-t", u->expiry, u->typed);
    u->mode = UI_ASK;
  }
  if (mode == UI_SEARCH && key == SCREEN_ENTER)
  {
    if (*u->typed) set_text(u->search, sizeof u->search, u->typed);
    return *u->search ? ACTION_OLDER : ACTION_NONE;
  }
  return ACTION_NONE;
}

/* --- pages --------------------------------------------------------------------------------------- */

static void open_log(ui *u)
{
  if (!*u->chosen) return;
  u->before = u->page;
  u->page = PAGE_LOG;
  u->up = 0;
  u->match = 0;
  u->left = 0;
}

static void open_help(ui *u)
{
  u->before = u->page;
  u->page = PAGE_HELP;
  u->detail = 0;
}

static ui_action service_key(ui *u, int key, ui_world const *w)
{
  if (key == 'u' && !w->running) return ask(u, "up", "");
  /* Never one that the filter hides. */
  if (place(u, w) == w->n) return ACTION_NONE;
  return ask(u, key == 'r' ? "restart" : key == 'u' ? "up" : "down", u->chosen);
}

/* What means the same on every page. */
static ui_action common_key(ui *u, int key, ui_world const *w)
{
  switch (key)
  {
    case 'q': return ACTION_QUIT;
    case 12: return ACTION_REDRAW; /* ^L */
    case '?':
    case 'h': open_help(u); break;
    case 'r':
    case 'u':
    case 'd': return service_key(u, key, w);
    case 'o': u->mode = UI_HOLD; break;
    case 'l': open_log(u); break;
  }
  return ACTION_NONE;
}

static ui_action overview_key(ui *u, int key, ui_world const *w)
{
  size_t i = place(u, w);
  size_t page = w->rows ? w->rows : 1;

  if (i == w->n) i = 0;
  switch (key)
  {
    case SCREEN_UP:
    case 'k': choose(u, w, i ? i - 1 : 0); break;
    case SCREEN_DOWN:
    case 'j': choose(u, w, i + 1); break;
    case SCREEN_PAGE_UP: choose(u, w, i > page ? i - page : 0); break;
    case SCREEN_PAGE_DOWN:
    case ' ': choose(u, w, i + page); break;
    case SCREEN_HOME:
    case 'g': choose(u, w, 0); break;
    case SCREEN_END:
    case 'G': choose(u, w, w->n); break;
    case SCREEN_ENTER:
      if (*u->chosen) u->page = PAGE_DETAIL;
      u->detail = 0;
      break;
    case '/': begin_typing(u, UI_FILTER); break;
    case SCREEN_ESCAPE: *u->filter = 0; return ACTION_CLOSE;
    default: return common_key(u, key, w);
  }
  return ACTION_NONE;
}

/* The detail page and help: lines that may be more than fit. */
static ui_action lines_key(ui *u, int key, ui_world const *w)
{
  size_t last = w->items > w->page_rows ? w->items - w->page_rows : 0;
  size_t page = w->page_rows ? w->page_rows : 1;

  switch (key)
  {
    case SCREEN_UP:
    case 'k': u->detail -= u->detail > 0; break;
    case SCREEN_DOWN:
    case 'j': u->detail++; break;
    case SCREEN_PAGE_UP: u->detail = u->detail > page ? u->detail - page : 0; break;
    case SCREEN_PAGE_DOWN:
    case ' ': u->detail += page; break;
    case SCREEN_HOME:
    case 'g': u->detail = 0; break;
    case SCREEN_END:
    case 'G': u->detail = last; break;
    case SCREEN_ESCAPE:
    case SCREEN_ENTER:
    case SCREEN_BACKSPACE:
      u->page = u->page == PAGE_HELP && u->before != PAGE_HELP ? u->before : PAGE_OVERVIEW;
      u->detail = 0;
      return ACTION_CLOSE;
    default:
      if (u->page != PAGE_HELP) return common_key(u, key, w);
      if (key == 'q') return ACTION_QUIT;
      if (key == '?' || key == 'h') u->page = u->before;
  }
  if (u->detail > last) u->detail = last;
  return ACTION_NONE;
}

static ui_action log_key(ui *u, int key, ui_world const *w)
{
  size_t most = w->lines > w->page_rows ? w->lines - w->page_rows : 0;
  size_t page = w->page_rows ? w->page_rows : 1;
  size_t match = u->match;

  u->match = 0;
  switch (key)
  {
    case SCREEN_UP:
    case 'k': u->up++; break;
    case SCREEN_DOWN:
    case 'j': u->up -= u->up > 0; break;
    case SCREEN_PAGE_UP:
    case 'b': u->up += page; break;
    case SCREEN_PAGE_DOWN:
    case ' ': u->up = u->up > page ? u->up - page : 0; break;
    case SCREEN_HOME:
    case 'g': u->up = most; break;
    case SCREEN_END:
    case 'G': u->up = 0; break;
    case SCREEN_LEFT: u->left = u->left > 8 ? u->left - 8 : 0; break;
    case SCREEN_RIGHT: u->left += u->left < 4000 ? 8 : 0; break;
    case '/': begin_typing(u, UI_SEARCH); break;
    case 'n':
    case 'N': u->match = match; return !*u->search ? ACTION_NONE : key == 'n' ? ACTION_OLDER : ACTION_NEWER;
    case SCREEN_ESCAPE:
    case SCREEN_ENTER:
    case SCREEN_BACKSPACE:
    case 'l':
      u->page = u->before == PAGE_DETAIL ? PAGE_DETAIL : PAGE_OVERVIEW;
      *u->search = 0;
      u->up = 0;
      break;
    default: return common_key(u, key, w);
  }
  if (u->up > most) u->up = most;
  return ACTION_NONE;
}

ui_action ui_key(ui *u, int key, ui_world const *w)
{
  int typing = u->mode >= UI_REASON;

  if (key == SCREEN_PASTE || key == SCREEN_PASTED) u->pasting = key == SCREEN_PASTE;
  /* What is pasted is text where one is asked for, and no key anywhere. */
  if (u->pasting && (!typing || key <= 0 || key >= KEYS_BEYOND)) return ACTION_NONE;
  if (key == 26) return ACTION_STOP; /* ^Z */
  /* Nothing may happen that nobody sees. */
  if (w->hidden) return key == 'q' ? ACTION_QUIT : ACTION_NONE;
  switch (u->mode)
  {
    case UI_ASK: return ask_key(u, key);
    case UI_HOLD: return hold_key(u, key);
    case UI_KEYS: break;
    default: return typing_key(u, key);
  }
  switch (u->page)
  {
    case PAGE_LOG: return log_key(u, key, w);
    case PAGE_DETAIL:
    case PAGE_HELP: return lines_key(u, key, w);
    default: return overview_key(u, key, w);
  }
}

char const *ui_question(char s[UI_QUESTION], ui const *u)
{
  *s = 0;
  switch (u->mode)
  {
    case UI_ASK:
    {
      int n = 0;
      for (char const *const *w = u->words; *w && n < UI_QUESTION; w++)
        n += snprintf(s + n, UI_QUESTION - (size_t)n, "%s ", *w);
      if (n < UI_QUESTION)
        snprintf(s + n - 1, UI_QUESTION - (size_t)n + 1, "%s? ^Y yes, any other key no",
                 u->words[1] ? "" : " everything");
      break;
    }
    case UI_HOLD:
      snprintf(s, UI_QUESTION, "hold the level at 0, 1 or 2? a ends a hold; 0 clear, 1 overloaded, 2 severe");
      break;
    case UI_REASON: snprintf(s, UI_QUESTION, "why? (Enter: it is not said) %s_", u->typed); break;
    case UI_EXPIRY:
      snprintf(s, UI_QUESTION, "for how long? 30m, 2h, 7d (Enter: until it is ended) %s_", u->typed);
      break;
    case UI_FILTER: snprintf(s, UI_QUESTION, "show only: %s_", u->typed); break;
    case UI_SEARCH: snprintf(s, UI_QUESTION, "search: %s_", u->typed); break;
    default:
      if (*u->filter && u->page == PAGE_OVERVIEW)
        snprintf(s, UI_QUESTION, "only services with \"%s\"; Esc shows all", u->filter);
      break;
  }
  return s;
}
