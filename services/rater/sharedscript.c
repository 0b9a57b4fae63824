#include "shared-internal.h"

/*
 * KEYS: the key; its value is when it will be empty, in microseconds since 1970. ARGV: microseconds a request takes, those
 * that are admitted at once, how many, and in which way. Integers below 2^53 alone, which Lua's numbers have exactly. A clock
 * that steps back, as that of another Redis may, keeps nobody out for longer than an emptied bucket of a strict limit takes.
 * Answers: whether it is admitted, how many there are, and the milliseconds until as much would be (-1: never).
 */
char const shared_script[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000000 + t[2]\n"
    "local each, room, n, way = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]\n"
    "local cost, most = n * each, 2 * room\n"
    "local full = tonumber(redis.call('GET', KEYS[1]) or '0') or 0\n"
    "full = math.min(math.max(full, now), now + most)\n"
    "local new, ok, wait = full, 1, 0\n"
    "if way == 'undo' then new = math.max(full - cost, now)\n"
    "elseif way == 'reset' then new = now\n"
    "elseif way == 'add' or full + cost - now <= room then\n"
    "  if way ~= 'peek' then new = full + cost end\n"
    "else\n"
    "  ok = 0\n"
    "  if way == 'strict' then new = full + cost end\n"
    "end\n"
    "new = math.min(new, now + most)\n"
    "if ok == 0 then\n"
    "  wait = -1\n"
    "  if cost <= room then wait = math.ceil((new + cost - now - room) / 1000) end\n"
    "end\n"
    "if new <= now then redis.call('DEL', KEYS[1])\n"
    "elseif new ~= full then\n"
    "  redis.call('SET', KEYS[1], string.format('%.0f', new), 'PX', string.format('%.0f', math.ceil((new - "
    "now) / 1000) + 1))\n"
    "end\n"
    "local count = math.ceil((full - now) / each)\n"
    "if way ~= 'peek' then count = count + n end\n"
    "return {ok, count, wait}\n";
