import {
  readLines,
  REQUIRED_COLUMNS,
  UnreadableFile,
  type FailedLine,
  type Line,
} from '../../../src/api/imports/lines';

const HEADER = REQUIRED_COLUMNS.join(',');
const row = (name: string) => `${name},A1B2C3,1 Dock St,Timonium,MD,21093,US,shipper,0123456789ABCDEF,user,pass`;

async function* chunks(text: string | Buffer, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string | Buffer): Promise<(Line | FailedLine)[]> {
  const lines: (Line | FailedLine)[] = [];
  for await (const line of readLines(chunks(text))) lines.push(line);
  // What is no CSV is told as soon as it is seen, which may be before the lines around it.
  return lines.sort((a, b) => a.line - b.line);
}
const numbers = async (text: string) => (await read(text)).map(({ line }) => line);

it('numbers lines as an editor does, whatever ends them and however many are empty or in quotes', async () => {
  expect(await numbers(`${HEADER}\n${row('a')}\n${row('b')}\n`)).toEqual([2, 3]);
  expect(await numbers(`${HEADER}\r\n${row('a')}\r\n${row('b')}`)).toEqual([2, 3]);
  expect(await numbers(`${HEADER}\n\n${row('a')}\n\n\n${row('b')}\n`)).toEqual([3, 6]);
  expect(await numbers(`${HEADER}\n${row('"a\nb\nc"')}\n${row('d')}\n`)).toEqual([2, 5]);
});

it('takes columns in any order and case, a byte order mark, and quoted cells', async () => {
  const [one] = await read(`\ufeff${HEADER.toUpperCase()}\n${row('"Say ""UPS"", East"')}\n`);
  expect(one).toMatchObject({
    line: 2,
    cells: { name: 'Say "UPS", East', account_number: 'A1B2C3', password: 'pass' },
  });
  const turned = [...REQUIRED_COLUMNS, 'external_id'].reverse().join(',');
  const [other] = await read(`${turned}\nx1,pass,user,KEY,store,US,21093,MD,City,Street,A1B2C3,n\n`);
  expect(other).toMatchObject({ cells: { external_id: 'x1', name: 'n', access_license_number: 'KEY' } });
});

it.each([
  ['an empty file', '', null],
  ['nothing but line ends', '\n\n', null],
  ['a column too few', HEADER.replace(',password', ''), 'password'],
  ['a column twice', `${HEADER},name`, 'name'],
  ['a column nobody knows', `${HEADER},colour`, 'colour'],
  ['no header at all', row('a'), 'a'],
])('%s is no list of keys', async (_, text, column) => {
  const error = await read(text).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UnreadableFile);
  expect((error as UnreadableFile).column).toBe(column);
});

it('reports what is no CSV by its line, and goes on behind it', async () => {
  const lines = await read(`${HEADER}\n${row('a')},more\n${row('b"c')}\nonly,three,cells\n${row('d')}\n`);
  expect(lines.map((one) => [one.line, 'code' in one ? one.code : one.cells.name])).toEqual([
    [2, 'invalid-csv'],
    [3, 'invalid-csv'],
    [4, 'invalid-csv'],
    [5, 'd'],
  ]);
});

it('reports a quote that is never closed, and bytes that are no UTF-8', async () => {
  const open = await read(`${HEADER}\n${row('a')}\n${row('"b')}\n`);
  expect(open.at(-1)).toMatchObject({ code: 'invalid-csv', field: null });
  const bytes = Buffer.concat([Buffer.from(`${HEADER}\n`), Buffer.from([0xff, 0xfe]), Buffer.from(`${row('a')}\n`)]);
  expect(await read(bytes)).toMatchObject([{ line: 2, field: 'name', code: 'invalid-csv' }]);
});

it('does not hold a line that never ends', async () => {
  const lines = await read(`${HEADER}\n${row(`"${'x'.repeat(200_000)}`)}\n`);
  expect(lines.some((one) => 'code' in one)).toBe(true);
});
