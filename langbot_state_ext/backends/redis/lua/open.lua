-- Finds the store, or begins one.
-- KEYS[1]: the prefix. ARGV[1], ARGV[2]: id and schema version of a new store.
-- Returns the id and the schema version of the store.

local meta = KEYS[1] .. 'meta'
local id, version = unpack(redis.call('HMGET', meta, 'id', 'version'))
if not id then
    redis.call('HSET', meta, 'id', ARGV[1], 'version', ARGV[2])
    return {ARGV[1], ARGV[2]}
end
return {id, version}
