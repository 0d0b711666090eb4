import { HELD, type Held, type Token } from '../core/tokens/token.js';
import { defineScript, type RedisScript } from './redis-script.js';
import { STORED_TOKENS_LUA } from './stored-tokens.js';

/**
 * Arguments: `1` where the caller has seen this ledger before, a random text, `tokenTtlMs`, and how
 * long nothing is trusted after holds were lost. Answers a token or `HELD` for each key.
 */
export const READ_TOKENS = tokenScript(
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
export const HOLD = tokenScript(
  `
local holder, lease = ARGV[1], tonumber(ARGV[2])
local values, failed = values_of_keys()
tidy_ledger()
local deadline = whole(now + lease)
local mine = deadline .. text_of_holder(holder)
local held = {}
for index = 2, #KEYS do
  local key, value = KEYS[index], values[index]
  local slot = value ~= nil and slot_in(value)
  if slot and (slot.holds or lease <= 0) then
    local holds = holds_without(slot, holder)
    holds[#holds + 1] = { now + lease, holder }
    put_holds(key, { before = slot.token or slot.before, holds = holds })
  elseif slot then
    redis.call('SET', key, text_of_before(slot.token) .. mine, 'PXAT', deadline)
    held[#held + 1] = deadline
    held[#held + 1] = key
  end
end
if #held > 0 then redis.call('ZADD', ledger, unpack(held)) end
return failed
`,
  decodeNothing,
);

/** Arguments: the holder, `changed` or `unchanged`, `lagMs`, `tokenTtlMs`. */
export const RELEASE = tokenScript(
  `
local holder, outcome, lag, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local values, failed = values_of_keys()
tidy_ledger()
local mine = text_of_holder(holder)
local ends_all = outcome == 'changed' and lag == 0
local deleted, ended = {}, {}
for index = 2, #KEYS do
  local key, value = KEYS[index], values[index]
  local is_simple = ends_all and is_held_alone(value, mine)
  local slot = value ~= nil and not is_simple and slot_in(value)
  if is_simple then
    deleted[#deleted + 1] = key
    ended[#ended + 1] = key
  elseif slot and (slot.holds or outcome == 'changed') then
    local before = outcome == 'unchanged' and slot.before or nil
    local holds = holds_without(slot, holder)
    if outcome == 'changed' and lag > 0 then
      holds[#holds + 1] = { now + lag, holder }
    end
    if #holds > 0 then
      put_holds(key, { before = before, holds = holds })
    else
      -- Where the hold was evicted, those of others were, too: the ledger keeps them.
      if not slot.missing then ended[#ended + 1] = key end
      if before then
        put_token(key, before, ttl)
      elseif not slot.missing then
        deleted[#deleted + 1] = key
      end
    end
  end
end
delete_all(deleted)
if #ended > 0 then redis.call('ZREM', ledger, unpack(ended)) end
return failed
`,
  decodeNothing,
);

/** No arguments. */
export const REPLACE = tokenScript(
  `
local values, failed = values_of_keys()
tidy_ledger()
local deleted = {}
for index = 2, #KEYS do
  local key, value = KEYS[index], values[index]
  local slot = value ~= nil and slot_in(value)
  if slot and slot.holds then
    put_holds(key, { holds = slot.holds })
  elseif slot and not slot.missing then
    deleted[#deleted + 1] = key
  end
end
delete_all(deleted)
return failed
`,
  decodeNothing,
);

/** Arguments: the token, `tokenTtlMs`. */
export const WRITE_TOKEN = tokenScript(
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

/** The first key of each is the ledger, and the others those of the tokens. */
function tokenScript<Reply>(
  body: string,
  decode: (reply: unknown) => Reply,
): RedisScript<Reply> {
  return defineScript(STORED_TOKENS_LUA + body, decode);
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
