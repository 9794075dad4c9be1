-- Names the keys that begin with a prefix, in no order.
-- ARGV[3], ARGV[4]: scope, prefix.

local all, found, start = redis.call('HGETALL', prefix .. 's:' .. ARGV[3]), {}, ARGV[4]
for i = 1, #all, 2 do
    if string.sub(all[i], 1, #start) == start and live(all[i + 1]) then
        found[#found + 1] = all[i]
    end
end
return found
