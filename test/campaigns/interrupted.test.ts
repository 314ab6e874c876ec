/** An operator's word, another worker, or the end of a process, in the middle of a wave that is being asked. */

import type { Campaigns } from '../../src/campaigns/advance';
import { tellDueCampaigns } from '../../src/campaigns/schedule';
import { NewerVersion, StoreUnavailable } from '../../src/durable/errors';
import type { TestApi } from '../api/testApi';
import { openCampaignSetup, type CampaignSetup } from './campaignSetup';

let setup: CampaignSetup;
let api: TestApi;
let campaigns: Campaigns;
beforeAll(async () => {
  setup = await openCampaignSetup('campaigns-interrupted');
  api = setup.api;
  campaigns = setup.worker();
});
afterAll(() => api.release());

type Dispatch = TestApi['services']['runtime']['dispatch'];
const workerWith = (dispatch: Dispatch): Campaigns =>
  setup.worker({ runtime: { load: api.services.runtime.load, dispatch } });

/** A worker that stops in the middle of asking until it is let go on; `asking` is done when it has stopped there. */
function heldWorker(when: 'before' | 'after') {
  let isThere = (): void => undefined;
  let goOn = (): void => undefined;
  const asking = new Promise<void>((resolve) => (isThere = resolve));
  const released = new Promise<void>((resolve) => (goOn = resolve));
  const dispatch: Dispatch = async (id, event, options) => {
    const hold = async () => {
      isThere();
      await released;
    };
    if (when === 'before') await hold();
    const verdict = await api.services.runtime.dispatch(id, event, options);
    if (when === 'after') await hold();
    return verdict;
  };
  return { worker: workerWith(dispatch), asking, goOn };
}

/** A worker that ends once two accounts have heard, before it notes that down of the second. */
const dying = (): Campaigns => setup.mortal(({ dispatched }) => dispatched === 2);

/** Everything that is due by now or in the next minute, by one scheduler without Redis. */
async function aMinute(): Promise<void> {
  const { db, clock } = api.services;
  const queues = { offer: async () => ({ reached: false, full: [] }) };
  for (let seconds = 0; seconds <= 62; seconds += 31) {
    await tellDueCampaigns({ db, clock, campaigns, queues, mayWork: async () => true });
    api.pass(31_000);
  }
}

const statesOf = async (id: string) => {
  const all = await Promise.all((await setup.items(id)).map(({ accountId }) => api.read(accountId)));
  return all.map(({ state, scheme }) => `${state} ${scheme}`);
};

it.each(['before', 'after'] as const)(
  'undo takes back what another worker is just asking, be it held up %s the account hears',
  async (when) => {
    const id = await setup.started(await setup.accounts(3), { waveSize: 3 });
    const { worker, asking, goOn } = heldWorker(when);
    const step = worker.advance(id);
    await asking;
    await setup.press(id, 'undo');
    await campaigns.advance(id);
    goOn();
    await step;
    await aMinute();
    expect((await setup.read(id)).counts).toMatchObject({ waiting: 0 });
    expect(await statesOf(id)).toEqual(Array(3).fill('connected access-key'));
  },
);

it('undo takes back what a worker that died had asked and not noted', async () => {
  const id = await setup.started(await setup.accounts(2));
  await dying()
    .advance(id)
    .catch(() => undefined);
  expect(await statesOf(id)).toEqual(Array(2).fill('migrating access-key'));
  await setup.press(id, 'undo');
  await aMinute();
  expect((await setup.read(id)).counts).toMatchObject({ undone: 2, waiting: 0, planned: 0 });
  expect(await statesOf(id)).toEqual(Array(2).fill('connected access-key'));
});

it('stop notes as waiting what a worker that died had asked, and hands its links out', async () => {
  const id = await setup.started(await setup.accounts(3));
  await dying()
    .advance(id)
    .catch(() => undefined);
  await setup.press(id, 'stop');
  await campaigns.advance(id);
  expect((await setup.read(id)).counts).toMatchObject({ waiting: 2, planned: 1 });
  for (const { connectUrl } of await setup.links(id)) expect((await api.send('GET', connectUrl)).status).toBe(200);
});

it.each(['stop', 'pause'])('after %s a worker in the middle of a wave asks no others', async (act) => {
  const id = await setup.started(await setup.accounts(30), { waveSize: 30 });
  const { worker, asking, goOn } = heldWorker('after');
  const step = worker.advance(id);
  await asking;
  await setup.press(id, act);
  await campaigns.advance(id);
  goOn();
  await step;
  const { counts } = await setup.read(id);
  expect(counts.waiting).toBeGreaterThan(0);
  expect(counts.waiting).toBeLessThanOrEqual(10);
  expect(counts.planned + counts.waiting).toBe(30);
});

it('what is asked while the campaign is stopped is still seen to its end', async () => {
  const id = await setup.started(await setup.accounts(1));
  const { worker, asking, goOn } = heldWorker('before');
  const step = worker.advance(id);
  await asking;
  await setup.press(id, 'stop');
  await campaigns.advance(id);
  goOn();
  await step;
  for (const link of await setup.links(id)) await setup.comeBack(link, ['A1B2C3']);
  await aMinute();
  expect((await setup.read(id)).counts).toMatchObject({ migrated: 1, waiting: 0 });
});

it('what a worker asks that slept for minutes through a stop is seen to its end too', async () => {
  const id = await setup.started(await setup.accounts(1));
  const { worker, asking, goOn } = heldWorker('before');
  const step = worker.advance(id);
  await asking;
  await setup.press(id, 'stop');
  for (let minutes = 0; minutes < 3; minutes++) await aMinute();
  goOn();
  await step;
  for (const link of await setup.links(id)) await setup.comeBack(link, ['A1B2C3']);
  await aMinute();
  expect((await setup.read(id)).counts).toMatchObject({ migrated: 1, waiting: 0 });
});

it('what a worker asked just after stop and died of is found within a minute', async () => {
  const id = await setup.started(await setup.accounts(1));
  let isThere = (): void => undefined;
  let goOn = (): void => undefined;
  const asking = new Promise<void>((resolve) => (isThere = resolve));
  const released = new Promise<void>((resolve) => (goOn = resolve));
  // It gave the link, and goes no further until it is let on; then the account hears it and it dies.
  const held = setup.worker({
    runtime: {
      load: api.services.runtime.load,
      dispatch: async (...args) => {
        isThere();
        await released;
        await api.services.runtime.dispatch(...args);
        throw new StoreUnavailable('dead');
      },
    },
  });
  const ended = held.advance(id).catch(() => undefined);
  await asking;
  await setup.press(id, 'stop');
  await campaigns.advance(id);
  goOn();
  await ended;
  expect((await setup.read(id)).counts).toMatchObject({ planned: 1, waiting: 0 });
  await aMinute();
  expect((await setup.read(id)).counts).toMatchObject({ planned: 0, waiting: 1 });
});

describe('an account that cannot be helped', () => {
  it('keeps none of the others, nor the waves after it', async () => {
    const text = await setup.accounts(4);
    const id = await setup.started(text, { pauseSeconds: 0 });
    const [bad] = await setup.items(id);
    const { dispatch } = api.services.runtime;
    const worker = workerWith(async (account, event, options) => {
      if (account === bad?.accountId) throw new NewerVersion('in the care of a newer process');
      return dispatch(account, event, options);
    });
    await expect(worker.advance(id)).rejects.toThrow(NewerVersion);
    await expect(worker.advance(id)).rejects.toThrow(NewerVersion);
    expect((await setup.read(id)).counts).toMatchObject({ planned: 1, waiting: 3 });
    api.pass(20_000);
    await campaigns.advance(id);
    expect((await setup.read(id)).counts).toMatchObject({ planned: 0, waiting: 4 });
  });

  it('is left for a while before it is tried again', async () => {
    const id = await setup.started(await setup.accounts(1));
    const { db, clock } = api.services;
    await workerWith(async () => Promise.reject(new NewerVersion('not ours')))
      .advance(id)
      .catch(() => undefined);
    const { wakeAt } = (await db.campaigns.findOne({ _id: id })) ?? {};
    expect(wakeAt).toBeGreaterThan(clock.now() + 5_000);
  });

  it('does not keep the scheduler from other campaigns', async () => {
    const [bad, good] = [await setup.started(await setup.accounts(1)), await setup.started(await setup.accounts(1))];
    const { db, clock } = api.services;
    const done: string[] = [];
    const advance = async (id: string) => {
      if (id === bad) throw new Error('a bug');
      done.push(id);
    };
    const queues = { offer: async () => ({ reached: false, full: [] }) };
    const look = tellDueCampaigns({ db, clock, campaigns: { advance }, queues, mayWork: async () => true });
    await expect(look).rejects.toThrow('a bug');
    expect(done).toContain(good);
  });
});

it('going on after an operator paused it forgives no failures', async () => {
  const id = await setup.started(await setup.accounts(3), { pauseSeconds: 0, stopWhenFailedShare: 0.4 });
  await campaigns.advance(id);
  await setup.press(id, 'pause');
  for (const link of await setup.links(id)) await setup.comeBack(link, ['ZZZZZ9']);
  await campaigns.advance(id);
  await setup.press(id, 'resume');
  await campaigns.advance(id);
  expect(await setup.read(id)).toMatchObject({ state: 'paused', pausedBecause: 'failures', counts: { planned: 1 } });
});

it('a link the merchant replaced by a newer one is handed out no more; through the newer one the account is migrated', async () => {
  const id = await setup.started(await setup.accounts(1));
  await campaigns.advance(id);
  const accountId = (await setup.links(id))[0]?.accountId ?? '';
  const newer = await api.event(accountId, { type: 'MIGRATE' });
  await campaigns.advance(id);
  expect(await setup.links(id)).toEqual([]);
  expect((await setup.read(id)).counts.waiting).toBe(1);
  const connectUrl = newer.body.authorization?.connectUrl ?? '';
  await setup.comeBack({ connectUrl }, ['A1B2C3']).catch(() => undefined);
  await campaigns.advance(id);
  expect((await setup.read(id)).counts).toMatchObject({ migrated: 1 });
});
