/**
 * How many imports run at once: two of a tenant, eight of the installation, counted in the store over all its processes. A
 * place is a lease that is renewed while the import runs, so that a process that was killed keeps nobody out for long. The
 * command line takes none: it runs in a process of its own, and is the way out for whoever is kept out here.
 */

import { randomInt } from 'node:crypto';
import { acquireLease, releaseLease } from '../../db/lease';
import { Refusal } from '../problems';
import type { Services } from '../services';

export const PLACES = { tenant: 2, installation: 8 };

/** A lease of a killed process ends in this time. */
const LEASE_MS = 45_000;
const RENEW_MS = 15_000;
const RETRY_SECONDS = 15;

type Needs = Pick<Services, 'db' | 'clock' | 'log' | 'makeId'>;

/** The name of the place that was free, or null. */
async function takeOne({ db, clock }: Needs, holder: string, prefix: string, places: number): Promise<string | null> {
  // From anywhere among them: most are free most of the time, and each that is not costs a trip.
  const from = randomInt(places);
  for (let n = 0; n < places; n++) {
    const name = `${prefix}:${(from + n) % places}`;
    if (await acquireLease(db, { name, holder, now: clock.now(), ttlMs: LEASE_MS })) return name;
  }
  return null;
}

function keepRenewing({ db, clock, log }: Needs, holder: string, names: string[]): () => void {
  const renew = async (): Promise<void> => {
    for (const name of names) await acquireLease(db, { name, holder, now: clock.now(), ttlMs: LEASE_MS });
  };
  const timer = setInterval(() => {
    renew().catch(() => log.warn({}, 'The place of an import could not be renewed; it is tried again.'));
  }, RENEW_MS);
  timer.unref();
  return () => clearInterval(timer);
}

const full = (whose: string, places: number): Refusal =>
  new Refusal(
    'too-many-imports',
    `${whose} runs ${places} imports at a time, and that many are under way. Wait until one has ended, or use \`upslink access-keys import\`.`,
    { retryAfterSeconds: RETRY_SECONDS },
  );

/** `work` in a place of its own; refused with 429 when there is none. */
export async function inImportPlace<T>(needs: Needs, tenantId: string, work: () => Promise<T>): Promise<T> {
  const holder = needs.makeId();
  const names: string[] = [];
  let stopRenewing: (() => void) | null = null;

  async function enter(prefix: string, places: number, whose: string): Promise<void> {
    const name = await takeOne(needs, holder, prefix, places);
    if (name === null) throw full(whose, places);
    names.push(name);
  }
  async function leave(): Promise<void> {
    stopRenewing?.();
    for (const name of names) await releaseLease(needs.db, { name, holder });
  }

  try {
    await enter(`import:${tenantId}`, PLACES.tenant, 'A tenant');
    await enter('imports', PLACES.installation, 'The installation');
    stopRenewing = keepRenewing(needs, holder, names);
    return await work();
  } finally {
    // Whatever is not given back is free when its lease has ended; the import's own outcome is what counts.
    await leave().catch(() => needs.log.warn({}, 'The place of an import could not be given back; it lapses.'));
  }
}
