import { setTimeout as delay } from 'node:timers/promises';

type NotYet = undefined | false;

/** Waits for a condition: repeats it while it returns undefined or false, and resolves to the first other value. */
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
