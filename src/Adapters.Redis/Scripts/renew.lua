-- Begins the idle timeout of a workflow anew. A copy or a lost one does no harm.
--
-- KEYS    the workflow, the index of its session
-- ARGV    1  generation loaded; 2  idle timeout
-- answer  time of the server
--
-- PEXPIRE comes first: Redis allows it in a full memory, and after it also the other writes. An index of another type keeps no workflow from
-- being renewed.

local key, index, idle = KEYS[1], KEYS[2], tonumber(ARGV[2])
local state, generation, version, modified, expires, deadline, nodes = Read(key)
local problem = Problem(key, state, generation, version, modified, expires, deadline, nodes)
if problem then
    return problem
end

local now = Now()
expires, deadline = tonumber(expires), tonumber(deadline)
if state == ACTIVE and expires > now and generation == ARGV[1] then
    local lifetime = Lifetime(deadline, idle, nil, now)
    if IsRenewalDue(expires, lifetime, now) then
        Expire(key, lifetime)
        Write(key, ACTIVE, generation, version, modified, now + lifetime, deadline, nodes)
        Index(key, index, lifetime, now)
    end
end
return now
