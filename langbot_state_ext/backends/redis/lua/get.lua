-- Reads one entry, expired or not.
-- ARGV[3], ARGV[4]: scope, key.

return redis.call('HGET', prefix .. 's:' .. ARGV[3], ARGV[4])
