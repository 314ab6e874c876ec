/** What is counted of waves, over the store in memory. */

import type { StoredWave } from '../../../src/db/outages';
import { newWave, WAVE } from '../../../src/workers/outages/wave';
import { makeWaves, type Waves } from '../../../src/workers/outages/waves';
import { makeMemoryOutages } from '../../simulation/memoryOutages';

const T0 = 1_000_000;
const log = { info() {}, warn() {}, error() {} };

let now: number;
let outages: ReturnType<typeof makeMemoryOutages>;
let waves: Waves;
const held: StoredWave = { ...newWave('10400', T0), state: 'held', held: ['acc_0'], canaryAt: T0 + WAVE.canaryMs };
const look = async () => waves.look(await outages.read());

beforeEach(async () => {
  now = T0;
  outages = makeMemoryOutages();
  waves = makeWaves({ outages, clock: { now: () => now, monotonic: () => now }, log });
  await outages.write(held, held);
  await look();
});

it('counts an account that is answered again and again once in the time that is counted', async () => {
  const shortLived = 15 * 60_000;
  for (let n = 0; n < 4; n++) {
    await waves.answered('acc_1', null, now);
    now += shortLived;
  }
  await waves.answered('acc_2', null, T0 - shortLived);
  await look();
  expect(await outages.find(held._id)).toMatchObject({ long: { at: T0, answered: 2 } });
});

it('keeps what was counted just before a canary is written down', async () => {
  await waves.tryCanaries(async () => true);
  now = held.canaryAt;
  await look();
  await waves.tryCanaries(async () => true);
  await waves.answered('acc_1', null, T0 - 1);
  await waves.refused('acc_2', '10400');
  now += WAVE.canaryMs;
  await look();
  await waves.tryCanaries(async () => true);
  const found = (await outages.find(held._id)) as StoredWave;
  expect(found).toMatchObject({ long: { answered: 1, refused: 1 }, everHeld: 1 });
  expect(found.canaries).toHaveLength(2);
});
