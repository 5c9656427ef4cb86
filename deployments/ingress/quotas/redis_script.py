"""What Redis runs: the same counting as in memory, for many requests at once.

KEYS holds two for each: a hash with level, time, day and bytes, and a sorted set of leases by the time when they end.
ARGV holds `WIDTH` for each, see `taking` and `giving_back`. The time is that of Redis, so that clocks of replicas need
not agree. Leases end by themselves: a replica that dies takes no place away for good.
"""

from __future__ import annotations

from deployments.ingress.quotas.bounds import Bounds
from deployments.ingress.quotas.counters import CONCURRENT_WAIT_SECONDS, SECONDS_PER_DAY, TOLERANCE, LimitName, Usage

WIDTH = 9
_REFUSED_BY: tuple[LimitName | None, ...] = (None, "requests", "concurrent", "bytes")

Argument = str | int | float


def taking(bounds: Bounds, lease: str, lease_seconds: float, size: int) -> tuple[Argument, ...]:
    """Return the arguments that count a request; 0 stands for no limit."""
    limits = (bounds.rate or 0, bounds.burst, bounds.concurrent or 0, lease_seconds, bounds.daily_bytes or 0)
    return ("take", lease, *limits, size, 0)


def giving_back(lease: str | None, size: int, day: int) -> tuple[Argument, ...]:
    """Return the arguments that end a request."""
    return ("give back", lease or "", 0, 0, 0, 0, 0, size, day)


def usage_of(answer: list[bytes | int]) -> Usage:
    """Return what Redis answered for a request that it was to count."""
    refused, wait, level, running, used, day, left = map(float, answer)
    return Usage(_REFUSED_BY[int(refused)], wait, level, int(running), int(used), int(day), left)


SCRIPT = f"""
local time = redis.call('TIME')
local second = tonumber(time[1])
local now = second + tonumber(time[2]) / 1000000
local today = math.floor(second / {SECONDS_PER_DAY})
local left = (today + 1) * {SECONDS_PER_DAY} - now

local function kept(counts)
  local values = redis.call('HMGET', counts, 'level', 'at', 'day', 'bytes')
  local bytes = tonumber(values[3] or '0') == today and tonumber(values[4] or '0') or 0
  return tonumber(values[1] or '0'), tonumber(values[2] or '0'), bytes
end

local function keep_at_least(key, seconds)
  if redis.call('TTL', key) < seconds then
    redis.call('EXPIRE', key, math.ceil(seconds) + 1)
  end
end

local function take(counts, leases, lease, rate, burst, most, lifetime, daily, size)
  local level, at, used = kept(counts)
  level = math.max(0, level - math.max(0, now - at) * rate)
  local running = 0
  if most > 0 then
    redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
    running = redis.call('ZCARD', leases)
  end
  local refused, wait = 0, 0
  if rate > 0 and level + 1 - burst > {TOLERANCE} then
    refused, wait = 1, (level + 1 - burst) / rate
  elseif most > 0 and running >= most then
    refused, wait = 2, {CONCURRENT_WAIT_SECONDS}
  elseif daily > 0 and used + math.max(1, size) > daily then
    refused, wait = 3, left
  else
    if most > 0 then
      redis.call('ZADD', leases, now + lifetime, lease)
      redis.call('EXPIRE', leases, math.ceil(lifetime) + 1)
      running = running + 1
    end
    if rate > 0 then
      level = level + 1
      redis.call('HSET', counts, 'level', string.format('%.17g', level), 'at', string.format('%.17g', now))
      keep_at_least(counts, level / rate)
    end
    if daily > 0 then
      used = used + size
      redis.call('HSET', counts, 'day', today, 'bytes', string.format('%.0f', used))
      keep_at_least(counts, left)
    end
  end
  return {{refused, string.format('%.6f', wait), string.format('%.6f', level), running,
          string.format('%.0f', used), today, string.format('%.6f', left)}}
end

local function give_back(counts, leases, lease, size, day)
  redis.call('ZREM', leases, lease)
  if size > 0 or (size < 0 and day == today) then
    local _, _, used = kept(counts)
    redis.call('HSET', counts, 'day', today, 'bytes', string.format('%.0f', math.max(0, used + size)))
    keep_at_least(counts, left)
  end
  return {{}}
end

local answers = {{}}
for place = 1, #KEYS / 2 do
  local counts, leases = KEYS[2 * place - 1], KEYS[2 * place]
  local given = {{}}
  for n = 3, {WIDTH} do
    given[n] = tonumber(ARGV[(place - 1) * {WIDTH} + n])
  end
  local what, lease = ARGV[(place - 1) * {WIDTH} + 1], ARGV[(place - 1) * {WIDTH} + 2]
  if what == 'take' then
    answers[place] = take(counts, leases, lease, given[3], given[4], given[5], given[6], given[7], given[8])
  else
    answers[place] = give_back(counts, leases, lease, given[8], given[9])
  end
end
return answers
"""
