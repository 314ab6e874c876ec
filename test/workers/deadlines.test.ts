import { createTenant, updateTenant } from '../../src/db/tenants';
import { noteDefaultDeadline } from '../../src/db/deadlines';
import type { AccountContext } from '../../src/machines/context';
import { tellMovedDeadlines } from '../../src/workers';
import { openTestService, standing, TENANT, type TestService, type Process } from './testService';

const DAY = 86_400_000;

let service: TestService;
beforeAll(async () => {
  service = await openTestService('deadlines');
  const tenant = {
    name: 'T',
    returnOrigins: [],
    refreshPolicy: 'eager' as const,
    accessKeyDeadline: null,
    createdAt: 0,
  };
  for (const id of [TENANT, 'other']) await createTenant(service.db, { id, ...tenant });
});
afterAll(() => service.release());

const never = new AbortController().signal;
const tick = ({ runtime }: Process, defaultDeadlineAt = 0, leaving = never) =>
  tellMovedDeadlines({ db: service.db, runtime, clock: service.clock, defaultDeadlineAt }, leaving);
const move = (accessKeyDeadline: number | null, id = TENANT) =>
  updateTenant(service.db, id, { accessKeyDeadline }, service.clock.now());
const deadlineOf = async (id: string) => (await service.load(id)).data.accessKey?.deadlineAt;
const isMarked = async (id = TENANT) => (await service.db.tenants.findOne({ _id: id }))?.deadlineDueAt !== undefined;

it('a moved deadline reaches every account on a key, and those imported meanwhile on a second round', async () => {
  const process = service.process();
  const [one, two, oauth] = [
    await service.withKey(process),
    await service.withKey(process),
    await service.create(process),
  ];
  const at = service.clock.now() + 10 * DAY;
  await move(at);
  await tick(process);
  expect([await deadlineOf(one), await deadlineOf(two)]).toEqual([at, at]);
  expect((await service.load(oauth)).seq).toBe(1);
  const late = await service.withKey(process);
  await tick(process);
  expect(await deadlineOf(late)).not.toBe(at);
  service.pass(61_000);
  await tick(process);
  expect(await deadlineOf(late)).toBe(at);
  expect(await isMarked()).toBe(false);
  // Whoever has heard it takes no second event.
  expect((await service.load(one)).seq).toBe(2);
});

it('a deadline moved into the past disconnects, and one moved back connects again', async () => {
  const process = service.process();
  const id = await service.withKey(process);
  await move(service.clock.now() - DAY);
  await tick(process);
  expect(standing(await service.load(id))).toBe('disconnected');
  expect(((await service.load(id)).snapshot.context as AccountContext).reason).toBe('access-key-sunset');
  await move(service.clock.now() + DAY);
  await tick(process);
  expect(standing(await service.load(id))).toBe('connected.access-key');
});

it('one who stops in the middle leaves the rest to the next', async () => {
  const process = service.process();
  const id = await service.withKey(process);
  const at = service.clock.now() + 5 * DAY;
  await move(at);
  const leaving = new AbortController();
  leaving.abort();
  await tick(process, 0, leaving.signal);
  expect(await deadlineOf(id)).not.toBe(at);
  process.setAway(true);
  await expect(tick(process)).rejects.toThrow();
  await tick(service.process());
  expect(await deadlineOf(id)).toBe(at);
});

it('one account that cannot be told keeps no other from hearing, in its tenant or behind it', async () => {
  const process = service.process();
  const [newer, mine] = [await service.withKey(process), await service.withKey(process)];
  await service.db.accounts.updateOne({ _id: newer }, { $set: { version: 99 } });
  const at = service.clock.now() + 12 * DAY;
  await move(at);
  service.pass(1);
  await move(at, 'other');
  await expect(tick(process)).rejects.toThrow('machine version 99');
  expect(await deadlineOf(mine)).toBe(at);
  // The other tenant, which came after, has been looked at: it is to be looked at once more in a minute, as always.
  const [{ deadlineDueAt = 0 } = {}] = await service.db.tenants.find({ _id: 'other' }).toArray();
  expect(deadlineDueAt).toBeGreaterThan(service.clock.now() + 50_000);
  expect(await isMarked()).toBe(true);
  await service.db.accounts.deleteOne({ _id: newer });
});

it('a key that is kept after its migration hears of it too', async () => {
  const process = service.process();
  const id = await service.withKey(process);
  await service.db.accounts.updateOne({ _id: id }, { $set: { 'view.scheme': 'oauth' } });
  const at = service.clock.now() + 13 * DAY;
  await move(at);
  await tick(process);
  expect(await deadlineOf(id)).toBe(at);
});

it('the installation’s own moves those of tenants without one, once', async () => {
  const process = service.process();
  const id = await service.withKey(process);
  await move(null);
  await move(service.clock.now() + DAY, 'other');
  service.pass(61_000);
  await tick(process, 1);
  expect([await isMarked(), await isMarked('other')]).toEqual([false, false]);
  const [first, second] = [service.clock.now() + 7 * DAY, service.clock.now() + 8 * DAY];
  await noteDefaultDeadline(service.db, first, service.clock.now());
  expect(await isMarked()).toBe(false);
  await noteDefaultDeadline(service.db, first, service.clock.now());
  await noteDefaultDeadline(service.db, second, service.clock.now());
  expect([await isMarked(), await isMarked('other')]).toEqual([true, false]);
  await tick(process, second);
  expect(await deadlineOf(id)).toBe(second);
});
