import { describe, expect, it } from '@jest/globals';

import { readWords } from '../../../lib/core/writes/sql-words.js';
import { type Dialect } from '../../../lib/core/writes/statement.js';

const SIGNS: Readonly<Record<string, string>> = {
  bare: '',
  symbol: '',
  quoted: 'name:',
  either: 'either:',
  string: 'string:',
  number: '',
  literal: 'literal',
  parameter: '?',
  variable: 'variable:',
};

/** The words of a text, with a sign for their kind; `…` where reading stopped. */
function wordsOf(sql: string, dialect: Dialect): string {
  const { words, failure } = readWords(sql, dialect);
  return [
    ...words.map(({ kind, text, at }) =>
      kind === 'parameter' ? `?${at}` : `${SIGNS[kind]}${text}`,
    ),
    ...(failure === undefined ? [] : ['…']),
  ].join(' ');
}

describe('words', () => {
  it.each<[Dialect, string, string]>([
    [
      'postgres',
      'SELECT Name, "Name", "a""b"',
      'select name , name:Name , name:a"b',
    ],
    [
      'mysql',
      'SELECT Name, `Name`, `a``b`',
      'SELECT Name , name:Name , name:a`b',
    ],
    [
      'sqlite',
      'SELECT Name, [a b], `c`, "d"',
      'SELECT Name , name:a b , name:c , name:d',
    ],
    ['postgres', 'Äbc', 'Äbc'],
    ['postgres', 'U&"d\\0061t\\+000061" U&"\\\\"', 'name:data name:\\'],
    // Comments
    ['postgres', 'a -- b\nc', 'a c'],
    ['postgres', 'a--b', 'a'],
    ['postgres', 'a -- b\rc', 'a c'],
    ['mysql', 'a -- b\nc', 'a c'],
    ['mysql', 'a--b', 'a - - b'],
    ['mysql', 'a --\nb', 'a b'],
    ['mysql', 'a # b\nc', 'a c'],
    ['postgres', 'a # b', 'a # b'],
    ['sqlite', 'a -- b\rc\nd', 'a d'],
    ['postgres', 'a /* b /* c */ d */ e', 'a e'],
    ['mysql', 'a /* b /* c */ d', 'a d'],
    ['sqlite', 'a /* b /* c */ d', 'a d'],
    ['sqlite', 'a /* b', 'a'],
    ['postgres', 'a /* b', 'a …'],
    ['mysql', 'a /* b', 'a …'],
    ['mysql', 'a /*! b */ c', 'a b c'],
    ['mysql', 'a /*!50001 b */ c', 'a b c'],
    ['mysql', 'a /*M!100501b */ c', 'a b c'],
    ['mysql', 'a /*!50001 b /* c */ d */ e', 'a b d e'],
    ['mysql', 'a /*+ b */ c', 'a c'],
    ['postgres', 'a /*! b */ c', 'a c'],
    ['mysql', 'a /*! b', 'a b …'],
    // Strings
    ['postgres', "'it''s'", "string:it's"],
    ['postgres', "'a\\b'", 'literal'],
    ['postgres', "'a' 'b'", 'string:a string:b'],
    ['postgres', "'a'\n'b'", 'string:ab'],
    ['postgres', "'a' -- c\n  'b'", 'string:ab'],
    ['postgres', "E'a' e'it\\'s'", 'string:a literal'],
    ['postgres', "E'a'\n'\\'; b'", 'literal'],
    ['postgres', "U&'a' U&'\\0061' N'b'", 'string:a literal string:b'],
    ['postgres', "B'01' X'1f'", 'literal literal'],
    ['postgres', "$$a 'b' $c$$ d", "string:a 'b' $c d"],
    ['postgres', '$a$ $$ $b$ $a$', 'string: $$ $b$ '],
    ['postgres', 'a$b$c', 'a$b$c'],
    ['postgres', '$a$ b', '…'],
    ['postgres', "'a", '…'],
    ['postgres', '"a', '…'],
    ['mysql', '\'it\\\'s\' "b\\"c"', 'literal either:b\\"c'],
    ['mysql', '"a""b"', 'either:a"b'],
    [
      'mysql',
      "N'a' _utf8mb4'b' x'1f' b'01'",
      'string:a _utf8mb4 string:b literal literal',
    ],
    ['mysql', "'a\\", '…'],
    ['sqlite', "'a\\' b", 'string:a\\ b'],
    ['sqlite', "x'1f' b'01'", 'literal b string:01'],
    // Numbers
    [
      'postgres',
      '1 1.5 .5 1e5 1.5e-3 0x1F 1_000',
      '1 1.5 .5 1e5 1.5e-3 0x1F 1_000',
    ],
    ['postgres', '1OR 2', '1 or 2'],
    ['mysql', '1 1.5 .5 1e5 0x1F 0b01', '1 1.5 .5 1e5 0x1F 0b01'],
    ['mysql', '1OR 2', '1OR 2'],
    ['mysql', 't.1a', 't . 1a'],
    ['mysql', 't.1', 't . 1'],
    ['sqlite', '1OR 2', '1 OR 2'],
    // Parameters and variables
    ['postgres', '$1 $12::int', '?0 ?11 :: int'],
    ['postgres', 'a ? b ?| c', 'a ? b ?| c'],
    ['mysql', '? ? ??', '?0 ?1 ??'],
    ['mysql', '? "?" ?', '?0 either:? ?-1'],
    ['mysql', '# ?\n ?', '?-1'],
    ['mysql', ':name', '?:name'],
    [
      'mysql',
      "@x @@session.y @'z' @`w`",
      'variable:@x variable:@@session.y variable:z variable:w',
    ],
    ['mysql', '@x := 1', 'variable:@x := 1'],
    ['sqlite', '? ?3 ? :a ? :a $b @c ?', '?0 ?2 ?3 ?:a ?5 ?:a ?$b ?@c ?8'],
    // Operators
    ['postgres', 'a=-1 a@-1 a<=b a->>b', 'a = - 1 a @- 1 a <= b a ->> b'],
    ['postgres', 'a[1] {x}', 'a [ 1 ] { x }'],
    ['mysql', 'a<=>b||c&&!d', 'a <=> b || c && ! d'],
    ['sqlite', 'a==b<>c', 'a == b <> c'],
    // NUL
    ['postgres', 'a\0b', 'a …'],
    ['sqlite', "'a\0b'", '…'],
    ['mysql', "'a\0b'", 'string:a\0b'],
    // Letters whose upper case is an ASCII letter
    ['postgres', 'ſelect', 'ſelect'],
  ])('of %s: %j are %j', (dialect, sql, words) => {
    expect(wordsOf(sql, dialect)).toBe(words);
  });

  it('match keywords in ASCII only', () => {
    const [word] = readWords('ſelect', 'postgres').words;
    expect(word?.key).toBe('');
  });

  it('say where a text may be read in another way', () => {
    expect(readWords("'it\\'s'", 'mysql').ambiguous).toBe(true);
    expect(readWords("'a\\n'", 'mysql').ambiguous).toBe(false);
    expect(readWords("'a\\'", 'postgres').ambiguous).toBe(true);
    expect(readWords("E'a\\'b'", 'postgres').ambiguous).toBe(false);
    expect(readWords("'a\\'", 'sqlite').ambiguous).toBe(false);
    expect(readWords('a /*! b */', 'mysql').conditional).toBe(true);
  });

  it('keep their place in the text', () => {
    const sql = ' a /* b */ "c"::int ';
    const places = readWords(sql, 'postgres').words.map(({ start, end }) =>
      sql.slice(start, end),
    );
    expect(places).toEqual(['a', '"c"', '::', 'int']);
  });
});
