-- The short way of a commit. Nothing was committed since the load, so the node has worked out what follows: the script only compares.
-- The text of # has the version in it. So a copy of a commit that was stored never finds here what it expects.

local time = redis.call('TIME')
if ARGV[LOADED] ~= '' and redis.call('HGET', KEYS[1], '#') == ARGV[LOADED] then
    local left = ARGV[VALID_UNTIL] - 1000 * time[1]
    if left >= 1000 and left <= LONGEST_VALIDITY then
        redis.call('HSET', KEYS[1], '#', ARGV[NEXT], unpack(ARGV, NODE))
        return time
    end
end
