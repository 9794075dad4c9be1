-- Deletes the scopes of the batch that match.
-- Returns the last scope of the batch, the size of the batch, and how many entries were deleted.

local cleared = 0
for _, scope in ipairs(batch) do
    if matches(scope) then
        local all = redis.call('HGETALL', prefix .. 's:' .. scope)
        for i = 1, #all, 2 do
            if live(all[i + 1]) then cleared = cleared + 1 end
            remove(scope, all[i])
        end
    end
end
return {batch[#batch] or '', #batch, cleared}
