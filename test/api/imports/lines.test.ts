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

async function read(text: string | Buffer, size?: number): Promise<(Line | FailedLine)[]> {
  const lines: (Line | FailedLine)[] = [];
  for await (const line of readLines(chunks(text, size))) lines.push(line);
  return lines;
}
const numbers = async (text: string) => (await read(text)).map(({ line }) => line);
/** Each line with its name, or what is wrong with it. */
const told = async (lines: string[], end = '\n') =>
  (await read([HEADER, ...lines].join(end), 1024)).map((one) => [one.line, 'code' in one ? one.code : one.cells.name]);
const BAD = 'invalid-csv';

it('numbers lines as an editor does, whatever ends them and however many are empty or in quotes', async () => {
  expect(await numbers(`${HEADER}\n${row('a')}\n${row('b')}\n`)).toEqual([2, 3]);
  expect(await numbers(`${HEADER}\r\n${row('a')}\r\n${row('b')}`)).toEqual([2, 3]);
  expect(await numbers(`${HEADER}\n\n${row('a')}\n\n\n${row('b')}\n`)).toEqual([3, 6]);
  expect(await numbers(`${HEADER}\n${row('"a\nb\nc"')}\n${row('d')}\n`)).toEqual([2, 5]);
  expect(await numbers(`${HEADER}\r\n${row('"a\r\nb\r\nc"')}\r\n${row('d')}\r\n`)).toEqual([2, 5]);
  expect(await numbers(`${HEADER}\n${row('a')}\r\n${row('"b\rc"')}\r${row('d')}\n\r\n${row('e')}`)).toEqual([
    2, 3, 5, 7,
  ]);
});

it('keeps the line ends within quotes as they are', async () => {
  const [one] = await read(`${HEADER}\r\n${row('"a\r\n\rb\n"')}\r\n`);
  expect(one).toMatchObject({ line: 2, cells: { name: 'a\r\n\rb\n', password: 'pass' } });
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
  ['a column nobody knows', `${HEADER},colour`, null],
  ['no header at all', row('a'), null],
  ['a header with a stray quote', `"${HEADER}\n${row('a')}`, null],
])('%s is no list of keys', async (_, text, column) => {
  const error = await read(text).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UnreadableFile);
  expect((error as UnreadableFile).column).toBe(column);
});

it.each([
  ['semicolons', ';'],
  ['tabs', '\t'],
])('says that cells are separated by %s', async (words, mark) => {
  const text = `${REQUIRED_COLUMNS.join(mark)}\n`;
  for (const header of [text, text.toUpperCase()])
    await expect(read(header)).rejects.toThrow(`separated by ${words}: save the file with commas`);
});

it('does not say what stands where the header should: it may be a password', async () => {
  const text = REQUIRED_COLUMNS.join(',').replace('password', 'Pass-SECRET');
  const error = (await read(text).catch((thrown: unknown) => thrown)) as UnreadableFile;
  expect(error.message).toContain('Cell 11 of the first line');
  expect(JSON.stringify([error.message, error.column])).not.toMatch(/secret/i);
});

it('reports what is no CSV by its line, and goes on behind it', async () => {
  const lines = [`${row('a')},more`, row('b"c'), 'only,three,cells', row('d')];
  expect(await told(lines)).toEqual([
    [2, BAD],
    [3, BAD],
    [4, BAD],
    [5, 'd'],
  ]);
});

describe('a stray quote costs no line but its own', () => {
  it('opened', async () => {
    const lines = [row('"a'), row('b'), row('"c"'), row('d')];
    expect(await told(lines)).toEqual([
      [2, BAD],
      [3, 'b'],
      [4, 'c'],
      [5, 'd'],
    ]);
  });

  it('opened twice', async () => {
    const lines = [row('"a'), row('b'), row('"c'), row('d')];
    expect(await told(lines)).toEqual([
      [2, BAD],
      [3, 'b'],
      [4, BAD],
      [5, 'd'],
    ]);
  });

  it('before a cell that goes over lines', async () => {
    const lines = [row('a"'), row('b'), row('"c\nd"'), row('e')];
    expect(await told(lines)).toEqual([
      [2, BAD],
      [3, 'b'],
      [4, 'c\nd'],
      [6, 'e'],
    ]);
  });

  it('closed too early', async () => {
    const lines = [row('"R2"y'), row('b')];
    expect(await told(lines)).toEqual([
      [2, BAD],
      [3, 'b'],
    ]);
  });

  it('joining lines to a record of another width', async () => {
    const lines = [`${row('a')},"`, row('b'), `",${row('c')}`];
    expect(await told(lines)).toEqual([
      [2, BAD],
      [3, 'b'],
      [4, BAD],
    ]);
  });

  it('at the end of the file', async () => {
    expect(await told([row('a'), row('"b')])).toEqual([
      [2, 'a'],
      [3, BAD],
    ]);
    expect(await told([row('a'), `${row('b')}"`, ''])).toEqual([
      [2, 'a'],
      [3, BAD],
    ]);
  });
});

it('reports bytes that are no UTF-8 by their column', async () => {
  const bytes = Buffer.concat([Buffer.from(`${HEADER}\n`), Buffer.from([0xff, 0xfe]), Buffer.from(`${row('a')}\n`)]);
  expect(await read(bytes)).toMatchObject([{ line: 2, field: 'name', code: BAD }]);
});

it('reports a line of any length once, without holding it', async () => {
  for (const long of ['x'.repeat(700_000), `"${'x'.repeat(700_000)}"`, `"${'x'.repeat(700_000)}`])
    expect(await told([row('a'), row(long), row('b')])).toEqual([
      [2, 'a'],
      [3, BAD],
      [4, 'b'],
    ]);
  // Longer than a record may be, and quotes that fit.
  const over = await told([row(`"${'x\n'.repeat(40_000)}"`), row('b')]);
  expect([over[0], over.at(-1)]).toEqual([
    [2, BAD],
    [40_003, 'b'],
  ]);
});

it('reads UTF-16 that says so, as spreadsheets write it', async () => {
  const bytes = Buffer.from(`\ufeff${HEADER}\r\n${row('"Öst, ☃"')}\r\n${row('b')}\r\n`, 'utf16le');
  expect(await read(bytes)).toMatchObject([
    { line: 2, cells: { name: 'Öst, ☃', password: 'pass' } },
    { line: 3, cells: { name: 'b' } },
  ]);
});

it.each(['utf8', 'utf16le', 'utf16be'] as const)('reads the same from %s however it is cut', async (encoding) => {
  const lines = ['', row('"a\r\nb"'), row('☃"'), row('"c""d"'), '', row('é')];
  const text = `\ufeff${[HEADER, ...lines].join('\r\n')}\r`;
  const bytes = encoding === 'utf16be' ? Buffer.from(text, 'utf16le').swap16() : Buffer.from(text, encoding);
  const whole = await read(bytes, bytes.length);
  expect(whole.map(({ line }) => line)).toEqual([3, 5, 6, 8]);
  async function* cut(at: number) {
    yield bytes.subarray(0, at);
    yield bytes.subarray(at);
  }
  for (let at = 0; at <= bytes.length; at++) {
    const lines = [];
    for await (const line of readLines(cut(at))) lines.push(line);
    expect([at, lines]).toEqual([at, whole]);
  }
  expect(await read(bytes, 1)).toEqual(whole);
});

it('lets the file go when nobody wants more of it', async () => {
  let isLetGo = false;
  async function* file() {
    try {
      for (;;) yield Buffer.from(`${HEADER}\n${row('a')}\n`);
    } finally {
      isLetGo = true;
    }
  }
  for await (const _ of readLines(file())) break;
  expect(isLetGo).toBe(true);
});
