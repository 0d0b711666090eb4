// Prints, and writes into test/README.md, how exactly the writes of test/capture are captured.
// The numbers are those that test/capture/every-way-to-write.spec.ts holds the capture to.
import { readFileSync, writeFileSync } from 'node:fs';

const README = 'test/README.md';
const BEGIN = '<!-- capture: node test/capture/report.mjs -->';
const END = '<!-- /capture -->';

const rows = ['postgres', 'mariadb', 'sqlite'].map(database => {
  const golden = JSON.parse(
    readFileSync(`test/golden/writes/${database}.json`, 'utf8'),
  );
  const touched = Object.values(golden.touched);
  const some = touched.filter(identifiers => identifiers.length > 0);
  const wide = some.filter(identifiers =>
    identifiers.some(identifier => identifier.endsWith('#**')),
  );
  const none = touched.length - some.length;
  const exact = some.length - wide.length;
  return [database, touched.length, exact, wide.length, none, golden.missed];
});

const table = [
  [
    'database',
    'ways',
    'rows exact',
    'some table as a whole',
    'nothing',
    'missed',
  ],
  ['---', '---', '---', '---', '---', '---'],
  ...rows,
]
  .map(cells => `| ${cells.join(' | ')} |`)
  .join('\n');

console.log(table);
const readme = readFileSync(README, 'utf8');
const before = readme.slice(0, readme.indexOf(BEGIN) + BEGIN.length);
const after = readme.slice(readme.indexOf(END));
writeFileSync(README, `${before}\n\n${table}\n\n${after}`);
