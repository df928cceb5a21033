"""The Lua scripts of the registry, and what its keys are called.

Each script is atomic, and touches the keys of one room, or of the nodes, only; that which commits may have several
rooms where there is one server. A room's two keys share a hash tag, so that they are on one shard. Times are the
server's own.
"""

import hashlib
from typing import Final

__all__ = ["COMMIT", "NODES_KEY", "RECLAIM", "RELEASE", "RENEW", "SPEND", "TAKE", "Script", "introduction_key"]

NODES_KEY: Final = "hg:nodes"
"""The living nodes, and when each of their leases ends, in Unix milliseconds."""


def introduction_key(node: str) -> str:
    """Where a node says what it is."""
    return f"hg:node:{node}"


class Script:
    """A script, and the name under which a server remembers it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - what the server calls it, no secret


RENEW: Final = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local until_then = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 10)
local known = until_then and tonumber(until_then) > now
return {known and 1 or 0, redis.call('ZRANGE', KEYS[1], 0, -1)}
""")
"""KEYS nodes; ARGV node, lease in ms. Whether the node's lease was still running, and who is alive."""

TAKE: Final = Script("""
local home = redis.call('GET', KEYS[1])
if home and home ~= ARGV[2] then
    return {home, 0, {}}
end
local time = redis.call('TIME')
local epoch = time[1] * 1000000 + time[2]
if home then
    epoch = math.max(epoch, tonumber(string.match(home, ' (%d+)$')) + 1)
end
home = ARGV[1] .. ' ' .. string.format('%.0f', epoch)
redis.call('SET', KEYS[1], home, 'PX', ARGV[3])
return {home, 1, redis.call('HGETALL', KEYS[2])}
""")
"""KEYS home, log; ARGV node, the home to replace or '', ms to keep it. The home, 1 if it
was taken, and what is kept then."""

COMMIT: Final = Script("""
local kept, done, at = ARGV[1], {}, 2
for room = 1, #KEYS / 2 do
    local home, log = KEYS[2 * room - 1], KEYS[2 * room]
    local removed = at + 3 + ARGV[at + 1]
    local written = removed + ARGV[at + 2]
    if redis.call('GET', home) == ARGV[at] then
        for i = at + 3, removed - 1, 1000 do
            redis.call('HDEL', log, unpack(ARGV, i, math.min(i + 999, removed - 1)))
        end
        for i = removed, written - 1, 1000 do
            redis.call('HSET', log, unpack(ARGV, i, math.min(i + 999, written - 1)))
        end
        redis.call('PEXPIRE', home, kept)
        redis.call('PEXPIRE', log, kept)
        done[room] = 1
    else
        done[room] = 0
    end
    at = written
end
return done
""")
"""KEYS home, log, and so on for each room; ARGV ms to keep it, then for each room: home, how many are removed, how many
names and values there are, the removed, the names and values. For each room 1 if that was written."""

RECLAIM: Final = Script("""
local home = redis.call('GET', KEYS[1])
if home then
    local node, epoch = string.match(home, '^(%S+) (%d+)$')
    local next_node, next_epoch = string.match(ARGV[1], '^(%S+) (%d+)$')
    if node ~= next_node or tonumber(epoch) >= tonumber(next_epoch) then
        return 0
    end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[2])
for i = 3, #ARGV, 1000 do
    redis.call('HSET', KEYS[2], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
""")
"""KEYS home, log; ARGV the same node as home in a later epoch, ms to keep it, then names and values. Also where the bus
has lost what it had."""

RELEASE: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('DEL', KEYS[1])
if ARGV[2] == '1' then
    redis.call('DEL', KEYS[2])
end
return 1
""")
"""KEYS home, log; ARGV home, 1 to forget what is kept."""

SPEND: Final = Script("""
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local known = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = burst
if known[1] then
    tokens = math.min(burst, tonumber(known[1]) + math.max(0, now - tonumber(known[2])) * rate)
end
local wait = 0
if tokens >= 1 then
    tokens = tokens - 1
else
    wait = (1 - tokens) / rate
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return string.format('%.3f', wait)
""")
"""KEYS bucket; ARGV tokens a second, burst. Seconds until there is a token; 0 if one was taken."""
