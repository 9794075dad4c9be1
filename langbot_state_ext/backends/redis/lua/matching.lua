-- The next batch of scopes, and which of them match a filter; after prelude.lua.
-- ARGV[3], ARGV[4]: bounds of the storage form. ARGV[5]: how many scopes to look at. ARGV[6]: exact
-- parts as JSON. ARGV[7]: a text in lower case. ARGV[8]: `named` when every identity is needed.

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
-- The size of what stands before the value of an entry.
local function head_size(entry)
    local length = struct.unpack('>I4', entry, 25)
    return 28 + (length == 4294967295 and 0 or length)
end
local batch = redis.call('ZRANGEBYLEX', prefix .. 'scopes', ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])
for _, scope in ipairs(batch) do
    identities[scope] = redis.call('HGET', prefix .. 'identities', scope)
    if not identities[scope] and (filtered or ARGV[8] == 'named') then
        return redis.error_reply('DAMAGED an identity is not there')
    end
end
