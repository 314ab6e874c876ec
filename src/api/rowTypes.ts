/** History's rows by readable names, and what of each is worth showing. One table, nowhere else. */

import type { Happening, Outgoing, Row } from '../durable/types';
import type { ExchangeOutput, RefreshOutput, TokenFacts, VerifyOutput } from '../machines/context';
import type { UpsAnswer } from '../machines/data';
import { instant, wordsOfUps } from './present';
import type { RowJson } from './schemas/answers';

type Facts = Record<string, unknown>;
/** From an event and what its transition was decided on: the readable type, and what of both is worth showing. */
type Reader = (event: Facts, decidedOn: Facts) => [type: string, facts: Facts];

const upsFacts = (ups: UpsAnswer | null | undefined): Facts =>
  ups ? { ups: { httpStatus: ups.httpStatus, code: ups.code, message: wordsOfUps(ups) } } : {};

const kept = ({ refreshTokenKept }: { refreshTokenKept?: unknown }): Facts =>
  refreshTokenKept === true ? { refreshTokenKept } : {};

const pair = ({ grantId, generation, accessExpiresAt, refreshExpiresAt }: TokenFacts): Facts => ({
  grantId,
  generation,
  expiresAt: instant(accessExpiresAt),
  refreshExpiresAt: instant(refreshExpiresAt),
});

const exchanged: Reader = ({ output }) => {
  const answer = output as ExchangeOutput;
  if (answer.kind === 'tokens') return ['EXCHANGED', pair(answer.tokens)];
  return ['EXCHANGE_FAILED', { result: answer.kind, ...upsFacts(answer.ups) }];
};

const verified: Reader = ({ output }) => {
  const { kind, ups } = output as VerifyOutput;
  if (kind === 'verified') return ['VERIFIED', upsFacts(ups)];
  const type = kind === 'later' || kind === 'token-refused' ? 'VERIFICATION_DEFERRED' : 'VERIFICATION_FAILED';
  return [type, { result: kind, ...upsFacts(ups) }];
};

const refreshed: Reader = ({ output }) => {
  const answer = output as RefreshOutput;
  if (answer.kind === 'tokens') return ['REFRESHED', { ...pair(answer.tokens), ...kept(answer) }];
  return ['REFRESH_FAILED', { result: answer.kind, ...upsFacts(answer.ups) }];
};

const named =
  (type: string, factsOf: (event: Facts, decidedOn: Facts) => Facts = () => ({})): Reader =>
  (event, decidedOn) => [type, factsOf(event, decidedOn)];

const fault = (type: string): Reader => named(type, () => ({ result: 'fault' }));

/** Events whose names are XState's; a timer's is cut behind its delay. */
const machineEvents: Record<string, Reader> = {
  'xstate.after.consentTtl': named('CONSENT_LAPSED'),
  'xstate.after.verifyRetry': named('VERIFICATION_RETRIED'),
  'xstate.after.refreshDue': named('REFRESH_DUE'),
  'xstate.after.retry': named('REFRESH_RETRIED'),
  'xstate.after.accessEnds': named('ACCESS_ENDED'),
  'xstate.after.heldLook': named('REFUSAL_EXAMINED'),
  'xstate.after.keyDeadline': named('ACCESS_KEY_LAPSED'),
  'xstate.after.keyNotice': named('ACCESS_KEY_EXPIRING'),
  'xstate.after.keyReminder': named('REMINDER_DUE'),
  'xstate.after.lapseLook': named('GRANT_EXAMINED'),
  'xstate.after.keyGrace': named('ACCESS_KEY_DESTROYED', (_, { keyFingerprint }) => ({ fingerprint: keyFingerprint })),
  'xstate.done.actor.exchange': exchanged,
  'xstate.done.actor.verify': verified,
  'xstate.done.actor.refresh': refreshed,
  'xstate.error.actor.exchange': fault('EXCHANGE_FAILED'),
  'xstate.error.actor.verify': fault('VERIFICATION_DEFERRED'),
  'xstate.error.actor.refresh': fault('REFRESH_FAILED'),
};

/** Of events that go by their own name; the others have nothing to show. Hashes of links never are. */
const ownEvents: Record<string, (event: Facts, decidedOn: Facts) => Facts> = {
  CREATE: ({ settings }) => ({ settings: withoutSeq(settings as Facts) }),
  IMPORT: ({ settings }, { keyFingerprint }) => ({
    settings: withoutSeq(settings as Facts),
    fingerprint: keyFingerprint,
  }),
  AUTHORIZE: ({ returnTo }) => ({ returnTo }),
  MIGRATE: ({ returnTo, graceMs }) => ({ returnTo, graceMs }),
  CAMPAIGN_MIGRATE: ({ graceMs, campaignId }) => ({ graceMs, campaignId }),
  ACCESS_KEY_READ: (_, { keyFingerprint }) => ({ fingerprint: keyFingerprint }),
  DEADLINE_MOVED: ({ deadlineAt }) => ({ deadline: instant(deadlineAt as number) }),
  PROFILE_VERIFICATION_OPENED: ({ method }) => ({ method }),
  PROFILE_VERIFICATION_ENDED: ({ n, accepted }) => ({ n, accepted }),
  CONSENT_REFUSED: ({ end }) => ({ result: end }),
  EDIT: ({ changes }) => ({ changes }),
  USE: ({ use }) => ({ use }),
  UNUSE: ({ use }) => ({ use }),
  DISCONNECT: ({ note }) => ({ note }),
  POSTPONE: ({ until }) => ({ until: instant(until as number) }),
  LATE_ANSWER: ({ tokens, stored, ...rest }) => ({ stored, ...pair(tokens as TokenFacts), ...kept(rest) }),
};

const withoutSeq = ({ seq: _, ...settings }: Facts): Facts => settings;

const withoutState = (type: string): string =>
  type.startsWith('xstate.after.') ? type.split('.').slice(0, 3).join('.') : type;

function read(event: Happening, decidedOn: object = {}): [string, Facts] {
  const told = [event as unknown as Facts, decidedOn as Facts] as const;
  const reader = machineEvents[withoutState(event.type)];
  if (reader) return reader(...told);
  return [event.type, ownEvents[event.type]?.(...told) ?? {}];
}

/** An event's name for people: `REFRESH_DUE` for `xstate.after.refreshDue.…`. Only for events without a result. */
export const readableEvent = (event: Happening): string => read(event)[0];

/** Of the timers, whose events carry nothing. */
export const timerNames: Record<string, string> = Object.fromEntries(
  Object.keys(machineEvents)
    .filter((type) => type.startsWith('xstate.after.'))
    .map((type) => [type, readableEvent({ type })]),
);

/** Why the account is where it now is, as the world was told with this row. */
const reasonIn = (outgoing: Outgoing[]): Facts => {
  const reason = outgoing.map(({ data }) => data['reason']).find((told) => typeof told === 'string');
  return reason === undefined ? {} : { reason };
};

/** `names`: of actors that are keys. */
export function presentRow(row: Row, names: ReadonlyMap<string, string>): RowJson {
  const [type, facts] = read(row.event, row.facts);
  const { seq, at, actor, from, to, eventId, outgoing } = row;
  return {
    seq,
    at: instant(at),
    type,
    actor,
    actorName: names.get(actor) ?? null,
    from,
    to,
    eventId,
    ...reasonIn(outgoing),
    ...(outgoing.length > 0 && { told: outgoing.map((told) => told.type) }),
    ...facts,
  };
}
