import { HELD, type Held, type Token } from '../core/tokens/token.js';

/**
 * What stands under a key, which is also the stored format (pinned by a golden test):
 *
 *     T<epoch>:<token>                                   a token
 *     H<before>;<deadline>@<holder>;<deadline>@<holder>; a hold
 *
 * `<epoch>` begins the replication ID of the server that minted the token. A server that takes
 * another's place, or starts again from a file, has another: it may lack what was acknowledged last,
 * so tokens of other epochs count for nothing. It is empty where the server does not tell.
 *
 * `<before>` is `<epoch>:<token>` from before the hold, or `-`; it and `<holder>` are written
 * `<bytes>:<text>`, because a token chosen by hand may hold any character. `<deadline>` is in
 * milliseconds of Redis's own clock. The key expires with its latest deadline.
 *
 * A value of another form is another version's: it reads as held until it expires, and is replaced
 * where it never would.
 *
 * The ledger (`KEYS[1]`, a sorted set) keeps each held key with its deadline once more. A hold that
 * is evicted is missed there before a token takes its place, and a ledger that is missing itself, or
 * of another epoch, says that holds were lost. Its one member below zero, `@<epoch>`, tells since
 * when, as a negative time, it has been complete. It lives as long as tokens that
 * nobody reads, and an hour at least.
 */
export const STORED_TOKENS_LUA = `
local ledger = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(number)
  return string.format('%.0f', number)
end

local function text_at(value, at)
  local bytes, from = string.match(value, '^(%d+):()', at)
  if not bytes then return nil end
  local upto = from + bytes
  if string.sub(value, upto, upto) ~= ';' then return nil end
  return string.sub(value, from, upto - 1), upto + 1
end

local function parse_hold(value)
  local slot = { holds = {} }
  local at = string.match(value, '^H%-;()')
  if not at then
    slot.before, at = text_at(value, 2)
  end
  local lapsed = false
  while at and at <= #value do
    local deadline, from = string.match(value, '^(%d+)@()', at)
    local holder
    if from then
      holder, at = text_at(value, from)
    else
      at = nil
    end
    if holder and tonumber(deadline) > now then
      slot.holds[#slot.holds + 1] = { tonumber(deadline), holder }
    else
      lapsed = true
    end
  end
  if not at then return { foreign = true } end
  -- Whoever let its lease run out may have committed: nobody can vouch for the old token.
  if lapsed then slot.before = nil end
  if #slot.holds == 0 then return {} end
  return slot
end

local function slot_in(value)
  if not value then return { missing = true } end
  local kind = string.sub(value, 1, 1)
  if kind == 'T' and string.find(value, ':', 2, true) then
    return { token = string.sub(value, 2) }
  end
  if kind == 'H' then return parse_hold(value) end
  return { foreign = true }
end

local function slot_of(key)
  return slot_in(redis.call('GET', key))
end

-- All of them before any is changed. A key of another type is nobody's token: it has no value, is left
-- as it is, and fails the script at its end, but keeps no other key from what is announced.
local function values_of_keys()
  local values, failed = {}, nil
  for index = 2, #KEYS do
    local value = redis.pcall('GET', KEYS[index])
    if type(value) == 'table' then
      failed = value
    else
      values[index] = value
    end
  end
  return values, failed
end

-- Held by somebody whose hold was evicted.
local function is_lost(key)
  local deadline = redis.call('ZSCORE', ledger, key)
  return deadline and tonumber(deadline) > now
end

local function epoch_of_server()
  local info = redis.pcall('INFO', 'replication')
  if type(info) ~= 'string' then return '' end
  return string.match(info, 'master_replid:(%w%w%w%w%w%w%w%w%w%w)') or ''
end

local function put_token(key, token, ttl)
  redis.call('SET', key, 'T' .. token, 'PX', ttl)
end

local function text_of_before(before)
  return before and ('H' .. #before .. ':' .. before .. ';') or 'H-;'
end

local function text_of_holder(holder)
  return '@' .. #holder .. ':' .. holder .. ';'
end

local function put_holds(key, slot)
  local latest = 0
  local text = text_of_before(slot.before)
  for _, hold in ipairs(slot.holds) do
    latest = math.max(latest, hold[1])
    text = text .. whole(hold[1]) .. text_of_holder(hold[2])
  end
  if latest > now then
    redis.call('SET', key, text, 'PXAT', whole(latest))
    redis.call('ZADD', ledger, whole(latest), key)
  else
    redis.call('DEL', key)
    redis.call('ZREM', ledger, key)
  end
end

local function holds_without(slot, holder)
  local others = {}
  for _, hold in ipairs(slot.holds or {}) do
    if hold[2] ~= holder then others[#others + 1] = hold end
  end
  return others
end

-- Whether nobody else holds what this value says; \`text\` is that of the holder. Most holds are
-- alone, and to take them all apart would be most of a script's work.
local function is_held_alone(value, text)
  if not value then return false end
  local at = string.match(value, '^H%-;()')
  if not at and string.sub(value, 1, 1) == 'H' then
    at = select(2, text_at(value, 2))
  end
  local from = at and string.match(value, '^%d+()', at)
  return from and string.sub(value, from) == text
end

-- One command for all, because a command for each would cost most of the script.
local function delete_all(keys)
  if #keys > 0 then redis.call('DEL', unpack(keys)) end
end

-- The first write of a script, and one that needs no memory: after it Redis lets the others pass,
-- so that a full Redis still takes announcements.
local function tidy_ledger()
  redis.call('ZREMRANGEBYSCORE', ledger, 1, now)
end
`;

/** The epoch in a server's answer to `INFO replication`; empty where it does not tell. */
export function epochIn(info: string): string {
  return /^master_replid:(\w{10})/m.exec(info)?.[1] ?? '';
}

/** A token, `HELD`, or `undefined` where nothing stands that counts. */
export type StoredToken = Token | Held | undefined;

/**
 * What a stored value says to readers of this epoch: a token, `HELD` for a hold or a value of another
 * version, `undefined` where a token is to be minted.
 */
export function storedToken(value: string | null, epoch: string): StoredToken {
  if (value === null) return undefined;
  if (!value.startsWith('T')) return HELD;
  const from = epoch.length + 2;
  return value.startsWith(epoch, 1) && value[from - 1] === ':'
    ? (value.slice(from) as Token)
    : undefined;
}
