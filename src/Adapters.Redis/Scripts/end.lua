-- Ends workflows of a session, each only in the generation that was read before. What began later stays.
--
-- KEYS    the index of the session, then workflows
-- ARGV    1  valid until; then the generation of each workflow: empty for one that was absent, ? for one that could not be read
-- answer  outcome (REMOVED or LATE), time of the server, the members that are left in the index
--
-- A workflow that could not be read is deleted, unless it can be read now: nobody could load or end it.

local index, valid, now = KEYS[1], tonumber(ARGV[1]), Now()
if now > valid or valid - now > LONGEST_VALIDITY then
    return { LATE, now }
end

local function Member(key)
    return string.sub(key, #index + 2)
end

local function IsOver(state, expires)
    return state == TOMBSTONE or (state == ACTIVE and tonumber(expires) <= now)
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
    local workflow = { TryRead(KEYS[i]) }
    if workflow[1] and workflow[1] ~= ACTIVE and workflow[1] ~= TOMBSTONE then
        return redis.error_reply('NEWER state')
    end
    stored[i] = workflow
end
for i = 2, #KEYS do
    local key, loaded = KEYS[i], ARGV[i]
    local state, generation, version, modified, expires, _, nodes = unpack(stored[i])
    if not state and loaded == '?' then
        redis.call('ZREM', index, Member(key))
        redis.call('DEL', key)
    elseif state and IsOver(state, expires) then
        redis.call('ZREM', index, Member(key))
    elseif state and generation == loaded then
        redis.call('ZREM', index, Member(key))
        Bury(key, generation, version, modified, MarkOver(nodes))
    end
end
return { REMOVED, now, redis.call('ZRANGE', index, 0, -1) }
