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
  without,
} from '../../../src/workers/outages/wave';

const T0 = 1_000_000;
const MINUTE = 60_000;
const DAY = 86_400_000;

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

  it('is not made by refusals that are far apart while others are answered', () => {
    let wave = newWave('10400', T0);
    for (let n = 0; n < 20; n++) wave = refusals(1, { at: T0 + n * 6 * MINUTE, from: wave, first: n, answered: 9 });
    expect(stateOf(wave, T0 + 2 * 60 * MINUTE)).toBeNull();
  });

  it('is made by refusals that are far apart where nobody else is asked for', () => {
    let wave = newWave('10400', T0);
    for (let n = 0; n < 5; n++) wave = refusals(1, { at: T0 + n * DAY, from: wave, first: n });
    expect(stateOf(wave, T0 + 5 * DAY)).toBe('held');
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

  function afterCanaries(count: number, answered: number): StoredWave {
    let wave = join(held(), 50);
    for (let n = 0; n < count; n++) {
      const next = nextCanary(wave, wave.canaryAt);
      if (next?.accountId) wave = withRefusedCanary(next.wave, next.accountId);
    }
    return { ...wave, long: { ...wave.long, answered } };
  }

  it('was meant when canaries are refused while UPS answers others, who are far more than were ever held', () => {
    const wave = afterCanaries(3, 1_000);
    expect(nextCanary(wave, wave.canaryAt)?.wave).toMatchObject({ state: 'applied', decidedBy: 'answers of others' });
  });

  it.each([
    ['two canaries are too few', 2, 1_000],
    ['nobody else is answered either', 5, 0],
    ['those who are held are a tenth of all that UPS is asked for, though no longer refused', 5, 450],
  ])('is held on when %s', (_, canaries, answered) => {
    const wave = afterCanaries(canaries, answered);
    expect(nextCanary(wave, wave.canaryAt)?.wave.state).toBe('held');
  });

  it('is judged by all who were ever held, of whom it keeps a hundred', () => {
    const wave = { ...afterCanaries(3, 2_000), everHeld: 300 };
    expect(nextCanary(wave, wave.canaryAt)?.wave.state).toBe('held');
  });

  it('was meant when it goes on for a month while UPS answers anybody', () => {
    const wave = { ...afterCanaries(3, WAVE.others), canaryAt: 0 };
    expect(nextCanary(wave, T0 + WAVE.believedMs - 1)?.wave.state).toBe('held');
    expect(nextCanary(wave, T0 + WAVE.believedMs)?.wave.state).toBe('applied');
  });

  it('that an older release began is judged by those it keeps', () => {
    const { everHeld: _, ...wave } = afterCanaries(3, 1_000);
    expect(nextCanary(wave, wave.canaryAt)?.wave.state).toBe('applied');
  });

  it('counts others for longer than an hour where they are so few', () => {
    const wave = afterCanaries(3, 4);
    const later = nextCanary(wave, wave.long.at + 2 * WAVE.othersMs)?.wave;
    expect(later?.long.answered).toBe(4);
  });

  it('tries whoever was not tried for longest, when all were tried', () => {
    let wave = held();
    const tried: (string | null)[] = [];
    for (let n = 0; n < 10; n++) {
      const next = nextCanary(wave, wave.canaryAt);
      if (!next?.accountId) throw new Error('no canary');
      tried.push(next.accountId);
      wave = withRefusedCanary(next.wave, next.accountId);
    }
    expect(new Set(tried.slice(0, 5)).size).toBe(5);
    expect(tried.slice(5)).toEqual(tried.slice(0, 5));
  });

  it('is over when nobody is known to be held', () => {
    let wave = held();
    for (const id of wave.held) wave = without(wave, id);
    expect(nextCanary(wave, wave.canaryAt)).toMatchObject({
      ...{ accountId: null, wave: { state: 'released', decidedBy: 'nobody held' } },
    });
  });

  it('is judged by the last hour where there are others enough', () => {
    const mixed = afterCanaries(3, 0);
    const wave = { ...mixed, long: { ...mixed.long, refused: 40, answered: 60 } };
    const next = nextCanary(wave, wave.long.at + WAVE.othersMs + 1)?.wave;
    expect(next).toMatchObject({ state: 'held', long: { refused: 0, answered: 0 } });
  });

  it('is held for weeks if nothing tells', () => {
    expect(stateOf(held(), T0 + 20 * DAY)).toBe('held');
  });
});

describe('a decision', () => {
  it('is remembered for longer than a held account takes to look, then forgotten', () => {
    const wave = decided(held(), 'released', 'key:1', T0);
    expect(stateOf(wave, T0 + 15 * MINUTE)).toBe('released');
    expect(stateOf(wave, T0 + 45 * MINUTE)).toBe('settled');
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
