-- Deletes up to 1000 expired entries.

local ended = redis.call('ZRANGEBYSCORE', prefix .. 'expiry', '-inf', ARGV[2], 'LIMIT', 0, 1000)
for _, place in ipairs(ended) do
    local scope, key = string.match(place, '^(%S+) (.*)$')
    if not live(redis.call('HGET', prefix .. 's:' .. scope, key)) then remove(scope, key) end
end
