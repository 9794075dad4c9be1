-- Returns the last scope of the batch, the size of the batch, and of each scope that matches: scope,
-- parts, and of each entry the key, the size of the value, and the entry without its value.

local found = {}
for _, scope in ipairs(batch) do
    if matches(scope) then
        local held = {}
        local all = redis.call('HGETALL', prefix .. 's:' .. scope)
        for i = 1, #all, 2 do
            local key, entry = all[i], all[i + 1]
            if live(entry) then
                local size = head_size(entry)
                held[#held + 1] = {key, #entry - size, string.sub(entry, 1, size)}
            end
        end
        found[#found + 1] = {scope, identities[scope], held}
    end
end
return {batch[#batch] or '', #batch, found}
