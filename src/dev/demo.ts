/** The demo tenant and its keys, and the UPS profiles to try: what `npm start` puts in, and only the first time. */
import type { Config } from '../config';
import { DAY_MS } from '../durations';
import { DevError } from './context';
import { type ApiKeyRole, ROLES } from './secrets';

const DEADLINE_DAYS = 30;

export interface DemoTenant {
  readonly id: string;
  readonly name: string;
  readonly returnOrigins: readonly string[];
  readonly refreshPolicy: 'eager' | 'lazy';
  readonly accessKeyDeadlineAt: number;
}

/** What seeding needs of the service's own store. */
export interface DemoStore {
  /** Creates it unless it is there; what is there stays as it is. */
  readonly ensureTenant: (tenant: DemoTenant) => Promise<void>;
  /** The key that works for this role: `kept` where it still does, else a new one. */
  readonly ensureApiKey: (tenantId: string, role: ApiKeyRole, kept: string | undefined) => Promise<string>;
  readonly close: () => Promise<void>;
}

export type OpenDemoStore = (config: Config) => Promise<DemoStore>;

export type ApiKeys = Readonly<Record<ApiKeyRole, string>>;

export const demoTenant = (config: Config, now: number): DemoTenant => ({
  id: 'demo',
  name: 'Demo',
  returnOrigins: [config.publicUrl, 'http://localhost:9999'],
  refreshPolicy: 'eager',
  accessKeyDeadlineAt: now + DEADLINE_DAYS * DAY_MS,
});

export async function seedTenant(
  store: DemoStore,
  tenant: DemoTenant,
  kept: Readonly<Partial<Record<ApiKeyRole, string>>>,
): Promise<ApiKeys> {
  await store.ensureTenant(tenant);
  const keys: [ApiKeyRole, string][] = [];
  for (const role of ROLES) keys.push([role, await store.ensureApiKey(tenant.id, role, kept[role])]);
  return Object.fromEntries(keys) as Record<ApiKeyRole, string>;
}

/** A UPS login that has the account, and one that has not, to see an account refused as not in the profile. */
export const demoProfiles = {
  good: { username: 'demo-merchant', accountNumber: 'A1B2C3' },
  wrong: { username: 'other-merchant', accountNumber: 'Z9Y8X7' },
} as const;

/** Sandbox tokens live 60 s, so that refreshes are seen while one looks. */
export async function seedSandbox(sandboxUrl: string, password: string): Promise<void> {
  await post(`${sandboxUrl}/sandbox/settings`, { accessTokenSeconds: 60 });
  for (const { username, accountNumber } of Object.values(demoProfiles)) {
    await post(`${sandboxUrl}/sandbox/profiles`, { username, password, accounts: [{ accountNumber }] });
  }
}

async function post(url: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = await response.text();
  if (!response.ok) throw new DevError(`The sandbox refused ${new URL(url).pathname}: ${response.status} ${answer}`);
}
