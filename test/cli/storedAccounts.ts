/** Creates accounts in a real database by the durable runtime; the answers of UPS are made up. */
import { randomUUID } from 'node:crypto';
import { makeStore, type AccountDocument } from '../../src/db/accounts';
import type { Db } from '../../src/db/connection';
import { makeVault, type RingKey } from '../../src/db/vault';
import { makeRuntime } from '../../src/durable/runtime';
import { makeAccountDefinition } from '../../src/machines/definition';
import type { TokenFacts } from '../../src/machines/context';
import { accountData, authorizeEvent, DAY, HOUR, T0, upsAnswer } from '../machines/accountBuilder';
import { makeClock } from '../db/testDb';

export const ring: RingKey[] = [{ id: 'k1', key: Buffer.alloc(32, 7) }];

/** In the format of ENCRYPTION_KEYS. */
export const asVariable = (keys: RingKey[]): string =>
  keys.map(({ id, key }) => `${id}:${key.toString('base64')}`).join(',');

export function makeStoredAccounts(db: Db, keys: RingKey[] = ring) {
  const clock = makeClock(T0);
  const vault = makeVault(keys);
  const runtime = makeRuntime({
    definition: makeAccountDefinition(),
    store: makeStore(db),
    queue: { hand: async () => true },
    clock,
    makeId: randomUUID,
    seal: ({ id, ...rest }, secret) => vault.seal(secret, { accountId: id, ...rest }),
    pause: async () => undefined,
    report: (error) => {
      throw error;
    },
  });

  const create = async (id: string, tenantId = 'acme', name = 'UPS East'): Promise<AccountDocument> => {
    const data = accountData();
    const settings = { ...data.settings, name };
    const event = { type: 'CREATE', settings };
    const { document } = await runtime.create({ id, tenantId, data: { ...data, settings } }, event, {
      actor: 'key:test',
    });
    return document;
  };

  /** An account of the XML era, as an import makes it. */
  const withKey = async (id: string, tenantId = 'acme', name = `UPS ${id}`): Promise<void> => {
    const data = accountData('eager', {
      sealed: null,
      fingerprint: 'f'.repeat(32),
      deadlineAt: clock.now() + 60 * DAY,
    });
    const settings = { ...data.settings, name };
    const birth = { id, tenantId, data: { ...data, settings }, event: { type: 'IMPORT', settings } };
    await runtime.createMany([{ ...birth, secrets: { accessKey: 'an access key' } }], { actor: 'key:test' });
  };

  const tokens = (): TokenFacts => ({
    grantId: 'g1',
    generation: 1,
    issuedAt: clock.now(),
    accessExpiresAt: clock.now() + HOUR,
    refreshExpiresAt: clock.now() + 60 * DAY,
  });

  /** Authorizes up to the exchange, then ends the rating probe with `outcome`. */
  const authorize = async (id: string, outcome: 'verified' | 'not-in-profile'): Promise<AccountDocument> => {
    const seconds = () => clock.pass(1_000);
    const secrets = { verifier: 'a verifier' };
    seconds();
    await runtime.dispatch(id, authorizeEvent('g1'), { actor: 'key:test', secrets });
    seconds();
    const code = { type: 'CODE_RECEIVED', consentId: 'g1' };
    const received = await runtime.dispatch(id, code, { actor: 'merchant', claimBy: 'test' });
    const pair = { access: 'an access token', refresh: 'a refresh token' };
    const about = { attempt: 1, claimBy: 'test' };
    seconds();
    const exchanged = await runtime.settle(
      received.document,
      { ...about, key: received.claimed[0] ?? '', secrets: pair },
      { output: { kind: 'tokens', tokens: tokens(), ups: upsAnswer() } },
    );
    seconds();
    const verified = await runtime.settle(
      exchanged.document,
      { ...about, key: exchanged.claimed[0] ?? '' },
      { output: { kind: outcome, ups: outcome === 'verified' ? null : upsAnswer('120100') } },
    );
    return verified.document;
  };

  /** Waits until history has every row and the outboxes are empty. */
  const settle = () => runtime.relay.idle();

  return { clock, runtime, create, withKey, authorize, settle };
}
