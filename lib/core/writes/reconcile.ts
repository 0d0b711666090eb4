import { distinctTables } from './mentioned-tables.js';
import { type Statement, type TableWrite } from './statement.js';

/**
 * What is certain about a text that servers may read in several ways, the first of them usual:
 * where the ways differ in the rows of a write, its rows are not told; where they differ in what is
 * written at all, that is unknown.
 *
 * `blurred`: besides these ways there are mixtures of them, so that no row is certain.
 */
export function reconcile(
  usual: readonly Statement[],
  others: readonly (readonly Statement[] | undefined)[],
  blurred: boolean,
): Statement[] {
  const readable = others.filter(other => other !== undefined);
  const shape = shapeOf(usual);
  if (readable.every(other => shapeOf(other) === shape)) {
    return usual.map((statement, at) => ({
      ...statement,
      writes: statement.writes.map((write, index) => {
        const certain =
          !blurred &&
          readable.every(
            other => textOf(other[at]?.writes[index]) === textOf(write),
          );
        return certain ? write : opaque(write);
      }),
      locks: [usual, ...readable].some(other => other[at]?.locks),
    }));
  }
  const mentions = distinctTables(
    [usual, ...readable].flatMap(statements =>
      statements.flatMap(({ writes }) => writes.map(({ table }) => table)),
    ),
  );
  return [
    ...usual,
    {
      control: undefined,
      answersForWrite: false,
      writes: mentions.map(table => ({ verb: 'opaque', table })),
      unknown: 'servers read the text in several ways',
      commitsImplicitly: false,
      mentions,
      locks: true,
    },
  ];
}

function opaque({ table }: TableWrite): TableWrite {
  return { verb: 'opaque', table };
}

function shapeOf(statements: readonly Statement[]): string {
  return textOf(
    statements.map(({ control, unknown, commitsImplicitly, writes }) => [
      control,
      unknown !== undefined,
      commitsImplicitly,
      writes.map(({ verb, table }) => [verb, table]),
    ]),
  );
}

function textOf(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) =>
      part instanceof Map ? [...part] : part,
    ) ?? ''
  );
}
