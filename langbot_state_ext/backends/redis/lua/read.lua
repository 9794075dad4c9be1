-- Reads whole scopes.
-- ARGV[3..]: the storage forms of the scopes.
-- Returns one string for each: the length of a key, the length of its entry, the key, the entry,
-- and so on, expired entries included. Python reads one long string faster than many short ones.

local found = {}
for i = 3, #ARGV do
    local all = redis.call('HGETALL', prefix .. 's:' .. ARGV[i])
    for n = 1, #all, 2 do
        all[n] = struct.pack('>I4I4', #all[n], #all[n + 1]) .. all[n]
    end
    found[i - 2] = table.concat(all)
end
return found
