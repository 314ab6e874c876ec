/** docs/tests.md names files and tests: a table that names one that is gone would promise what nothing holds. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const page = read('docs/tests.md');

/** A table's cells are padded, and a `|` in a test's name would end its cell. */
const promised = page
  .split('\n')
  .map((line) => line.split(' | ').map((cell) => cell.replaceAll('|', '').trim()))
  .flatMap(([, file, name, ...rest]) =>
    file?.startsWith('`test/') && name && rest.length === 0 ? [{ file: file.replaceAll('`', ''), name }] : [],
  );

/** As quoted text: the name of an `it.each` follows a table of any shape. */
const holds = (file: string, name: string): boolean =>
  existsSync(path.join(root, file)) && ["'", '"', '`'].some((quote) => read(file).includes(`${quote}${name}${quote}`));

it('docs/tests.md names tests that exist', () => {
  expect(promised.length).toBeGreaterThan(80);
  const missing = promised.filter(({ file, name }) => !holds(file, name));
  expect(missing).toEqual([]);
});

it('docs/tests.md names files and folders that exist', () => {
  const named = [...page.matchAll(/`((?:test|src)(?:\/[^`]+)?)`/g)].map(([, file = '']) => file);
  expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
});

it('docs/tests.md says what runs each source file that has no test of its own name', () => {
  const folders = new Set([...page.matchAll(/^\| `(src[^`]*)`/gm)].map(([, folder]) => folder));
  const sources = readdirSync(path.join(root, 'src'), { recursive: true })
    .map((file) => path.join('src', String(file)))
    .filter((file) => file.endsWith('.ts'));
  const untested = sources.filter(
    (file) => !existsSync(path.join(root, file.replace(/^src/, 'test').replace(/\.ts$/, '.test.ts'))),
  );
  expect(untested.filter((file) => !folders.has(path.dirname(file)))).toEqual([]);
});
