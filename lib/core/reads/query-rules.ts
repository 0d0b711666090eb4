/** What a query asks for: `get` rows by primary key, `fetch` others, how many, or whether any. */
export const QUERY_OPS = ['get', 'fetch', 'count', 'exists'] as const;

export type QueryOp = (typeof QUERY_OPS)[number];

/** What is cached of one entity's queries. */
export interface QueryRule {
  /** Which queries; an empty list: none. @default what `'*'` says, else `'all'` */
  readonly ops?: 'all' | readonly QueryOp[] | undefined;
  /** How long a result lives at most, in milliseconds. @default what `'*'` says, else the module's `ttlMs` */
  readonly ttlMs?: number | undefined;
}

/** The same of all entities, or by their names; `'*'` stands for those that are not named. */
export type QueriesOption = boolean | Readonly<Record<string, QueryRule>>;

/** What one query says of itself by TypeORM's `cache`. */
export interface QuerySetting {
  /** `undefined`: nothing. */
  readonly enabled: boolean | undefined;
  /** In milliseconds; `undefined` or 0: none was given. */
  readonly durationMs: number | undefined;
}

interface CompleteRule {
  readonly ops: 'all' | readonly QueryOp[];
  readonly ttlMs: number;
}

const WILDCARD = '*';

/** Which queries are cached, and for how long. */
export class QueryRules {
  readonly #rules = new Map<string, CompleteRule>();
  readonly #others: CompleteRule | undefined;
  readonly #ttlMs: number;

  /** @param ttlMs how long a result lives at most that no rule says it of */
  constructor(option: QueriesOption, ttlMs: number) {
    this.#ttlMs = ttlMs;
    const rules: Readonly<Record<string, QueryRule>> =
      typeof option === 'object' ? option : option ? { [WILDCARD]: {} } : {};
    const others = Object.hasOwn(rules, WILDCARD) ? rules[WILDCARD] : undefined;
    const complete = (rule: QueryRule): CompleteRule => ({
      ops: rule.ops ?? others?.ops ?? 'all',
      ttlMs: rule.ttlMs ?? others?.ttlMs ?? ttlMs,
    });
    for (const [name, rule] of Object.entries(rules)) {
      if (name !== WILDCARD) this.#rules.set(name, complete(rule));
    }
    this.#others = others && complete(others);
  }

  /** The entities that rules name. */
  get entities(): readonly string[] {
    return [...this.#rules.keys()];
  }

  /** Whether a query of this entity may be cached at all; `undefined`: it is not known yet. */
  mayCache(entity: string | undefined, { enabled }: QuerySetting): boolean {
    if (enabled !== undefined) return enabled;
    if (entity === undefined) return this.#rules.size > 0 || !!this.#others;
    const ops = this.#ruleOf(entity)?.ops;
    return ops !== undefined && ops.length > 0;
  }

  /** How long the result of a query lives at most, in milliseconds; `undefined`: it is not cached. */
  ttlMsOf(
    entity: string | undefined,
    op: QueryOp,
    { enabled, durationMs }: QuerySetting,
  ): number | undefined {
    if (enabled === false) return undefined;
    const rule = this.#ruleOf(entity);
    if (enabled === undefined) {
      return rule && (rule.ops === 'all' || rule.ops.includes(op))
        ? rule.ttlMs
        : undefined;
    }
    // TypeORM takes 0 for none as well.
    if (!durationMs) return rule?.ttlMs ?? this.#ttlMs;
    const ttlMs = Math.ceil(durationMs);
    return Number.isSafeInteger(ttlMs) && ttlMs > 0 ? ttlMs : undefined;
  }

  #ruleOf(entity: string | undefined): CompleteRule | undefined {
    const rule = entity === undefined ? undefined : this.#rules.get(entity);
    return rule ?? this.#others;
  }
}
