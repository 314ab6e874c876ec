/** Answers as runners bring them, for tests of the places where they lie. */

import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeVault } from '../../../src/db/vault';
import { sealAnswer, type Answer, type SealedAnswer } from '../../../src/workers/spool/answer';

export const vault = makeVault([{ id: 'k1', key: randomBytes(32) }]);

const AT = 1_795_000_000_000;

export function anAnswer(changes: Partial<Answer> = {}): Answer {
  const tokens = {
    ...{ grantId: 'grant-1', generation: 3, issuedAt: AT },
    ...{ accessExpiresAt: AT + 3_600_000, refreshExpiresAt: AT + 5_000_000_000 },
  };
  const ups = { at: AT, endpoint: 'refresh', httpStatus: 200, code: null, message: 'what UPS said' };
  return {
    tenantId: 'acme',
    accountId: 'acc_one',
    key: '7-refresh',
    attempt: 1,
    eventId: randomUUID(),
    output: { kind: 'tokens', tokens, ups },
    secrets: { access: 'ACCESS-SECRET', refresh: 'REFRESH-SECRET' },
    ...changes,
  };
}

export const aSealedAnswer = (changes: Partial<Answer> = {}): SealedAnswer => sealAnswer(vault, anAnswer(changes), AT);

/** A folder of the test's own, and its end. */
export function makeFolder(): { folder: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'upslink-spool-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
