/**
 * `npm run bench:campaign`: a campaign over 1,000 accounts (or ACCOUNTS=…) against the sandbox, one merchant in twenty with
 * the wrong login. Api, worker and scheduler are processes of their own; the worker and the scheduler are killed (SIGKILL)
 * in the middle, and others finish. Merchants come by HTTP, a few at a time.
 */

import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { REQUIRED_COLUMNS } from '../src/api/imports/lines';
import type { CampaignItemJson, CampaignJson, CampaignLinkJson } from '../src/api/schemas/campaigns';
import { inLanes } from '../src/lanes';
import { goThroughUps } from '../test/support/merchantBrowser';
import { measure, type System } from './processes';

const ACCOUNTS = Number(process.env['ACCOUNTS'] ?? 1_000);
const RETURN = 'http://localhost:9999/back';
const MERCHANTS = 6;
const PASSWORD = 'ups-password-0123';
const say = (text: string) => void process.stdout.write(`${text}\n`);

const lineOf = (n: number): string =>
  `Account ${n},A1B2C3,${n} Dock St,Timonium,MD,21093,US,shipper,${String(n).padStart(16, '0')},user${n},pass${n}`;

async function ask<T>(
  system: System,
  method: string,
  path: string,
  body?: string | object,
  type = 'application/json',
): Promise<T> {
  const response = await fetch(`${system.apiUrl}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${system.operatorKey}`, ...(body !== undefined && { 'content-type': type }) },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

async function profile({ sandboxUrl }: System, username: string, accounts: string[]): Promise<void> {
  await fetch(`${sandboxUrl}/sandbox/profiles`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      username,
      password: PASSWORD,
      accounts: accounts.map((accountNumber) => ({ accountNumber })),
    }),
  });
}

async function linksOf(system: System, id: string): Promise<CampaignLinkJson[]> {
  const links: CampaignLinkJson[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query = cursor === '' ? '?limit=200' : `?limit=200&cursor=${cursor}`;
    const page: { items: CampaignLinkJson[]; nextCursor: string | null } = await ask(
      system,
      'GET',
      `/campaigns/${id}/links${query}`,
    );
    links.push(...page.items);
    cursor = page.nextCursor;
  }
  return links;
}

/** One in twenty signs in with the login of another. */
const loginOf = ({ name }: { name: string }): string => (Number(name.split(' ')[1]) % 20 === 0 ? 'stranger' : 'holder');

async function comeBack(links: CampaignLinkJson[]): Promise<void> {
  await inLanes(links, MERCHANTS, (link) =>
    goThroughUps(link.connectUrl, { username: loginOf(link), password: PASSWORD }, { returnTo: RETURN }),
  );
}

async function run(system: System): Promise<void> {
  await profile(system, 'holder', ['A1B2C3']);
  await profile(system, 'stranger', ['ZZZZZ9']);
  const lines = Array.from({ length: ACCOUNTS }, (_, n) => lineOf(n + 1));
  await ask(system, 'POST', '/access-keys/import', [REQUIRED_COLUMNS.join(','), ...lines].join('\n'), 'text/csv');
  const workers: ChildProcess[] = ['worker', 'scheduler'].map((role) => system.startRole(role));
  const plan = { waveSize: Math.ceil(ACCOUNTS / 5), pauseSeconds: 1, stopWhenFailedShare: 0.3, returnTo: RETURN };
  const { id } = await ask<CampaignJson>(system, 'POST', '/campaigns', { name: 'Bench', filter: {}, ...plan });
  const began = performance.now();
  await ask(system, 'POST', `/campaigns/${id}/start`);
  const read = () => ask<CampaignJson>(system, 'GET', `/campaigns/${id}`);

  const served = new Set<string>();
  let isKilled = false;
  for (let now = await read(); now.state === 'running'; now = await read()) {
    const ended = now.counts.migrated + now.counts.failed;
    say(`${Math.round((performance.now() - began) / 1000)} s: ${JSON.stringify(now.counts)}`);
    if (!isKilled && now.counts.waiting + ended >= ACCOUNTS * 0.3) {
      isKilled = true;
      for (const child of workers) child.kill('SIGKILL');
      say('The worker and the scheduler are killed; others start.');
      for (const role of ['worker', 'scheduler']) system.startRole(role);
    }
    const fresh = (await linksOf(system, id)).filter(({ accountId }) => !served.has(accountId));
    for (const { accountId } of fresh) served.add(accountId);
    await comeBack(fresh);
    await delay(1_000);
  }
  const end = await read();
  say(
    `${ACCOUNTS} accounts, on ${system.serverName}: ${end.state} after ${Math.round((performance.now() - began) / 1000)} s`,
  );
  say(JSON.stringify(end.counts));
  const { items } = await ask<{ items: CampaignItemJson[] }>(
    system,
    'GET',
    `/campaigns/${id}/accounts?state=failed&limit=200`,
  );
  const reasons = new Map<string, number>();
  for (const { reason } of items) reasons.set(reason ?? '', (reasons.get(reason ?? '') ?? 0) + 1);
  say(`why they failed: ${JSON.stringify(Object.fromEntries(reasons))}`);
  const list = await ask<{ counts: object }>(system, 'GET', '/access-keys');
  say(`still on old keys: ${JSON.stringify(list.counts)}`);
}

measure(run);
