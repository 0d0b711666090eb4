import {
  holdSlot,
  MISSING,
  readSlot,
  releaseSlot,
  replaceSlot,
  type TokenSlot,
} from '../../lib/core/tokens/token-slot.js';
import { HELD, type Holder, type Token } from '../../lib/core/tokens/token.js';

/**
 * Every interleaving of writers and readers on one identifier, one row and one cached response, with
 * the very functions that the memory store runs.
 *
 * Time stands still at 0: a lease that lasts ends at 1, and what ends it is a step of its own, which
 * may come whenever its holder is dead.
 */
export interface Exploration {
  /** Whether writers hold before they commit, or only replace the token after it. */
  readonly holds: boolean;
  /** What a reader does first: read the token, or fetch the stored response. */
  readonly readerBegins: 'with the token' | 'with the response';
  /**
   * Whether the store may lose all it knows, once: `'and recovers'`, it answers no token until every
   * writer that is alive has held again and the COMMIT of one that is not has been decided.
   */
  readonly loses?: 'and recovers' | 'and goes on';
}

export interface Explored {
  readonly states: number;
  /** The shortest story at whose end a reader is served less than it must be. */
  readonly stalePath: readonly string[] | undefined;
  /** What was seen to happen at least once, whoever did it; a proof about nothing proves nothing. */
  readonly seen: ReadonlySet<string>;
}

const NOW_MS = 0;
const LIVE_MS = 1;
const READS_EACH = 2;

type WriterAt =
  | 'before'
  | 'holding'
  | 'committed'
  | 'rolled back'
  | 'dead with COMMIT under way'
  | 'dead'
  | 'over';

interface Stored {
  readonly version: number;
  readonly token: Token;
}

interface Reader {
  readonly readsLeft: number;
  readonly at: 'idle' | 'begun' | 'deciding' | 'storing';
  /** What the database held when this read began: it must not be served less. */
  readonly startedAt: number;
  readonly token: Token | undefined;
  readonly stored: Stored | undefined;
  readonly version: number;
}

interface State {
  readonly loss: 'none' | 'recovering' | 'over';
  readonly database: number;
  readonly slot: TokenSlot;
  readonly minted: number;
  readonly stored: Stored | undefined;
  readonly writers: readonly WriterAt[];
  readonly readers: readonly Reader[];
}

interface Step {
  readonly label: string;
  readonly next: State;
  readonly served?: { readonly version: number; readonly atLeast: number };
}

const HOLDERS = ['A', 'B'] as Holder[];

const IDLE: Omit<Reader, 'readsLeft'> = {
  at: 'idle',
  startedAt: 0,
  token: undefined,
  stored: undefined,
  version: 0,
};

const START: State = {
  loss: 'none',
  database: 0,
  slot: MISSING,
  minted: 0,
  stored: undefined,
  writers: ['before', 'before'],
  readers: [
    { ...IDLE, readsLeft: READS_EACH },
    { ...IDLE, readsLeft: READS_EACH },
  ],
};

/** Breadth first, so that the first stale path found is a shortest one. */
export function explore(exploration: Exploration): Explored {
  const known = new Set([keyOf(START)]);
  const states = [START];
  const parents = [-1];
  const labels = [''];
  const seen = new Set<string>();
  const story = (index: number, last: string): string[] => {
    const path = [last];
    for (let at = index; at > 0; at = parents[at]!) path.unshift(labels[at]!);
    return path;
  };
  for (let index = 0; index < states.length; index++) {
    for (const { label, next, served } of stepsFrom(
      states[index]!,
      exploration,
    )) {
      seen.add(label.replace(/(reader|writer) [12AB]/, '$1'));
      if (served && served.version < served.atLeast) {
        return { states: known.size, stalePath: story(index, label), seen };
      }
      const key = keyOf(next);
      if (known.has(key)) continue;
      known.add(key);
      states.push(next);
      parents.push(index);
      labels.push(label);
    }
  }
  return { states: known.size, stalePath: undefined, seen };
}

function* stepsFrom(
  state: State,
  exploration: Exploration,
): Generator<Step, void> {
  if (state.slot.kind === 'token') {
    yield {
      label: 'the store forgets the token',
      next: { ...state, slot: MISSING },
    };
  }
  if (exploration.loses) yield* lossSteps(state, exploration.loses);
  for (const reader of state.readers.keys()) {
    yield* readerSteps(state, reader, exploration);
  }
  for (const writer of state.writers.keys()) {
    yield* exploration.holds
      ? strictWriterSteps(state, writer)
      : lateWriterSteps(state, writer);
  }
}

function* lossSteps(
  state: State,
  loses: 'and recovers' | 'and goes on',
): Generator<Step> {
  if (state.loss === 'none') {
    const loss = loses === 'and recovers' ? 'recovering' : 'over';
    yield {
      label: 'the store loses everything',
      next: { ...state, slot: MISSING, loss },
    };
  }
  if (state.loss !== 'recovering') return;
  const { slot } = state;
  const isDecided = state.writers.every((at, writer) => {
    const isHeld =
      slot.kind === 'held' &&
      slot.holds.some(({ holder }) => holder === HOLDERS[writer]);
    return at === 'holding' ? isHeld : at !== 'dead with COMMIT under way';
  });
  if (isDecided) {
    yield {
      label: 'the store has recovered',
      next: { ...state, loss: 'over' },
    };
  }
}

function* strictWriterSteps(state: State, writer: number): Generator<Step> {
  const holder = HOLDERS[writer]!;
  const name = `writer ${holder}`;
  const to = (at: WriterAt, changes: Partial<State> = {}): State => ({
    ...state,
    ...changes,
    writers: state.writers.with(writer, at),
  });
  const committed = { database: state.database + 1 };
  const version = `v${committed.database}`;
  switch (state.writers[writer]!) {
    case 'before':
      yield {
        label: `${name} holds`,
        next: to('holding', {
          slot: holdSlot(state.slot, holder, NOW_MS, LIVE_MS),
        }),
      };
      return;
    case 'holding':
      if (state.loss !== 'none') {
        yield {
          label: `${name} holds again`,
          next: to('holding', {
            slot: holdSlot(state.slot, holder, NOW_MS, LIVE_MS),
          }),
        };
      }
      yield {
        label: `${name} commits ${version}`,
        next: to('committed', committed),
      };
      yield { label: `${name} rolls back`, next: to('rolled back') };
      yield {
        label: `${name} dies with COMMIT under way`,
        next: to('dead with COMMIT under way'),
      };
      return;
    case 'committed':
      yield {
        label: `${name} releases: changed`,
        next: to('over', { slot: released(state.slot, holder, 'changed') }),
      };
      yield { label: `${name} dies after its commit`, next: to('dead') };
      return;
    case 'rolled back':
      yield {
        label: `${name} releases: unchanged`,
        next: to('over', { slot: released(state.slot, holder, 'unchanged') }),
      };
      yield { label: `${name} dies after its rollback`, next: to('dead') };
      return;
    case 'dead with COMMIT under way':
      yield {
        label: `${name} has committed ${version}`,
        next: to('dead', committed),
      };
      yield { label: `${name} has not committed`, next: to('dead') };
      return;
    case 'dead':
      yield {
        label: `the lease of ${name} ends`,
        next: to('over', { slot: withoutLease(state.slot, holder) }),
      };
      return;
    case 'over':
  }
}

/** The classic algorithm: nothing before the commit, a new token after it. */
function* lateWriterSteps(state: State, writer: number): Generator<Step> {
  const name = `writer ${HOLDERS[writer]!}`;
  const to = (at: WriterAt, changes: Partial<State> = {}): State => ({
    ...state,
    ...changes,
    writers: state.writers.with(writer, at),
  });
  if (state.writers[writer] === 'before') {
    const database = state.database + 1;
    yield {
      label: `${name} commits v${database}`,
      next: to('committed', { database }),
    };
  }
  if (state.writers[writer] === 'committed') {
    yield {
      label: `${name} replaces the token`,
      next: to('over', { slot: replaceSlot(state.slot, NOW_MS) }),
    };
    yield { label: `${name} dies after its commit`, next: to('over') };
  }
}

function* readerSteps(
  state: State,
  index: number,
  { readerBegins }: Exploration,
): Generator<Step> {
  const reader = state.readers[index]!;
  const name = `reader ${index + 1}`;
  const to = (
    changes: Partial<Reader>,
    others: Partial<State> = {},
  ): State => ({
    ...state,
    ...others,
    readers: state.readers.with(index, { ...reader, ...changes }),
  });
  const over = { ...IDLE, readsLeft: reader.readsLeft - 1 };
  const begin = { startedAt: state.database, at: 'begun' as const };
  const tokenFirst = readerBegins === 'with the token';

  const readToken = (changes: Partial<Reader>): Step => {
    if (state.loss === 'recovering') {
      return {
        label: `${name} asks: recovering`,
        next: to({ ...changes, token: undefined }),
      };
    }
    const { slot, answer } = readSlot(
      state.slot,
      () => `t${state.minted}` as Token,
      NOW_MS,
      LIVE_MS,
    );
    const isNew = state.slot.kind === 'missing';
    const what = answer === HELD ? 'held' : isNew ? 'a new token' : 'a token';
    return {
      label: `${name} asks: ${what}`,
      next: to(
        { ...changes, token: answer === HELD ? undefined : answer },
        { slot, minted: state.minted + (isNew ? 1 : 0) },
      ),
    };
  };
  const fetch = (changes: Partial<Reader>): Step => ({
    label: state.stored
      ? `${name} fetches v${state.stored.version}`
      : `${name} finds nothing stored`,
    next: to({ ...changes, stored: state.stored }),
  });

  switch (reader.at) {
    case 'idle':
      if (reader.readsLeft === 0) return;
      yield tokenFirst ? readToken(begin) : fetch(begin);
      return;
    case 'begun':
      yield tokenFirst
        ? fetch({ at: 'deciding' })
        : readToken({ at: 'deciding' });
      return;
    case 'deciding': {
      const { token, stored, startedAt } = reader;
      if (token !== undefined && stored?.token === token) {
        yield {
          label: `${name} is served v${stored.version} for the same token`,
          next: to(over),
          served: { version: stored.version, atLeast: startedAt },
        };
        return;
      }
      yield {
        label: `${name} reads v${state.database}`,
        next:
          token === undefined
            ? to(over)
            : to({ at: 'storing', version: state.database, stored: undefined }),
        served: { version: state.database, atLeast: startedAt },
      };
      return;
    }
    case 'storing':
      yield {
        label: `${name} stores v${reader.version}`,
        next: to(over, {
          stored: { version: reader.version, token: reader.token! },
        }),
      };
  }
}

function released(
  slot: TokenSlot,
  holder: Holder,
  outcome: 'changed' | 'unchanged',
): TokenSlot {
  return releaseSlot(slot, holder, outcome, NOW_MS, LIVE_MS);
}

/** The slot at the time when this holder's lease has ended and all others have not. */
function withoutLease(slot: TokenSlot, holder: Holder): TokenSlot {
  if (slot.kind !== 'held') return slot;
  return {
    ...slot,
    holds: slot.holds.map(hold =>
      hold.holder === holder ? { ...hold, deadlineMs: NOW_MS } : hold,
    ),
  };
}

/**
 * The same for states that differ only in the names of tokens, and for most that differ only in who
 * of two readers or two writers is which.
 */
function keyOf(state: State): string {
  const names = new Map<Token, number>();
  const named = (token: Token | undefined): string => {
    if (token === undefined) return '-';
    let name = names.get(token);
    if (name === undefined) names.set(token, (name = names.size));
    return `${name}`;
  };
  const storedText = (stored: Stored | undefined): string =>
    stored ? `${stored.version}/${named(stored.token)}` : '-';
  const writers = [...state.writers.keys()].toSorted((a, b) =>
    compare(state.writers[a]!, state.writers[b]!),
  );
  const readers = state.readers.toSorted((a, b) =>
    compare(readerText(a), readerText(b)),
  );
  return [
    state.loss,
    state.database,
    storedText(state.stored),
    state.slot.kind,
    state.slot.kind === 'token' ? named(state.slot.token) : '',
    state.slot.kind === 'held' ? named(state.slot.before) : '',
    ...writers.map(
      writer => state.writers[writer]! + deadlineOf(state.slot, writer),
    ),
    ...readers.map(
      reader =>
        `${readerText(reader)},${named(reader.token)},${storedText(reader.stored)}`,
    ),
  ].join('|');
}

function readerText(reader: Reader): string {
  return `${reader.at},${reader.readsLeft},${reader.startedAt},${reader.version}`;
}

function deadlineOf(slot: TokenSlot, writer: number): string {
  if (slot.kind !== 'held') return '';
  const hold = slot.holds.find(each => each.holder === HOLDERS[writer]);
  return hold ? `${hold.deadlineMs}` : '';
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
