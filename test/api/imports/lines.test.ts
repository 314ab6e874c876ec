import {
  readLines,
  REQUIRED_COLUMNS,
  UnreadableFile,
  type FailedLine,
  type Line,
} from '../../../src/api/imports/lines';

/** Against hanging only. */
jest.setTimeout(180_000);

const HEADER = REQUIRED_COLUMNS.join(',');
const row = (name: string) => `${name},A1B2C3,1 Dock St,Timonium,MD,21093,US,shipper,0123456789ABCDEF,user,pass`;

async function* chunks(text: string | Buffer, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(
  text: string | Buffer,
  size?: number,
  options?: Parameters<typeof readLines>[1],
): Promise<(Line | FailedLine)[]> {
  const lines: (Line | FailedLine)[] = [];
  for await (const line of readLines(chunks(text, size), options)) lines.push(line);
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

describe('what separates the cells', () => {
  const by = (mark: string, text: string) => text.replaceAll(',', mark);

  it.each([
    ['semicolons', ';'],
    ['tabs', '\t'],
    ['bars', '|'],
  ])('%s are found by the header', async (_, mark) => {
    const quoted = REQUIRED_COLUMNS.map((column) => `"${column}"`).join(mark);
    for (const header of [by(mark, HEADER), by(mark, HEADER).toUpperCase(), quoted, `${mark}\n${by(mark, HEADER)}`]) {
      const [one] = await read(`${header}\n${by(mark, row(`"a${mark}, ""b"""`))}\n`);
      expect(one).toMatchObject({ cells: { name: `a${mark}, "b"`.replaceAll(',', mark), city: 'Timonium' } });
    }
  });

  it.each([';', '\t', '|', ',', '^'])('a first line sep=%s names it, and counts as a line', async (mark) => {
    for (const said of [`sep=${mark}`, `\ufeffSEP=${mark}`, `\nsep=${mark}`]) {
      const [one] = await read(`${said}\n${by(mark, HEADER)}\n${by(mark, row('a'))}\n`);
      expect(one).toMatchObject({ line: said.startsWith('\n') ? 4 : 3, cells: { name: 'a', password: 'pass' } });
    }
  });

  it('is what the first line named, whatever the header looks like', async () => {
    await expect(read(`sep=;\n${HEADER}\n${row('a')}\n`)).rejects.toThrow('Cell 1 of the first line names no column');
  });

  it('is a comma where commas are', async () => {
    const [one] = await read(`${HEADER}\n${row('a;b|c')}\n`);
    expect(one).toMatchObject({ cells: { name: 'a;b|c' } });
  });
});

describe('rows that hold nothing', () => {
  const blank = (mark: string) => [
    mark.repeat(10),
    mark,
    mark.repeat(40),
    `${mark} ${mark}   ${mark}`,
    `""${mark}""${mark}`,
    `""`,
    ` "" ${mark} " " `,
    '   ',
    '\u00a0',
  ];

  it.each([',', ';', '\t', '|'])('by %j are skipped like empty lines, and counted as lines', async (mark) => {
    const [header, one] = [HEADER, row('a')].map((text) => text.replaceAll(',', mark));
    for (const nothing of blank(mark)) {
      const lines = await read([nothing, header, nothing, nothing, one, '', nothing, one, nothing].join('\n'));
      expect([nothing, lines.map(({ line }) => line)]).toEqual([nothing, [5, 8]]);
    }
  });

  it('are no rows with something in one cell, or a stray quote', async () => {
    expect(await told([',,,,,x', '","', '"'])).toEqual([
      [2, BAD],
      [3, BAD],
      [4, BAD],
    ]);
  });
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

describe('encodings', () => {
  /** Every byte that Windows-1252 and ISO 8859-1 tell apart, and that has a meaning. */
  const BYTES = [...Array(0xa0 - 0x80).keys()]
    .map((n) => n + 0x80)
    .filter((b) => ![0x81, 0x8d, 0x8f, 0x90, 0x9d].includes(b));
  const WORDS = '€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ';
  const file = (name: Uint8Array) =>
    Buffer.concat([Buffer.from(`${HEADER}\n`), name, Buffer.from(`${row('').slice(0)}\n`)]);

  it('reports bytes that are not UTF-8 by line and column, and says how to save the file', async () => {
    const bytes = Buffer.concat([file(Buffer.from('a')), Buffer.from([0xfc]), Buffer.from(row(''))]);
    const [good, bad] = await read(bytes);
    expect(good).toMatchObject({ line: 2, cells: { name: 'a' } });
    expect(bad).toMatchObject({ line: 3, field: 'name', code: BAD });
    expect(bad).toHaveProperty('message', expect.stringMatching(/^name .*not UTF-8.*"CSV UTF-8 \(comma delimited\)"/));
  });

  it.each(['windows-1252', 'iso-8859-1', 'latin1', 'Windows-1252'])('reads %s where it is named', async (encoding) => {
    for (const size of [1, 7, 1_000]) {
      const [one] = await read(file(Buffer.from([...BYTES, 0xe9])), size, { encoding });
      expect(one).toMatchObject({ cells: { name: `${WORDS}é` } });
    }
    // Shorter than any mark of the byte order.
    expect(await read(Buffer.from([0x80]), 1, { encoding }).catch(String)).toContain('Cell 1 of the first line');
  });

  it('goes by a byte order mark, whatever is named', async () => {
    const [one] = await read(`\ufeff${HEADER}\n${row('é')}\n`, 2, { encoding: 'windows-1252' });
    expect(one).toMatchObject({ cells: { name: 'é' } });
  });

  it('says of a header that is not text how to save the file', async () => {
    const utf16 = Buffer.from(`${HEADER}\n`, 'utf16le');
    await expect(read(utf16)).rejects.toThrow('"CSV UTF-8 (comma delimited)"');
    const broken = Buffer.concat([Buffer.from([0xff]), Buffer.from(HEADER)]);
    await expect(read(broken)).rejects.toThrow('"CSV UTF-8 (comma delimited)"');
  });
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

it('reads no more rows than it may, blank ones not counted', async () => {
  const lines = [HEADER, row('a'), '', ',,,', row('b')];
  expect(await read(lines.join('\n'), 100, { rows: 2 })).toHaveLength(2);
  await expect(read([...lines, row('c')].join('\n'), 100, { rows: 2 })).rejects.toThrow(
    /more than 2 lines below its header\. Split the file, or import it with `upslink access-keys import`/,
  );
});

describe('four megabytes of', () => {
  const SIZE = 4 * 1024 * 1024;
  const kinds = {
    'empty lines': '\n',
    'empty lines of Windows': '\r\n',
    'carriage returns': '\r',
    'lines of commas': ',,,,,,,,,,\n',
    'lines of one comma': ',\n',
    'lines of spaces': '    \n',
    'lines of quoted nothing': '"",""\n',
    'one line': 'x',
    'one line of NULs': '\0',
    'one line of quotes': '"',
    'open quotes before empty lines': `"${'\n'.repeat(30_000)}`,
  };

  it.each(Object.entries(kinds))(
    '%s leave turns to everything else',
    async (_, kind) => {
      const bytes = Buffer.from(`${HEADER}\n${kind.repeat(SIZE / kind.length)}`);
      // In one piece: no turn comes from waiting for more of it.
      async function* file() {
        yield bytes;
      }
      let turns = 0;
      let isReading = true;
      const count = () => {
        turns++;
        if (isReading) setImmediate(count);
      };
      setImmediate(count);
      const began = process.cpuUsage();
      for await (const line of readLines(file())) expect(line).toHaveProperty('code', BAD);
      isReading = false;
      const { user } = process.cpuUsage(began);
      // A turn at least every 200 ms of work, for work that is due every 8.
      expect(turns).toBeGreaterThanOrEqual(Math.max(1, Math.floor(user / 200_000)));
    },
    180_000,
  );

  const failing = { 'stray quotes': '"\n', 'NULs in lines': '\0\n', 'a quote that is never closed': 'x\n' };

  it.each(Object.entries(failing))(
    '%s end at the most rows there may be',
    async (_, kind) => {
      const bytes = Buffer.from(`${HEADER}\n"${kind.repeat(SIZE / kind.length)}`);
      async function* file() {
        yield bytes;
      }
      const all = async () => {
        for await (const line of readLines(file(), { rows: 1_000 })) expect(line).toHaveProperty('code', BAD);
      };
      await expect(all()).rejects.toThrow('more than 1000 lines');
    },
    180_000,
  );

  it('anything are read no further once the signal is aborted', async () => {
    const leaving = new AbortController();
    let asked = 0;
    async function* file() {
      yield Buffer.from(`${HEADER}\n`);
      for (;;) {
        asked++;
        yield Buffer.alloc(SIZE, '\n');
        if (asked === 2) setImmediate(() => leaving.abort(new Error('left')));
      }
    }
    const all = async () => {
      for await (const _ of readLines(file(), { signal: leaving.signal }));
    };
    await expect(all()).rejects.toThrow('left');
    expect(asked).toBe(3);
  });
});
