import { randomBytes } from 'node:crypto';
import { makeVault, SealBroken, VaultKeyMissing } from '../../../src/db/vault';
import { openAnswer, readSealedAnswer, sealAnswer } from '../../../src/workers/spool/answer';
import { anAnswer, vault } from './samples';

it('is what it was when it is opened, and only ids and instants can be read of it', () => {
  const answer = anAnswer();
  const text = JSON.stringify(sealAnswer(vault, answer, 42));
  expect(text).not.toMatch(/SECRET|what UPS said/);
  expect(Object.keys(JSON.parse(text) as object).sort()).toEqual(
    ['accountId', 'at', 'box', 'eventId', 'format', 'generation', 'grantId', 'tenantId'].sort(),
  );
  const read = readSealedAnswer(text);
  if (typeof read === 'string') throw new Error(`It was read as ${read}.`);
  expect(openAnswer(vault, read)).toEqual(answer);
});

it.each([
  ['tenantId', 'other'],
  ['accountId', 'acc_other'],
  ['grantId', 'grant-2'],
  ['generation', 4],
] as const)('opens for no other %s', (field, value) => {
  const sealed = sealAnswer(vault, anAnswer(), 42);
  expect(() => openAnswer(vault, { ...sealed, [field]: value })).toThrow(SealBroken);
});

it('needs the key it was sealed with, and opens when that stands behind a newer one', () => {
  const older = { id: 'old', key: randomBytes(32) };
  const newer = { id: 'new', key: randomBytes(32) };
  const sealed = sealAnswer(makeVault([older]), anAnswer(), 42);
  expect(() => openAnswer(makeVault([newer]), sealed)).toThrow(VaultKeyMissing);
  expect(openAnswer(makeVault([newer, older]), sealed).secrets.refresh).toBe('REFRESH-SECRET');
});

describe('what is no whole answer of this format is not read', () => {
  const whole = JSON.stringify(sealAnswer(vault, anAnswer(), 42));
  it.each([
    ['nothing', '', 'half-written'],
    ['half of one', whole.slice(0, whole.length / 2), 'half-written'],
    ['all but its last character', whole.slice(0, -1), 'half-written'],
    ['zeroes, as a file system leaves after a power cut', '\0'.repeat(whole.length), 'half-written'],
    ['an older format', whole.replace('"format":1', '"format":0'), 'other-format'],
    ['a newer format', whole.replace('"format":1', '"format":2'), 'other-format'],
    ['a field that this format does not have', whole.replace('"format":1', '"format":1,"more":true'), 'other-format'],
    ['an id that would lead out of the folder', whole.replace('acc_one', '../acc_one'), 'other-format'],
    ['no object', '42', 'other-format'],
    ['null', 'null', 'other-format'],
  ])('%s', (_, text, why) => expect(readSealedAnswer(text)).toBe(why));
});
