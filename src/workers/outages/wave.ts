/**
 * A wave of refusals: the rules, as pure functions of what was counted.
 *
 * UPS says no to one account because of that account, and to many because of UPS. Which of the two it is, one account
 * cannot know; so refusals with one code are counted over all accounts, and when too many of the answers are that no,
 * whoever is refused is held. One of the held is tried again and again for all of them. It ends when a try brings a pair
 * (UPS was wrong: all are tried), when tries are refused while UPS answers everybody else, who are far more than were
 * ever held, or for a month (it was meant), or by an admin.
 */

import type { AnswerWindow, StoredWave } from '../../db/outages';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../durations';
import type { WaveState } from '../../machines/context';

export const WAVE = {
  longMs: 10 * MINUTE_MS,
  shortMs: 30_000,
  /** So many accounts in the long window, so many refusals in the short one, and at least that share of all answers. */
  accounts: 5,
  refusals: 20,
  share: 0.1,
  /** The first canary, and the longest pause between two; each pause is twice the one before. */
  canaryMs: MINUTE_MS,
  canaryMaxMs: 10 * MINUTE_MS,
  /** It was meant when so many canaries in a row were refused and UPS answered so many others meanwhile. */
  canaries: 3,
  others: 5,
  othersMs: HOUR_MS,
  /** UPS has been wrong for weeks, and a refresh token lives for two months. */
  believedMs: 30 * DAY_MS,
  /** UPS may come back by halves: so long after a wave no refusal is believed, for the next wave may be near. */
  settlesMs: 20 * MINUTE_MS,
  /** So long a decision is remembered: longer than a held account takes to look. */
  decidedMs: 2 * HOUR_MS,
  kept: 100,
} as const;

export const waveId = (code: string): string => `wave:${code}`;

export const newWave = (code: string, at: number): StoredWave => ({
  ...{ _id: waveId(code), kind: 'wave', rev: 0, code, state: 'quiet', since: at, decidedBy: null },
  ...{ long: { at, refused: 0, answered: 0 }, short: { at, refused: 0, answered: 0 } },
  ...{ refused: [], held: [], everHeld: 0, canaries: [], canaryAt: 0 },
});

const isOver = (window: AnswerWindow, lastsMs: number, at: number): boolean =>
  at - window.at > lastsMs || at < window.at;
const shareOf = ({ refused, answered }: AnswerWindow): number => refused / Math.max(1, refused + answered);
const grown = (window: AnswerWindow, lastsMs: number, at: number, more: Partial<AnswerWindow>): AnswerWindow => {
  const base = isOver(window, lastsMs, at) ? { at, refused: 0, answered: 0 } : window;
  return {
    at: base.at,
    refused: base.refused + (more.refused ?? 0),
    answered: base.answered + (more.answered ?? 0),
  };
};
const lastOf = (ids: string[], id: string): string[] => [...ids.filter((one) => one !== id), id].slice(-WAVE.kept);

/** What held accounts are to think of it; null when there is nothing to think. */
export function stateOf({ state, since }: StoredWave, at: number): WaveState | null {
  if (state === 'quiet' || (state !== 'held' && at - since > WAVE.decidedMs)) return null;
  return state === 'released' && at - since > WAVE.settlesMs ? 'settled' : state;
}

/** For ten minutes, or for as long as it takes to hear of a few: where accounts are idle a wave comes slowly. */
export const isCounting = ({ long }: StoredWave, at: number): boolean =>
  !isOver(long, WAVE.longMs, at) || (at >= long.at && long.answered + long.refused < WAVE.others);

const everHeldOf = ({ everHeld = 0, held }: StoredWave): number => Math.max(everHeld, held.length);

const isWave = ({ long, short, refused }: StoredWave): boolean =>
  (refused.length >= WAVE.accounts && shareOf(long) >= WAVE.share) ||
  (short.refused >= WAVE.refusals && shareOf(short) >= WAVE.share);

/** Counts a refusal; held from the one on that makes it a wave. A decision that it was meant stands for as long as it is remembered. */
export function withRefusal(wave: StoredWave, accountId: string, at: number, answered: number): StoredWave {
  const isNew = !isCounting(wave, at);
  const next: StoredWave = {
    ...wave,
    long: grown(wave.long, isNew ? 0 : Infinity, at, { refused: 1, answered }),
    short: grown(wave.short, WAVE.shortMs, at, { refused: 1, answered }),
    refused: lastOf(isNew ? [] : wave.refused, accountId),
  };
  const state = stateOf(wave, at);
  if (state === 'held') return { ...next, held: lastOf(wave.held, accountId), everHeld: everHeldOf(wave) + 1 };
  if (state === 'applied' || !isWave(next)) return next;
  return {
    ...next,
    state: 'held',
    since: at,
    decidedBy: null,
    held: next.refused,
    everHeld: Math.max(next.refused.length, next.short.refused),
    canaries: [],
    canaryAt: at + WAVE.canaryMs,
  };
}

export const decided = (wave: StoredWave, state: 'released' | 'applied', by: string, at: number): StoredWave => ({
  ...wave,
  ...{ state, since: at, decidedBy: by, held: [], everHeld: 0, refused: [], canaryAt: 0 },
  ...{ long: { at, refused: 0, answered: 0 }, short: { at, refused: 0, answered: 0 } },
});

/**
 * What is to be done about a held wave now: the account to try and the wave as it is once that is written down, or the
 * wave ended because it was meant, or because nobody of it is known to be held. Null when it is not time.
 */
export function nextCanary(wave: StoredWave, at: number): { accountId: string | null; wave: StoredWave } | null {
  if (stateOf(wave, at) !== 'held' || at < wave.canaryAt) return null;
  if (wasMeant(wave, at)) return { accountId: null, wave: decided(wave, 'applied', 'answers of others', at) };
  const lastTried = (id: string): number => wave.canaries.findLast(({ accountId }) => accountId === id)?.at ?? 0;
  const [accountId] = [...wave.held].reverse().sort((a, b) => lastTried(a) - lastTried(b));
  // Whoever is held all the same is tried, and makes it a wave again if it is one.
  if (accountId === undefined) return { accountId: null, wave: decided(wave, 'released', 'nobody held', at) };
  const pauseMs = Math.min(WAVE.canaryMaxMs, WAVE.canaryMs * 2 ** Math.min(wave.canaries.length, 10));
  const canaries = [...wave.canaries, { accountId, at, isRefused: false }].slice(-WAVE.kept);
  // Others are counted from the first canary on: what came before is the wave itself.
  const isBegun = wave.canaries.length > 0 && !isStale(wave.long, at);
  const long = isBegun ? wave.long : { at, refused: 0, answered: 0 };
  return { accountId, wave: { ...wave, long, canaries, canaryAt: at + pauseMs } };
}

/** Counted for an hour, or for as long as it takes to hear of enough others: where accounts are few that is longer. */
function isStale(window: AnswerWindow, at: number): boolean {
  const isEnough = window.answered + window.refused >= WAVE.others;
  return at < window.at || (isEnough && isOver(window, WAVE.othersMs, at));
}

/**
 * Canary after canary was refused, and UPS answers nearly everybody; or for a month while it answers anybody. Whoever is
 * held is not answered, nor refused any more, so they are counted by how many they are: else the few whom a mistake of
 * UPS spares would pass for everybody.
 */
function wasMeant(wave: StoredWave, at: number): boolean {
  const { canaries, held, long, since } = wave;
  const refused = canaries.filter(({ isRefused }) => isRefused).map(({ accountId }) => accountId);
  const isSure = new Set(refused).size >= Math.min(WAVE.canaries, held.length) && refused.length >= WAVE.canaries;
  const refusedAtAll = Math.max(everHeldOf(wave), long.refused);
  const isOfFew = shareOf({ ...long, refused: refusedAtAll }) < WAVE.share;
  return isSure && long.answered >= WAVE.others && (isOfFew || at - since >= WAVE.believedMs);
}

/** It is not held, or not any more: another is tried. */
export const without = (wave: StoredWave, accountId: string): StoredWave => ({
  ...wave,
  held: wave.held.filter((id) => id !== accountId),
  canaries: wave.canaries.filter((one) => one.accountId !== accountId || one.isRefused),
});

export const withRefusedCanary = (wave: StoredWave, accountId: string): StoredWave => ({
  ...wave,
  canaries: wave.canaries.map((one) => (one.accountId === accountId ? { ...one, isRefused: true } : one)),
});
