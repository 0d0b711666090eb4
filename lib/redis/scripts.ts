import { createHash } from 'node:crypto';
import { HELD, type Held, type Token } from '../core/tokens/token.js';

/**
 * A Lua script over a ledger of holds and the keys that it keeps account of; on a cluster all of one
 * slot, so that any node can run it.
 */
export interface RedisScript<Reply> {
  readonly name: string;
  readonly source: string;
  /** How `EVALSHA` names the source. */
  readonly sha1: string;
  /** @throws Error when Redis answered what the script never does */
  readonly decode: (reply: unknown) => Reply;
}

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
const PRELUDE = `
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

local function slot_of(key)
  local value = redis.call('GET', key)
  if not value then return { missing = true } end
  local kind = string.sub(value, 1, 1)
  if kind == 'T' and string.find(value, ':', 2, true) then
    return { token = string.sub(value, 2) }
  end
  if kind == 'H' then return parse_hold(value) end
  return { foreign = true }
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

local function put_holds(key, slot)
  local latest = 0
  local text = slot.before and ('H' .. #slot.before .. ':' .. slot.before .. ';') or 'H-;'
  for _, hold in ipairs(slot.holds) do
    latest = math.max(latest, hold[1])
    text = text .. whole(hold[1]) .. '@' .. #hold[2] .. ':' .. hold[2] .. ';'
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

-- The first write of a script, and one that needs no memory: after it Redis lets the others pass,
-- so that a full Redis still takes announcements.
local function tidy_ledger()
  redis.call('ZREMRANGEBYSCORE', ledger, 1, now)
end
`;

/**
 * Arguments: `1` where the caller has seen this ledger before, a random text, `tokenTtlMs`, and how
 * long nothing is trusted after holds were lost. Answers a token or `HELD` for each key.
 */
export const READ_TOKENS = defineScript(
  'read tokens',
  `
local known, seed, ttl, recovery = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local epoch = epoch_of_server()
local mark = '@' .. epoch
local found = redis.call('ZRANGEBYSCORE', ledger, '-inf', '(0', 'WITHSCORES', 'LIMIT', 0, 1)
local complete_from = found[1] and -tonumber(found[2])
if not complete_from then
  -- Nobody to whom it is new can tell a ledger that was lost from one that never was.
  complete_from = known == '1' and now + recovery or now
  redis.call('ZADD', ledger, whole(-complete_from), mark)
elseif found[1] ~= mark or complete_from > now + recovery then
  -- Another server's, or of a time that is yet to come because the clock was set back.
  complete_from = now + recovery
  redis.call('ZREM', ledger, found[1])
  redis.call('ZADD', ledger, whole(-complete_from), mark)
end
local answers = {}
local function keep_ledger()
  redis.call('PEXPIRE', ledger, math.max(ttl, 3600000))
end
if complete_from > now then
  keep_ledger()
  return answers
end

local prefix = epoch .. ':'
local present = {}
for index = 2, #KEYS do
  local key = KEYS[index]
  local slot = slot_of(key)
  local token = slot.token
  if token and string.sub(token, 1, #prefix) == prefix then
    present[#present + 1] = key
    answers[index - 1] = string.sub(token, #prefix + 1)
  elseif slot.holds or is_lost(key) or (slot.foreign and redis.call('PTTL', key) >= 0) then
    answers[index - 1] = false
  else
    local fresh = index == 2 and seed or (seed .. '.' .. (index - 2))
    put_token(key, prefix .. fresh, ttl)
    answers[index - 1] = fresh
  end
end
-- Not before: after a write that needs no memory Redis would let others pass, however full it is.
for _, key in ipairs(present) do redis.call('PEXPIRE', key, ttl) end
keep_ledger()
return answers
`,
  decodeTokens,
);

/** Arguments: the holder, `leaseMs`. */
export const HOLD = defineScript(
  'hold',
  `
local holder, lease = ARGV[1], tonumber(ARGV[2])
tidy_ledger()
for index = 2, #KEYS do
  local key = KEYS[index]
  local slot = slot_of(key)
  local holds = holds_without(slot, holder)
  holds[#holds + 1] = { now + lease, holder }
  put_holds(key, { before = slot.token or slot.before, holds = holds })
end
`,
  decodeNothing,
);

/** Arguments: the holder, `changed` or `unchanged`, `lagMs`, `tokenTtlMs`. */
export const RELEASE = defineScript(
  'release',
  `
local holder, outcome, lag, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
tidy_ledger()
for index = 2, #KEYS do
  local key = KEYS[index]
  local slot = slot_of(key)
  if slot.holds or outcome == 'changed' then
    local before = outcome == 'unchanged' and slot.before or nil
    local holds = holds_without(slot, holder)
    if outcome == 'changed' and lag > 0 then
      holds[#holds + 1] = { now + lag, holder }
    end
    if #holds > 0 then
      put_holds(key, { before = before, holds = holds })
    else
      -- Where the hold was evicted, those of others were, too: the ledger keeps them.
      if not slot.missing then redis.call('ZREM', ledger, key) end
      if before then
        put_token(key, before, ttl)
      else
        redis.call('DEL', key)
      end
    end
  end
end
`,
  decodeNothing,
);

/** No arguments. */
export const REPLACE = defineScript(
  'replace',
  `
tidy_ledger()
for index = 2, #KEYS do
  local key = KEYS[index]
  local slot = slot_of(key)
  if slot.holds then
    put_holds(key, { holds = slot.holds })
  else
    redis.call('DEL', key)
  end
end
`,
  decodeNothing,
);

/** Arguments: the token, `tokenTtlMs`. */
export const WRITE_TOKEN = defineScript(
  'write token',
  `
local chosen, ttl = epoch_of_server() .. ':' .. ARGV[1], ARGV[2]
for index = 2, #KEYS do
  local key = KEYS[index]
  local slot = slot_of(key)
  if slot.holds then
    put_holds(key, { before = chosen, holds = slot.holds })
  elseif not is_lost(key) then
    put_token(key, chosen, ttl)
  end
end
`,
  decodeNothing,
);

/** How many characters of a server's replication ID tell its epoch. */
const EPOCH_LENGTH = 10;

/** The epoch in a server's answer to `INFO replication`; empty where it does not tell. */
export function epochIn(info: string): string {
  const id = /^master_replid:(\w+)/m.exec(info)?.[1] ?? '';
  return id.length < EPOCH_LENGTH ? '' : id.slice(0, EPOCH_LENGTH);
}

/**
 * What a stored value says to readers of this epoch: a token, `HELD` for a hold or a value of another
 * version, `undefined` where a token is to be minted.
 */
export function storedToken(
  value: string | null,
  epoch: string,
): Token | Held | undefined {
  if (value === null) return undefined;
  if (!value.startsWith('T')) return HELD;
  const from = epoch.length + 2;
  return value.startsWith(epoch, 1) && value[from - 1] === ':'
    ? (value.slice(from) as Token)
    : undefined;
}

function defineScript<Reply>(
  name: string,
  body: string,
  decode: (reply: unknown) => Reply,
): RedisScript<Reply> {
  const source = `${PRELUDE}${body}`;
  return {
    name,
    source,
    sha1: createHash('sha1').update(source).digest('hex'),
    decode,
  };
}

/** No answers at all: no key of this ledger is to be trusted for a while. */
function decodeTokens(reply: unknown): readonly (Token | Held)[] {
  if (!Array.isArray(reply)) {
    throw new TypeError(`Expected tokens from Redis, got ${typeof reply}.`);
  }
  return reply.map((token: unknown) => {
    if (token === null) return HELD;
    if (typeof token === 'string') return token as Token;
    throw new TypeError(
      `Expected a token or nil from Redis, got ${typeof token}.`,
    );
  });
}

function decodeNothing(reply: unknown): void {
  if (reply !== null) {
    throw new TypeError(`Expected nil from Redis, got ${typeof reply}.`);
  }
}
