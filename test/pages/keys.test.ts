/** The page of API keys, over real HTTP and without a script: what it shows, refuses, and never stores. */

import { createTenant } from '../../src/db/tenants';
import { hashKey } from '../../src/db/apiKeys';
import { makeBrowser, type Browser, type Page } from '../support/merchantBrowser';
import { openTestApi, type TestApi } from '../api/testApi';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('pages-keys');
});
afterAll(() => api.release());

const open = (browser: Browser, path: string): Promise<Page> => browser.open(`${api.publicUrl}${path}`);

async function signedIn(key = api.keys.operator): Promise<Browser> {
  const browser = makeBrowser();
  await browser.submit(await open(browser, '/sign-in'), { key });
  return browser;
}

const cookieOf = (browser: Browser): string =>
  [...browser.cookies(api.publicUrl)].map(([name, value]) => `${name}=${value}`).join('; ');

const tokenIn = (page: Page): string => /name="formToken" value="([^"]*)"/.exec(page.html)?.[1] ?? '';

async function post(browser: Browser, path: string, fields: Record<string, string>, formToken?: string) {
  const token = formToken ?? tokenIn(await open(browser, '/'));
  return api.send('POST', path, {
    body: new URLSearchParams({ formToken: token, ...fields }),
    headers: { cookie: cookieOf(browser), origin: api.publicUrl, accept: 'text/html' },
  });
}

const keyIn = (text: string): string => /value="(upl_\w_[\w-]{43})"/.exec(text)?.[1] ?? '';
const rolesIn = (page: Page): string[] =>
  [...page.html.matchAll(/<option value="(\w+)"/g)].map(([, role = '']) => role).sort();
const rowOf = (page: Page, name: string): string =>
  [...page.html.matchAll(/<tr>[^]*?<\/tr>/g)].map(([row]) => row).find((row) => row.includes(name)) ?? '';
const idOf = (key: string): string => `key_${hashKey(key).slice(0, 24)}`;

it('shows a key that was created once, in an answer that nobody keeps', async () => {
  const browser = await signedIn();
  const fields = { name: 'Warehouse <7>', role: 'reader', expiresOn: '' };
  const made = await post(browser, '/keys/new', fields);
  expect(made.status).toBe(200);
  const key = keyIn(made.text);
  expect((await api.call('GET', '/accounts', { key })).status).toBe(200);
  expect(made.headers.get('cache-control')).toBe('no-store');
  expect(made.headers.getSetCookie().join()).not.toContain(key);
  expect(made.text).toContain('Warehouse &lt;7&gt;');

  const list = await open(browser, '/keys');
  expect(list.html).not.toContain(key);
  const row = rowOf(list, 'Warehouse &lt;7&gt;');
  for (const words of ['Reader', 'The operator key', 'Never']) expect(row).toContain(words);
  expect(JSON.stringify(await api.services.db.sessions.find().toArray())).not.toContain(key);
  expect(JSON.stringify(await api.services.db.apiKeys.find().toArray())).not.toContain(key);
  expect(api.logged.join('')).not.toContain(key);
});

it('lets a key work to the end of the day that was chosen', async () => {
  const browser = await signedIn();
  const today = new Date(api.clock.now()).toISOString().slice(0, 10);
  const made = await post(browser, '/keys/new', { name: 'For today', role: 'reader', expiresOn: today });
  const stored = await api.services.db.apiKeys.findOne({ _id: idOf(keyIn(made.text)) });
  expect(stored?.expiresAt).toBe(Date.parse(`${today}T00:00:00Z`) + 86_400_000);
});

it.each([
  [{ name: ' ', role: 'reader' }, 'field-name', 'is missing'],
  [{ name: 'x'.repeat(101), role: 'reader' }, 'field-name', '1 to 100 characters'],
  [{ name: 'x', role: 'owner' }, 'field-role', 'Role must be one of those in the list'],
  [{ name: 'x', role: 'reader', expiresOn: '2020-01-01' }, 'field-expiresOn', 'has passed already'],
  [{ name: 'x', role: 'reader', expiresOn: 'soon' }, 'field-expiresOn', 'is not a day'],
  [{ name: 'x', role: 'reader', expiresOn: '9999-12-31' }, 'field-expiresOn', 'is not a day'],
])('says of %j at the field what is wrong, and keeps what was typed', async (fields, id, words) => {
  const before = await api.services.db.apiKeys.countDocuments();
  const answer = await post(await signedIn(), '/keys/new', fields);
  expect(answer.status).toBe(400);
  expect(answer.text).toContain(`href="#${id}"`);
  const [told = ''] = new RegExp(`id="${id}-error">[^<]*`).exec(answer.text) ?? [];
  expect(told).toContain(words);
  expect(answer.text).toContain('The key was not created');
  if (fields.name === 'x') expect(answer.text).toContain('value="x"');
  expect(await api.services.db.apiKeys.countDocuments()).toBe(before);
});

it('offers the roles that this key may make, and takes no other', async () => {
  const operator = await signedIn();
  expect(rolesIn(await open(operator, '/keys/new'))).toEqual(['operator', 'reader']);
  const admin = await signedIn(api.keys.admin);
  expect(rolesIn(await open(admin, '/keys/new?tenantId=acme'))).toEqual(['operator', 'platform', 'reader']);
  expect(rolesIn(await open(admin, '/keys/new'))).toEqual(['admin', 'metrics']);
  const refused = await post(operator, '/keys/new', { name: 'x', role: 'platform' });
  expect([refused.status, keyIn(refused.text)]).toEqual([403, '']);
});

it('is there for roles that may make keys, and for no other', async () => {
  for (const role of ['platform', 'reader'] as const) {
    const browser = await signedIn(api.keys[role]);
    expect((await open(browser, '/')).html).not.toContain('href="/keys"');
    expect((await open(browser, '/keys')).status).toBe(403);
    expect((await open(browser, '/keys/new')).status).toBe(403);
    expect((await post(browser, '/keys/new', { name: 'x', role: 'reader' })).status).toBe(403);
    expect((await post(browser, '/keys/revoke', { id: idOf(api.keys.operator) })).status).toBe(403);
  }
  expect((await open(await signedIn(), '/')).html).toContain('href="/keys"');
});

it('revokes a key, says so, and offers no button for keys that this one may not revoke', async () => {
  const browser = await signedIn();
  const key = keyIn((await post(browser, '/keys/new', { name: 'Short lived', role: 'reader' })).text);
  const list = await open(browser, '/keys');
  expect(rowOf(list, 'Short lived')).toContain('Revoke the key');
  expect(rowOf(list, 'The platform key')).not.toContain('Revoke');
  expect((await post(browser, '/keys/revoke', { id: idOf(api.keys.platform) })).status).toBe(403);
  const revoked = await post(browser, '/keys/revoke', { id: idOf(key) });
  expect([revoked.status, revoked.headers.get('location')]).toEqual([303, '/keys?revoked=1']);
  const after = await open(browser, '/keys?revoked=1');
  expect(after.html).toContain('The key was revoked.');
  expect(rowOf(after, 'Short lived')).toBe('');
  expect((await api.call('GET', '/accounts', { key })).status).toBe(401);
  expect((await post(browser, '/keys/revoke', { id: idOf(key) })).status).toBe(404);
});

it('signs out whoever revokes the key of the session', async () => {
  const key = keyIn((await post(await signedIn(), '/keys/new', { name: 'My own', role: 'operator' })).text);
  const browser = await signedIn(key);
  expect(rowOf(await open(browser, '/keys'), 'My own')).toContain('revoking it signs you out');
  await post(browser, '/keys/revoke', { id: idOf(key) });
  const page = await open(browser, '/keys');
  expect(page.url).toContain('/sign-in');
  expect(page.html).toContain('no longer than its API key');
});

it('ends a session with its key, also while the key is remembered, and says why it does not sign in', async () => {
  const expiresAt = api.clock.now() + 60_000;
  const about = { tenantId: 'acme', role: 'operator' as const, createdBy: 'cli', expiresAt };
  const { key } = await api.services.apiKeys.create(about);
  const browser = await signedIn(key);
  const formToken = tokenIn(await open(browser, '/keys'));
  api.pass(59_500);
  expect((await open(browser, '/keys')).url).toBe(`${api.publicUrl}/keys`);
  api.pass(500);
  expect((await open(browser, '/keys')).url).toContain('/sign-in?next=%2Fkeys&expired=1');
  const posted = await post(browser, '/keys/new', { name: 'x', role: 'operator' }, formToken);
  expect([posted.status, posted.headers.get('location')]).toEqual([303, '/sign-in?next=%2Fkeys&expired=1']);

  const refusal = async (given: string) => {
    const fresh = makeBrowser();
    const page = await fresh.submit(await open(fresh, '/sign-in'), { key: given });
    return [page.status, /role="alert">([^<]*)/.exec(page.html)?.[1], fresh.cookies(api.publicUrl).size];
  };
  expect(await refusal(key)).toEqual([401, expect.stringContaining('This API key has expired.'), 0]);
  expect(await refusal(`${key}x`)).toEqual([401, expect.stringContaining('does not exist, or was deleted'), 0]);
  expect(await refusal(api.keys.metrics)).toEqual([401, expect.stringContaining('reads /metrics only'), 0]);
});

it('says that a tenant has no key yet, and when it has too many', async () => {
  const tenant = { returnOrigins: [], refreshPolicy: 'eager' as const, accessKeyDeadline: null, createdAt: 0 };
  await createTenant(api.services.db, { id: 'bare', name: 'Bare', ...tenant });
  const admin = await signedIn(api.keys.admin);
  expect((await open(admin, '/keys?tenantId=bare')).html).toContain('There is no key yet.');
  const about = { tenantId: 'bare', role: 'reader' as const, createdBy: 'cli' };
  for (let n = 0; n < 100; n++) await api.services.apiKeys.create(about);
  const refused = await post(admin, '/keys/new?tenantId=bare', { name: 'One more', role: 'platform' });
  expect(refused.status).toBe(409);
  expect(refused.text).toContain('There are 100 API keys of tenant bare already.');
  // All of a tenant's are on one page; those of all tenants go on.
  expect((await open(admin, '/keys?tenantId=bare')).html).not.toContain('Next page');
  expect((await open(admin, '/keys')).html).toContain('Next page');
});

it('shows in an account\u2019s history the name of the key', async () => {
  const { id } = await api.create();
  const page = await open(await signedIn(), `/accounts/${id}`);
  expect(page.html).toContain('The platform key');
});
