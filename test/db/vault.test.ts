import { keyIdOf, makeVault, SealBroken, VaultKeyMissing } from '../../src/db/vault';

const key = (fill: number) => Buffer.alloc(32, fill);
const [old, current] = [
  { id: '2026-01', key: key(1) },
  { id: '2026-02', key: key(2) },
];
const vault = makeVault([current, old]);
const belonging = { tenantId: 'acme', accountId: 'acc_1', field: 'refresh', grantId: 'g1', generation: 3 };
const SECRET = 'a refresh token · ünïcode';

it('opens what it sealed, and never seals it the same way twice', () => {
  const sealed = vault.seal(SECRET, belonging);
  expect(vault.open(sealed, belonging)).toBe(SECRET);
  expect(vault.seal(SECRET, belonging)).not.toBe(sealed);
  expect(vault.open(vault.seal('', belonging), belonging)).toBe('');
});

it('seals with the first key of the ring and opens with all', () => {
  const sealedBefore = makeVault([old]).seal(SECRET, belonging);
  expect(sealedBefore.startsWith('v1.2026-01.')).toBe(true);
  expect(vault.seal(SECRET, belonging).startsWith('v1.2026-02.')).toBe(true);
  expect(vault.open(sealedBefore, belonging)).toBe(SECRET);
});

it.each([
  ['tenant', { tenantId: 'globex' }],
  ['account', { accountId: 'acc_2' }],
  ['field', { field: 'access' }],
  ['grant', { grantId: 'g2' }],
  ['generation', { generation: 4 }],
])('does not open for another %s', (_, other) => {
  const sealed = vault.seal(SECRET, belonging);
  expect(() => vault.open(sealed, { ...belonging, ...other })).toThrow(SealBroken);
});

it('does not take one belonging for another that reads alike', () => {
  const sealed = vault.seal(SECRET, { ...belonging, field: 'a', grantId: 'b,c' });
  expect(() => vault.open(sealed, { ...belonging, field: 'a,b', grantId: 'c' })).toThrow(SealBroken);
});

it('does not open under another key of the same id', () => {
  const sealed = vault.seal(SECRET, belonging);
  expect(() => makeVault([{ id: current.id, key: key(9) }]).open(sealed, belonging)).toThrow(SealBroken);
});

it('notices every changed part', () => {
  const parts = vault.seal(SECRET, belonging).split('.');
  for (const at of [2, 3, 4]) {
    const part = parts[at] ?? '';
    const changed = parts.with(at, (part.startsWith('A') ? 'B' : 'A') + part.slice(1)).join('.');
    expect(() => vault.open(changed, belonging)).toThrow(SealBroken);
  }
  expect(() => vault.open(parts.with(1, old.id).join('.'), belonging)).toThrow(SealBroken);
  expect(() => vault.open(parts.with(0, 'v2').join('.'), belonging)).toThrow(SealBroken);
  expect(() => vault.open(parts.with(3, (parts[3] ?? '').slice(0, 6)).join('.'), belonging)).toThrow(SealBroken);
  for (const nonsense of ['', 'v1', 'plain text', parts.slice(0, 4).join('.'), [...parts, 'more'].join('.')]) {
    expect(() => vault.open(nonsense, belonging)).toThrow(SealBroken);
  }
});

it('names a key that is not in the ring, which is no fault of the account', () => {
  const sealed = vault.seal(SECRET, belonging);
  expect(() => makeVault([old]).open(sealed, belonging)).toThrow(VaultKeyMissing);
  expect(() => makeVault([old]).open(sealed, belonging)).toThrow(/'2026-02'/);
});

it('recognises a secret by every key of the ring, and by those that left it', () => {
  const [before] = makeVault([old]).fingerprints(SECRET, 'acme');
  expect(before).toMatch(/^[0-9a-f]{32}$/);
  expect(vault.fingerprints(SECRET, 'acme')[1]).toBe(before);
  const alone = makeVault([current]);
  expect(alone.fingerprints(SECRET, 'acme')).toEqual([vault.fingerprints(SECRET, 'acme')[0]]);
  const kept = vault.fingerprintKeys.slice(1);
  expect(alone.fingerprints(SECRET, 'acme', kept)).toEqual(vault.fingerprints(SECRET, 'acme'));
  expect(vault.fingerprints(SECRET, 'acme', kept)).toHaveLength(2);
  for (const other of [alone.fingerprints(SECRET, 'globex', kept), alone.fingerprints('another', 'acme', kept)])
    expect(other).not.toContain(before);
});

it('tells two keys of one id apart, and gives nothing of a ring key away', () => {
  const [first, second] = [key(1), key(2)].map((bytes) => makeVault([{ id: 'k', key: bytes }]).fingerprintKeys[0]);
  expect(first?.id).toMatch(/^k:[0-9a-f]{16}$/);
  expect(second?.id).not.toBe(first?.id);
  expect(first?.key).not.toEqual(key(1));
});

it('says which key a sealed string needs', () => {
  expect(keyIdOf(vault.seal(SECRET, belonging))).toBe('2026-02');
  for (const other of ['', 'v1', 'plain text', 'v2.k1.a.b.c', 'v1.k1.a.b', 'v1..a.b.c'])
    expect(keyIdOf(other)).toBeNull();
});

it('shows no secret in its errors', () => {
  const sealed = vault.seal(SECRET, belonging);
  const attempts = [
    () => vault.open(sealed, { ...belonging, field: 'x' }),
    () => makeVault([old]).open(sealed, belonging),
  ];
  for (const attempt of attempts) {
    try {
      attempt();
    } catch (error) {
      const said = String(error) + JSON.stringify(error);
      expect(said).not.toContain(SECRET);
      expect(said).not.toContain(sealed.split('.').at(-1));
    }
  }
  expect.assertions(4);
});

it.each([
  ['an empty ring', []],
  ['a short key', [{ id: 'a', key: Buffer.alloc(16) }]],
  ['an id that would not survive in a sealed string', [{ id: 'a.b', key: key(1) }]],
  ['two keys of one id', [old, { ...old, key: key(3) }]],
])('refuses %s', (_, ring) => {
  expect(() => makeVault(ring)).toThrow();
});
