/** The rules of a wave, with numbers and no store. */

import type { StoredWave } from '../../../src/db/outages';
import {
  WAVE,
  decided,
  newWave,
  nextCanary,
  stateOf,
  withRefusal,
  withRefusedCanary,
} from '../../../src/workers/outages/wave';

const T0 = 1_000_000;
const MINUTE = 60_000;

function refusals(count: number, { answered = 0, at = T0, from = newWave('10400', T0), first = 0 } = {}): StoredWave {
  let wave = from;
  for (let n = 0; n < count; n++) wave = withRefusal(wave, `acc_${first + n}`, at, n === 0 ? answered : 0);
  return wave;
}
const held = () => refusals(WAVE.accounts);

describe('a wave', () => {
  it('begins with the fifth account that nearly nobody else is answered beside', () => {
    expect(stateOf(refusals(4), T0)).toBeNull();
    expect(stateOf(refusals(5), T0)).toBe('held');
  });

  it('is not made by one account that is refused again and again', () => {
    let wave = newWave('10400', T0);
    for (let n = 0; n < 15; n++) wave = withRefusal(wave, 'acc_1', T0, 0);
    expect(stateOf(wave, T0)).toBeNull();
  });

  it('is not made by refusals that are few among many answers', () => {
    expect(stateOf(refusals(9, { answered: 1_000 }), T0)).toBeNull();
  });

  it('is not made by refusals that are far apart', () => {
    let wave = newWave('10400', T0);
    for (let n = 0; n < 20; n++) wave = refusals(1, { at: T0 + n * 6 * MINUTE, from: wave, first: n });
    expect(stateOf(wave, T0)).toBeNull();
  });

  it('is seen within half a minute although thousands were answered just before', () => {
    const before = refusals(1, { answered: 100_000 });
    const wave = refusals(25, { at: T0 + 2 * MINUTE, from: before });
    expect(stateOf(wave, T0 + 2 * MINUTE)).toBe('held');
  });
});

describe('a held wave', () => {
  const join = (wave: StoredWave, count: number) => refusals(count, { from: wave, first: 100 });

  it('keeps the last hundred of the accounts that are held', () => {
    const wave = join(held(), 250);
    expect(wave.held).toHaveLength(100);
    expect(wave.held.at(-1)).toBe('acc_349');
  });

  it('tries one account after a minute, others after longer and longer, ten minutes at most', () => {
    let wave = join(held(), 50);
    expect(nextCanary(wave, T0 + MINUTE - 1)).toBeNull();
    const tried: (string | null)[] = [];
    const pauses: number[] = [];
    for (let n = 0; n < 8; n++) {
      const at = wave.canaryAt;
      const next = nextCanary(wave, at);
      if (!next) throw new Error('no canary');
      tried.push(next.accountId);
      pauses.push(next.wave.canaryAt - at);
      wave = withRefusedCanary(next.wave, next.accountId ?? '');
    }
    expect(new Set(tried).size).toBe(8);
    expect(pauses.map((ms) => ms / MINUTE)).toEqual([1, 2, 4, 8, 10, 10, 10, 10]);
    expect(stateOf(wave, T0 + DAY)).toBe('held');
  });

  const DAY = 86_400_000;
  function afterCanaries(count: number, answered: number): StoredWave {
    let wave = join(held(), 50);
    for (let n = 0; n < count; n++) {
      const next = nextCanary(wave, wave.canaryAt);
      if (next?.accountId) wave = withRefusedCanary(next.wave, next.accountId);
    }
    return { ...wave, long: { ...wave.long, answered } };
  }

  it('was meant when canaries are refused while UPS answers others', () => {
    const wave = afterCanaries(3, 50);
    expect(nextCanary(wave, wave.canaryAt)?.wave).toMatchObject({ state: 'applied', decidedBy: 'answers of others' });
  });

  it.each([
    ['two canaries are too few', 2, 50],
    ['nobody else is answered either', 5, 0],
  ])('is held on when %s', (_, canaries, answered) => {
    const wave = afterCanaries(canaries, answered);
    expect(nextCanary(wave, wave.canaryAt)?.wave.state).toBe('held');
  });

  it('is held for weeks if nothing tells', () => {
    expect(stateOf(held(), T0 + 20 * DAY)).toBe('held');
  });
});

describe('a decision', () => {
  it('is remembered for longer than a held account takes to look, then forgotten', () => {
    const wave = decided(held(), 'released', 'key:1', T0);
    expect(stateOf(wave, T0 + 45 * MINUTE)).toBe('released');
    expect(stateOf(wave, T0 + 130 * MINUTE)).toBeNull();
  });

  it('that UPS was wrong does not keep a new wave from being held', () => {
    const wave = decided(held(), 'released', 'key:1', T0);
    expect(stateOf(refusals(5, { from: wave, at: T0 + MINUTE }), T0 + MINUTE)).toBe('held');
  });

  it('that it was meant stands: those who are refused after it are not held', () => {
    const wave = decided(held(), 'applied', 'key:1', T0);
    expect(stateOf(refusals(50, { from: wave, at: T0 + MINUTE }), T0 + MINUTE)).toBe('applied');
  });
});
