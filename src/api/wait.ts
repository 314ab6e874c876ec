/** Waiting that ends: for work of this process, and for somebody else's to show in the store. */

import { setTimeout as delay } from 'node:timers/promises';

/** What came of it in time, or null. The work goes on either way; if it fails too late to be heard, `report` is told. */
export async function within<T>(ms: number, work: Promise<T>, report: (error: unknown) => void): Promise<T | null> {
  const done = new AbortController();
  let isLate = false;
  const heard = work.catch((error: unknown) => {
    if (!isLate) throw error;
    report(error);
    return null;
  });
  const tooLong = delay(ms, null, { signal: done.signal }).catch(() => null);
  try {
    return await Promise.race([heard, tooLong]);
  } finally {
    isLate = true;
    done.abort();
  }
}

const FIRST_MS = 50;
const LONGEST_MS = 800;

/** Looks again and again, less and less often, until there is an answer other than null; null when time is up. */
export async function poll<T>(
  clock: { monotonic(): number },
  ms: number,
  look: () => Promise<T | null>,
): Promise<T | null> {
  const until = clock.monotonic() + ms;
  for (let pauseMs = FIRST_MS; ; pauseMs = Math.min(LONGEST_MS, pauseMs * 1.5)) {
    const answer = await look();
    if (answer !== null) return answer;
    const left = until - clock.monotonic();
    if (left <= 0) return null;
    await delay(Math.min(pauseMs, left));
  }
}
