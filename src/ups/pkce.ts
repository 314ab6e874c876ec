import { createHash, randomBytes } from 'node:crypto';

const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

export interface Pkce {
  verifier: string;
  challenge: string;
}

/** A fresh verifier of 43 characters (RFC 7636, 4.1: 32 random bytes) and its challenge. The verifier is a secret until the exchange. */
export function makePkce(random: (bytes: number) => Buffer = randomBytes): Pkce {
  const verifier = random(32).toString('base64url');
  return { verifier, challenge: challengeOf(verifier) };
}

/** S256, the only method UPS knows: base64url(sha256(verifier)). Throws on what RFC 7636 does not allow, without naming it. */
export function challengeOf(verifier: string): string {
  if (!VERIFIER.test(verifier)) throw new RangeError('a PKCE verifier has 43 to 128 of A-Z a-z 0-9 . _ ~ -');
  return createHash('sha256').update(verifier, 'ascii').digest('base64url');
}
