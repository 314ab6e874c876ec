import { setTimeout as delay } from 'node:timers/promises';

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
