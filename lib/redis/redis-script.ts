import { createHash } from 'node:crypto';

/** A Lua script; on a cluster all its keys are of one slot, so that any node can run it. */
export interface RedisScript<Reply> {
  readonly source: string;
  /** How `EVALSHA` names the source. */
  readonly sha1: string;
  /** @throws Error when Redis answered what the script never does */
  readonly decode: (reply: unknown) => Reply;
}

export function defineScript<Reply>(
  source: string,
  decode: (reply: unknown) => Reply,
): RedisScript<Reply> {
  const sha1 = createHash('sha1').update(source).digest('hex');
  return { source, sha1, decode };
}
