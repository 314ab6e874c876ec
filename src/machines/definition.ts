/** The account as the durable runtime sees it: the machine, and the rules that tie it to its document. */

import type { StateValue } from 'xstate';
import { DAY_MS } from '../durations';
import { accountMachine, MACHINE_VERSION } from './account';
import type { AccountContext, Facts, RefreshOutput, TokenFacts, WaveState } from './context';
import type { AccountData, ProfileVerification, RefreshPolicy, Use } from './data';
import { opensLink, publicEvents, type AccountEvent } from './events';
import { journalSend, lostAnswers, unsettledUntil, type RefreshTimes } from './journal';
import { outlookOf, type Outlook } from './outlook';
import { patches } from './patches';
import { machineFingerprint } from './pins';
import type { Reason } from './reasons';
import { refusals } from './vocabulary';

export const lifeStates = [
  'created',
  'pending-authorization',
  'connected',
  'disconnected',
  'migrating',
  'inactive',
] as const;
export type LifeState = (typeof lifeStates)[number];

/** What lists are filtered by, and the forecast is counted by. */
export interface AccountView extends Outlook {
  state: LifeState;
  scheme: 'oauth' | 'access-key' | null;
  reason: Reason | null;
  name: string;
  accountNumber: string;
  externalId: string | null;
}

export interface Rules extends RefreshTimes {
  consentTtlMs: number;
  /** How long an exchange or a verification may take before it is told again. */
  claimMs: number;
  /** What is known of refusals that many accounts hear at this moment; in memory, for it is asked at every transition. */
  waves(): Record<string, WaveState>;
}

export const defaultRules: Rules = {
  consentTtlMs: 1_800_000,
  claimMs: 30_000,
  sendByMs: 5_000,
  settleMs: 60_000,
  waves: () => ({}),
};

export interface Standing {
  state: LifeState;
  token: string | null;
  consent: string;
  key: 'none' | 'held' | 'dead' | 'retired' | 'shredded';
}

/** The life state and what is inside it, from a snapshot's value. */
export function standingOf(value: StateValue): Standing {
  const { life, consent, key } = value as {
    life: string | Record<string, string>;
    consent: string | Record<string, string>;
    key: Standing['key'];
  };
  const outer = (part: string | Record<string, string>) =>
    typeof part === 'string' ? part : (Object.keys(part)[0] ?? '');
  return {
    state: outer(life) as LifeState,
    token: typeof life === 'string' ? null : (Object.values(life)[0] ?? null),
    consent: outer(consent),
    key,
  };
}

/** 0 to 1 from the account's id, the same for ever (FNV-1a). */
export function jitterOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}

export const isUsedBy = ({ usedBy }: Pick<AccountData, 'usedBy'>, use: Use): boolean =>
  usedBy.some(({ kind, ref }) => kind === use.kind && ref === use.ref);

/** More stores and warehouses than this are not kept for one account: the document stays bounded. */
export const USES_MAX = 100;

/** What is so already, what there is no room for, and what is not there to be changed change nothing. */
function changesSomething(event: AccountEvent, data: AccountData): boolean {
  if (event.type === 'USE') return !isUsedBy(data, event.use) && data.usedBy.length < USES_MAX;
  if (event.type === 'UNUSE') return isUsedBy(data, event.use);
  if (event.type === 'DEADLINE_MOVED') return data.accessKey !== null && data.accessKey.deadlineAt !== event.deadlineAt;
  if (event.type === 'PROFILE_VERIFICATION_ENDED')
    return data.profileVerifications.some(({ n, accepted }) => n === event.n && accepted === null);
  return true;
}

/** Tries to add the account to a UPS profile that count now, oldest first. */
export const countingVerifications = ({ profileVerifications }: AccountData, at: number): ProfileVerification[] =>
  profileVerifications.filter(({ openedAt }) => openedAt > at - DAY_MS);

function keyFacts(event: AccountEvent, { accessKey }: AccountData) {
  const deadlineAt = accessKey?.deadlineAt ?? 0;
  return {
    imported: event.type === 'IMPORT',
    keyDeadlineAt: event.type === 'DEADLINE_MOVED' && accessKey ? event.deadlineAt : deadlineAt,
    keyFingerprint: accessKey?.fingerprint ?? null,
    keyHeld: accessKey !== null && accessKey.sealed !== null,
  };
}

function factsOf(
  about: { id: string; at: number; data: AccountData; event: { type: string }; attemptId: string | null },
  rules: Rules,
): Facts {
  const event = about.event as AccountEvent;
  const now = about.data.settings;
  const next = event.type === 'EDIT' ? { ...now, ...event.changes } : now;
  return {
    jitter: jitterOf(about.id),
    refreshPolicy: next.refreshPolicy satisfies RefreshPolicy,
    consentTtlMs: opensLink(event) ? event.ttlMs : rules.consentTtlMs,
    accountNumber: next.accountNumber,
    uses: about.data.usedBy.length,
    settingsKnown: event.type !== 'EDIT' || event.ifMatch === now.seq,
    changes: changesSomething(event, about.data),
    renumbers: next.accountNumber !== now.accountNumber || JSON.stringify(next.address) !== JSON.stringify(now.address),
    retimes: next.refreshPolicy !== now.refreshPolicy,
    unsettledUntil: unsettledUntil(about.data.current),
    ambiguousSends: lostAnswers(about.data.current, about.attemptId),
    ...keyFacts(event, about.data),
    waves: rules.waves(),
    profileAttempts: countingVerifications(about.data, about.at).length,
  };
}

/** Tokens are stored if their grant is current and their generation the next, whatever the state (invariant 6). */
const isNextPair = (tokens: TokenFacts, { current }: AccountData): boolean =>
  current !== null && current.grantId === tokens.grantId && current.generation + 1 === tokens.generation;

function lateAnswer(
  output: unknown,
  data: AccountData,
): { type: 'LATE_ANSWER'; tokens: TokenFacts; stored: boolean; refreshTokenKept?: true } | null {
  const answer = output as RefreshOutput;
  if (answer.kind !== 'tokens') return null;
  const { tokens, refreshTokenKept } = answer;
  return {
    type: 'LATE_ANSWER',
    tokens,
    stored: isNextPair(tokens, data),
    ...(refreshTokenKept && { refreshTokenKept }),
  };
}

/** Whether the account ships on its access key at this moment. */
export const livesOnKey = ({ state, token, key }: Standing): boolean =>
  token === 'access-key' || (state === 'migrating' && key === 'held');

const queues: Record<string, string> = {
  exchange: 'authorization',
  verify: 'authorization',
  refresh: 'token-refresh',
  'xstate.after.verifyRetry': 'authorization',
  'xstate.after.refreshDue': 'token-refresh',
  'xstate.after.retry': 'token-refresh',
};

const routineEvents = ['xstate.after.refreshDue', 'xstate.done.actor.refresh'];

/** `xstate.after.<delay>.<state>` → `xstate.after.<delay>` */
const withoutState = (name: string) =>
  name.startsWith('xstate.after.') ? name.split('.').slice(0, 3).join('.') : name;

/** A refresh that went as it should; everything else that happens to a token is worth telling at once. */
function isRoutine(happening: { type: string }): boolean {
  if (!routineEvents.includes(withoutState(happening.type))) return false;
  const event = happening as AccountEvent;
  return event.type !== 'xstate.done.actor.refresh' || event.output.kind === 'tokens';
}

export const makeAccountDefinition = (rules: Rules = defaultRules) => ({
  machine: accountMachine,
  version: MACHINE_VERSION,
  shape: machineFingerprint,
  patches,
  refusals,
  publicEvents,
  isRoutine,
  facts: (about: { id: string; at: number; data: AccountData; event: { type: string }; attemptId: string | null }) =>
    factsOf(about, rules),
  view: ({ value, context }: { value: StateValue; context: object }, data: AccountData): AccountView => {
    const { scheme, reason } = context as Pick<AccountView, 'scheme' | 'reason'>;
    const { name, accountNumber, externalId } = data.settings;
    const standing = standingOf(value);
    const outlook = outlookOf(standing, context as AccountContext);
    return { state: standing.state, scheme, reason, name, accountNumber, externalId, ...outlook };
  },
  stateName: (value: StateValue): string => standingOf(value).state,
  queueOf: (name: string): string | null => queues[withoutState(name)] ?? null,
  late: lateAnswer,
  claim: (about: { src: string; key: string; attempt: number; at: number; data: AccountData }) =>
    about.src === 'refresh'
      ? journalSend(about.data, { id: `${about.key}#${about.attempt}`, at: about.at }, rules)
      : { data: about.data, until: about.at + rules.claimMs },
});
