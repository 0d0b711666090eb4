/**
 * How a key column compares its values, so that every form of one value gives one text.
 *
 * `opaque`: equality that this library cannot reproduce (floating point, dates, locale collations
 * beyond ASCII…). Rows of such a table are never named; its whole table counts instead.
 */
export type KeyKind =
  | {
      /** Of up to 64 bits; others are not named: SQLite keeps them as floating point. */
      readonly kind: 'integer';
      readonly unsigned?: boolean;
    }
  | {
      readonly kind: 'decimal';
      /** Digits after the point that the column keeps; it rounds others, so they are not named. */
      readonly scale?: number;
      /** Significant digits that count in every comparison; longer values are not named. */
      readonly digits?: number;
    }
  | { readonly kind: 'uuid' }
  | {
      readonly kind: 'binary';
      /** Bytes that the column keeps of each value, where it fills up shorter ones. */
      readonly length?: number;
    }
  | {
      readonly kind: 'text';
      /**
       * `none`: byte by byte. `ascii`: letters A to Z have no case, all else byte by byte (SQLite's
       * NOCASE). `ascii-only`: the same, and text with other characters is not named, because the
       * collation may call different ones equal.
       */
      readonly fold: 'none' | 'ascii' | 'ascii-only';
      /** Whether spaces at the end count: `trim`, no; `refuse`: it depends, so such text is not named. */
      readonly trailingSpace: 'keep' | 'trim' | 'refuse';
    }
  | { readonly kind: 'opaque' };

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?$/;
const UUID = /^\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
/** Longer than any number a database keeps; what follows would only cost time. */
const MAX_DIGITS = 1000;

/**
 * The one text of a database value in a column of this kind: `'01'`, `1` and `1n` are `'1'` in an
 * integer column. `undefined` where the value is none that such a column can hold, or none that
 * can be compared from outside.
 */
export function canonicalKeyValue(
  kind: KeyKind,
  value: unknown,
): string | undefined {
  switch (kind.kind) {
    case 'integer':
      return canonicalInteger(value, kind.unsigned ?? false);
    case 'decimal':
      return canonicalDecimal(value, kind.scale, kind.digits);
    case 'uuid':
      return typeof value === 'string' ? canonicalUuid(value) : undefined;
    case 'binary':
      return value instanceof Uint8Array &&
        (kind.length === undefined || value.length === kind.length)
        ? Buffer.from(value).toString('hex')
        : undefined;
    case 'text':
      return typeof value === 'string'
        ? canonicalText(value, kind.fold, kind.trailingSpace)
        : undefined;
    case 'opaque':
      return undefined;
  }
}

function canonicalInteger(
  value: unknown,
  unsigned: boolean,
): string | undefined {
  // What most keys are, in as many bits as any column has.
  if (Number.isSafeInteger(value) && (value as number) >= 0) {
    return String(value);
  }
  const integer = integerOf(value);
  if (integer === undefined) return undefined;
  const kept = unsigned
    ? BigInt.asUintN(64, integer)
    : BigInt.asIntN(64, integer);
  return kept === integer ? integer.toString() : undefined;
}

function integerOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  }
  return typeof value === 'string' &&
    INTEGER.test(value) &&
    value.length <= MAX_DIGITS
    ? BigInt(value.replace('+', ''))
    : undefined;
}

function canonicalDecimal(
  value: unknown,
  scale = Number.POSITIVE_INFINITY,
  maxDigits = Number.POSITIVE_INFINITY,
): string | undefined {
  const text = decimalText(value);
  const match =
    text !== undefined && text.length <= MAX_DIGITS ? DECIMAL.exec(text) : null;
  if (!match) return undefined;
  const [, sign, whole = '', fraction = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = whole.replace(/^0+/, '') || '0';
  const decimals = fraction.replace(/0+$/, '');
  const tooFine = decimals.length > scale;
  if (tooFine || digits.length + decimals.length > maxDigits) return undefined;
  const magnitude = decimals === '' ? digits : `${digits}.${decimals}`;
  return sign === '-' && magnitude !== '0' ? `-${magnitude}` : magnitude;
}

function decimalText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint'
    ? String(value)
    : undefined;
}

function canonicalUuid(value: string): string | undefined {
  if (!UUID.test(value)) return undefined;
  const hex = value.replace(/[{}-]/g, '').toLowerCase();
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}

function canonicalText(
  value: string,
  fold: 'none' | 'ascii' | 'ascii-only',
  trailingSpace: 'keep' | 'trim' | 'refuse',
): string | undefined {
  // Drivers differ in what they make of half a character, and some end a text at a zero byte.
  if (!value.isWellFormed() || value.includes('\0')) return undefined;
  if (fold === 'ascii-only' && !PRINTABLE_ASCII.test(value)) return undefined;
  if (trailingSpace === 'refuse' && value.endsWith(' ')) return undefined;
  const kept = trailingSpace === 'trim' ? value.replace(/ +$/, '') : value;
  return fold === 'none'
    ? kept
    : kept.replace(/[A-Z]/g, letter => letter.toLowerCase());
}
