-- KEYS    any key of the session, so that the server of the session answers
-- answer  seconds and microseconds of the server

return redis.call('TIME')
