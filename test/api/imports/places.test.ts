import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { inImportPlace } from '../../../src/api/imports/places';
import type { Db } from '../../../src/db/connection';
import { makeClock, openDb } from '../../db/testDb';
import { until } from '../../support/until';

/** Against hanging only. */
const PATIENCE_MS = 180_000;
jest.setTimeout(PATIENCE_MS);

let db: Db;
beforeAll(async () => {
  db = await openDb('import-places');
});
afterAll(() => db.close());

const clock = makeClock(1_000_000);
const needs = () => ({ db, clock, log: pino({ level: 'silent' }), makeId: randomUUID });

it('keeps its place for as long as it runs, and gives it back when it fails', async () => {
  const rhythm = { leaseMs: 1_000, renewMs: 10 };
  const failing = inImportPlace(
    needs(),
    'acme',
    async () => {
      for (let n = 0; n < 3; n++) {
        clock.pass(900);
        await until(
          'the leases were renewed',
          async () => {
            const leases = await db.leases.find().toArray();
            return leases.length === 2 && leases.every((lease) => lease.until === clock.now() + 1_000);
          },
          PATIENCE_MS,
        );
      }
      throw new Error('as the test asked');
    },
    rhythm,
  );
  await expect(failing).rejects.toThrow('as the test asked');
  expect(await db.leases.countDocuments()).toBe(0);
});

it('lets two of many in that come at once', async () => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const refused: unknown[] = [];
  const all = Array.from({ length: 6 }, () =>
    inImportPlace(needs(), 'acme', () => opened).catch((error: unknown) => refused.push(error)),
  );
  await until('four were refused', () => refused.length === 4, PATIENCE_MS);
  open();
  await Promise.all(all);
  expect(refused).toMatchObject(Array(4).fill({ code: 'too-many-imports' }));
});

it('gives its place back after the last renewal, however slow that is', async () => {
  let waiting = 0;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const slowly = async (...args: Parameters<typeof db.leases.updateOne>) => {
    const [{ _id: name }] = args;
    if ((await db.leases.countDocuments({ _id: name as string })) > 0) {
      waiting++;
      await opened;
    }
    return db.leases.updateOne(...args);
  };
  const leases = Object.assign(Object.create(db.leases) as typeof db.leases, { updateOne: slowly });
  const work = async () => {
    await until('a renewal is on its way', () => waiting > 0, PATIENCE_MS);
    setImmediate(open);
  };
  await inImportPlace({ ...needs(), db: { ...db, leases } }, 'acme', work, { leaseMs: 1_000, renewMs: 10 });
  await until('the renewals have ended', async () => (await db.leases.countDocuments()) === 0, PATIENCE_MS);
  expect(waiting).toBeLessThanOrEqual(2);
});
