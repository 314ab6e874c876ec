import { challengeOf, makePkce } from '../../src/ups';

test('the challenge is the one of RFC 7636, appendix B', () => {
  expect(challengeOf('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')).toBe(
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  );
});

test('every verifier is new, long enough and of the allowed alphabet', () => {
  const made = Array.from({ length: 50 }, () => makePkce());
  expect(new Set(made.map((one) => one.verifier)).size).toBe(50);
  for (const { verifier, challenge } of made) {
    expect(verifier).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(challenge).toBe(challengeOf(verifier));
  }
});

test.each(['', 'a'.repeat(42), 'a'.repeat(129), 'a'.repeat(42) + ' '])(
  'a verifier RFC 7636 does not allow is refused without being named',
  (verifier) => {
    expect(() => challengeOf(verifier)).toThrow('a PKCE verifier has 43 to 128');
    try {
      challengeOf(verifier);
    } catch (error) {
      if (verifier !== '') expect(String(error)).not.toContain(verifier);
    }
  },
);

test.each([43, 128])('a verifier of %i characters is taken', (length) => {
  expect(challengeOf('a'.repeat(length))).toHaveLength(43);
});
