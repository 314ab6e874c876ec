/** The places for requests, by rank: how many are filled, and how many may be. */

import { makePressure, type Pressure } from './pressure';
import { SHARES, SHARING, type PlacedRank } from './ranks';
import { makeTally, quarterOf, type Tally } from './tally';

/** However late the loop is: enough to find out that it is in time again, and for clients that ask one thing at a time. */
const PLACES_LEAST = 16;

export interface Places {
  /** The function that gives the place back, or for whom the rank is full. */
  take(rank: PlacedRank, holder: string): (() => void) | 'full for all' | 'full for this holder';
  filled(): Record<PlacedRank, number>;
}

export function makePlaces(all: number, pressure: Pressure = makePressure()): Places {
  const held: Record<PlacedRank, Tally> = {
    ...{ callback: makeTally(), token: makeTally(), work: makeTally(), comfort: makeTally() },
    ...{ import: makeTally(), public: makeTally() },
  };

  /** While the loop is late, a quarter of what is left would be too little for the only key of an installation. */
  function limitsOf(rank: PlacedRank): { forAll: number; forEach: number } {
    const usable = Math.max(Math.min(all, PLACES_LEAST), all * pressure.share());
    const forAll = Math.max(1, Math.floor(usable * SHARES[rank]));
    const quarter = quarterOf(Math.floor(all * SHARES[rank]));
    return { forAll, forEach: Math.max(1, Math.min(quarter, Math.floor(forAll / 2))) };
  }

  return {
    take(rank, holder) {
      const counted = SHARING.includes(rank) ? SHARING : [rank];
      const sum = (count: (tally: Tally) => number) => counted.reduce((total, one) => total + count(held[one]), 0);
      const { forAll, forEach } = limitsOf(rank);
      if (sum((tally) => tally.all()) >= forAll) return 'full for all';
      if (sum((tally) => tally.of(holder)) >= forEach) return 'full for this holder';
      return held[rank].add(holder);
    },
    filled: () =>
      Object.fromEntries(Object.entries(held).map(([rank, tally]) => [rank, tally.all()])) as Record<
        PlacedRank,
        number
      >,
  };
}
