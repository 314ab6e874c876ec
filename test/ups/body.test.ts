import * as zlib from 'node:zlib';
import { BodyTooLarge, LARGEST_BODY_BYTES, readBody } from '../../src/ups/body';

const said = { access_token: 'at-1', refresh_token: 'rt-1', scope: 'Zürich' };
const plain = Buffer.from(JSON.stringify(said));
const read = (raw: Buffer, contentEncoding?: string | string[], contentType: string | null = 'application/json') =>
  readBody(raw, { contentEncoding, contentType });

const wide = (order: 'le' | 'be', text = JSON.stringify(said)) => {
  const bytes = Buffer.from(text, 'utf16le');
  return order === 'le' ? bytes : bytes.swap16();
};

describe('compressed', () => {
  const gzip = zlib.gzipSync(plain);
  test.each<[string, Buffer, string | string[] | undefined]>([
    ['gzip', gzip, 'gzip'],
    ['x-gzip', gzip, 'x-gzip'],
    ['in capitals, with spaces', gzip, ' GZIP '],
    ['deflate', zlib.deflateSync(plain), 'deflate'],
    ['deflate without its header', zlib.deflateRawSync(plain), 'deflate'],
    ['br', zlib.brotliCompressSync(plain), 'br'],
    ['several, in one header', zlib.brotliCompressSync(gzip), 'gzip, br'],
    ['several, in two headers', zlib.brotliCompressSync(gzip), ['gzip', 'br']],
    ['identity', plain, 'identity'],
    ['gzip under identity', gzip, 'identity'],
    ['gzip whose header is gone', gzip, undefined],
    ['zlib whose header is gone', zlib.deflateSync(plain), undefined],
    ['br whose header is gone', zlib.brotliCompressSync(plain), undefined],
    ['raw deflate whose header is gone', zlib.deflateRawSync(plain), undefined],
    ['twice, one header gone', zlib.gzipSync(gzip), 'gzip'],
    ['a header that lies: plain', plain, 'gzip'],
    ['a header that lies: plain, said to be br', plain, 'br'],
    ['a header that lies: another coding', gzip, 'br'],
    ['a header that nobody knows', plain, 'sdch'],
    ['one header of two lies', gzip, 'gzip, br'],
    ['two members', Buffer.concat([zlib.gzipSync(plain.subarray(0, 9)), zlib.gzipSync(plain.subarray(9))]), 'gzip'],
    ['its checksum cut off', gzip.subarray(0, -8), 'gzip'],
  ])('%s is read', (_name, raw, encoding) => {
    expect(read(raw, encoding).json).toEqual(said);
  });

  test('what is cut or broken is no JSON, and no more of it is shown than text', () => {
    const long = Buffer.from(JSON.stringify({ page: 'word '.repeat(200) + String(Math.PI), end: 'x' }));
    const cut = read(zlib.gzipSync(long).subarray(0, -12), 'gzip');
    expect(cut.json).toBeUndefined();
    const broken = Buffer.from(gzip);
    broken.fill(0xff, 12, 30);
    expect(read(broken, 'gzip')).toEqual({ json: undefined, text: '' });
    expect(read(zlib.brotliCompressSync(long).subarray(0, 9), 'br')).toEqual({ json: undefined, text: '' });
    expect(read(gzip.subarray(0, 4), 'gzip').json).toBeUndefined();
  });

  test.each<[string, (bytes: Buffer) => Buffer, string | undefined]>([
    ['gzip', zlib.gzipSync, 'gzip'],
    ['deflate', zlib.deflateSync, 'deflate'],
    ['br', zlib.brotliCompressSync, 'br'],
    ['gzip without a header', zlib.gzipSync, undefined],
    ['gzip in gzip', (bytes) => zlib.gzipSync(zlib.gzipSync(bytes)), 'gzip, gzip'],
  ])('a bomb (%s) is given up', (_name, compress, encoding) => {
    const bomb = compress(Buffer.alloc(64 * LARGEST_BODY_BYTES, 0x20));
    expect(bomb.length).toBeLessThan(LARGEST_BODY_BYTES);
    expect(() => read(bomb, encoding)).toThrow(BodyTooLarge);
  });

  test('more codings than an answer has are not undone', () => {
    expect(
      read(
        plain,
        Array.from({ length: 500 }, () => 'gzip'),
      ).json,
    ).toEqual(said);
  });
});

describe('in another charset', () => {
  const mark = Buffer.from('\ufeff', 'utf16le');
  test.each<[string, Buffer, string | null]>([
    ['UTF-8 with a byte order mark', Buffer.concat([Buffer.from('\ufeff'), plain]), 'application/json'],
    ['two byte order marks and white space', Buffer.from(`\ufeff\ufeff \r\n${plain.toString()}\n\n`), null],
    ['latin1', Buffer.from(JSON.stringify(said), 'latin1'), 'application/json; charset=ISO-8859-1'],
    ['latin1, in quotes', Buffer.from(JSON.stringify(said), 'latin1'), 'application/json;CHARSET="latin1"'],
    ['UTF-16 with a mark', Buffer.concat([mark, wide('le')]), 'application/json'],
    ['UTF-16 with a mark, the other order', Buffer.concat([Buffer.from(mark).swap16(), wide('be')]), null],
    ['UTF-16 by its header', wide('le'), 'application/json; charset=utf-16le'],
    ['UTF-16 by its header, the other order', wide('be'), 'application/json; charset=utf-16'],
    ['UTF-16 that nothing tells of', wide('le'), 'application/json'],
    ['UTF-8 under a header that lies', plain, 'application/json; charset=utf-16'],
    ['UTF-8 under a charset nobody knows', plain, 'application/json; charset=klingon'],
  ])('%s is read', (_name, raw, contentType) => {
    expect(read(raw, undefined, contentType).json).toEqual(said);
    expect(read(zlib.gzipSync(raw), 'gzip', contentType).json).toEqual(said);
  });
});

test('text that is no JSON is kept for people, in its charset', () => {
  expect(read(Buffer.from('<p>Schließfach</p>'))).toEqual({ json: undefined, text: '<p>Schließfach</p>' });
  const latin = Buffer.from('<p>Schließfach</p>', 'latin1');
  expect(read(latin, undefined, 'text/html; charset=latin1').text).toBe('<p>Schließfach</p>');
  expect(read(zlib.gzipSync(Buffer.from('<p>Away</p>')), 'gzip').text).toBe('<p>Away</p>');
  expect(read(Buffer.alloc(0))).toEqual({ json: undefined, text: '' });
});
