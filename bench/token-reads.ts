/**
 * How long a platform waits for a valid access token, in quiet and in a storm of refreshes, over HTTP.
 * Quiet and storm take turns in one run; the accounts that are read are not those that are refreshed.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { goThroughUps } from '../test/support/merchantBrowser';
import { ADDRESS, RETURN_ORIGIN, startSystem, type System } from './processes';

const READ = 20;
const STORMED = 60;
const READERS = 4;
const STORMERS = 8;
const SLICE_MS = 3_000;
const LOGIN = { username: 'bench', password: 'bench-password' };

interface Account {
  id: string;
}

const makeApi =
  ({ apiUrl, key }: System) =>
  async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) };
    const response = await fetch(`${apiUrl}/v1${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  };
type Api = ReturnType<typeof makeApi>;

async function connected(api: Api, name: string): Promise<Account> {
  const { id } = await api('POST', '/accounts', { name, accountNumber: 'A1B2C3', owner: 'shipper', address: ADDRESS });
  const link = await api('POST', `/accounts/${String(id)}/authorization`, { returnTo: `${RETURN_ORIGIN}/` });
  const back = await goThroughUps(String(link['connectUrl']), LOGIN, { returnTo: RETURN_ORIGIN });
  if (back.searchParams.get('outcome') !== 'connected') throw new Error(`${name} was not connected: ${back.search}`);
  return { id: String(id) };
}

async function lanes(count: number, until: () => boolean, step: (turn: number) => Promise<void>): Promise<void> {
  const lane = async (_: unknown, first: number) => {
    for (let turn = first; !until(); turn += count) await step(turn);
  };
  await Promise.all(Array.from({ length: count }, lane));
}

async function readFor(api: Api, accounts: Account[]): Promise<number[]> {
  const times: number[] = [];
  const until = performance.now() + SLICE_MS;
  await lanes(
    READERS,
    () => performance.now() >= until,
    async (turn) => {
      const began = performance.now();
      await api('GET', `/accounts/${accounts[turn % accounts.length]?.id}/token`);
      times.push(performance.now() - began);
    },
  );
  return times;
}

const percentile = (times: number[], share: number): string =>
  (times.sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(1);

export async function benchTokenReads(rounds: number, say: (line: string) => void): Promise<void> {
  const system = await startSystem(RETURN_ORIGIN);
  try {
    const api = makeApi(system);
    const profile = { ...LOGIN, accounts: [{ accountNumber: 'A1B2C3' }] };
    const headers = { 'content-type': 'application/json' };
    await fetch(`${system.sandboxUrl}/sandbox/profiles`, { method: 'POST', headers, body: JSON.stringify(profile) });
    say(`  connecting ${READ + STORMED} accounts through the sandbox …`);
    const accounts: Account[] = [];
    for (let i = 0; i < READ + STORMED; i++) accounts.push(await connected(api, `bench ${i}`));
    const [read, stormed] = [accounts.slice(0, READ), accounts.slice(READ)];

    const quiet: number[] = [];
    const storm: number[] = [];
    let refreshes = 0;
    await readFor(api, read);
    for (let round = 0; round < rounds; round++) {
      quiet.push(...(await readFor(api, read)));
      let isOver = false;
      const blowing = lanes(
        STORMERS,
        () => isOver,
        async (turn) => {
          const verdict = await api('POST', `/accounts/${stormed[turn % stormed.length]?.id}/events`, {
            type: 'REFRESH',
          });
          if (verdict['verdict'] === 'applied') refreshes++;
        },
      );
      storm.push(...(await readFor(api, read)));
      isOver = true;
      await blowing;
      await delay(500);
      say(`  round ${round + 1} of ${rounds}`);
    }
    const line = (times: number[]) =>
      `p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms (${times.length} reads)`;
    say(`token reads, quiet   ${line(quiet)}`);
    say(`token reads, storm   ${line(storm)}`);
    const ratio = (share: number) => (Number(percentile(storm, share)) / Number(percentile(quiet, share))).toFixed(2);
    say(`storm / quiet        p50 ×${ratio(0.5)}, p99 ×${ratio(0.99)}`);
    say(
      `the storm            ${((refreshes * 1_000) / (rounds * SLICE_MS)).toFixed(0)} refreshes/s asked for and taken`,
    );
  } finally {
    await system.stop();
  }
}
