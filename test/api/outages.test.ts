/** What admins see of outages, and the two buttons; by API and by page. */

import { newWave, withRefusal } from '../../src/workers/outages/wave';
import { writeOutage } from '../../src/db/outages';
import type { OutagesJson } from '../../src/api/schemas/outages';
import { openTestApi, type TestApi, type ProblemJson } from './testApi';

let api: TestApi;
beforeEach(async () => {
  api = await openTestApi('outages');
});
afterEach(() => api.release());

async function aHeldWave(code = '10400'): Promise<void> {
  const { db, clock } = api.services;
  let wave = newWave(code, clock.now());
  for (let n = 0; n < 6; n++) wave = withRefusal(wave, `acc_${n}`, clock.now(), 0);
  await writeOutage(db, wave, wave);
}

const ask = (method: 'GET' | 'POST', path: string, key = api.keys.admin) =>
  api.call<OutagesJson & ProblemJson>(method, path, { key });

it('all is in order at first', async () => {
  const { status, body } = await ask('GET', '/outages');
  expect(status).toBe(200);
  expect(body.circuits.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'ups closed',
    'token closed',
    'refresh closed',
    'rate closed',
  ]);
  expect(body.waves).toEqual([]);
});

it('an open circuit is shown with its reason and its end', async () => {
  const { db, clock } = api.services;
  const openUntil = clock.now() + 60_000;
  const open = { _id: 'circuit:ups', kind: 'circuit' as const, rev: 0, openUntil, openMs: 5_000, why: '503' };
  await writeOutage(db, open, { ...open, trialBy: null, trialUntil: 0 });
  const { body } = await ask('GET', '/outages');
  expect(body.circuits[0]).toEqual({
    name: 'ups',
    state: 'open',
    why: '503',
    until: new Date(openUntil).toISOString(),
  });
});

it.each([
  ['release', 'released'],
  ['apply', 'applied'],
])('an admin may %s a wave, once', async (act, state) => {
  await aHeldWave();
  expect((await ask('GET', '/outages')).body.waves).toMatchObject([{ code: '10400', state: 'held', canaries: 0 }]);
  const { status, body } = await ask('POST', `/outages/waves/10400/${act}`);
  expect([status, body.waves]).toMatchObject([200, [{ code: '10400', state, nextCanaryAt: null }]]);
  expect(body.waves[0]?.decidedBy).toMatch(/^key:/);
  expect((await ask('POST', `/outages/waves/10400/${act}`)).body.code).toBe('not-found');
});

it('is for admins only, and a code that nobody is held for is not found', async () => {
  expect((await ask('GET', '/outages', api.keys.operator)).body.code).toBe('forbidden');
  expect((await ask('POST', '/outages/waves/10400/apply', api.keys.platform)).body.code).toBe('forbidden');
  expect((await ask('POST', '/outages/waves/10400/apply')).body.code).toBe('not-found');
});
