/** Builds an account by sending events to the pure machine: no store, and a clock that the test moves. */

import { createHash } from 'node:crypto';
import { decide, decideCreation, claimOf, schedule, type Change, type Decision } from '../../src/durable/decide';
import type { Document, Row } from '../../src/durable/types';
import type { RefreshOutput, TokenFacts, VerifyOutput, ExchangeOutput, WaveState } from '../../src/machines/context';
import {
  newAccountData,
  type AccessKey,
  type AccountData,
  type RefreshPolicy,
  type UpsAnswer,
} from '../../src/machines/data';
import { defaultRules, makeAccountDefinition, type AccountView } from '../../src/machines/definition';
import type { AccountEvent, Authorize, Migrate } from '../../src/machines/events';

export type Account = Document<AccountData, AccountView>;

export const T0 = Date.UTC(2026, 10, 23, 8);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const definition = makeAccountDefinition(defaultRules);

/** All test secrets begin with this, so that a search finds a leaked one. */
export const SECRET = 'SECRET-';

export const upsAnswer = (code: string | null = null): UpsAnswer => ({
  at: T0,
  endpoint: 'refresh',
  httpStatus: code === null ? 200 : 400,
  code,
  message: null,
});

export const accountData = (refreshPolicy: RefreshPolicy = 'eager', accessKey: AccessKey | null = null): AccountData =>
  newAccountData(
    {
      name: 'UPS East',
      accountNumber: 'A1B2C3',
      address: {
        addressLine: '1 Dock St',
        city: 'Timonium',
        stateProvinceCode: 'MD',
        postalCode: '21093',
        countryCode: 'US',
      },
      owner: 'shipper',
      externalId: null,
      refreshPolicy,
      seq: 1,
    },
    'hash',
    accessKey,
  );

const linkOf = (consentId: string) => ({
  consentId,
  linkHash: `link-${consentId}`,
  stateHash: `state-${consentId}`,
  cookieHash: `cookie-${consentId}`,
  returnTo: null,
  ttlMs: defaultRules.consentTtlMs,
});

export const authorizeEvent = (consentId: string): Authorize => ({ type: 'AUTHORIZE', ...linkOf(consentId) });

export const migrateEvent = (consentId: string, graceMs = 0): Migrate => ({
  type: 'MIGRATE',
  ...linkOf(consentId),
  graceMs,
});

export interface BuildOptions {
  refreshPolicy?: RefreshPolicy;
  /** Drops all memory between events: the document goes through JSON, as in a store. */
  forgetful?: boolean;
  /** Imports the account with a key that works for so long; negative: the deadline has passed. */
  keyWorksForMs?: number;
  /** Waves of refusals by code; a test may change it. */
  waves?: Record<string, WaveState>;
}

export function buildAccount(options: BuildOptions = {}) {
  const { refreshPolicy = 'eager', forgetful = false, keyWorksForMs, waves = {} } = options;
  // Rows keep this object, so each gets a copy.
  const definition = makeAccountDefinition({ ...defaultRules, waves: () => ({ ...waves }) });
  let at = T0;
  let ids = 0;
  const rows: Row[] = [];
  const seal = (about: object, secret: string) =>
    `sealed:${createHash('sha256').update(JSON.stringify(about)).update(secret).digest('base64url')}`;
  const around = () => ({ at, seal, isRelayed: () => false });
  const change = (event: { type: string }, more: Partial<Change> = {}): Change => ({
    event,
    actor: 'test',
    eventId: `e${++ids}`,
    bodyHash: null,
    secrets: {
      verifier: `${SECRET}verifier-${ids}`,
      access: `${SECRET}access-${ids}`,
      refresh: `${SECRET}refresh-${ids}`,
      accessKey: `${SECRET}key-${ids}`,
    },
    claimBy: null,
    attemptId: null,
    ...more,
  });
  const keep = (next: Account): Account => {
    const fresh = next.outbox.slice(document ? document.outbox.length : 0);
    rows.push(...fresh.map(({ row }) => row));
    return forgetful ? (JSON.parse(JSON.stringify(next)) as Account) : next;
  };

  let document: Account | null = null;
  const isImport = keyWorksForMs !== undefined;
  const accessKey = isImport ? { sealed: null, fingerprint: 'f1', deadlineAt: at + keyWorksForMs } : null;
  document = keep(
    decideCreation(
      definition,
      { id: 'acc_test', tenantId: 'acme', data: accountData(refreshPolicy, accessKey) },
      change({ type: isImport ? 'IMPORT' : 'CREATE' }),
      around(),
    ),
  );
  const now = (): Account => {
    if (!document) throw new Error('no account yet');
    return document;
  };

  /** Applies the event if it is taken, and returns the decision. */
  function send(
    event: AccountEvent | { type: string },
    more: Partial<Change> = {},
  ): Decision<AccountData, AccountView> {
    const decision = decide(definition, now(), change(event, more), around());
    if (decision.taken) document = keep(decision.next);
    return decision;
  }

  function claim(id: string): boolean {
    const invocation = now().invocations.find((one) => one.id === id);
    const claimed = invocation && claimOf(definition, now(), invocation.key, 'worker', at);
    if (claimed) document = keep(schedule(definition, { ...claimed, rev: claimed.rev + 1 }));
    return Boolean(claimed);
  }

  /** Claims the invocation with this id and settles it. */
  function finish(id: 'exchange', output: ExchangeOutput): void;
  function finish(id: 'verify', output: VerifyOutput): void;
  function finish(id: 'refresh', output: RefreshOutput): void;
  function finish(id: string, output: object): void {
    claim(id);
    const invocation = now().invocations.find((one) => one.id === id);
    if (!invocation?.claim) throw new Error(`${id} is not under way`);
    const attemptId = `${invocation.key}#${invocation.claim.attempt}`;
    const decision = send({ type: `xstate.done.actor.${id}`, output } as never, { attemptId });
    if (!decision.taken) throw new Error(`${id} was not taken`);
  }

  /** Moves the clock to the timer of that delay and fires it. */
  function fireTimer(delay: string): void {
    const timer = now().timers.find(({ event }) => event.startsWith(`xstate.after.${delay}.`));
    if (!timer) throw new Error(`no timer ${delay}: ${JSON.stringify(now().timers)}`);
    at = Math.max(at, timer.dueAt);
    const decision = send({ type: timer.event });
    if (!decision.taken) throw new Error(`${delay} was not taken`);
  }

  const tokens = (grantId: string, generation: number, accessMs = HOUR, refreshMs = 60 * DAY): TokenFacts => ({
    grantId,
    generation,
    issuedAt: at,
    accessExpiresAt: at + accessMs,
    refreshExpiresAt: at + refreshMs,
  });

  const account = {
    send,
    claim,
    finish,
    fireTimer,
    tokens,
    rows,
    now,
    clock: () => at,
    advanceBy: (ms: number) => void (at += ms),
    outgoingTypes: () => rows.flatMap(({ outgoing }) => outgoing.map(({ type }) => type)),
    authorize: (consentId = 'g1') => send(authorizeEvent(consentId)),
    migrate: (consentId = 'g1', graceMs = 0) => send(migrateEvent(consentId, graceMs)),
    /** From a link to a connected account. */
    connect(consentId = 'g1') {
      send(authorizeEvent(consentId));
      account.comeBack(consentId);
    },
    /** The merchant returns from UPS with a login that holds the account. */
    comeBack(consentId = 'g1') {
      send({ type: 'CODE_RECEIVED', consentId });
      finish('exchange', { kind: 'tokens', tokens: tokens(consentId, 1), ups: upsAnswer() });
      finish('verify', { kind: 'verified', ups: null });
    },
    /** The refresh falls due, is sent and answered. */
    refresh(
      output: (next: TokenFacts) => RefreshOutput = (next) => ({ kind: 'tokens', tokens: next, ups: upsAnswer() }),
    ) {
      fireTimer('refreshDue');
      const { grantId, generation } = now().data.current ?? { grantId: '', generation: 0 };
      finish('refresh', output(tokens(grantId, generation + 1)));
    },
  };
  return account;
}

export type BuiltAccount = ReturnType<typeof buildAccount>;

/** When the timer of that delay is due; NaN when there is none. */
export const dueOf = (account: BuiltAccount, delay: string): number =>
  account.now().timers.find(({ event }) => event.startsWith(`xstate.after.${delay}.`))?.dueAt ?? NaN;

/** life.token, and consent when it is not idle. */
export function standing(account: BuiltAccount): string {
  const { life, consent } = account.now().snapshot.value as Record<string, string | Record<string, string>>;
  const word = (part: string | Record<string, string> | undefined): string =>
    typeof part === 'object'
      ? Object.entries(part)
          .map(([outer, inner]) => `${outer}.${inner}`)
          .join('')
      : (part ?? '');
  return consent === 'idle' ? word(life) : `${word(life)} + ${word(consent)}`;
}
