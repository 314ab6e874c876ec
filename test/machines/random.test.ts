/**
 * A random walk over all events from all states, holding the document's equations at every step.
 * A failing walk is printed by fast-check with its seed and path, shrunk to the shortest.
 */

import fc from 'fast-check';
import { schedule } from '../../src/durable/decide';
import { replay } from '../../src/durable/replay';
import type { AccountContext } from '../../src/machines/context';
import { standingOf } from '../../src/machines/definition';
import {
  authorizeEvent,
  DAY,
  definition,
  buildAccount,
  migrateEvent,
  MINUTE,
  SECRET,
  upsAnswer,
  type BuiltAccount,
} from './accountBuilder';

type Move = (account: BuiltAccount) => void;

const invocation = (account: BuiltAccount, id: string) => account.now().invocations.find((one) => one.id === id);
const openConsent = (account: BuiltAccount) => account.now().data.links.at(-1)?.consentId ?? 'none';

const exchangeEnds = ['tokens', 'rejected', 'unavailable', 'blocked', 'interrupted'] as const;
const verifyEnds = ['verified', 'not-in-profile', 'blocked', 'refused', 'later', 'token-refused'] as const;
const refreshEnds = ['tokens', 'refused', 'blocked', 'ambiguous', 'later'] as const;

const exchanged =
  (kind: (typeof exchangeEnds)[number]): Move =>
  (account) => {
    if (!invocation(account, 'exchange')) return;
    const ups = upsAnswer();
    if (kind === 'tokens') account.finish('exchange', { kind, tokens: account.tokens(openConsent(account), 1), ups });
    else account.finish('exchange', { kind, ups });
  };

const verified =
  (kind: (typeof verifyEnds)[number]): Move =>
  (account) => {
    if (!invocation(account, 'verify')) return;
    account.finish('verify', { kind, ups: null, retryAt: null } as never);
  };

/** Only if the journal grants the claim: a second send while an answer may come is what must never be possible. */
const refreshed =
  (kind: (typeof refreshEnds)[number]): Move =>
  (account) => {
    const open = account.now().data.current?.sends.at(-1)?.settleBy ?? 0;
    if (!invocation(account, 'refresh')) return;
    if (open > account.clock()) {
      expect(account.claim('refresh')).toBe(false);
      return;
    }
    const { grantId, generation } = account.now().data.current ?? { grantId: '', generation: 0 };
    const ups = upsAnswer();
    const tokens = account.tokens(grantId, generation + 1);
    account.finish('refresh', { kind, tokens, ups, retryAt: null } as never);
  };

const crashWithClaim =
  (id: string): Move =>
  (account) =>
    void account.claim(id);

const late =
  (stored: boolean): Move =>
  (account) => {
    const current = account.now().data.current;
    const next = current && { grantId: current.grantId, generation: current.generation + 1 };
    const foreign = { grantId: 'gone', generation: 2 };
    const { grantId, generation } = stored && next ? next : foreign;
    const event = definition.late({ kind: 'tokens', tokens: account.tokens(grantId, generation) }, account.now().data);
    if (event) expect(account.send(event).taken).toBe(true);
  };

const faultOf =
  (id: string): Move =>
  (account) => {
    account.claim(id);
    const one = invocation(account, id);
    if (one?.claim)
      account.send({ type: `xstate.error.actor.${id}` }, { attemptId: `${one.key}#${one.claim.attempt}` });
  };

const fireFirstTimer: Move = (account) => {
  const timer = [...account.now().timers].sort((a, b) => a.dueAt - b.dueAt)[0];
  if (!timer) return;
  account.advanceBy(Math.max(0, timer.dueAt - account.clock()));
  expect(account.send({ type: timer.event }).taken).toBe(true);
};

let consents = 0;
const edit =
  (changes: object): Move =>
  (account) =>
    void account.send({ type: 'EDIT', changes, ifMatch: account.now().data.settings.seq } as never);

const moves: Record<string, Move> = {
  authorize: (account) => void account.send(authorizeEvent(`g${++consents}`)),
  code: (account) => void account.send({ type: 'CODE_RECEIVED', consentId: openConsent(account) }),
  staleCode: (account) => void account.send({ type: 'CODE_RECEIVED', consentId: 'older' }),
  denied: (account) => void account.send({ type: 'CONSENT_REFUSED', consentId: openConsent(account), end: 'denied' }),
  interrupted: (account) =>
    void account.send({ type: 'CONSENT_REFUSED', consentId: openConsent(account), end: 'interrupted' }),
  cancel: (account) => void account.send({ type: 'CANCEL_AUTHORIZATION' }),
  refresh: (account) => void account.send({ type: 'REFRESH' }),
  verify: (account) => void account.send({ type: 'VERIFY' }),
  disconnect: (account) => void account.send({ type: 'DISCONNECT', note: 'n' }),
  deactivate: (account) => void account.send({ type: 'DEACTIVATE' }),
  reactivate: (account) => void account.send({ type: 'REACTIVATE' }),
  migrate: (account) => void account.migrate(`g${++consents}`),
  migrateWithGrace: (account) => void account.migrate(`g${++consents}`, 3 * DAY),
  campaign: (account) =>
    void account.send({ ...migrateEvent(`g${++consents}`), type: 'CAMPAIGN_MIGRATE', campaignId: 'c1' } as never),
  withdraw: (account) => void account.send({ type: 'LINK_WITHDRAWN', consentId: openConsent(account) }),
  restoreKey: (account) => void account.send({ type: 'RESTORE_ACCESS_KEY' }),
  readKey: (account) => void account.send({ type: 'ACCESS_KEY_READ' }),
  postpone: (account) => void account.send({ type: 'POSTPONE', until: account.clock() + 2 * DAY }),
  deadlineAhead: (account) => void account.send({ type: 'DEADLINE_MOVED', deadlineAt: account.clock() + 9 * DAY }),
  deadlinePassed: (account) => void account.send({ type: 'DEADLINE_MOVED', deadlineAt: account.clock() - MINUTE }),
  tryProfile: (account) => void account.send({ type: 'PROFILE_VERIFICATION_OPENED', method: 'invoice' }),
  use: (account) => void account.send({ type: 'USE', use: { kind: 'store', ref: 's' } }),
  unuse: (account) => void account.send({ type: 'UNUSE', use: { kind: 'store', ref: 's' } }),
  renumber: (account) => edit({ accountNumber: `N${account.now().seq}` })(account),
  lazy: edit({ refreshPolicy: 'lazy' }),
  eager: edit({ refreshPolicy: 'eager' }),
  fireTimer: fireFirstTimer,
  ringAgain: fireFirstTimer,
  wait: (account) => account.advanceBy(MINUTE),
  lateStored: late(true),
  lateForeign: late(false),
  ...Object.fromEntries(exchangeEnds.map((kind) => [`exchange:${kind}`, exchanged(kind)])),
  ...Object.fromEntries(verifyEnds.map((kind) => [`verify:${kind}`, verified(kind)])),
  ...Object.fromEntries(refreshEnds.map((kind) => [`refresh:${kind}`, refreshed(kind)])),
  ...Object.fromEntries(['exchange', 'verify', 'refresh'].map((id) => [`crash:${id}`, crashWithClaim(id)])),
  ...Object.fromEntries(['exchange', 'verify'].map((id) => [`fault:${id}`, faultOf(id)])),
};

function plainJson(value: unknown, path = 'document'): void {
  if (value === null || ['string', 'boolean'].includes(typeof value)) return;
  if (typeof value === 'number' && Number.isFinite(value)) return;
  if (Array.isArray(value)) return value.forEach((item, i) => plainJson(item, `${path}[${i}]`));
  if (typeof value === 'object')
    return Object.entries(value).forEach(([key, item]) => plainJson(item, `${path}.${key}`));
  throw new Error(`${path} is a ${typeof value}: not plain JSON`);
}

/** What is equal in every document, whatever happened to it. */
function equations(account: BuiltAccount): void {
  const document = account.now();
  const { state, token, consent, key } = standingOf(document.snapshot.value);
  const context = document.snapshot.context as AccountContext;
  const { current, candidate, links, accessKey } = document.data;
  const facts = ({
    grantId,
    generation,
    accessExpiresAt,
  }: {
    grantId: string;
    generation: number;
    accessExpiresAt: number;
  }) => ({
    grantId,
    generation,
    accessExpiresAt,
  });
  const open = links.filter(({ outcome }) => outcome === null);

  plainJson(document);
  expect(JSON.stringify(document)).not.toContain(SECRET);
  // What the machine knows of the grants is what is stored.
  expect(context.current && facts(context.current)).toEqual(current && facts(current));
  expect(context.candidate && facts(context.candidate)).toEqual(candidate && facts(candidate));
  // Where the account may have what.
  expect(context.consent !== null).toBe(consent !== 'idle');
  const isAway = state === 'pending-authorization' || state === 'migrating';
  if (isAway) expect([consent !== 'idle', context.origin !== null]).toEqual([true, true]);
  else expect(context.origin).toBeNull();
  if (['created', 'disconnected', 'inactive'].includes(state)) expect(consent).toBe('idle');
  if (state === 'connected') expect(current !== null).toBe(token !== 'access-key');
  // An account on its key has it, sealed, and no grant beside it; whoever uses none has none but a retired one.
  const isOnKey = token === 'access-key' || state === 'migrating';
  if (isOnKey) expect([accessKey?.sealed?.startsWith('sealed:'), current]).toEqual([true, null]);
  if (isOnKey || context.scheme === 'access-key') expect(['held', 'dead']).toContain(key);
  else expect(['none', 'retired', 'shredded']).toContain(key);
  if (token === 'access-key') expect(key).toBe('held');
  expect([accessKey !== null, context.accessKey !== null]).toEqual([key !== 'none', key !== 'none']);
  expect(document.data.profileVerifications.length).toBeLessThanOrEqual(12);
  if (state === 'inactive' || state === 'created') expect([current, candidate]).toEqual([null, null]);
  if (candidate !== null) expect(consent).toBe('verifying');
  expect(state !== 'connected' || context.consent !== null || !context.recheck).toBe(true);
  expect(context.reason !== null).toBe(state === 'disconnected' || token === 'ending');
  // One open link at most, exactly while a merchant's consent is.
  expect(open.map(({ consentId }) => consentId)).toEqual(
    context.consent?.grant === 'candidate' ? [context.consent.id] : [],
  );
  expect(links.length).toBeLessThanOrEqual(5);
  for (const link of links) expect(link.verifier !== null).toBe(link.outcome === null);
  // At most one send may still be answered.
  const unsettled = (current?.sends ?? []).filter(({ settleBy }) => settleBy > account.clock());
  expect(unsettled.length).toBeLessThanOrEqual(1);
  // Someone will look at whatever is due.
  const { wakeAt, upsAt, upsQueue } = schedule(definition, document);
  expect({ wakeAt, upsAt, upsQueue }).toEqual({
    wakeAt: document.wakeAt,
    upsAt: document.upsAt,
    upsQueue: document.upsQueue,
  });
  for (const { dueAt } of document.timers)
    expect(Math.min(wakeAt ?? Infinity, upsAt ?? Infinity)).toBeLessThanOrEqual(dueAt);
  expect(document.view).toMatchObject({
    state,
    reason: context.reason,
    accountNumber: document.data.settings.accountNumber,
  });
  expect(account.rows.map(({ seq }) => seq)).toEqual(account.rows.map((_, i) => i + 1));
  expect(document.seq).toBe(account.rows.length);
}

/** Moves that can lead somewhere from here, three times as likely as the rest: else no walk ever gets deep. */
function likely(account: BuiltAccount): string[] {
  const { state, consent } = standingOf(account.now().snapshot.value);
  const underWay = account.now().invocations.map(({ id }) => id);
  const words = [
    ...underWay,
    consent === 'awaiting' ? 'code' : 'authorize',
    account.now().timers.length > 0 ? 'ring' : '',
  ];
  if (state === 'connected') words.push('refresh', 'verify');
  if (state === 'inactive') words.push('reactivate');
  return names.filter((name) => words.some((word) => word !== '' && name.startsWith(word)));
}

function choose(account: BuiltAccount, at: number): string {
  const some = at % 4 === 0 ? names : likely(account);
  return some[Math.floor(at / 4) % some.length] ?? 'wait';
}

const keyWorksForMs: Record<string, number> = { imported: 40 * DAY, lapsed: -MINUTE };

const names = Object.keys(moves);
const walk = fc.array(fc.nat(4_000), { minLength: 5, maxLength: 60 });

it.each([
  ['in one go', false],
  ['with all memory dropped between events', true],
])('holds the document’s equations on every walk, and history replays to it (%s)', (_, forgetful) => {
  const visited = new Set<string>();
  fc.assert(
    fc.property(walk, fc.constantFrom('created', 'connected', 'imported', 'lapsed'), (path, start) => {
      const account = buildAccount({ forgetful, ...(keyWorksForMs[start] && { keyWorksForMs: keyWorksForMs[start] }) });
      if (start === 'connected') account.connect(`g${++consents}`);
      for (const at of path) {
        moves[choose(account, at)]?.(account);
        equations(account);
        const { state, token, consent } = standingOf(account.now().snapshot.value);
        visited.add(`${state}.${token}.${consent}`);
      }
      expect(replay(definition, null, account.rows, account.now())).toEqual({ same: true, seq: account.now().seq });
    }),
    { numRuns: 300 },
  );
  // A walk that never gets anywhere proves nothing.
  const everywhere = ['created', 'pending-authorization', 'connected', 'disconnected', 'migrating', 'inactive'];
  expect(new Set([...visited].map((one) => one.split('.')[0]))).toEqual(new Set(everywhere));
  for (const token of ['fresh', 'refreshing', 'backing-off', 'ending', 'access-key'])
    expect([...visited].some((one) => one.split('.')[1] === token)).toBe(true);
});
