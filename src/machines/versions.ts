/**
 * From the shape an older machine stored to the one of this machine: one written step a version, and nothing else knows
 * of older shapes. A step only adds what the older machine did not know; what an account stands in stays as it was.
 */

import { MACHINE_VERSION } from './account';

/** What the steps work on. */
export interface Versioned {
  version: number;
  snapshot: { value: unknown; context: object };
  data: object;
  view: object;
}

/** From the shape of one version to the next one's. */
export type Step = (stored: Versioned) => Versioned;

export type Upgrade = <T extends Versioned>(stored: T) => T;

/** By the version they lead to. None yet: version 1 is the first. */
export const steps: Readonly<Record<number, Step>> = {};

/** The steps one after another, up to that version. Throws at once when one of them is not written. */
export function makeUpgrade(written: Readonly<Record<number, Step>>, version: number): Upgrade {
  const path = Array.from({ length: version - 1 }, (_, n) => {
    const step = written[n + 2];
    if (!step) throw new Error(`No step to machine version ${n + 2} is written: add it in src/machines/versions.ts.`);
    return step;
  });
  return <T extends Versioned>(stored: T): T =>
    path.slice(stored.version - 1).reduce((now: Versioned, step) => step(now), stored) as T;
}

/**
 * As this machine would have stored it, its `version` unchanged: it says which one wrote it last, and the next event's commit
 * says this one. A newer one comes back as it is; the runtime leaves it alone.
 */
export const upgraded: Upgrade = makeUpgrade(steps, MACHINE_VERSION);
