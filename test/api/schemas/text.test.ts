import fc from 'fast-check';
import { accountIdOf } from '../../../src/hash';
import { foreignId, line, normalise } from '../../../src/api/schemas/text';

const name = line(100);
const read = (text: string): string | null => name.safeParse(text).data ?? null;
const faultOf = (text: string): string => name.safeParse(text).error?.issues[0]?.message ?? '';

/** Each has a place inside the name, where no trimming helps. */
const INVISIBLE: [string, number][] = [
  ['soft hyphen', 0xad],
  ['combining grapheme joiner', 0x34f],
  ['Arabic letter mark', 0x61c],
  ['Hangul choseong filler', 0x115f],
  ['Hangul jungseong filler', 0x1160],
  ['Khmer inherent vowel', 0x17b4],
  ['Mongolian variation selector', 0x180b],
  ['Mongolian vowel separator', 0x180e],
  ['zero width space', 0x200b],
  ['zero width non-joiner', 0x200c],
  ['zero width joiner', 0x200d],
  ['right-to-left override', 0x202e],
  ['word joiner', 0x2060],
  ['invisible times', 0x2062],
  ['deprecated format character', 0x206a],
  ['Braille blank', 0x2800],
  ['Hangul filler', 0x3164],
  ['halfwidth Hangul filler', 0xffa0],
  ['variation selector 16', 0xfe0f],
  ['byte order mark', 0xfeff],
  ['reserved and ignorable', 0xfff0],
  ['interlinear annotation anchor', 0xfff9],
  ['interlinear annotation terminator', 0xfffb],
  ['object replacement', 0xfffc],
  ['replacement character', 0xfffd],
  ['private use', 0xe000],
  ['private use of plane 16', 0x10fffd],
  ['noncharacter', 0xfdd0],
  ['noncharacter of plane 1', 0x1ffff],
  ['unassigned', 0x378],
  ['Egyptian format control', 0x13430],
  ['shorthand format overlap', 0x1bca0],
  ['null notehead', 0x1d159],
  ['musical beam control', 0x1d173],
  ['Khitan filler', 0x16fe4],
  ['tag letter', 0xe0041],
  ['variation selector 17', 0xe0100],
  ['next line', 0x85],
  ['line separator', 0x2028],
];

it.each(INVISIBLE)('refuses a name with a %s, and says which character it is', (_, point) => {
  const hex = `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
  expect(faultOf(`UPS${String.fromCodePoint(point)}East`)).toContain(hex);
  expect(foreignId(200).safeParse(`a${String.fromCodePoint(point)}b`).success).toBe(false);
});

it('refuses an invisible character at either end too', () => {
  for (const mark of ['\ufeff', '\u200b', '\u3164', '\u2800', '\u00ad'])
    for (const text of [`${mark}UPS East`, `UPS East${mark}`, mark]) expect([text, read(text)]).toEqual([text, null]);
});

it('refuses a name that begins with a combining mark', () => {
  expect(faultOf('\u0301ast')).toContain('must not begin with a mark');
  expect(faultOf(' \u0301ast')).toContain('must not begin with a mark');
  expect(read('e\u0301ast')).toBe('éast');
});

it('takes what people write, in any script', () => {
  for (const text of [
    'Ünïcödé 倉庫',
    '😀',
    '❤',
    '👍🏽',
    '🇺🇸',
    'किताब',
    'مخزن',
    '\u0600\u0661',
    'नमस्ते',
    "O'Brien & Söhne",
    '𝔘𝔓𝔖',
    '٪',
  ])
    expect([text, read(text)]).toEqual([text, text.normalize('NFC')]);
});

it.each(['\u00a0', '\u202f', '\u2007', '\u3000', '\u1680', '\u2003', '\u205f', '  ', ' \u00a0 '])(
  'counts a run of spaces such as %j as one plain space',
  (spaces) => {
    expect(read(`${spaces}UPS${spaces}East${spaces}`)).toBe('UPS East');
    expect(read(`${'x'.repeat(50)}${spaces.repeat(40)}${'x'.repeat(49)}`)).toHaveLength(100);
    expect(read(spaces)).toBeNull();
  },
);

it('takes somebody else’s id as it is, unless it is blank', () => {
  for (const id of [' a  b ', 'a\u00a0b', 'e\u0301']) expect(foreignId(200).parse(id)).toBe(id);
  for (const id of ['', ' ', '\u00a0\u3000']) expect(foreignId(200).safeParse(id).success).toBe(false);
});

it('says nothing of what stands in somebody else’s id: it may be a password', () => {
  const message = foreignId(200).safeParse('secret\u200b').error?.issues[0]?.message;
  expect(message).toBe('has 1 to 200 printable characters, none of them invisible');
});

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom(' ', '\u00a0', '\u3000', 'e', '\u0301', 'Å', '\u212b', 'ﬁ', '가', '\u1100\u1161', '\u200b', '\t'),
);
const written = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));

it('normalises to a form that stays as it is', () => {
  fc.assert(
    fc.property(written, (text) => expect(normalise(normalise(text))).toBe(normalise(text))),
    {
      numRuns: 2_000,
    },
  );
});

it('gives one id to names that are written in different ways and look the same', () => {
  const spaces = fc.array(fc.constantFrom(' ', '\u00a0', '\u202f', '\u2007', '\u3000'), { minLength: 1, maxLength: 3 });
  const words = fc.array(fc.stringMatching(/^[A-Za-zéÅ가]{1,5}$/), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(words, spaces, fc.constantFrom('NFC', 'NFD'), (parts, between, form) => {
      const plain = read(parts.join(' '));
      const other = read(parts.join(between.join('')).normalize(form));
      expect(other).toBe(plain);
      expect(accountIdOf('acme', other ?? '')).toBe(accountIdOf('acme', plain ?? ''));
    }),
  );
});

it('accepts no name that holds something invisible', () => {
  fc.assert(
    fc.property(written, (text) => {
      const accepted = read(text) ?? '';
      expect(accepted).not.toMatch(
        /\p{Default_Ignorable_Code_Point}|\p{Cc}|\p{Cs}|\p{Co}|\p{Cn}|[\u2800\ufff9-\uffff]/u,
      );
      expect(accepted).not.toMatch(/^\s|\s$|\s\s|(?! )\s/u);
    }),
    { numRuns: 2_000 },
  );
});
