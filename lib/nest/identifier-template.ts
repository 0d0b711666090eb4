import {
  parseIdentifier,
  type TableId,
} from '../core/identifiers/identifier.js';

/** A row identifier with route parameters in it: `alkey:users#:id`. */
export interface IdentifierTemplate {
  readonly table: TableId;
  /** In the order of the key: a parameter, or a value as it stands. */
  readonly values: readonly (
    { readonly parameter: string } | { readonly text: string }
  )[];
}

const PARAMETER = /^:([A-Za-z_$][\w$]*)$/;

/** The template a text is; `undefined` for any text without a parameter. */
export function templateOf(text: string): IdentifierTemplate | undefined {
  const hash = text.indexOf('#');
  if (hash === -1) return undefined;
  const parts = text.slice(hash + 1).split(',');
  const names = parts.map(part => PARAMETER.exec(part)?.[1]);
  if (names.every(name => name === undefined)) return undefined;
  // An identifier cannot have a `:` in a part, so each parameter is replaced by a value that can be.
  const plain = parts.map((part, index) =>
    names[index] === undefined ? part : 'x',
  );
  const parsed = parseIdentifier(`${text.slice(0, hash)}#${plain.join(',')}`);
  if (parsed?.kind !== 'row') return undefined;
  return {
    table: parsed.table,
    values: parsed.values.map((value, index) => {
      const parameter = names[index];
      return parameter === undefined ? { text: value } : { parameter };
    }),
  };
}
