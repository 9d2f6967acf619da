-- Functions that the scripts share. Protocol.cs replaces the names in upper case.
-- Times are Unix milliseconds by the clock of the server. Numbers stay below 10^14, up to which Lua writes every digit.

local function Now()
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- State, generation, version, time of the last change, expiry, deadline and nodes of a workflow, as text.
-- An absent key reads as a tombstone that remembers nothing. Damaged metadata read as nil.
local function Read(key)
    local metadata = redis.call('HGET', key, '#')
    -- No script writes 007.
    if metadata and not string.find(metadata, ' 0%d') then
        return string.match(metadata, '^(%l) (%d+) (%d+) (%-?%d+) (%d+) (%d+)([ %w:@]*)$')
    elseif not metadata and redis.call('EXISTS', key) == 0 then
        return TOMBSTONE, '0', '0', '0', '0', '0', ''
    end
end

-- The error for metadata that no script of this version wrote; nil for all others.
local function Problem(key, state, generation, version, modified, expires, deadline, nodes)
    if
        not state
        or #generation > LONGEST_NUMBER
        or tonumber(version) >= UNCOUNTABLE
        or #modified > LONGEST_NUMBER
        or #expires > LONGEST_NUMBER
        or #deadline > LONGEST_NUMBER
        or (nodes ~= '' and string.sub(nodes, 1, 1) ~= ' ')
    then
        return redis.error_reply('DAMAGED metadata')
    elseif state == TOMBSTONE then
        return redis.call('HLEN', key) > 1 and redis.error_reply('DAMAGED tombstone') or nil
    elseif state ~= ACTIVE then
        return redis.error_reply('NEWER state')
    end
end

-- How long a workflow lives from now on, in milliseconds.
local function Lifetime(deadline, idle, absolute, now)
    if deadline == 0 then
        return idle or absolute
    end
    return math.max(1, math.min(idle or deadline, deadline - now))
end

-- Whether a tenth of the lifetime is over, or the expiry is later than it can be.
local function IsRenewalDue(expires, lifetime, now)
    local left = expires - now
    return left < 0.9 * lifetime or left > lifetime
end

-- The key stays as long as the workflow lives, and as long as a copy of its last message may arrive.
local function Expire(key, lifetime)
    redis.call('PEXPIRE', key, math.max(lifetime, WINDOW))
end

-- Enters a workflow into the index, which lives as long as the longest of its workflows.
-- The id of the workflow is the part of its key behind the key of the index and a colon.
local function Index(key, index, lifetime, now)
    redis.call('ZADD', index, now + lifetime, string.sub(key, #index + 2))
    if redis.call('PTTL', index) < lifetime then
        redis.call('PEXPIRE', index, lifetime)
    end
end

local function Metadata(state, generation, version, modified, expires, deadline, nodes)
    return state .. ' ' .. generation .. ' ' .. version .. ' ' .. modified .. ' ' .. expires .. ' ' .. deadline .. nodes
end

local function Write(key, ...)
    redis.call('HSET', key, '#', Metadata(...))
end

-- Marks the commits that are stored as those of a generation that is over.
local function MarkOver(nodes)
    return (string.gsub(nodes .. ' ', '(:%d+) ', '%1' .. MARK_OVER .. ' '):sub(1, -2))
end

-- Leaves a tombstone, which keeps the numbers of the nodes and nothing else.
-- DEL comes first: Redis allows it in a full memory, and after it also the tombstone.
local function Bury(key, generation, version, modified, nodes)
    redis.call('DEL', key)
    Write(key, TOMBSTONE, generation, version, modified, 0, 0, nodes)
    redis.call('PEXPIRE', key, WINDOW)
end
