import { AssertionError } from 'node:assert';
import { type INestApplicationContext } from '@nestjs/common';
import { identifiersOf } from '../core/identifiers/dependency.js';
import { type Identifier } from '../core/identifiers/identifier.js';
import { type Token } from '../core/tokens/token.js';
import { AlkeyEvents } from '../nest/alkey-events.js';
import { RefResolver } from '../nest/ref-resolver.js';
import { type Ref } from '../nest/refs.js';
import { TokenReader } from '../nest/token-reader.js';

/** A running application, or a compiled testing module after its `init()`. */
type App = Pick<INestApplicationContext, 'get'>;

/** A ref, as the identifiers that it meant before the action: `remove()` takes keys away. */
interface Watched {
  readonly name: string;
  readonly identifiers: readonly Identifier[];
  readonly tokens: readonly Token[];
}

/**
 * Runs `action` and answers what it does, provided that it touched every one of `refs`: an answer
 * that depends on any of them would be made anew.
 *
 * @throws AssertionError that names what was touched instead
 */
export async function expectTouched<Result>(
  app: App,
  refs: Ref | readonly Ref[],
  action: () => Result | Promise<Result>,
): Promise<Result> {
  const { result, untouched, happened } = await run(app, refs, action);
  if (untouched.length === 0) return result;
  throw new AssertionError({
    message: `Expected the action to touch ${untouched.join(' and ')}. ${happened}`,
    operator: 'expectTouched',
    stackStartFn: expectTouched,
  });
}

/**
 * Runs `action` and answers what it does, provided that it touched none of `refs`: answers that
 * depend on them alone would still be given.
 *
 * @throws AssertionError that names what was touched
 */
export async function expectUntouched<Result>(
  app: App,
  refs: Ref | readonly Ref[],
  action: () => Result | Promise<Result>,
): Promise<Result> {
  const { result, touched, happened } = await run(app, refs, action);
  if (touched.length === 0) return result;
  throw new AssertionError({
    message: `Expected the action not to touch ${touched.join(' and ')}. ${happened}`,
    operator: 'expectUntouched',
    stackStartFn: expectUntouched,
  });
}

async function run<Result>(
  app: App,
  refs: Ref | readonly Ref[],
  action: () => Result | Promise<Result>,
) {
  const resolver = app.get(RefResolver, { strict: false });
  const events = app.get(AlkeyEvents, { strict: false });
  const reported = new Set<Identifier>();
  const watched = await Promise.all(
    listOf(refs).map(async (ref): Promise<Watched> => {
      const dependencies = resolver.require(ref);
      const name = dependencies.map(each => each.identifier).join(', ');
      const identifiers = identifiersOf(dependencies);
      const tokens = await read(app, name, identifiers, 'before');
      return { name, identifiers, tokens };
    }),
  );
  const stopListening = events.on('touched', event => {
    for (const identifier of event.identifiers) reported.add(identifier);
  });
  try {
    const result = await action();
    const touched: string[] = [];
    const untouched: string[] = [];
    for (const { name, identifiers, tokens } of watched) {
      const now = await read(app, name, identifiers, 'after');
      const isTouched = now.some((token, index) => token !== tokens[index]);
      (isTouched ? touched : untouched).push(name);
    }
    const happened =
      reported.size === 0
        ? 'This application touched nothing meanwhile.'
        : `Touched meanwhile: ${[...reported].join(', ')}.`;
    return { result, touched, untouched, happened };
  } finally {
    stopListening();
  }
}

async function read(
  app: App,
  name: string,
  identifiers: readonly Identifier[],
  when: 'before' | 'after',
): Promise<readonly Token[]> {
  const reader = app.get(TokenReader, { strict: false });
  const reading = await reader.read(identifiers);
  if (reading.kind === 'tokens') return reading.tokens;
  throw new AssertionError({
    message:
      `Could not tell whether ${name} is touched: ${when} the action ` +
      (reading.kind === 'held'
        ? 'a transaction that writes it is being committed. Wait for its end.'
        : 'the token store did not answer.'),
  });
}

function listOf(refs: Ref | readonly Ref[]): readonly Ref[] {
  return Array.isArray(refs) ? (refs as readonly Ref[]) : [refs as Ref];
}
