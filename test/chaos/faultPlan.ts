/** Which faults happen and when, drawn from the seed before the run starts. */

import { makeRandom, type Random } from '../simulation/random';
import type { ChaosOptions } from './options';
import { refusals, type Refusal } from './redisRefusals';

// prettier-ignore
export const faultKinds = ['kill', 'term', 'pause', 'flush', 'redis', 'refused', 'store', 'lost', 'broken', 'busy', 'slow'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** For the report and the progress line. */
export const faultInWords: Record<FaultKind, string> = {
  kill: 'kill -9 of a process',
  term: 'SIGTERM in the middle of work',
  pause: 'SIGSTOP, later SIGCONT',
  flush: 'FLUSHALL',
  redis: 'Redis away, back empty',
  refused: 'Redis answers and refuses',
  store: 'store away, back with its data',
  lost: 'UPS: rotated, answer lost',
  broken: 'UPS: 503',
  busy: 'UPS: 429',
  slow: 'UPS: slow',
};

export interface PlannedFault {
  /** Since the start of the run. */
  atMs: number;
  kind: FaultKind;
  /** Index of the process, modulo their number. */
  who: number;
  lastsMs: number;
  /** How long UPS delays an answer. */
  slowMs: number;
  /** How many requests to UPS it affects at most. */
  times: number;
  path: string;
  /** What Redis refuses. */
  refusal: Refusal;
  isHard: boolean;
}

const REFRESH = '/security/v1/oauth/refresh';
const PATHS = [REFRESH, REFRESH, '/security/v1/oauth/token', '/api'] as const;

/** No fault happens in the first seconds, while accounts are created. */
const CALM_MS = 4_000;

export function makeFaultPlan(options: ChaosOptions): PlannedFault[] {
  const random = makeRandom(options.seed);
  const plan: PlannedFault[] = [];
  let deck: FaultKind[] = [];
  let refusing: Refusal[] = [];
  for (let atMs = CALM_MS; atMs < options.lastsMs; atMs += random.between(500, options.gapMs)) {
    if (deck.length === 0) deck = shuffled(random, deckOf(options));
    const kind = deck.pop();
    if (refusing.length === 0) refusing = shuffled(random, refusals);
    const refusal = (kind === 'refused' ? refusing.pop() : undefined) ?? 'password';
    if (kind) plan.push({ ...drawn(random, kind, options), refusal, atMs });
  }
  return plan;
}

/** Every kind comes in every round. Kills and Redis refusals come twice, since refusals have many variants. */
const deckOf = ({ losesAnswers }: ChaosOptions): FaultKind[] =>
  [...faultKinds, 'kill' as const, 'refused' as const].filter((kind) => kind !== 'lost' || losesAnswers);

function shuffled<T>(random: Random, all: readonly T[]): T[] {
  const left = [...all];
  const deck: T[] = [];
  while (left.length > 0) deck.push(...left.splice(random.between(0, left.length - 1), 1));
  return deck;
}

function drawn(random: Random, kind: FaultKind, options: ChaosOptions): Omit<PlannedFault, 'atMs' | 'refusal'> {
  const longestMs = kind === 'pause' ? options.longestPauseMs : options.longestAwayMs;
  return {
    kind,
    who: random.between(0, 999),
    lastsMs: random.between(Math.min(5_000, longestMs / 3), longestMs),
    slowMs: random.between(500, options.losesAnswers ? 25_000 : 4_000),
    times: kind === 'lost' ? random.between(1, 2) : random.between(2, 8),
    path: kind === 'lost' && random.is(0.7) ? REFRESH : random.pick(PATHS),
    isHard: random.is(0.5),
  };
}
