-- KEYS    any key of the session, so that the server of the session answers
-- answer  time of the server

return Now()
