/** One account or link moved to another key, while somebody else writes at the worst moment. */

import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { moveAccount, moveLink } from '../../../src/cli/keys/move';
import { changeItem, insertItems, itemId, type CampaignItem } from '../../../src/db/campaigns';
import type { Db } from '../../../src/db/connection';
import type { StoredAccount } from '../../../src/db/schemas';
import { boxesOf, linkBelonging } from '../../../src/db/sealed';
import { makeVault, type Belonging, type Vault } from '../../../src/db/vault';
import { ACCESS_KEY_BOX, type AccountData } from '../../../src/machines/data';
import { sampleDocument } from '../../durable/samples';
import { openTestService, TENANT, type TestService, type Process } from '../../workers/testService';

jest.setTimeout(180_000);

let service: TestService;
let during: Vault;
let after: Vault;
beforeAll(async () => {
  service = await openTestService('cli_move');
  const k2 = { id: 'k2', key: randomBytes(32) };
  [during, after] = [makeVault([k2, service.ringKey]), makeVault([k2])];
});
afterAll(() => service.release());

/** The same database, whose first update of that collection waits until something else has happened. */
function interrupted(collection: 'accounts' | 'campaignItems', first: () => Promise<unknown>): Db {
  let isFirst = true;
  const updates = new Proxy(service.db[collection] as Db['accounts'], {
    get: (target, name) => {
      const found = Reflect.get(target, name) as unknown;
      if (typeof found !== 'function') return found;
      const bound = found.bind(target) as (...args: unknown[]) => unknown;
      if (name !== 'updateOne') return bound;
      return async (...args: unknown[]) => {
        const was = isFirst;
        isFirst = false;
        if (was) await first();
        return bound(...args);
      };
    },
  });
  return { ...service.db, [collection]: updates };
}

async function refresh(on: Process, id: string): Promise<void> {
  const options = { actor: 'key:test', claimBy: on.performer.by };
  const { document, claimed } = await on.runtime.dispatch(id, { type: 'REFRESH' }, options);
  await on.performer.carry(document, claimed);
  await on.runtime.relay.idle();
}

it('loses the race to a refresh, and moves the new pair', async () => {
  const old = service.process();
  const id = await service.connect(old);
  const moved = await moveAccount(
    interrupted('accounts', () => refresh(old, id)),
    during,
    id,
  );
  expect(moved).toEqual({ moved: 2, stuck: [] });
  expect((await service.load(id)).data.current?.generation).toBe(2);
  expect(await service.holdsNewestPair(id, after)).toBe(true);
});

it('comes between the send of a refresh and its answer, and changes nothing of either', async () => {
  const on = service.process({ vault: during });
  const id = await service.connect(service.process());
  const write = on.store.write.bind(on.store);
  const journal: unknown[] = [];
  on.store.write = async (before, next) => {
    // W1 journals the send, W2 stores the answer.
    if ((next.data.current?.generation ?? 0) > 1 && journal.length === 0) {
      journal.push((await service.load(id)).data.current?.sends);
      expect(await moveAccount(service.db, during, id)).toEqual({ moved: 2, stuck: [] });
      journal.push((await service.load(id)).data.current?.sends);
    }
    return write(before, next);
  };
  await refresh(on, id);
  expect(journal[0]).toHaveLength(1);
  expect(journal[1]).toEqual(journal[0]);
  expect(await service.holdsNewestPair(id, after)).toBe(true);
  expect(await service.gambles()).toEqual([]);
});

const item = (accountId: string): CampaignItem => ({
  ...{ _id: itemId('cmp_1', accountId), campaignId: 'cmp_1', tenantId: TENANT, accountId, name: 'One', wave: 1 },
  ...{ accountNumber: 'A1B2C3', externalId: null, state: 'waiting', reason: null, at: 0, consentId: 'c' },
  ...{ link: null, linkExpiresAt: null },
});

it('brings no link back that was taken away meanwhile', async () => {
  const one = item('acc_taken');
  await insertItems(service.db, [{ ...one, link: service.vault.seal('a link', linkBelonging(one)) }]);
  const taken = interrupted('campaignItems', () => changeItem(service.db, one, { link: null, state: 'undone' }));
  expect(await moveLink(taken, during, one._id)).toEqual({ moved: 0, stuck: [] });
  expect(await service.db.campaignItems.findOne({ _id: one._id })).toMatchObject({ link: null, state: 'undone' });
});

it('brings nothing back of an account that is erased meanwhile, or was', async () => {
  const id = await service.connect(service.process());
  const erase = () =>
    service.db.accounts.updateOne({ _id: id }, { $set: { erasedAt: 1 }, $unset: { data: '' }, $inc: { rev: 1 } });
  expect(await moveAccount(interrupted('accounts', erase), during, id)).toEqual({ moved: 0, stuck: [] });
  expect(await moveAccount(service.db, during, id)).toEqual({ moved: 0, stuck: [] });
  expect(await service.db.accounts.findOne({ _id: id })).not.toHaveProperty('data');
});

const secret = fc.string({ unit: 'binary', maxLength: 200 });
const keyed = fc.record({ secret, isOld: fc.boolean() });
const slot = fc.option(
  fc.record({ grantId: fc.uuid(), generation: fc.integer({ min: 1, max: 9 }), access: keyed, refresh: keyed }),
);
const shapes = fc.record({
  ...{ current: slot, candidate: slot, accessKey: fc.option(keyed) },
  links: fc.array(fc.record({ consentId: fc.uuid(), verifier: fc.option(keyed) }), { maxLength: 5 }),
});

it('keeps every secret, whatever an account holds', async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(shapes, async ({ current, candidate, accessKey, links }) => {
      const id = `acc_property_${++count}`;
      const seal = (one: { secret: string; isOld: boolean }, about: Omit<Belonging, 'tenantId' | 'accountId'>) =>
        (one.isOld ? service.vault : during).seal(one.secret, { tenantId: TENANT, accountId: id, ...about });
      const slotOf = (one: typeof current) =>
        one && {
          ...one,
          access: seal(one.access, { ...one, field: 'access' }),
          refresh: seal(one.refresh, { ...one, field: 'refresh' }),
        };
      const sealed = accessKey && seal(accessKey, { field: 'accessKey', ...ACCESS_KEY_BOX });
      const data = {
        ...{ current: slotOf(current), candidate: slotOf(candidate), accessKey: { sealed } },
        links: links.map(({ consentId, verifier }) => ({
          consentId,
          verifier: verifier && seal(verifier, { field: 'verifier', grantId: consentId, generation: 0 }),
        })),
      };
      const {
        id: _id,
        wakeAt: _wake,
        upsAt: _ups,
        upsQueue: _queue,
        ...rest
      } = sampleDocument({ id, tenantId: TENANT });
      const stored = { ...rest, _id, terms: [], data: data as unknown as AccountData } as StoredAccount;
      await service.db.accounts.insertOne(stored);
      const opened = (one: StoredAccount, vault: Vault) =>
        boxesOf(one).map(({ path, sealed: box, belonging }) => [path, vault.open(box, belonging)]);
      const before = opened(stored, during);
      const { stuck } = await moveAccount(service.db, during, id);
      expect(stuck).toEqual([]);
      const [is] = await service.db.accounts.find({ _id: id }).toArray();
      if (!is) throw new Error('no account');
      expect(opened(is, after)).toEqual(before);
    }),
    { numRuns: 60 },
  );
});
