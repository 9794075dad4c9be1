"""What the Redis backend does inside Redis, in Lua, so that each call is one atomic round trip.

Keys, each after the prefix: `meta`, the marker of this store; `scopes`, a sorted set of the storage
forms of the scopes that have entries; `identities`, a hash of their parts as JSON; `expiry`, a
sorted set of the entries that end, by time; and for each scope a hash `s:` and its storage form,
of entries by state key. An entry is its version, time of writing and end as doubles (infinity for
never), the length of its run id (2^32 - 1 for none), the run id, and the value.

Every script has the prefix as its one key, begins with the id that the caller knows the store by
and the time, and answers with an error that begins `LOST` when Redis has no such store any more.
"""

from __future__ import annotations

PRELUDE = """
local p, now = KEYS[1], tonumber(ARGV[2])
if redis.call('HGET', p .. 'meta', 'id') ~= ARGV[1] then
    return redis.error_reply('LOST the store is not there')
end
local function ends(entry) return (struct.unpack('>d', entry, 17)) end
local function live(entry) return entry and ends(entry) > now end
local function remove(scope, key)
    redis.call('HDEL', p .. 's:' .. scope, key)
    redis.call('ZREM', p .. 'expiry', scope .. ' ' .. key)
    if redis.call('EXISTS', p .. 's:' .. scope) == 0 then
        redis.call('ZREM', p .. 'scopes', scope)
        redis.call('HDEL', p .. 'identities', scope)
    end
end
"""

READ = (
    PRELUDE
    + """
local found = {}
for i = 3, #ARGV do
    local all = redis.call('HGETALL', p .. 's:' .. ARGV[i])
    for n = 1, #all, 2 do
        all[n] = struct.pack('>I4I4', #all[n], #all[n + 1]) .. all[n]
    end
    found[i - 2] = table.concat(all)
end
return found
"""
)
"""Arguments: scopes. Returns one string for each: the length of a key, that of its entry, the key,
the entry, the next; the expired ones are among them. One string is read sooner than many."""

GET = (
    PRELUDE
    + """
return redis.call('HGET', p .. 's:' .. ARGV[3], ARGV[4])
"""
)
"""Arguments: scope, key. Returns the entry, expired or not."""

LIST = (
    PRELUDE
    + """
local all, found, prefix = redis.call('HGETALL', p .. 's:' .. ARGV[3]), {}, ARGV[4]
for i = 1, #all, 2 do
    if string.sub(all[i], 1, #prefix) == prefix and live(all[i + 1]) then
        found[#found + 1] = all[i]
    end
end
return found
"""
)
"""Arguments: scope, prefix. Returns the keys that begin with it, in no order."""

COMMIT = (
    PRELUDE
    + """
local held, order = {}, {}
for i = 3, #ARGV, 5 do
    local scope, key, expect = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
    local place = scope .. ' ' .. key
    if held[place] == nil then
        local entry = redis.call('HGET', p .. 's:' .. scope, key)
        held[place] = live(entry) and struct.unpack('>d', entry) or 0
    end
    if expect ~= -1 and expect ~= held[place] then
        return redis.error_reply(string.format('CONFLICT %d %.0f', (i - 3) / 5, held[place]))
    end
    held[place] = ARGV[i + 3] == '' and 0 or held[place] + 1
    order[#order + 1] = held[place]
end
local n = 0
for i = 3, #ARGV, 5 do
    local scope, key, data = ARGV[i], ARGV[i + 1], ARGV[i + 3]
    n = n + 1
    if data == '' then
        remove(scope, key)
    else
        local entry = struct.pack('>d', order[n]) .. data
        redis.call('HSET', p .. 's:' .. scope, key, entry)
        if redis.call('ZADD', p .. 'scopes', 0, scope) == 1 then
            redis.call('HSET', p .. 'identities', scope, ARGV[i + 4])
        end
        if ends(entry) == math.huge then
            redis.call('ZREM', p .. 'expiry', scope .. ' ' .. key)
        else
            redis.call('ZADD', p .. 'expiry', string.format('%.17g', ends(entry)),
                scope .. ' ' .. key)
        end
    end
end
"""
)
"""Arguments, five for each change: scope, key, expected version, the entry but for its version
(empty to delete it), parts. An error `CONFLICT {change} {version}` means that nothing was written.
"""

_MATCHING = """
local exact, text, identities = cjson.decode(ARGV[6]), ARGV[7], {}
local filtered = next(exact) ~= nil or text ~= ''
local function matches(scope)
    if not filtered then return true end
    local parts = cjson.decode(identities[scope])
    for name, value in pairs(exact) do
        if parts[name] ~= value then return false end
    end
    if text == '' then return true end
    for _, value in pairs(parts) do
        if type(value) == 'string' and string.find(string.lower(value), text, 1, true) then
            return true
        end
    end
    return false
end
local batch = redis.call('ZRANGEBYLEX', p .. 'scopes', ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])
for _, scope in ipairs(batch) do
    identities[scope] = redis.call('HGET', p .. 'identities', scope)
    if not identities[scope] and (filtered or ARGV[8] == 'named') then
        return redis.error_reply('DAMAGED an identity is not there')
    end
end
"""
"""Arguments: bounds of the storage form, how many scopes to look at, exact parts as JSON, text, and
`named` where nothing goes without the identities."""

SCOPES = (
    PRELUDE
    + _MATCHING
    + """
local found = {}
for _, scope in ipairs(batch) do
    if matches(scope) then
        local count, bytes, latest = 0, 0, -math.huge
        for _, entry in ipairs(redis.call('HVALS', p .. 's:' .. scope)) do
            if live(entry) then
                local _, written, _, run = struct.unpack('>dddI4', entry)
                if run == 4294967295 then run = 0 end
                count, bytes = count + 1, bytes + #entry - 28 - run
                latest = math.max(latest, written)
            end
        end
        if count > 0 then
            found[#found + 1] = {scope, identities[scope], count, bytes,
                string.format('%.17g', latest)}
        end
    end
end
return {batch[#batch] or '', #batch, found}
"""
)
"""Returns the last scope looked at, how many were, and those of them that match."""

CONTENTS = (
    PRELUDE
    + _MATCHING
    + """
local found = {}
for _, scope in ipairs(batch) do
    local held = {}
    local all = redis.call('HGETALL', p .. 's:' .. scope)
    for i = 1, #all, 2 do
        if live(all[i + 1]) then
            local _, _, _, run = struct.unpack('>dddI4', all[i + 1])
            if run == 4294967295 then run = 0 end
            local size = #all[i + 1] - 28 - run
            held[#held + 1] = {all[i], size, string.sub(all[i + 1], 1, 28 + run)}
        end
    end
    found[#found + 1] = {scope, identities[scope], held}
end
return {batch[#batch] or '', #batch, found}
"""
)
"""Returns the last scope looked at, how many were, and for each its parts and its entries: key,
size of the value, and the entry without its value."""

CLEAR = (
    PRELUDE
    + _MATCHING
    + """
local cleared = 0
for _, scope in ipairs(batch) do
    if matches(scope) then
        local all = redis.call('HGETALL', p .. 's:' .. scope)
        for i = 1, #all, 2 do
            if live(all[i + 1]) then cleared = cleared + 1 end
            remove(scope, all[i])
        end
    end
end
return {batch[#batch] or '', #batch, cleared}
"""
)
"""Returns the last scope looked at, how many were, and how many entries were deleted."""

PURGE = (
    PRELUDE
    + """
local ended = redis.call('ZRANGEBYSCORE', p .. 'expiry', '-inf', ARGV[2], 'LIMIT', 0, 1000)
for _, place in ipairs(ended) do
    local scope, key = string.match(place, '^(%S+) (.*)$')
    if not live(redis.call('HGET', p .. 's:' .. scope, key)) then remove(scope, key) end
end
"""
)
"""Frees the room of what has expired."""

OPEN = """
local meta = KEYS[1] .. 'meta'
local id, version = unpack(redis.call('HMGET', meta, 'id', 'version'))
if not id then
    redis.call('HSET', meta, 'id', ARGV[1], 'version', ARGV[2])
    return {ARGV[1], ARGV[2]}
end
return {id, version}
"""
"""Arguments: an id and the schema's version for a new store. Returns those that it has."""
