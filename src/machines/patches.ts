/** What the machine's named effects do to the rest of the document, in the same write: pure, one line a rule where it can be. */

import type { TokenFacts } from './context';
import {
  ACCESS_KEY_BOX,
  type AccessKey,
  type AccountData,
  type Link,
  type Send,
  type Slot,
  type UpsAnswer,
} from './data';
import { opensLink, type AccountEvent } from './events';
import type { Conclusion } from './vocabulary';

/** What the runtime lends a patch: the instant, the event's seq, and the sealing of secrets that came beside it. */
export interface Tools {
  at: number;
  seq: number;
  seal: (field: string, binding: { grantId: string; generation: number }) => string;
}

type Apply<Params> = (data: AccountData, params: Params, tools: Tools) => AccountData;

/** A callback to an older link is told how that one ended; four are remembered. */
const ENDED_LINKS_KEPT = 4;

const mapLinks = (data: AccountData, change: (link: Link) => Link): AccountData => ({
  ...data,
  links: data.links.map(change),
});

const isOpen = (link: Link) => link.outcome === null;

const openLink: Apply<{ event: AccountEvent }> = (data, { event }, { at, seal }) => {
  if (!opensLink(event)) return data;
  const { consentId, linkHash, stateHash, cookieHash, returnTo, ttlMs } = event;
  const ended = data.links.map((link) =>
    isOpen(link)
      ? { ...link, verifier: null, outcome: 'replaced' as const, reason: 'consent-replaced' as const }
      : link,
  );
  const link: Link = {
    consentId,
    linkHash,
    stateHash,
    cookieHash,
    returnTo,
    verifier: seal('verifier', { grantId: event.consentId, generation: 0 }),
    openedAt: at,
    expiresAt: at + ttlMs,
    usedAt: null,
    outcome: null,
    reason: null,
  };
  return { ...data, links: [...ended.slice(-ENDED_LINKS_KEPT), link] };
};

/** From here on the link answers 410; its outcome is not known yet. */
const useLink: Apply<unknown> = (data, _, { at }) =>
  mapLinks(data, (link) => (isOpen(link) ? { ...link, usedAt: at } : link));

const closeLink: Apply<Conclusion> = (data, { consentId, outcome, reason }) =>
  mapLinks(data, (link) =>
    isOpen(link) && link.consentId === consentId ? { ...link, verifier: null, outcome, reason } : link,
  );

const slotOf = (tokens: TokenFacts, { seal }: Tools, refreshedAt: number | null): Slot => ({
  ...tokens,
  access: seal('access', tokens),
  refresh: seal('refresh', tokens),
  refreshedAt,
  sends: [],
});

/** The journal belongs to the generation: a new pair starts an empty one. */
const storeTokens: Apply<{ tokens: TokenFacts | null }> = (data, { tokens }, tools) =>
  tokens ? { ...data, current: slotOf(tokens, tools, tools.at) } : data;

const storeCandidate: Apply<{ tokens: TokenFacts | null }> = (data, { tokens }, tools) =>
  tokens ? { ...data, candidate: slotOf(tokens, tools, null) } : data;

/** The send that was open has an end: kept if its answer may have been lost, forgotten if it never counted. */
const settleSend: Apply<{ ambiguous: boolean }> = (data, { ambiguous }) => {
  if (data.current === null) return data;
  const sends = data.current.sends;
  const last = sends.at(-1);
  if (!last) return data;
  const settled: Send[] = ambiguous ? [{ ...last, end: 'ambiguous' }] : [];
  return { ...data, current: { ...data.current, sends: [...sends.slice(0, -1), ...settled] } };
};

const noteUps: Apply<{ ups: UpsAnswer | null }> = (data, { ups }) => (ups ? { ...data, lastUps: ups } : data);

const editSettings: Apply<{ event: AccountEvent }> = (data, { event }, { seq }) =>
  event.type === 'EDIT' ? { ...data, settings: { ...data.settings, ...event.changes, seq } } : data;

const use: Apply<{ event: AccountEvent }> = (data, { event }) =>
  event.type === 'USE' ? { ...data, usedBy: [...data.usedBy, event.use] } : data;

const unuse: Apply<{ event: AccountEvent }> = (data, { event }) =>
  event.type === 'UNUSE'
    ? { ...data, usedBy: data.usedBy.filter(({ kind, ref }) => kind !== event.use.kind || ref !== event.use.ref) }
    : data;

const changeKey = (data: AccountData, change: Partial<AccessKey>): AccountData =>
  data.accessKey === null ? data : { ...data, accessKey: { ...data.accessKey, ...change } };

const moveDeadline: Apply<{ event: AccountEvent }> = (data, { event }) =>
  event.type === 'DEADLINE_MOVED' ? changeKey(data, { deadlineAt: event.deadlineAt }) : data;

/** More than can count at one time, so that what a merchant did lately can be looked at. */
const VERIFICATIONS_KEPT = 12;

const openVerification: Apply<{ event: AccountEvent }> = (data, { event }, { at }) => {
  if (event.type !== 'PROFILE_VERIFICATION_OPENED') return data;
  const kept = data.profileVerifications.slice(1 - VERIFICATIONS_KEPT);
  const opened = { n: (kept.at(-1)?.n ?? 0) + 1, method: event.method, openedAt: at, accepted: null };
  return { ...data, profileVerifications: [...kept, opened] };
};

const endVerification: Apply<{ event: AccountEvent }> = (data, { event }) => {
  if (event.type !== 'PROFILE_VERIFICATION_ENDED') return data;
  const { n, accepted } = event;
  const profileVerifications = data.profileVerifications.map((one) => (one.n === n ? { ...one, accepted } : one));
  return { ...data, profileVerifications };
};

const patch = <Params>(apply: Apply<Params>) => ({
  apply: (data: AccountData, params: unknown, tools: Tools) => apply(data, params as Params, tools),
});

/** By the names of the vocabulary. */
export const patches = {
  openLink: patch(openLink),
  useLink: patch(useLink),
  closeLink: patch(closeLink),
  storeCandidate: patch(storeCandidate),
  dropCandidate: patch((data) => (data.candidate === null ? data : { ...data, candidate: null })),
  swapGrant: patch((data) => ({ ...data, current: data.candidate ?? data.current, candidate: null })),
  storeTokens: patch(storeTokens),
  settleSend: patch(settleSend),
  destroyGrant: patch((data) => ({ ...data, current: null, candidate: null })),
  destroyDeadGrant: patch<{ keep: boolean }>((data, { keep }) => (keep ? data : { ...data, current: null })),
  noteUps: patch(noteUps),
  /** History holds the event; the document has nothing to change. */
  noteLateAnswer: patch((data) => data),
  sealKey: patch((data, _, { seal }) => changeKey(data, { sealed: seal('accessKey', ACCESS_KEY_BOX) })),
  shredKey: patch((data) => changeKey(data, { sealed: null })),
  destroyKey: patch((data) => ({ ...data, accessKey: null })),
  moveDeadline: patch(moveDeadline),
  /** History holds the event; the document has nothing to change. */
  noteKeyRead: patch((data) => data),
  openVerification: patch(openVerification),
  endVerification: patch(endVerification),
  /** Behind an erased account of that name the first seq is not 1. */
  numberSettings: patch((data, _, { seq }) =>
    data.settings.seq === seq ? data : { ...data, settings: { ...data.settings, seq } },
  ),
  editSettings: patch(editSettings),
  use: patch(use),
  unuse: patch(unuse),
};
