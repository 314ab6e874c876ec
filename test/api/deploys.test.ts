/** What the API says of accounts that another machine than this process's carries: shown and served, and not touched. */

import { MACHINE_VERSION } from '../../src/machines/account';
import { openTestApi, type TestApi } from './testApi';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('api_deploys');
});
afterAll(() => api.release());

const change = (id: string, update: object) => api.services.db.accounts.updateOne({ _id: id }, update);

it.each([
  ['newer-version', { $set: { version: MACHINE_VERSION + 1 } }],
  ['machine-mismatch', { $push: { timers: { id: 'x', event: 'xstate.after.gone.account.life', dueAt: 1 } } }],
] as const)(
  'shows an account and serves its token while it lives, and answers an event with %s',
  async (code, update) => {
    const { id } = await api.connected();
    await api.services.runtime.relay.idle();
    await change(id, update);
    const before = await api.services.db.accounts.findOne({ _id: id });
    for (const to of [`/accounts/${id}`, `/accounts/${id}/history`, `/accounts/${id}/explain`, '/accounts'])
      expect((await api.call('GET', to)).status).toBe(200);
    const token = await api.call<{ belowMinTtl: boolean }>('GET', `/accounts/${id}/token`);
    expect(token).toMatchObject({ status: 200, body: { belowMinTtl: false } });

    const event = await api.event(id, { type: 'DEACTIVATE' });
    expect(event).toMatchObject({ status: 503, body: { code } });
    expect(event.headers.get('retry-after')).not.toBeNull();

    api.pass(5 * 3_600_000);
    expect(await api.call('GET', `/accounts/${id}/token`)).toMatchObject({ status: 503, body: { code } });
    expect(await api.services.db.accounts.findOne({ _id: id })).toEqual(before);
  },
);

it('lists an account in a state that only a newer version knows', async () => {
  const { id } = await api.create();
  await change(id, {
    $set: { version: MACHINE_VERSION + 1, 'snapshot.value.life': 'sleeping', 'view.state': 'sleeping' },
  });
  const shown = await api.call<{ message: string }>('GET', `/accounts/${id}`);
  expect(shown).toMatchObject({ status: 200, body: { message: expect.stringContaining('newer version') as string } });
  expect((await api.call('GET', '/accounts')).status).toBe(200);
});
