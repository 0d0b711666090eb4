import { createHash } from 'node:crypto';

/** A Lua script that touches one key and nothing else, so that any node of a cluster can run it. */
export interface RedisScript<Reply> {
  readonly name: string;
  readonly source: string;
  /** How `EVALSHA` names the source. */
  readonly sha1: string;
  readonly numberOfKeys: 1;
  /** @throws Error when Redis answered what the script never does */
  readonly decode: (reply: unknown) => Reply;
}

/**
 * What stands under a key, which is also the stored format (pinned by a golden test):
 *
 *     t<token>                                          a token
 *     h<before>;<deadline>@<holder>;<deadline>@<holder>; a hold
 *
 * `<before>` is the token from before the hold, or `-`; it and `<holder>` are written
 * `<bytes>:<text>`, because a token chosen by hand may hold any character. `<deadline>` is in
 * milliseconds of Redis's own clock. The key expires with its latest deadline.
 *
 * A value of another form is another version's: it reads as held until it expires, and is replaced
 * where it never would.
 */
const PRELUDE = `
local key = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local value = redis.call('GET', key)
local token, before, holds, foreign

local function text_at(at)
  local bytes, from = string.match(value, '^(%d+):()', at)
  if not bytes then return nil end
  local upto = from + bytes
  if string.sub(value, upto, upto) ~= ';' then return nil end
  return string.sub(value, from, upto - 1), upto + 1
end

local function parse_hold()
  local at = string.match(value, '^h%-;()')
  if not at then
    before, at = text_at(2)
  end
  holds = {}
  local lapsed = false
  while at and at <= #value do
    local deadline, from = string.match(value, '^(%d+)@()', at)
    local holder
    if from then
      holder, at = text_at(from)
    else
      at = nil
    end
    if holder and tonumber(deadline) > now then
      holds[#holds + 1] = { tonumber(deadline), holder }
    else
      lapsed = true
    end
  end
  if not at then
    before, holds, foreign = nil, nil, true
    return
  end
  -- Whoever let its lease run out may have committed: nobody can vouch for the old token.
  if lapsed then before = nil end
  if #holds == 0 then holds = nil end
end

if value then
  local kind = string.sub(value, 1, 1)
  if kind == 't' then
    token = string.sub(value, 2)
  elseif kind == 'h' then
    parse_hold()
  else
    foreign = true
  end
end

local function put_token(text, ttl)
  redis.call('SET', key, 't' .. text, 'PX', ttl)
end

local function put_holds()
  local latest = 0
  local text = before and ('h' .. #before .. ':' .. before .. ';') or 'h-;'
  for _, hold in ipairs(holds) do
    latest = math.max(latest, hold[1])
    text = text .. string.format('%.0f', hold[1]) .. '@' .. #hold[2] .. ':' .. hold[2] .. ';'
  end
  if latest > now then
    redis.call('SET', key, text, 'PXAT', string.format('%.0f', latest))
  else
    redis.call('DEL', key)
  end
end

local function holds_without(holder)
  local others = {}
  for _, hold in ipairs(holds or {}) do
    if hold[2] ~= holder then others[#others + 1] = hold end
  end
  return others
end
`;

/** Arguments: a fresh token, `tokenTtlMs`. Answers the token, or `undefined` where it is held. */
export const READ_TOKEN = defineScript(
  'read token',
  `
local fresh, ttl = ARGV[1], ARGV[2]
if holds then return false end
if token then
  redis.call('PEXPIRE', key, ttl)
  return token
end
if foreign and redis.call('PTTL', key) >= 0 then return false end
put_token(fresh, ttl)
return fresh
`,
  decodeToken,
);

/** Arguments: the holder, `leaseMs`. */
export const HOLD = defineScript(
  'hold',
  `
local holder, lease = ARGV[1], tonumber(ARGV[2])
if token then before = token end
holds = holds_without(holder)
holds[#holds + 1] = { now + lease, holder }
put_holds()
`,
  decodeNothing,
);

/** Arguments: the holder, `changed` or `unchanged`, `lagMs`, `tokenTtlMs`. */
export const RELEASE = defineScript(
  'release',
  `
local holder, outcome, lag, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
if outcome == 'unchanged' then
  if not holds then return end
else
  before = nil
end
holds = holds_without(holder)
if outcome == 'changed' and lag > 0 then
  holds[#holds + 1] = { now + lag, holder }
end
if #holds > 0 then
  put_holds()
elseif before then
  put_token(before, ttl)
else
  redis.call('DEL', key)
end
`,
  decodeNothing,
);

/** No arguments. */
export const REPLACE = defineScript(
  'replace',
  `
if holds then
  before = nil
  put_holds()
else
  redis.call('DEL', key)
end
`,
  decodeNothing,
);

/** Arguments: the token, `tokenTtlMs`. */
export const WRITE_TOKEN = defineScript(
  'write token',
  `
local chosen, ttl = ARGV[1], ARGV[2]
if holds then
  before = chosen
  put_holds()
else
  put_token(chosen, ttl)
end
`,
  decodeNothing,
);

/** The token in a stored value; `undefined` in that of a hold, or of another version. */
export function storedToken(value: string): string | undefined {
  return value.startsWith('t') ? value.slice(1) : undefined;
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
    numberOfKeys: 1,
    decode,
  };
}

function decodeToken(reply: unknown): string | undefined {
  if (reply === null) return undefined;
  if (typeof reply === 'string') return reply;
  throw new TypeError(
    `Expected a token or nil from Redis, got ${typeof reply}.`,
  );
}

function decodeNothing(reply: unknown): void {
  if (reply !== null) {
    throw new TypeError(`Expected nil from Redis, got ${typeof reply}.`);
  }
}
