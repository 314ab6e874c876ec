import { setTimeout as delay } from 'node:timers/promises';

/** Awaits a condition: asks again until the answer is not undefined, and answers it. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined> | T | undefined,
  patienceMs = 20_000,
): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const answer = await condition();
    if (answer !== undefined) return answer;
    if (performance.now() > giveUpAt) throw new Error(`It never came true that ${what}`);
    await delay(20);
  }
}
