-- Ends workflows of a session, each only in the generation that was read before. What began later stays.
--
-- KEYS    the index of the session, then workflows
-- ARGV    1  valid until; then the generation of each workflow: empty for one that was absent, ? for one that could not be read
-- answer  seconds and microseconds of the server, the outcome (REMOVED or LATE), the members that are left in the index
--
-- A workflow that could not be read is deleted, unless it can be read now: nobody could load or end it.

local time = redis.call('TIME')
local index, valid, now = KEYS[1], tonumber(ARGV[1]), Milliseconds(time)
if IsLate(now, valid) then
    return { time[1], time[2], LATE }
end

-- A key of another type reads as damaged.
local function TryRead(key)
    local kind = redis.call('TYPE', key).ok
    if kind == 'hash' or kind == 'none' then
        return Read(key)
    end
end

-- Every check comes before the first write: the type of the index, and states of a newer version.
redis.call('ZCARD', index)
local stored = {}
for i = 2, #KEYS do
    local workflow = TryRead(KEYS[i])
    local problem = workflow and NewerState(workflow)
    if problem then
        return problem
    end
    stored[i] = workflow
end
for i = 2, #KEYS do
    local key, workflow = KEYS[i], stored[i]
    if not workflow and ARGV[i] == '?' then
        redis.call('ZREM', index, Member(key, index))
        redis.call('DEL', key)
    elseif workflow and not IsLive(workflow, now) then
        redis.call('ZREM', index, Member(key, index))
    elseif workflow and workflow.generation == ARGV[i] then
        redis.call('ZREM', index, Member(key, index))
        Bury(key, workflow)
    end
end
return { time[1], time[2], REMOVED, redis.call('ZRANGE', index, 0, -1) }
