-- Begins the idle timeout of a workflow anew. A copy or a lost one does no harm.
--
-- KEYS    the workflow, the index of its session
-- ARGV    1  generation loaded; 2  idle timeout
-- answer  seconds and microseconds of the server
--
-- PEXPIRE comes first: Redis allows it in a full memory, and after it also the other writes. An index of another type keeps no workflow from
-- being renewed.

local key, index = KEYS[1], KEYS[2]
local workflow = Read(key)
local problem = Problem(key, workflow)
if problem then
    return problem
end

local time = redis.call('TIME')
local now = Milliseconds(time)
-- Nothing renews a receipt, and a claim keeps the workflow at least until its own end.
if IsLive(workflow, now) and workflow.generation == ARGV[1] and workflow.state ~= HAS_RECEIPT then
    local claim = Claim(key, workflow)
    local lifetime = math.max(Lifetime(workflow, tonumber(ARGV[2]), nil, now), claim and claim.ends - now or 0)
    if IsRenewalDue(workflow, lifetime, now) then
        Expire(key, lifetime)
        workflow.expires = now + lifetime
        redis.call('HSET', key, '#', Metadata(workflow))
        Index(key, index, lifetime, now)
    end
end
return time
