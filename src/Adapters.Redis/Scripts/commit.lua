-- Applies one commit at most once, by the rules of WorkflowCommit.Apply.
--
-- KEYS    the workflow, the index of its session
-- ARGV    HEADER       number, generation loaded, version required, stamp, new generation, idle timeout, absolute timeout,
--                      flags (c clears, e ends, f forgets old nodes, k claims, d finishes a claim, r releases it, p leaves a receipt), number of deleted
--                      fields, most entries, time of the last change required, number of the claim, claim timeout, receipt timeout. One space
--                      between; empty for none
--         VALID_UNTIL
--         LOADED, NEXT the field # that was loaded, and the one that follows; both empty when more than that has to be done
--         NODE, RECORD the field of the node, and its value when the commit is stored in the generation that was loaded
--         then         fields and values in turn, a receipt among them as the field !, then the deleted fields
-- answer  seconds and microseconds of the server: stored as the node has worked it out. With more behind them: the outcome,
--         and if it is STORED: generation, version, expiry, deadline. Generation 0 stands for one that is over.
--
-- Every check comes before the first write, and so does the index, which can have another type.

local function Stored(time, workflow)
    return { time[1], time[2], STORED, tonumber(workflow.generation), workflow.version, workflow.expires, workflow.deadline }
end

local function Record(number, outcome, generation, valid)
    return number .. ' ' .. outcome .. ' ' .. generation .. ' ' .. valid
end

-- The answer to an earlier copy of this commit; nil when this is the first one.
local function PreviousAnswer(record, number, workflow, time, now)
    local last, outcome, generation = string.match(record, '^(%d+) (%d) (%d+) %d+$')
    if not last then
        return redis.error_reply('DAMAGED record of a node')
    elseif tonumber(last) < number then
        return nil
    elseif tonumber(last) > number then
        return { time[1], time[2], SUPERSEDED }
    elseif tonumber(outcome) ~= STORED then
        return { time[1], time[2], tonumber(outcome) }
    elseif not IsLive(workflow, now) or workflow.generation ~= generation then
        return { time[1], time[2], STORED, 0, 0, 0, 0 }
    end
    return Stored(time, workflow)
end

local function LoadedIsGone(loaded, workflow, now)
    return loaded ~= '' and not (IsLive(workflow, now) and workflow.generation == loaded)
end

-- A failover or a restored backup can bring a version back, and others then make another one of the same number: the time of the change tells them apart.
local function IsRequired(workflow, required, changed, now)
    return (IsLive(workflow, now) and workflow.version or 0) == tonumber(required) and (changed == '' or workflow.modified == changed)
end

local function IsClaimedByAnother(workflow, claim, id, now)
    return IsLive(workflow, now) and claim and claim.ends > now and claim.id ~= id
end

-- Whether this commit finishes or releases a claim that it does not have any more.
local function HasLostClaim(flags, workflow, claim, id, now)
    return string.find(flags, '[dr]') and not (IsLive(workflow, now) and claim and claim.id == id)
end

-- Whether the commit may find that the workflow to end is gone. Then it must not complete the one that others have begun.
local function MayEndNothing(flags, required)
    return string.find(flags, 'e') and required == '' and not string.find(flags, 'p')
end

-- Whether the stored workflow goes on; if not, one begins.
local function Continues(workflow, gone, ends, now)
    return IsLive(workflow, now) and (gone or not ends)
end

local function Refusal(flags, required, changed, stamp, id, gone, continues, workflow, claim, now)
    if gone and not MayEndNothing(flags, required) then
        return ENDED
    elseif gone and stamp == '' then
        return nil
    elseif IsClaimedByAnother(workflow, claim, id, now) then
        return COMPLETING
    elseif workflow.state == HAS_RECEIPT and continues then
        return COMPLETED
    elseif required ~= '' and not IsRequired(workflow, required, changed, now) then
        return CHANGED
    elseif HasLostClaim(flags, workflow, claim, id, now) then
        return CHANGED
    end
end

-- Whether more entries than allowed would be stored, and more than now. The count of the fields is no less than that of the entries.
local function HasTooManyEntries(key, most, last)
    if not most or redis.call('HLEN', key) + (last - ENTRIES + 1) / 2 <= most then
        return false
    end
    local stored = Entries(key)
    local after = #stored
    for i = ENTRIES, last, 2 do
        after = after + 1 - redis.call('HEXISTS', key, ARGV[i])
    end
    for i = last + 1, #ARGV do
        after = after - redis.call('HEXISTS', key, ARGV[i])
    end
    return after > most and after > #stored
end

-- Forgets nodes whose last message can't be valid any more. It is done when a node commits for the first time, and when the
-- commit asks for it.
local function ForgetOldNodes(key, now)
    for _, field in ipairs(redis.call('HKEYS', key)) do
        if string.sub(field, 1, 1) == '@' then
            local valid = string.match(redis.call('HGET', key, field), '^%d+ %d %d+ (%d+)$')
            if valid and now - valid > WINDOW then
                redis.call('HDEL', key, field)
            end
        end
    end
end

local function SetEntries(key, metadata, node, record, to)
    redis.call('HSET', key, '#', metadata, node, record, unpack(ARGV, ENTRIES, math.min(ENTRIES + 3999, to)))
    CallInParts('HSET', key, ARGV, ENTRIES + 4000, to)
end

local number, loaded, required, stamp, fresh, idle, absolute, flags, deletes, most, changed, id, claimed, kept =
    string.match(ARGV[HEADER], '^(%d+) (%d*) (%d*) (%-?%d*) (%d+) (%d*) (%d*) (%l*) (%d+) (%d*) (%-?%d*) (%d*) (%d*) (%d*)$')
idle, absolute = tonumber(idle), tonumber(absolute)
local clears, ends = string.find(flags, '[cp]'), string.find(flags, 'e')
local claims, completes = string.find(flags, 'k'), string.find(flags, 'p')
local key, index, node, valid = KEYS[1], KEYS[2], ARGV[NODE], ARGV[VALID_UNTIL]

local workflow = Read(key)
local problem = Problem(key, workflow)
if problem then
    return problem
end

local now = Milliseconds(time)
local record = redis.call('HGET', key, node)
local answer = record and PreviousAnswer(record, tonumber(number), workflow, time, now)
if answer then
    return answer
elseif IsLate(now, tonumber(valid)) then
    return { time[1], time[2], LATE }
end

local last = #ARGV - tonumber(deletes)
local gone = LoadedIsGone(loaded, workflow, now)
local continues = Continues(workflow, gone, ends, now)
local claim, hadReceipt = Claim(key, workflow), workflow.state == HAS_RECEIPT
local refusal = Refusal(flags, required, changed, stamp, id, gone, continues, workflow, claim, now)
if not refusal and continues and not clears and HasTooManyEntries(key, tonumber(most), last) then
    refusal = TOO_MANY_ENTRIES
end
if refusal or (ends and stamp == '') then
    -- Entries stay as they are, or all go: the number is recorded.
    local removes = not refusal and not gone
    if removes then
        redis.call('ZREM', index, Member(key, index))
    end
    if removes or not IsLive(workflow, now) then
        Bury(key, workflow)
    elseif workflow.expires - now < WINDOW then
        Expire(key, workflow.expires - now)
    end
    redis.call('HSET', key, node, Record(number, refusal or REMOVED, 0, valid))
    return { time[1], time[2], refusal or REMOVED }
end

if not continues then
    workflow = { state = ACTIVE, generation = fresh, version = 0, expires = 0, deadline = absolute and now + absolute or 0 }
end
if completes then
    -- The time of a receipt counts from the completion, and nothing renews it.
    workflow.expires, workflow.deadline = 0, now + kept
end
local lifetime = math.max(Lifetime(workflow, idle, absolute, now), tonumber(claims and claimed) or 0)
if completes then
    lifetime = tonumber(kept)
end
local renews = IsRenewalDue(workflow, lifetime, now) or (claims and workflow.expires < now + lifetime)
if renews then
    workflow.expires = now + lifetime
    Index(key, index, lifetime, now)
end
if not continues then
    redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
end
if not continues or clears then
    DeleteEntries(key)
end
if not record or string.find(flags, 'f') then
    ForgetOldNodes(key, now)
end
if claim or hadReceipt then
    redis.call('HDEL', key, '!')
end
if claims then
    redis.call('HSET', key, '!', id .. ' ' .. string.format('%.0f', now + claimed))
end
workflow.state = claims and CLAIMED or completes and HAS_RECEIPT or ACTIVE
workflow.version, workflow.modified = workflow.version + 1, stamp ~= '' and stamp or workflow.modified
SetEntries(key, Metadata(workflow), node, Record(number, STORED, workflow.generation, valid), last)
CallInParts('HDEL', key, ARGV, last + 1, #ARGV)
if renews or workflow.expires - now < WINDOW then
    Expire(key, workflow.expires - now)
end
return Stored(time, workflow)
