-- Applies one commit at most once, by the rules of WorkflowCommit.Apply.
--
-- KEYS    the workflow, the index of its session
-- ARGV    1  header: node, number, valid until, generation loaded, version required, stamp, new generation, idle timeout,
--            absolute timeout, flags (c clears, e ends), number of deleted fields. One space between; empty for none
--         2  the deleted fields, then fields and values in turn
-- answer  outcome, time of the server; and if it is STORED: version, remaining lifetime, generation.
--         Generation 0 stands for one that is over.
--
-- Every check comes before the first write, and so does the index, which can have another type.

local node, number, valid, loaded, required, stamp, fresh, idle, absolute, flags, deletes =
    string.match(ARGV[1], '^(%w+) (%d+) (%d+) (%d*) (%d*) (%-?%d*) (%d+) (%d*) (%d*) (%l*) (%d+)$')
idle, absolute = tonumber(idle), tonumber(absolute)
local clears, ends = string.find(flags, 'c', 1, true), string.find(flags, 'e', 1, true)
local key, index = KEYS[1], KEYS[2]

local state, generation, version, modified, expires, deadline, nodes = Read(key)
local problem = Problem(key, state, generation, version, modified, expires, deadline, nodes)
if problem then
    return problem
end

local now = Now()
expires, deadline = tonumber(expires), tonumber(deadline)
local live = state == ACTIVE and expires > now
-- The last number of the node, the letter behind it, and where they stand.
local NUMBER = ' ' .. node .. ':(%d+)(%l?)%f[^%w:@]'
local first, last, previous, mark = string.find(nodes, NUMBER)

-- The answer to an earlier copy of this commit; nil when this is the first one.
local function PreviousAnswer()
    if not previous or tonumber(previous) < tonumber(number) then
        return nil
    elseif previous ~= number then
        return { SUPERSEDED, now }
    elseif mark == MARK_REMOVED then
        return { REMOVED, now }
    elseif mark == MARK_CHANGED then
        return { CHANGED, now }
    elseif mark == MARK_ENDED then
        return { ENDED, now }
    elseif mark == MARK_OVER or not live then
        return { STORED, now, 0, 0, 0 }
    end
    return { STORED, now, tonumber(version), expires - now, tonumber(generation) }
end

-- Also a clock that runs ahead is refused: a message must not be valid for longer than its number is remembered.
local function IsLate()
    return now > tonumber(valid) or tonumber(valid) - now > LONGEST_VALIDITY
end

-- Replaces the number of the node. Nodes stand in the order of their last commits. When there are many, a time is noted between them:
-- once it is older than the window, no message of the nodes before it is valid, and they are forgotten.
local function Remember(answer)
    if previous then
        nodes = string.sub(nodes, 1, first - 1) .. string.sub(nodes, last + 1)
    end
    if #nodes > MANY_NODES then
        local time, later = string.match(nodes, '@(%d+)(.*)$')
        if not time then
            nodes = nodes .. ' @' .. now
        elseif now - tonumber(time) > WINDOW then
            nodes = later
        end
    end
    nodes = nodes .. ' ' .. node .. ':' .. number .. answer
end

local function LoadedIsGone()
    return loaded ~= '' and not (live and generation == loaded)
end

local function Refusal()
    if required ~= '' and not LoadedIsGone() and (live and version or '0') ~= required then
        return CHANGED, MARK_CHANGED
    elseif LoadedIsGone() and (not ends or required ~= '') then
        return ENDED, MARK_ENDED
    end
end

-- Whether the stored workflow goes on; if not, one begins.
local function Continues()
    return live and (LoadedIsGone() or not ends)
end

-- Records the answer to a commit that changes no entry.
local function Record(answer)
    if live then
        Remember(answer)
        Write(key, ACTIVE, generation, version, modified, expires, deadline, nodes)
        if expires - now < WINDOW then
            Expire(key, expires - now)
        end
    else
        Remember(answer)
        Bury(key, generation, version, modified, state == ACTIVE and MarkOver(nodes) or nodes)
    end
end

local function End()
    if not LoadedIsGone() then
        redis.call('ZREM', index, string.sub(key, #index + 2))
        live = false
    end
    Record(MARK_REMOVED)
    return { REMOVED, now }
end

local function SetEntries(metadata)
    local from = 2 + tonumber(deletes)
    redis.call('HSET', key, '#', metadata, unpack(ARGV, from, math.min(from + 3999, #ARGV)))
    for i = from + 4000, #ARGV, 4000 do
        redis.call('HSET', key, unpack(ARGV, i, math.min(i + 3999, #ARGV)))
    end
end

local function DeleteEntries()
    local to = 1 + tonumber(deletes)
    for i = 2, to, 4000 do
        redis.call('HDEL', key, unpack(ARGV, i, math.min(i + 3999, to)))
    end
end

local function Apply()
    local continues = Continues()
    if not continues then
        if state == ACTIVE then
            nodes = MarkOver(nodes)
            first, last, previous, mark = string.find(nodes, NUMBER)
        end
        generation, version, expires, deadline = fresh, 0, 0, absolute and now + absolute or 0
    end
    local lifetime = Lifetime(deadline, idle, absolute, now)
    local renews = not continues or clears or IsRenewalDue(expires, lifetime, now)
    if renews then
        expires = now + lifetime
        Index(key, index, lifetime, now)
        if not continues then
            redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
        end
        if not continues or clears then
            redis.call('DEL', key)
        end
    end
    version = tonumber(version) + 1
    Remember('')
    SetEntries(ACTIVE .. ' ' .. generation .. ' ' .. version .. ' ' .. stamp .. ' ' .. expires .. ' ' .. deadline .. nodes)
    DeleteEntries()
    if renews or expires - now < WINDOW then
        Expire(key, expires - now)
    end
    return { STORED, now, version, expires - now, tonumber(generation) }
end

local answer = PreviousAnswer()
if answer then
    return answer
elseif IsLate() then
    return { LATE, now }
end
local refusal, refused = Refusal()
if refusal then
    Record(refused)
    return { refusal, now }
elseif ends and stamp == '' then
    return End()
end
return Apply()
