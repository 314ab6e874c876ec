/**
 * From the shape an older machine stored to the one of this machine: one written step a version, and nothing else knows
 * of older shapes. A step only adds what the older machine did not know; what an account stands in stays as it was.
 */

import { MACHINE_VERSION } from './account';
import { noOutlook } from './outlook';

/** What the steps work on: of a document, or of a checkpoint, which has no `data` and no `view`. */
export interface Versioned {
  version: number;
  snapshot: { value: unknown; context: object };
  data?: object;
  view?: object;
}

/** From the shape of one version to the next one's. */
export type Step = (stored: Versioned) => Versioned;

export type Upgrade = <T extends Versioned>(stored: T) => T;

/** Access keys: a third region, and what goes with it. */
const toVersion2: Step = ({ snapshot, data, ...rest }) => ({
  ...rest,
  snapshot: {
    ...snapshot,
    value: { ...(snapshot.value as object), key: 'none' },
    context: { ...snapshot.context, accessKey: null },
  },
  ...(data && { data: { ...data, accessKey: null, profileVerifications: [] } }),
});

/** Refusals that are examined before they are believed. */
const toVersion3: Step = ({ snapshot, ...rest }) => ({
  ...rest,
  snapshot: { ...snapshot, context: { ...snapshot.context, refusal: null } },
});

/** The end of the grant in use is watched, from the account's next own event on: nothing older than that knew of it. */
const toVersion4: Step = ({ snapshot, view, ...rest }) => ({
  ...rest,
  snapshot: {
    ...snapshot,
    value: { ...(snapshot.value as object), horizon: 'unwatched' },
    context: { ...snapshot.context, lookAt: 0 },
  },
  ...(view && { view: { ...view, ...noOutlook } }),
});

/** The noes of UPS are counted, from none on. */
const toVersion5: Step = ({ snapshot, ...rest }) => {
  const { refusal } = snapshot.context as { refusal: object | null };
  return {
    ...rest,
    snapshot: { ...snapshot, context: { ...snapshot.context, refusal: refusal && { ...refusal, noes: 0 } } },
  };
};

/** By the version they lead to. */
export const steps: Readonly<Record<number, Step>> = { 2: toVersion2, 3: toVersion3, 4: toVersion4, 5: toVersion5 };

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
 * As this machine would have stored it, its `version` unchanged: it says who wrote it last, and the next commit says this one.
 * A newer one comes back as it is; whoever runs machines leaves it alone.
 */
export const upgraded: Upgrade = makeUpgrade(steps, MACHINE_VERSION);
