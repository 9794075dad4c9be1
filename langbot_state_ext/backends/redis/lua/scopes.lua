-- Returns the last scope of the batch, the size of the batch, and of each scope that matches:
-- scope, parts, number of entries, size of the values, time of the latest write.

local found = {}
for _, scope in ipairs(batch) do
    if matches(scope) then
        local count, bytes, latest = 0, 0, -math.huge
        for _, entry in ipairs(redis.call('HVALS', prefix .. 's:' .. scope)) do
            if live(entry) then
                count, bytes = count + 1, bytes + #entry - head_size(entry)
                latest = math.max(latest, (struct.unpack('>d', entry, 9)))
            end
        end
        if count > 0 then
            found[#found + 1] = {scope, identities[scope], count, bytes,
                string.format('%.17g', latest)}
        end
    end
end
return {batch[#batch] or '', #batch, found}
