/**
 * How many imports run at once: two of a tenant, eight of the installation, counted in the store over all its processes. A
 * place is a lease that is renewed while the import runs, so that a process that was killed keeps nobody out for long. The
 * command line takes none: it runs in a process of its own, and is the way out when there is no place.
 */

import { randomInt } from 'node:crypto';
import { acquireLease, releaseLease } from '../../db/lease';
import { Refusal } from '../problems';
import type { Services } from '../services';

const PLACES = { tenant: 2, installation: 8 };

/** A killed process keeps its place for `leaseMs`. */
const RHYTHM = { leaseMs: 45_000, renewMs: 15_000 };
const RETRY_SECONDS = 15;

type Needs = Pick<Services, 'db' | 'clock' | 'log' | 'makeId'>;

/** One trip: whether the place is ours, newly or still. */
type Hold = (name: string) => Promise<boolean>;

/** The name of the place that was free, or null. */
async function takeOne(hold: Hold, prefix: string, places: number): Promise<string | null> {
  // From anywhere among them: most are free most of the time, and each that is not costs a trip.
  const from = randomInt(places);
  for (let n = 0; n < places; n++) {
    const name = `${prefix}:${(from + n) % places}`;
    if (await hold(name)) return name;
  }
  return null;
}

/** Its end waits for the renewal that is under way: that would take a place again which was given back. */
function keepHolding(hold: Hold, names: readonly string[], everyMs: number, { log }: Needs): () => Promise<void> {
  let renewing: Promise<void> | null = null;
  const renew = async (): Promise<void> => {
    try {
      for (const name of names) await hold(name);
    } catch {
      log.warn({}, 'The place of an import could not be renewed; it is tried again.');
    }
    renewing = null;
  };
  const timer = setInterval(() => {
    renewing ??= renew();
  }, everyMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await renewing;
  };
}

const full = (whose: string, places: number): Refusal =>
  new Refusal(
    'too-many-imports',
    `${whose} runs ${places} imports at a time, and that many are under way. Wait until one has ended, or use \`upslink access-keys import\`.`,
    { retryAfterSeconds: RETRY_SECONDS },
  );

/** `work` in a place of its own; refused with 429 when there is none. */
export async function inImportPlace<T>(
  needs: Needs,
  tenantId: string,
  work: () => Promise<T>,
  { leaseMs, renewMs } = RHYTHM,
): Promise<T> {
  const { db, clock, log } = needs;
  const holder = needs.makeId();
  const names: string[] = [];
  const hold: Hold = (name) => acquireLease(db, { name, holder, now: clock.now(), ttlMs: leaseMs });
  const stopHolding = keepHolding(hold, names, renewMs, needs);

  async function enter(prefix: string, places: number, whose: string): Promise<void> {
    const name = await takeOne(hold, prefix, places);
    if (name === null) throw full(whose, places);
    names.push(name);
  }
  async function leave(): Promise<void> {
    await stopHolding();
    for (const name of names) await releaseLease(db, { name, holder });
  }

  try {
    await enter(`import:${tenantId}`, PLACES.tenant, 'A tenant');
    await enter('imports', PLACES.installation, 'The installation');
    return await work();
  } finally {
    // What is not given back lapses; what became of the import is what counts.
    await leave().catch(() => log.warn({}, 'The place of an import could not be given back; it lapses.'));
  }
}
