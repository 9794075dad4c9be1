-- Writes all changes or none.
-- ARGV[3..], five for each change: scope, key, expected version (-1: any), the entry without its
-- version (empty: delete it), the parts of the identity as JSON.
-- Fails with `CONFLICT {change} {version}` when another version is stored.

local held, order = {}, {}
for i = 3, #ARGV, 5 do
    local scope, key, expect = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
    local place = scope .. ' ' .. key
    if held[place] == nil then
        local entry = redis.call('HGET', prefix .. 's:' .. scope, key)
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
        redis.call('HSET', prefix .. 's:' .. scope, key, entry)
        if redis.call('ZADD', prefix .. 'scopes', 0, scope) == 1 then
            redis.call('HSET', prefix .. 'identities', scope, ARGV[i + 4])
        end
        if expiry_of(entry) == math.huge then
            redis.call('ZREM', prefix .. 'expiry', scope .. ' ' .. key)
        else
            redis.call('ZADD', prefix .. 'expiry', string.format('%.17g', expiry_of(entry)),
                scope .. ' ' .. key)
        end
    end
end
