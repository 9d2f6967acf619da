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
-- The functions take what they need as arguments: a function that captures many variables costs more than the rest of a small commit.

-- The answer to an earlier copy of this commit; nil when this is the first one.
local function PreviousAnswer(previous, number, mark, live, now, version, expires, generation)
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
local function IsLate(now, valid)
    return now > valid or valid - now > LONGEST_VALIDITY
end

local function LoadedIsGone(loaded, live, generation)
    return loaded ~= '' and not (live and generation == loaded)
end

local function Refusal(required, gone, live, version, ends)
    if required ~= '' and not gone and (live and version or '0') ~= required then
        return CHANGED, MARK_CHANGED
    elseif gone and (not ends or required ~= '') then
        return ENDED, MARK_ENDED
    end
end

-- Whether the stored workflow goes on; if not, one begins.
local function Continues(live, gone, ends)
    return live and (gone or not ends)
end

-- The list of nodes without a number, and with the number and the answer at its end. So nodes stand in the order of their last commits.
-- When there are many, a time is noted between them: once it is older than the window, no message of the nodes before it is valid, and
-- they are forgotten.
local function Remember(nodes, first, last, node, number, answer, now)
    if first then
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
    return nodes .. ' ' .. node .. ':' .. number .. answer
end

local function SetEntries(key, metadata, from)
    redis.call('HSET', key, '#', metadata, unpack(ARGV, from, math.min(from + 3999, #ARGV)))
    for i = from + 4000, #ARGV, 4000 do
        redis.call('HSET', key, unpack(ARGV, i, math.min(i + 3999, #ARGV)))
    end
end

local function DeleteEntries(key, to)
    for i = 2, to, 4000 do
        redis.call('HDEL', key, unpack(ARGV, i, math.min(i + 3999, to)))
    end
end

local node, number, valid, loaded, required, stamp, fresh, idle, absolute, flags, deletes =
    string.match(ARGV[1], '^(%w+) (%d+) (%d+) (%d*) (%d*) (%-?%d*) (%d+) (%d*) (%d*) (%l*) (%d+)$')
idle, absolute, deletes = tonumber(idle), tonumber(absolute), tonumber(deletes)
local clears, ends = flags == 'c' or flags == 'ce', flags == 'e' or flags == 'ce'
local key, index = KEYS[1], KEYS[2]

local state, generation, version, modified, expires, deadline, nodes = Read(key)
local problem = Problem(key, state, generation, version, modified, expires, deadline, nodes)
if problem then
    return problem
end

local now = Now()
expires, deadline = tonumber(expires), tonumber(deadline)
local live = state == ACTIVE and expires > now
-- Where the last number of the node stands, the number, and the letter behind it.
local numberOfNode = ' ' .. node .. ':(%d+)(%l?)%f[^%w:@]'
local first, last, previous, mark = string.find(nodes, numberOfNode)
local answer = PreviousAnswer(previous, number, mark, live, now, version, expires, generation)
if answer then
    return answer
elseif IsLate(now, tonumber(valid)) then
    return { LATE, now }
end

local gone = LoadedIsGone(loaded, live, generation)
local refusal, refused = Refusal(required, gone, live, version, ends)
if refusal or (ends and stamp == '') then
    -- Entries stay as they are, or all go: the number is recorded.
    if not refusal and not gone then
        redis.call('ZREM', index, string.sub(key, #index + 2))
        live = false
    end
    nodes = Remember(nodes, first, last, node, number, refused or MARK_REMOVED, now)
    if live then
        Write(key, ACTIVE, generation, version, modified, expires, deadline, nodes)
        if expires - now < WINDOW then
            Expire(key, expires - now)
        end
    else
        Bury(key, generation, version, modified, state == ACTIVE and MarkOver(nodes) or nodes)
    end
    return { refusal or REMOVED, now }
end

local continues = Continues(live, gone, ends)
if not continues then
    if state == ACTIVE then
        nodes = MarkOver(nodes)
        first, last = string.find(nodes, numberOfNode)
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
nodes = Remember(nodes, first, last, node, number, '', now)
SetEntries(key, Metadata(ACTIVE, generation, version, stamp, expires, deadline, nodes), 2 + deletes)
DeleteEntries(key, 1 + deletes)
if renews or expires - now < WINDOW then
    Expire(key, expires - now)
end
return { STORED, now, version, expires - now, tonumber(generation) }
