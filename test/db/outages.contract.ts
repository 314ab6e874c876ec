/** What every OutageStore must do, run on the one in memory and on the real one. */

import type { OutageStore, StoredWave } from '../../src/db/outages';
import { newWave } from '../../src/workers/outages/wave';

export function describeOutageStore(name: string, make: () => Promise<OutageStore>): void {
  describe(`${name}, as an OutageStore`, () => {
    let outages: OutageStore;
    let made = 0;
    const aWave = (): StoredWave => newWave(`code${++made}`, 1_000);
    const stored = async (wave: StoredWave): Promise<StoredWave> => {
      expect(await outages.write(wave, wave)).toBe(true);
      return { ...wave, rev: 1 };
    };
    beforeAll(async () => {
      outages = await make();
    });

    it('gives back what was written, and null for what was not', async () => {
      const wave = await stored({ ...aWave(), held: ['acc_1'] });
      expect(await outages.find(wave._id)).toEqual(wave);
      expect(await outages.find('wave:none')).toBeNull();
    });

    it('reads all, by id', async () => {
      const [one, two] = [await stored(aWave()), await stored(aWave())];
      const ids = (await outages.read()).map(({ _id }) => _id);
      expect(ids).toEqual([...ids].sort());
      expect(ids).toEqual(expect.arrayContaining([one._id, two._id]));
    });

    it('is written by whoever read it last', async () => {
      const wave = await stored(aWave());
      expect(await outages.write(wave, { ...wave, state: 'held' })).toBe(true);
      expect(await outages.write(wave, { ...wave, state: 'applied' })).toBe(false);
      expect(await outages.find(wave._id)).toMatchObject({ state: 'held', rev: 2 });
    });

    it('is made once', async () => {
      const wave = aWave();
      expect(await Promise.all([outages.write(wave, wave), outages.write(wave, wave)])).toContain(false);
    });

    it('counts on, guarding nothing, and keeps the last held', async () => {
      const wave = await stored(aWave());
      const heard = { refused: 2, answered: 3, held: ['acc_1', 'acc_2'] };
      await outages.count(wave._id, heard, 3);
      await outages.count(wave._id, heard, 3);
      const found = (await outages.find(wave._id)) as StoredWave;
      expect(found).toMatchObject({ rev: 1, long: { refused: 4, answered: 6 }, everHeld: 4 });
      expect(found.held).toEqual(['acc_2', 'acc_1', 'acc_2']);
    });

    it('counts nothing for a wave that is not there', async () => {
      await outages.count('wave:none', { refused: 1, answered: 0, held: [] }, 3);
      expect(await outages.find('wave:none')).toBeNull();
    });
  });
}
