import { setTimeout as delay } from 'node:timers/promises';

type NotYet = undefined | false;

/** Awaits a condition: asks again while the answer is undefined or false, and answers the first other one. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | NotYet> | T | NotYet,
  patienceMs = 150_000,
): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const answer = await condition();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > giveUpAt) throw new Error(`It never came true that ${what}`);
    await delay(20);
  }
}
