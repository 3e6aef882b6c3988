//! The Lua that knows who is where. A connection is a field of the room's hash `p`, a user's count one of `u`; instances
//! renew a lease in `wsb:nodes`, and whoever sees one run out gives its members up. All times are Redis's own.
//!
//! Who reaps must not be fooled by an outage everybody had: an instance that finds its own lease run out declares an
//! amnesty for as long as an instance may take to be found dead.

/// What the scripts share. Users are JSON strings, values begin with the user and a line end.
pub(super) const COMMON: &str = r#"
local function key(room, kind) return 'wsb:{' .. room .. '}:' .. kind end
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function say(kind, room, user, stamp)
  redis.call('PUBLISH', 'room:' .. room, '::{"type":"user.' .. kind .. '","room":"' .. room .. '","userId":' .. user
    .. ',"timestamp":"' .. stamp .. '"}')
end
local function add(room, field, user, value, announce, stamp)
  if redis.call('HSET', key(room, 'p'), field, value) == 0 then return end
  local count = redis.call('HINCRBY', key(room, 'u'), user, 1)
  if count == 1 and redis.call('HLEN', key(room, 'u')) <= announce then say('joined', room, user, stamp) end
end
local function remove(room, field, user, announce, stamp)
  if redis.call('HDEL', key(room, 'p'), field) == 0 then return end
  local members = redis.call('HLEN', key(room, 'u'))
  if redis.call('HINCRBY', key(room, 'u'), user, -1) > 0 then return end
  redis.call('HDEL', key(room, 'u'), user)
  if members <= announce then say('left', room, user, stamp) end
end
"#;

/// ARGV: room, node, limit for joins, limit for leaves, stamp, whether connections stay, then kind, field, user, value, ….
pub(super) const CHANGE: &str = r"
local room, node, stamp = ARGV[1], ARGV[2], ARGV[5]
for i = 7, #ARGV, 4 do
  if ARGV[i] == '+' then add(room, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[3]), stamp)
  else remove(room, ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[4]), stamp) end
end
redis.call('EXPIRE', key(room, 'p'), 86400)
redis.call('EXPIRE', key(room, 'u'), 86400)
redis.call(ARGV[6] == '1' and 'SADD' or 'SREM', 'wsb:n:' .. node, room)
return 1
";

/// ARGV: room, user, value, milliseconds, limit, stamp.
pub(super) const LEASE: &str = r"
redis.call('ZADD', 'wsb:leases', now() + ARGV[4], ARGV[1] .. '\n' .. ARGV[2])
add(ARGV[1], 'lease/' .. ARGV[2], ARGV[2], ARGV[3], tonumber(ARGV[5]), ARGV[6])
redis.call('EXPIRE', key(ARGV[1], 'p'), 86400)
redis.call('EXPIRE', key(ARGV[1], 'u'), 86400)
return 1
";

/// ARGV: node, lease, slack, amnesty, whether this is the node's first call. Answers what has become of the node
/// (`ok`, `reaped`, `forgotten`), the nodes to give up, and the number of leases that are over.
pub(super) const RENEW: &str = r"
local node, at = ARGV[1], now()
local mine = redis.call('ZSCORE', 'wsb:nodes', node)
if not mine and ARGV[5] == '0' then
  if redis.call('EXISTS', 'wsb:reaped:' .. node) == 1 then return {'reaped', {}, 0} end
  redis.call('SET', 'wsb:amnesty', 1, 'PX', ARGV[4])
  return {'forgotten', {}, 0}
end
if mine and tonumber(mine) < at then redis.call('SET', 'wsb:amnesty', 1, 'PX', ARGV[4]) end
redis.call('ZADD', 'wsb:nodes', at + ARGV[2], node)
if redis.call('EXISTS', 'wsb:amnesty') == 1 then return {'ok', {}, 0} end
local gone = redis.call('ZRANGEBYSCORE', 'wsb:nodes', '-inf', at - ARGV[3], 'LIMIT', 0, 16)
for _, dead in ipairs(redis.call('ZRANGE', 'wsb:dead', 0, 15)) do gone[#gone + 1] = dead end
return {'ok', gone, redis.call('ZCOUNT', 'wsb:leases', '-inf', at)}
";

/// Gives up some rooms of a node. ARGV: node, slack, limit, stamp, rooms. Answers whether there is more to do.
pub(super) const REAP: &str = r"
local node, at = ARGV[1], now()
local score = redis.call('ZSCORE', 'wsb:nodes', node)
if score then
  if tonumber(score) > at - ARGV[2] then return 0 end
  redis.call('ZREM', 'wsb:nodes', node)
  redis.call('ZADD', 'wsb:dead', at, node)
  redis.call('SET', 'wsb:reaped:' .. node, 1, 'EX', 3600)
elseif not redis.call('ZSCORE', 'wsb:dead', node) then return 0 end
local prefix = node .. '/'
for _, room in ipairs(redis.call('SPOP', 'wsb:n:' .. node, ARGV[5])) do
  local all = redis.call('HGETALL', key(room, 'p'))
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, #prefix) == prefix then
      remove(room, all[i], string.match(all[i + 1], '^[^\n]*'), tonumber(ARGV[3]), ARGV[4])
    end
  end
end
if redis.call('SCARD', 'wsb:n:' .. node) > 0 then return 1 end
redis.call('ZREM', 'wsb:dead', node)
redis.call('SREM', 'wsb:parting', node)
return 0
";

/// Ends leases that are over. ARGV: limit, stamp, how many. Answers whether there may be more.
pub(super) const EXPIRE: &str = r"
local over = redis.call('ZRANGEBYSCORE', 'wsb:leases', '-inf', now(), 'LIMIT', 0, ARGV[3])
for _, lease in ipairs(over) do
  redis.call('ZREM', 'wsb:leases', lease)
  local room, user = string.match(lease, '^([^\n]*)\n(.*)$')
  remove(room, 'lease/' .. user, user, tonumber(ARGV[1]), ARGV[2])
end
return #over == tonumber(ARGV[3]) and 1 or 0
";

/// ARGV: node, milliseconds.
pub(super) const PART: &str = r"
redis.call('ZADD', 'wsb:nodes', 'XX', now() + ARGV[2], ARGV[1])
redis.call('SADD', 'wsb:parting', ARGV[1])
return 1
";

/// Who is in a room, without those who have come back from a parting node. ARGV: room, how many to list. Answers users,
/// connections and values.
pub(super) const ROSTER: &str = r"
local parting, back, kept, listed = {}, {}, 0, {}
for _, node in ipairs(redis.call('SMEMBERS', 'wsb:parting')) do parting[node] = true end
local all = redis.call('HGETALL', key(ARGV[1], 'p'))
local function leaves(field) return parting[string.match(field, '^[^/]*')] end
if next(parting) then
  for i = 1, #all, 2 do
    if not leaves(all[i]) then back[string.match(all[i + 1], '^[^\n]*')] = true end
  end
end
for i = 1, #all, 2 do
  if not (leaves(all[i]) and back[string.match(all[i + 1], '^[^\n]*')]) then
    kept = kept + 1
    if kept <= tonumber(ARGV[2]) then listed[kept] = all[i + 1] end
  end
end
return {redis.call('HLEN', key(ARGV[1], 'u')), kept, listed}
";
