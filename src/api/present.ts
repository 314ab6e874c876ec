/** An account as the outside sees it. */

import type { AccountDocument } from '../db/accounts';
import type { AccountContext } from '../machines/context';
import type { UpsAnswer } from '../machines/data';
import { standingOf, type LifeState } from '../machines/definition';
import { daysLeft } from '../machines/timing';
import { noSuchService, reasons, type NextStep, type Reason } from '../machines/reasons';
import { NO_SUCH_SERVICE } from '../ups';
import type { AccountJson } from './schemas/answers';

export const instant = (at: number): string => new Date(at).toISOString();
export const instantOrNull = (at: number | null): string | null => (at === null ? null : instant(at));

export const contextOf = (document: AccountDocument): AccountContext => document.snapshot.context as AccountContext;

const BEFORE_DEADLINE = ['xstate.after.keyNotice.', 'xstate.after.keyReminder.'];

/** A notice or reminder that nobody set: the machine then has one behind the deadline of the key, which ends it first. */
export const neverComes = ({ data }: AccountDocument, event: string, dueAt: number): boolean =>
  BEFORE_DEADLINE.some((name) => `${event}.`.startsWith(name)) && dueAt >= (data.accessKey?.deadlineAt ?? Infinity);

export type Standing = ReturnType<typeof standingOf>;

interface Sentence {
  message: string;
  nextStep: NextStep | null;
}

const wait = (text: string): NextStep => ({ who: 'ups', action: 'wait', text });
const authorize = (text: string): NextStep => ({ who: 'merchant', action: 'authorize', text });

const awaiting: Sentence = {
  message: 'Waiting for the merchant to finish the UPS login.',
  nextStep: authorize('Open the link, sign in to UPS and choose Allow.'),
};
const confirming: Sentence = {
  message: 'UPS is asked to confirm the account.',
  nextStep: wait('Nothing to do: UPS usually answers within seconds.'),
};

const NEWER: Sentence = { message: 'A newer version of this service takes care of the account.', nextStep: null };

/** Of states that stand there without a reason. */
function plainSentence({ state, token, consent }: Standing): Sentence {
  const sentences: Record<LifeState, () => Sentence> = {
    created: () => ({
      message: 'Not connected to UPS yet.',
      nextStep: authorize('Press Authorize and sign in to UPS.'),
    }),
    'pending-authorization': () => (consent === 'awaiting' ? awaiting : confirming),
    connected: () =>
      token === 'access-key'
        ? {
            message: 'Connected by an old access key, which UPS is switching off.',
            nextStep: { who: 'platform', action: 'resolve', text: 'Press Resolve and migrate the account to OAuth.' },
          }
        : token === 'backing-off'
          ? {
              message: 'Connected. The last token refresh did not come through and is tried again.',
              nextStep: wait('Nothing to do: the refresh is repeated by itself.'),
            }
          : token === 'held'
            ? {
                message: 'Connected. UPS refuses a refresh, and it is examined whether that is about this account.',
                nextStep: wait('Nothing to do: it is tried again, or a reconnect is asked for.'),
              }
            : { message: 'Connected.', nextStep: null },
    disconnected: () => ({
      message: 'Not connected to UPS any more.',
      nextStep: { who: 'merchant', action: 'reconnect', text: 'Press Reconnect and sign in to UPS.' },
    }),
    migrating: () => (consent === 'awaiting' ? awaiting : confirming),
    inactive: () => ({
      message: 'Deactivated: its tokens were destroyed. Reactivate it to use it again.',
      nextStep: null,
    }),
  };
  // A list may hold an account that a newer version wrote.
  const known: Partial<Record<string, () => Sentence>> = sentences;
  return known[state]?.() ?? NEWER;
}

export function sentenceFor(document: AccountDocument): Sentence {
  const { reason } = contextOf(document);
  return reason === null ? plainSentence(standingOf(document.snapshot.value)) : sentenceOf(reason, document);
}

/** What a reason means for this account: UPS's last answer may say more than the reason. */
export function sentenceOf(reason: Reason, { data }: Pick<AccountDocument, 'data'>): Sentence {
  const isAboutServices = data.lastUps?.endpoint === 'rate' && NO_SUCH_SERVICE.includes(data.lastUps.code ?? '');
  if (reason === 'verification-refused' && isAboutServices) return noSuchService;
  const known: Partial<Record<string, Sentence>> = reasons;
  return known[reason] ?? NEWER;
}

/** UPS's message, or a description of an answer that could not be understood; null when there is neither. */
export function wordsOfUps({ message, unread }: Pick<UpsAnswer, 'message' | 'unread'>): string | null {
  if (!unread) return message;
  const { contentType, excerpt } = unread;
  const said = excerpt === '' ? 'it holds no text' : excerpt;
  return `The answer was not understood (${contentType ?? 'no content type'}): ${said}`;
}

function detailOf({ state, token, consent }: Standing): AccountJson['stateDetail'] {
  if (state === 'connected') return { ...(token !== null && { token }), consent };
  return state === 'pending-authorization' || state === 'migrating' ? { consent } : {};
}

function tokenOf({ data }: AccountDocument, { state }: Standing): AccountJson['token'] {
  const slot = data.current;
  if (slot === null || state !== 'connected') return null;
  return {
    expiresAt: instant(slot.accessExpiresAt),
    refreshExpiresAt: instant(slot.refreshExpiresAt),
    generation: slot.generation,
    lastRefreshAt: instantOrNull(slot.refreshedAt),
  };
}

function keyOf({ data, snapshot }: AccountDocument, at: number): AccountJson['accessKey'] {
  const { accessKey } = data;
  const plan = (snapshot.context as AccountContext).accessKey;
  if (accessKey === null || plan === null || accessKey.sealed === null) return null;
  const keptUntil = Math.min(plan.keptUntil, accessKey.deadlineAt);
  return {
    fingerprint: accessKey.fingerprint,
    deadline: instant(accessKey.deadlineAt),
    daysLeft: daysLeft(at, accessKey.deadlineAt),
    remindAt: instantOrNull(plan.remindAt),
    keptUntil: keptUntil > at ? instant(keptUntil) : null,
  };
}

/** As it is; `at` is now, for the days that are left. */
export function presentAccount(document: AccountDocument, at: number): AccountJson {
  const { data, snapshot } = document;
  const { settings } = data;
  const { reason, since, scheme, lastAuthorization } = contextOf(document);
  const standing = standingOf(snapshot.value);
  const { message, nextStep } = sentenceFor(document);
  return {
    id: document.id,
    tenantId: document.tenantId,
    externalId: settings.externalId,
    name: settings.name,
    accountNumber: settings.accountNumber,
    owner: settings.owner,
    address: { ...settings.address },
    scheme,
    state: standing.state,
    stateDetail: detailOf(standing),
    reason,
    message,
    since: instant(since),
    nextStep: nextStep && { ...nextStep },
    lastAuthorization: lastAuthorization && { ...lastAuthorization, at: instant(lastAuthorization.at) },
    seq: document.seq,
    settingsSeq: settings.seq,
    refreshPolicy: settings.refreshPolicy,
    usedBy: data.usedBy.map(({ kind, ref }) => ({ kind, ref })),
    token: tokenOf(document, standing),
    accessKey: keyOf(document, at),
    createdAt: instant(document.createdAt),
    updatedAt: instant(document.updatedAt),
  };
}
