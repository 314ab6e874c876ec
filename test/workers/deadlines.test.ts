import { createTenant, updateTenant } from '../../src/db/tenants';
import { noteDefaultDeadline } from '../../src/db/deadlines';
import type { AccountContext } from '../../src/machines/context';
import { tellMovedDeadlines } from '../../src/workers';
import { openHouse, standing, TENANT, type House, type Process } from './testService';

const DAY = 86_400_000;

let house: House;
beforeAll(async () => {
  house = await openHouse('deadlines');
  const tenant = {
    name: 'T',
    returnOrigins: [],
    refreshPolicy: 'eager' as const,
    accessKeyDeadline: null,
    createdAt: 0,
  };
  for (const id of [TENANT, 'other']) await createTenant(house.db, { id, ...tenant });
});
afterAll(() => house.release());

const never = new AbortController().signal;
const tick = ({ runtime }: Process, defaultDeadlineAt = 0, leaving = never) =>
  tellMovedDeadlines({ db: house.db, runtime, clock: house.clock, defaultDeadlineAt }, leaving);
const move = (accessKeyDeadline: number | null, id = TENANT) =>
  updateTenant(house.db, id, { accessKeyDeadline }, house.clock.now());
const deadlineOf = async (id: string) => (await house.load(id)).data.accessKey?.deadlineAt;
const isMarked = async (id = TENANT) => (await house.db.tenants.findOne({ _id: id }))?.deadlineDueAt !== undefined;

it('a moved deadline reaches every account on a key, and those imported meanwhile on a second round', async () => {
  const process = house.process();
  const [one, two, oauth] = [await house.withKey(process), await house.withKey(process), await house.create(process)];
  const at = house.clock.now() + 10 * DAY;
  await move(at);
  await tick(process);
  expect([await deadlineOf(one), await deadlineOf(two)]).toEqual([at, at]);
  expect((await house.load(oauth)).seq).toBe(1);
  const late = await house.withKey(process);
  await tick(process);
  expect(await deadlineOf(late)).not.toBe(at);
  house.pass(61_000);
  await tick(process);
  expect(await deadlineOf(late)).toBe(at);
  expect(await isMarked()).toBe(false);
  // Whoever has heard it takes no second event.
  expect((await house.load(one)).seq).toBe(2);
});

it('a deadline moved into the past disconnects, and one moved back connects again', async () => {
  const process = house.process();
  const id = await house.withKey(process);
  await move(house.clock.now() - DAY);
  await tick(process);
  expect(standing(await house.load(id))).toBe('disconnected');
  expect(((await house.load(id)).snapshot.context as AccountContext).reason).toBe('access-key-sunset');
  await move(house.clock.now() + DAY);
  await tick(process);
  expect(standing(await house.load(id))).toBe('connected.access-key');
});

it('one who stops in the middle leaves the rest to the next', async () => {
  const process = house.process();
  const id = await house.withKey(process);
  const at = house.clock.now() + 5 * DAY;
  await move(at);
  const leaving = new AbortController();
  leaving.abort();
  await tick(process, 0, leaving.signal);
  expect(await deadlineOf(id)).not.toBe(at);
  process.setAway(true);
  await expect(tick(process)).rejects.toThrow();
  await tick(house.process());
  expect(await deadlineOf(id)).toBe(at);
});

it('one account that cannot be told keeps no other from hearing, in its tenant or behind it', async () => {
  const process = house.process();
  const [newer, mine] = [await house.withKey(process), await house.withKey(process)];
  await house.db.accounts.updateOne({ _id: newer }, { $set: { version: 99 } });
  const at = house.clock.now() + 12 * DAY;
  await move(at);
  house.pass(1);
  await move(at, 'other');
  await expect(tick(process)).rejects.toThrow('machine version 99');
  expect(await deadlineOf(mine)).toBe(at);
  // The other tenant, which came after, has been looked at: it is to be looked at once more in a minute, as always.
  const [{ deadlineDueAt = 0 } = {}] = await house.db.tenants.find({ _id: 'other' }).toArray();
  expect(deadlineDueAt).toBeGreaterThan(house.clock.now() + 50_000);
  expect(await isMarked()).toBe(true);
  await house.db.accounts.deleteOne({ _id: newer });
});

it('a key that is kept after its migration hears of it too', async () => {
  const process = house.process();
  const id = await house.withKey(process);
  await house.db.accounts.updateOne({ _id: id }, { $set: { 'view.scheme': 'oauth' } });
  const at = house.clock.now() + 13 * DAY;
  await move(at);
  await tick(process);
  expect(await deadlineOf(id)).toBe(at);
});

it('the installation’s own moves those of tenants without one, once', async () => {
  const process = house.process();
  const id = await house.withKey(process);
  await move(null);
  await move(house.clock.now() + DAY, 'other');
  house.pass(61_000);
  await tick(process, 1);
  expect([await isMarked(), await isMarked('other')]).toEqual([false, false]);
  const [first, second] = [house.clock.now() + 7 * DAY, house.clock.now() + 8 * DAY];
  await noteDefaultDeadline(house.db, first, house.clock.now());
  expect(await isMarked()).toBe(false);
  await noteDefaultDeadline(house.db, first, house.clock.now());
  await noteDefaultDeadline(house.db, second, house.clock.now());
  expect([await isMarked(), await isMarked('other')]).toEqual([true, false]);
  await tick(process, second);
  expect(await deadlineOf(id)).toBe(second);
});
