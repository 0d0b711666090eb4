import { analyseSql } from '../../lib/core/writes/analyse-sql.js';
import {
  type DeleteWrite,
  type Dialect,
  type InsertWrite,
  type Operand,
  type RowFilter,
  type Statement,
  type TableName,
  type TableWrite,
  type UpdateWrite,
} from '../../lib/core/writes/statement.js';

/**
 * An analysis in a line, for tables of examples: `delete users[id=?0|?1] / commit`. `[*]`: rows not
 * told; `!`: unknown; `locks`, `commits` where the statement does.
 */
export function analysisText(sql: string, dialect: Dialect): string {
  const { statements, harmless } = analyseSql(sql, dialect);
  const text = statements.map(statementText).join(' / ');
  const isQuiet = text === '' || /^(?:-|locks)(?: \/ (?:-|locks))*$/.test(text);
  if (harmless !== isQuiet) throw new Error(`harmless is ${harmless}: ${text}`);
  return text;
}

function statementText({
  control,
  writes,
  unknown,
  commitsImplicitly,
  locks,
}: Statement): string {
  const parts = [
    unknown === undefined ? '' : '!',
    commitsImplicitly ? 'commits' : '',
    control === undefined
      ? ''
      : [
          control.kind,
          'name' in control ? control.name : '',
          'chain' in control && control.chain ? 'chain' : '',
        ]
          .filter(Boolean)
          .join(' '),
    ...writes.map(writeText),
    locks ? 'locks' : '',
  ].filter(Boolean);
  return parts.join(' ') || '-';
}

export function tableText({ schema, name }: TableName): string {
  return schema === undefined ? name : `${schema}.${name}`;
}

function writeText(write: TableWrite): string {
  const table = tableText(write.table);
  switch (write.verb) {
    case 'insert': {
      const columns = write.columns ? `(${write.columns.join(',')})` : '';
      const rows =
        write.tuples
          ?.map(tuple => `(${tuple.map(operandText).join(',')})`)
          .join('') ?? '*';
      const conflict =
        write.onConflict === 'fail'
          ? ''
          : ` ${write.onConflict}${write.conflictColumns ? `(${write.conflictColumns.join(',')})` : ''}`;
      return `insert ${table}${columns}${rows}${conflict}${assignmentText(write.conflictAssignments)}${returningText(write)}`;
    }
    case 'update':
      return `update ${table}[${filterText(write.where)}]${assignmentText(write.assignments)}${returningText(write)}`;
    case 'delete':
      return `delete ${table}[${filterText(write.where)}]${returningText(write)}`;
    case 'truncate':
      return `truncate ${table}${write.cascade ? ' cascade' : ''}`;
    case 'opaque':
      return `opaque ${table}`;
  }
}

function returningText(write: InsertWrite | UpdateWrite | DeleteWrite): string {
  const { returning } = write;
  if (returning === undefined) return '';
  return ` returning ${returning === 'all' ? '*' : returning.join(',')}`.trimEnd();
}

function assignmentText(assignments: ReadonlyMap<string, Operand>): string {
  if (assignments.size === 0) return '';
  const parts = [...assignments].map(
    ([column, operand]) => `${column}=${operandText(operand)}`,
  );
  return ` set ${parts.join(',')}`;
}

export function filterText(filter: RowFilter): string {
  return (
    filter
      ?.map(alternative =>
        [...alternative]
          .map(
            ([column, operands]) =>
              `${column}=${operands.map(operandText).join('|')}`,
          )
          .join('&'),
      )
      .join(' or ') ?? '*'
  );
}

function operandText(operand: Operand): string {
  switch (operand.kind) {
    case 'parameter':
      return `${operand.each ? '...' : ''}?${operand.at}`;
    case 'number':
      return operand.text;
    case 'string':
      return `'${operand.value}'`;
    case 'boolean':
      return String(operand.value);
    case 'null':
    case 'default':
      return operand.kind;
    case 'expression':
      return 'expr';
  }
}
