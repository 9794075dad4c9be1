-- The beginning of every script but open.lua.
--
-- Keys, each after the prefix:
--   meta        a hash: id and schema version of this store
--   scopes      a sorted set: the storage forms of the scopes that have entries
--   identities  a hash: the parts of each scope's identity, as JSON
--   expiry      a sorted set: the entries that expire, by time
--   s:{scope}   a hash for each scope: its entries, by state key
--
-- An entry is its version, the time of writing and the time of expiry as doubles (infinity: never),
-- the length of its run id (2^32 - 1: none), the run id, and the value.
--
-- KEYS[1]: the prefix. ARGV[1]: the id by which the caller knows the store. ARGV[2]: the time now.
-- Fails with `LOST` when the store is no longer there.

local prefix, now = KEYS[1], tonumber(ARGV[2])
if redis.call('HGET', prefix .. 'meta', 'id') ~= ARGV[1] then
    return redis.error_reply('LOST the store is not there')
end
local function expiry_of(entry) return (struct.unpack('>d', entry, 17)) end
local function live(entry) return entry and expiry_of(entry) > now end
local function remove(scope, key)
    redis.call('HDEL', prefix .. 's:' .. scope, key)
    redis.call('ZREM', prefix .. 'expiry', scope .. ' ' .. key)
    if redis.call('EXISTS', prefix .. 's:' .. scope) == 0 then
        redis.call('ZREM', prefix .. 'scopes', scope)
        redis.call('HDEL', prefix .. 'identities', scope)
    end
end
