import * as fc from 'fast-check';
import { type Read } from './read.js';
import { type Theme } from './themes.js';
import { type Write } from './write.js';
import { WRITES } from './writes.js';

/** A read or a write with its argument. */
export interface Call<Operation> {
  readonly operation: Operation;
  readonly argument: number;
}

/** What happens alone; `side`: which application does it, where there are several. */
export type Action =
  | {
      readonly kind: 'write';
      readonly side: number;
      readonly call: Call<Write>;
    }
  | {
      readonly kind: 'query' | 'route';
      readonly side: number;
      readonly call: Call<Read>;
    };

/** One action, or two at the same time. */
export type Step = readonly [Action] | readonly [Action, Action];

/** Reads that are asked for again and again, while rows change. */
export interface Program {
  /** Read before the first step and after the last. */
  readonly watched: readonly Call<Read>[];
  readonly steps: readonly Step[];
}

const MAX_STEPS = 40;
const MAX_WATCHED = 8;

function callOf<Operation>(
  operations: readonly Operation[],
): fc.Arbitrary<Call<Operation>> {
  return fc.record({
    operation: fc.constantFrom(...operations),
    argument: smallArgument,
  });
}

const side = fc.nat(1);
/** Mostly of the same few rows, sometimes of none. */
const smallArgument = fc.oneof(
  { weight: 3, arbitrary: fc.nat(1) },
  { weight: 1, arbitrary: fc.nat(4) },
);

/** Actions of a program whose list of reads is chosen beside it, so that both shrink. */
type Drawn =
  | Extract<Action, { readonly kind: 'write' }>
  | {
      readonly kind: 'query' | 'route';
      readonly side: number;
      readonly at: number;
    };

function drawnStep(
  writes: readonly Write[],
): fc.Arbitrary<readonly [Drawn] | readonly [Drawn, Drawn]> {
  const write = (those: readonly Write[]) =>
    fc.record({
      kind: fc.constant('write' as const),
      side,
      call: callOf(those),
    });
  const drawn: fc.Arbitrary<Drawn> = fc.oneof(
    { weight: 3, arbitrary: write(writes) },
    { weight: 1, arbitrary: write(WRITES) },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constantFrom('query' as const, 'route' as const),
        side,
        at: fc.nat(MAX_WATCHED - 1),
      }),
    },
  );
  return fc.oneof(
    { weight: 7, arbitrary: fc.tuple(drawn) },
    { weight: 1, arbitrary: fc.tuple(drawn, drawn) },
  );
}

/** Programs around one table each, which print as stories. */
export function programs(themes: readonly Theme[]): fc.Arbitrary<Program> {
  return fc.constantFrom(...themes).chain(programsOf);
}

function programsOf({ reads, writes }: Theme): fc.Arbitrary<Program> {
  return fc
    .record({
      watched: fc.array(callOf(reads), {
        minLength: 1,
        maxLength: MAX_WATCHED,
      }),
      steps: fc.array(drawnStep(writes), { maxLength: MAX_STEPS, size: 'max' }),
    })
    .map(({ watched, steps }) => {
      const actionOf = (action: Drawn): Action =>
        action.kind === 'write'
          ? action
          : {
              kind: action.kind,
              side: action.side,
              call: watched[action.at % watched.length]!,
            };
      const program: Program = {
        watched,
        steps: steps.map(step =>
          step.length === 1
            ? [actionOf(step[0])]
            : [actionOf(step[0]), actionOf(step[1])],
        ),
      };
      return Object.assign(program, {
        [fc.toStringMethod]: () => story(program),
      });
    });
}

export function callText({
  operation,
  argument,
}: Call<{ readonly name: string }>): string {
  return `"${operation.name}" (${argument})`;
}

function story({ watched, steps }: Program): string {
  return [
    '',
    ...watched.map(call => `watch ${callText(call)}`),
    ...steps.map(step =>
      step
        .map(
          ({ kind, side: at, call }) => `${kind} at ${at}: ${callText(call)}`,
        )
        .join('  at the same time as  '),
    ),
    '',
  ].join('\n');
}
