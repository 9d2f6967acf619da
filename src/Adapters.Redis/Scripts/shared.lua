-- Functions that the scripts share. Protocol.cs replaces the names in upper case.
-- Times are Unix milliseconds by the clock of the server. Numbers stay below 10^14, up to which Lua writes every digit.

local function Milliseconds(time)
    return 1000 * time[1] + math.floor(time[2] / 1000)
end

-- Also a clock that runs ahead is refused: a message must not be valid for longer than its number is remembered.
local function IsLate(now, valid)
    return now > valid or valid - now > LONGEST_VALIDITY
end

-- The id of a workflow is the part of its key behind the key of the index and a colon.
local function Member(key, index)
    return string.sub(key, #index + 2)
end

-- Lua passes some 8,000 arguments at most.
local function CallInParts(command, key, list, from, to)
    for i = from, to, 4000 do
        redis.call(command, key, unpack(list, i, math.min(i + 3999, to)))
    end
end

-- The metadata of a workflow; nil when they are damaged. An absent workflow reads as a tombstone of generation 0.
local function Read(key)
    local metadata = redis.call('HGET', key, '#')
    if not metadata then
        if redis.call('EXISTS', key) == 1 then
            return nil
        end
        metadata = TOMBSTONE .. ' 0 0 0 0 0'
    end
    local state, generation, version, modified, expires, deadline = string.match(metadata, '^(%l) (%d+) (%d+) (%-?%d+) (%d+) (%d+)$')
    version, expires, deadline = tonumber(version), tonumber(expires), tonumber(deadline)
    -- No script writes 007.
    if string.find(metadata, ' 0%d') then
        return nil
    elseif state and #generation <= LONGEST_NUMBER and #modified <= LONGEST_NUMBER and math.max(version, expires, deadline) < LARGEST then
        return { state = state, generation = generation, version = version, modified = modified, expires = expires, deadline = deadline }
    end
end

-- The fields that are neither the metadata, nor the claim or the receipt, nor the record of a node.
local function Entries(key)
    local entries = {}
    for _, field in ipairs(redis.call('HKEYS', key)) do
        if field ~= '#' and field ~= '!' and string.sub(field, 1, 1) ~= '@' then
            entries[#entries + 1] = field
        end
    end
    return entries
end

local function NewerState(workflow)
    local state = workflow.state
    if state ~= ACTIVE and state ~= TOMBSTONE and state ~= CLAIMED and state ~= HAS_RECEIPT then
        return redis.error_reply('NEWER state')
    end
end

-- The error for what no script of this version wrote; nil for all else.
local function Problem(key, workflow)
    if not workflow then
        return redis.error_reply('DAMAGED metadata')
    elseif (workflow.state == TOMBSTONE or workflow.state == HAS_RECEIPT) and #Entries(key) > 0 then
        return redis.error_reply('DAMAGED tombstone')
    end
    return NewerState(workflow)
end

-- The claim on a workflow, which may have run out; nil when there is none.
local function Claim(key, workflow)
    if workflow.state ~= CLAIMED then
        return nil
    end
    local id, ends = string.match(redis.call('HGET', key, '!') or '', '^(%d+) (%d+)$')
    return { id = id or '', ends = tonumber(ends) or 0 }
end

local function IsLive(workflow, now)
    return workflow.state ~= TOMBSTONE and workflow.expires > now
end

-- How long a workflow lives from now on.
local function Lifetime(workflow, idle, absolute, now)
    if workflow.deadline == 0 then
        return idle or absolute
    end
    return math.max(1, math.min(idle or workflow.deadline, workflow.deadline - now))
end

-- Whether a tenth of the lifetime is over, or the expiry is later than it can be.
local function IsRenewalDue(workflow, lifetime, now)
    local left = workflow.expires - now
    return left < RENEWED_BELOW * lifetime or left > lifetime
end

-- The key stays as long as the workflow lives, and as long as a copy of its last message may arrive.
local function Expire(key, lifetime)
    redis.call('PEXPIRE', key, math.max(lifetime, WINDOW))
end

-- Enters a workflow into the index, which lives as long as the longest of its workflows.
local function Index(key, index, lifetime, now)
    redis.call('ZADD', index, now + lifetime, Member(key, index))
    if redis.call('PTTL', index) < lifetime then
        redis.call('PEXPIRE', index, lifetime)
    end
end

local function Metadata(workflow)
    return table.concat({
        workflow.state,
        workflow.generation,
        workflow.version,
        workflow.modified,
        workflow.expires,
        workflow.deadline,
    }, ' ')
end

local function DeleteEntries(key)
    local entries = Entries(key)
    CallInParts('HDEL', key, entries, 1, #entries)
end

-- Leaves a tombstone, which keeps the records of the nodes and nothing else.
-- HDEL comes first: Redis allows it in a full memory, and after it also the tombstone. PEXPIRE would do, but Garnet fails at one of a key
-- that has expired.
local function Bury(key, workflow)
    redis.call('HDEL', key, '!')
    DeleteEntries(key)
    workflow.state, workflow.expires, workflow.deadline = TOMBSTONE, 0, 0
    redis.call('HSET', key, '#', Metadata(workflow))
    redis.call('PEXPIRE', key, WINDOW)
end
