import { Registry } from 'prom-client';
import { NewerVersion } from '../../src/durable/errors';
import { makeLeftAlone } from '../../src/workers/leftAlone';
import { makeClock } from '../db/testDb';

const TEN_MINUTES_MS = 600_000;
const newer = new NewerVersion('written by a newer machine');

function open() {
  const clock = makeClock(0);
  const registry = new Registry();
  const named: string[] = [];
  const name = ({ accountId }: { accountId?: string }) => void named.push(accountId ?? '');
  const leftAlone = makeLeftAlone({ clock, registry, log: { warn: name, error: name } });
  const counted = async () => {
    const metric = await registry.getSingleMetric('upslink_accounts_left_alone')?.get();
    return metric?.values.find(({ labels }) => labels['code'] === 'newer-version')?.value;
  };
  return { clock, leftAlone, named, counted };
}

it('names an account once in ten minutes and counts it meanwhile, however often it is met', async () => {
  const { clock, leftAlone, named, counted } = open();
  leftAlone.met('one', newer);
  clock.pass(TEN_MINUTES_MS - 1);
  leftAlone.met('one', newer);
  expect([named, await counted()]).toEqual([['one'], 1]);
  clock.pass(1);
  expect(await counted()).toBe(0);
  leftAlone.met('one', newer);
  expect([named, await counted()]).toEqual([['one', 'one'], 1]);
});

it('names twenty a minute and counts 10,000 at most, those that were met last', async () => {
  const { clock, leftAlone, named, counted } = open();
  for (let n = 0; n < 10_001; n++) leftAlone.met(`acc_${n}`, newer);
  expect([named.length, await counted()]).toEqual([20, 10_000]);
  clock.pass(60_000);
  leftAlone.met('acc_10000', newer);
  expect(named).toHaveLength(20);
  leftAlone.met('acc_0', newer);
  expect(named).toHaveLength(21);
});
