/** The pages over real HTTP, store and sandbox, without a browser: what a browser would not let one try. */

import { connect } from 'node:net';
import { REQUIRED_COLUMNS } from '../../src/api/imports/lines';
import { acquireLease, releaseLease } from '../../src/db/lease';
import { makeCampaigns } from '../../src/campaigns/advance';
import { goThroughUps, makeBrowser, type Browser, type Page } from '../support/merchantBrowser';
import { openTestApi, RETURN, type TestApi } from '../api/testApi';

// Only against hanging: a busy machine takes as long as it takes.
jest.setTimeout(180_000);

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('pages');
});
afterAll(() => api.release());

async function signedIn(key = api.keys.operator): Promise<Browser> {
  const browser = makeBrowser();
  const page = await browser.open(`${api.publicUrl}/sign-in`);
  await browser.submit(page, { key });
  return browser;
}

const open = (browser: Browser, path: string): Promise<Page> => browser.open(`${api.publicUrl}${path}`);

const cookieOf = (browser: Browser): string =>
  [...browser.cookies(api.publicUrl)].map(([name, value]) => `${name}=${value}`).join('; ');

const tokenIn = (page: Page): string => /name="formToken" value="([^"]*)"/.exec(page.html)?.[1] ?? '';

const post = (browser: Browser, path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  api.send('POST', path, {
    body: new URLSearchParams(fields),
    headers: { cookie: cookieOf(browser), origin: api.publicUrl, accept: 'text/html', ...headers },
  });

/** What a browser keeps of the answer to a form. */
function follow(browser: Browser, { status, headers }: Awaited<ReturnType<typeof post>>): void {
  expect(status).toBe(303);
  for (const line of headers.getSetCookie()) {
    const [pair = ''] = line.split(';');
    browser.cookies(api.publicUrl).set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
  }
}

/** The button of an account's page that leads to this event. */
async function press(browser: Browser, id: string, button: string): Promise<Page> {
  const page = await open(browser, `/accounts/${id}`);
  const seq = /name="seq" value="(\d+)"/.exec(page.html)?.[1] ?? '';
  const answer = await post(browser, `/accounts/${id}/${button}`, { formToken: tokenIn(page), seq });
  follow(browser, answer);
  return open(browser, `/accounts/${id}`);
}

it('leads whoever is not signed in to the sign-in, and back', async () => {
  const browser = makeBrowser();
  const asked = await open(browser, '/accounts/new');
  expect(asked.url).toBe(`${api.publicUrl}/sign-in?next=%2Faccounts%2Fnew`);
  expect((await browser.submit(asked, { key: api.keys.operator })).url).toBe(`${api.publicUrl}/accounts/new`);
});

it('keeps of a session a hash and the key’s id only, in a cookie no script can read', async () => {
  const answer = await post(makeBrowser(), '/sign-in', { key: api.keys.operator });
  const [line = ''] = answer.headers.getSetCookie().filter((one) => !one.includes('Expires=Thu, 01 Jan 1970'));
  expect(line).toMatch(/^upslink-session-\d+=[\w-]{43}; Max-Age=43200; Path=\/; .*HttpOnly; SameSite=Lax$/);
  const cookie = line.slice(line.indexOf('=') + 1, line.indexOf(';'));
  const stored = JSON.stringify(await api.services.db.sessions.find().toArray());
  expect(stored).not.toContain(cookie);
  expect(stored).not.toContain(api.keys.operator);
});

it('ends a session after twelve hours, and at once when its key is deleted', async () => {
  const made = await api.services.apiKeys.create({ tenantId: 'acme', role: 'reader', createdBy: 'cli' });
  const browser = await signedIn(made.key);
  expect((await open(browser, '/')).html).toContain('<h1>Accounts</h1>');
  await api.services.apiKeys.remove({ tenantId: 'acme', id: made.id, by: 'cli' });
  const refused = await open(browser, '/');
  expect(refused.url).toContain('/sign-in?next=%2F&expired=1');

  const other = await signedIn();
  api.pass(12 * 3_600_000);
  expect((await open(other, '/')).url).toContain('/sign-in');
});

it('refuses a form from elsewhere, without an origin, without the token, or with a field sent twice', async () => {
  const browser = await signedIn();
  const { id } = await api.create();
  const formToken = tokenIn(await open(browser, `/accounts/${id}`));
  const path = `/accounts/${id}/deactivate`;
  const refusals = [
    await post(browser, path, { formToken }, { origin: 'http://localhost:9999' }),
    await post(browser, path, { formToken }, { 'sec-fetch-site': 'same-site' }),
    await post(browser, path, { formToken }, { 'sec-fetch-site': 'cross-site' }),
    await post(browser, path, {}),
    await post(browser, path, { formToken: `${formToken}x` }),
    await api.send('POST', path, {
      body: new URLSearchParams({ formToken }),
      headers: { cookie: cookieOf(browser), accept: 'text/html' },
    }),
  ];
  expect(refusals.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403]);
  const twice = await api.send('POST', path, {
    body: `formToken=${formToken}&formToken=${formToken}`,
    headers: {
      cookie: cookieOf(browser),
      origin: api.publicUrl,
      accept: 'text/html',
      'content-type': 'application/x-www-form-urlencoded',
    },
  });
  expect(twice.status).toBe(400);
  expect((await api.read(id)).state).toBe('created');
});

it('names everything that somebody else changed before it is saved over', async () => {
  const browser = await signedIn();
  const account = await api.create();
  const path = `/accounts/${account.id}/settings`;
  const formToken = tokenIn(await open(browser, path));
  const fields = {
    ...{ formToken, settingsSeq: '1', accountNumber: 'A1B2C3', owner: 'shipper', externalId: '' },
    ...{ refreshPolicy: 'eager', 'address.addressLine': '1 Dock St', 'address.city': 'Timonium' },
    ...{ 'address.stateProvinceCode': 'MD', 'address.postalCode': '21093', 'address.countryCode': 'US' },
  };
  const address = { ...account.address, stateProvinceCode: 'VA', postalCode: '22030' };
  const body = { owner: 'store', externalId: 'theirs-7', refreshPolicy: 'lazy', address };
  const changed = await api.call('PATCH', `/accounts/${account.id}`, { body, headers: { 'if-match': '"1"' } });
  expect(changed.status).toBe(200);
  const stale = await post(browser, path, fields);
  expect(stale.status).toBe(412);
  const told = /<h2>Somebody else[^]*?leave theirs/.exec(stale.text)?.[0] ?? '';
  for (const word of ['A1B2C3', '1 Dock St', 'Timonium', 'US', 'VA', '22030', 'Store (', 'theirs-7', 'Lazy'])
    expect(told).toContain(word);
});

/** The form of a new account, as somebody may have filled it in. */
const filled = (changes: Record<string, string> = {}) => ({
  ...{ name: `Page ${Date.now()}`, accountNumber: 'a1b2c3', owner: 'shipper', externalId: '', refreshPolicy: '' },
  ...{ 'address.addressLine': '1 Dock St', 'address.city': 'Timonium', 'address.countryCode': 'US' },
  ...{ 'address.stateProvinceCode': 'md', 'address.postalCode': '21093' },
  ...changes,
});

const errorAt = (html: string, name: string): string =>
  new RegExp(`id="field-${name}-error">([^<]*)<`).exec(html)?.[1] ?? '';

it('says what is wrong with an address and a name at their fields, and keeps what was typed', async () => {
  const browser = await signedIn();
  const account = await api.create();
  const wrong = {
    'address.stateProvinceCode': 'Maryland',
    'address.postalCode': '2109',
    'address.city': 'Timo\u00adnium',
    externalId: 'x\u200b',
  };
  for (const path of ['/accounts/new', `/accounts/${account.id}/settings`]) {
    const formToken = tokenIn(await open(browser, path));
    const fields = path === '/accounts/new' ? filled(wrong) : { ...filled(wrong), settingsSeq: '1' };
    const { name, ...given } = fields;
    const answer = await post(browser, path, { ...given, ...(path === '/accounts/new' && { name }), formToken });
    expect(answer.status).toBe(400);
    expect(errorAt(answer.text, 'address-stateProvinceCode')).toContain('for Maryland use MD');
    expect(errorAt(answer.text, 'address-postalCode')).toContain('write 02109');
    expect(errorAt(answer.text, 'address-city')).toContain('U+00AD');
    expect(errorAt(answer.text, 'externalId')).toContain('printable');
    for (const typed of ['Maryland', '2109', 'Timo\u00adnium']) expect(answer.text).toContain(`value="${typed}"`);
  }
});

it('offers the states to those who type, with nothing but HTML', async () => {
  const page = await open(await signedIn(), '/accounts/new');
  expect(page.html).toMatch(/name="address.stateProvinceCode"[^>]*list="field-address-stateProvinceCode-offered"/);
  expect(page.html).toContain('<datalist id="field-address-stateProvinceCode-offered">');
  for (const [code, words] of [
    ['MD', 'Maryland, US'],
    ['QC', 'Quebec, CA'],
    ['PR', 'Puerto Rico, PR'],
  ])
    expect(page.html).toContain(`<option value="${code}">${words}</option>`);
});

it('creates an account from codes in any case', async () => {
  const browser = await signedIn();
  const formToken = tokenIn(await open(browser, '/accounts/new'));
  const answer = await post(browser, '/accounts/new', { ...filled(), formToken });
  expect(answer.status).toBe(303);
  const id = /acc_[a-z2-7]{26}/.exec(answer.headers.get('location') ?? '')?.[0] ?? '';
  expect(await api.read(id)).toMatchObject({ accountNumber: 'A1B2C3', address: { stateProvinceCode: 'MD' } });
});

it('keeps the id of a store that it refuses, and says what is wrong with it', async () => {
  const browser = await signedIn();
  const { id } = await api.create();
  const formToken = tokenIn(await open(browser, `/accounts/${id}/settings`));
  const fields = { formToken, kind: 'warehouse', ref: 'w\u200b7' };
  const answer = await post(browser, `/accounts/${id}/used-by`, fields);
  expect(answer.status).toBe(400);
  expect(errorAt(answer.text, 'ref')).toContain('none of them invisible');
  expect(answer.text).toContain('value="w\u200b7"');
  expect(answer.text).toMatch(/<option value="warehouse" +selected/);
});

it('removes a store as the API noted it, spaces and all', async () => {
  const browser = await signedIn();
  const { id } = await api.create();
  await api.call('PUT', `/accounts/${id}/used-by/store/${encodeURIComponent(' s1 ')}`);
  const formToken = tokenIn(await open(browser, `/accounts/${id}/settings`));
  const answer = await post(browser, `/accounts/${id}/used-by`, { formToken, kind: 'store', ref: ' s1 ', remove: '1' });
  expect(answer.status).toBe(303);
  expect((await api.read(id)).usedBy).toEqual([]);
});

it('reads forms in UTF-8 only', async () => {
  const browser = await signedIn();
  const formToken = tokenIn(await open(browser, '/accounts/new'));
  const body = new URLSearchParams({ ...filled(), formToken }).toString();
  const form = 'application/x-www-form-urlencoded';
  for (const path of ['/accounts/new', '/access-keys/import', '/sign-in'])
    for (const charset of ['iso-8859-1', 'latin1', 'utf-16']) {
      const headers = {
        ...{ cookie: cookieOf(browser), origin: api.publicUrl, accept: 'text/html' },
        'content-type': `${form}; charset=${charset}`,
      };
      const answer = await api.send('POST', path, { body, headers });
      expect([path, charset, answer.status]).toEqual([path, charset, 415]);
    }
  const headers = { cookie: cookieOf(browser), origin: api.publicUrl, accept: 'text/html', 'content-type': form };
  const broken = [Buffer.concat([Buffer.from(`${body}&x=`), Buffer.from([0xff])]), `${body}&x=caf%E9`];
  for (const sent of broken) {
    const answer = await api.send('POST', '/accounts/new', { body: sent, headers });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('not valid UTF-8');
  }
});

it('has nothing behind the sign-in kept by a cache', async () => {
  const browser = await signedIn();
  const { id } = await api.create();
  const headers = { cookie: cookieOf(browser), accept: 'text/html' };
  const paths = ['/', '/accounts/new', `/accounts/${id}`, `/accounts/${id}/settings`, '/access-keys', '/campaigns'];
  for (const path of [...paths, '/lifecycle.svg', '/accounts/none', '/outages']) {
    const answer = await api.send('GET', path, { headers });
    expect([path, answer.headers.get('cache-control')]).toEqual([path, 'no-store']);
  }
  const stranger = await api.send('GET', '/accounts/new', { headers: { accept: 'text/html' } });
  expect([stranger.status, stranger.headers.get('cache-control')]).toEqual([303, 'no-store']);
});

it('refuses a reader’s settings before it looks at them', async () => {
  const { id } = await api.create();
  const browser = await signedIn(api.keys.reader);
  const formToken = tokenIn(await open(browser, `/accounts/${id}`));
  for (const path of [`/accounts/${id}/settings`, `/accounts/${id}/used-by`])
    expect((await post(browser, path, { formToken, accountNumber: '?' })).status).toBe(403);
});

it('says how much may be pasted into the import', async () => {
  const browser = await signedIn();
  const formToken = tokenIn(await open(browser, '/access-keys/import'));
  const answer = await post(browser, '/access-keys/import', { formToken, lines: 'x'.repeat(2_400_000) });
  expect(answer.status).toBe(413);
  expect(answer.text).toContain('2 MB at most');
  const many = await post(
    browser,
    '/access-keys/import',
    Object.fromEntries([...Array(2_000).keys()].map((n) => [n, ''])),
  );
  expect(many.status).toBe(413);
});

describe('the import of a file by the script', () => {
  const HEADER = REQUIRED_COLUMNS.join(';');
  const row = (name: string) => `${name};A1B2C3;1 Dock St;Timonium;MD;21093;US;shipper;0123456789ABCDEF;user;pass`;
  async function sendFile(bytes: Buffer, charset: string) {
    const browser = await signedIn();
    const page = await open(browser, '/access-keys/import');
    const own = { cookie: cookieOf(browser), origin: api.publicUrl, 'x-form-token': tokenIn(page) };
    const headers = { ...own, 'content-type': `text/csv; charset=${charset}` };
    const body = bytes as NonNullable<RequestInit['body']>;
    return { page, answer: await api.send('POST', '/access-keys/import', { body, headers }) };
  }

  it('reads it in the encoding that was chosen, by any separator', async () => {
    const bytes = Buffer.from(`${HEADER}\n;;;;\n${row('Caf\u00e9')}\n`, 'latin1');
    const { page, answer } = await sendFile(bytes, 'windows-1252');
    expect(page.html).toMatch(/<select id="encoding"[^]*value="utf-8"[^]*value="windows-1252"/);
    expect(answer.text).toContain('1 imported, 0 were there already, 0 could not be imported.');
    const wrong = await sendFile(bytes, 'utf-8');
    expect(wrong.answer.text).toContain('CSV UTF-8 (comma delimited)');
  });

  it('says what is wrong with all of it in a part of the page', async () => {
    const { answer } = await sendFile(Buffer.from(HEADER), 'utf-7');
    expect(answer.status).toBe(415);
    expect(answer.text).toMatch(/^<div data-report>[^]*Nothing was imported[^]*charset names no encoding/);
  });

  it('and of pasted lines says that as many imports run as may', async () => {
    const { db, clock } = api.services;
    const taken = ['import:acme:0', 'import:acme:1'].map((name) => ({ name, holder: 'another' }));
    for (const one of taken) await acquireLease(db, { ...one, now: clock.now(), ttlMs: 45_000 });
    const browser = await signedIn();
    const formToken = tokenIn(await open(browser, '/access-keys/import'));
    const pasted = await post(browser, '/access-keys/import', { formToken, lines: HEADER });
    const { answer } = await sendFile(Buffer.from(HEADER), 'utf-8');
    for (const { status, text, headers } of [pasted, answer]) {
      expect([status, headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)]);
      expect(text).toContain('A tenant runs 2 imports at a time');
    }
    expect(pasted.text).toContain('<h1>Import old keys</h1>');
    for (const one of taken) await releaseLease(db, one);
  });
});

it('runs and loads nothing but files of ours', async () => {
  const browser = await signedIn();
  const answer = await api.send('GET', '/', { headers: { cookie: cookieOf(browser), accept: 'text/html' } });
  const policy = answer.headers.get('content-security-policy') ?? '';
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.text).not.toMatch(/ style="|<style| on\w+="|<script(?! src="\/assets\/upslink-[0-9a-f]{12}\.js")/);
  const [script = ''] = /\/assets\/upslink-[0-9a-f]{12}\.js/.exec(answer.text) ?? [];
  expect((await api.send('GET', script)).headers.get('cache-control')).toContain('immutable');
});

it('shows names as text, whatever is in them', async () => {
  const account = await api.create({ name: '<img src=x onerror=alert(1)> "A" & B' });
  const browser = await signedIn();
  for (const path of ['/', `/accounts/${account.id}`]) {
    const { html } = await open(browser, path);
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt; &quot;A&quot; &amp; B');
    expect(html).not.toContain('<img src=x');
  }
});

it('gives a double press one effect, and tells each press what became of it, once', async () => {
  const browser = await signedIn();
  const { id } = await api.connected();
  const page = await open(browser, `/accounts/${id}`);
  const fields = { formToken: tokenIn(page), seq: /name="seq" value="(\d+)"/.exec(page.html)?.[1] ?? '' };
  follow(browser, await post(browser, `/accounts/${id}/deactivate`, fields));
  expect((await open(browser, `/accounts/${id}`)).html).toContain('The account is inactive now');
  follow(browser, await post(browser, `/accounts/${id}/deactivate`, fields));
  expect((await open(browser, `/accounts/${id}`)).html).toContain('This was done already; nothing happened twice.');
  expect((await open(browser, `/accounts/${id}`)).html).not.toContain('This was done already');
});

it('says that an account in use cannot be deactivated', async () => {
  const browser = await signedIn();
  const { id } = await api.create();
  await api.call('PUT', `/accounts/${id}/used-by/store/st_1`);
  expect((await press(browser, id, 'deactivate')).html).toContain('still used by a store or a warehouse');
  expect((await api.read(id)).state).toBe('created');
});

it('shows each role its own buttons, and refuses what it does not show', async () => {
  const { id } = await api.connected();
  const buttonsOf = async (key: string) =>
    [...(await open(await signedIn(key), `/accounts/${id}`)).html.matchAll(/action="\/accounts\/acc_\w+\/(\w+)"/g)].map(
      ([, button]) => button,
    );
  const everybody = ['authorize', 'refresh', 'verify', 'deactivate'];
  expect(await buttonsOf(api.keys.reader)).toEqual([]);
  expect((await buttonsOf(api.keys.platform)).sort()).toEqual([...everybody].sort());
  expect((await buttonsOf(api.keys.operator)).sort()).toEqual([...everybody, 'disconnect'].sort());

  for (const [key, button] of [
    [api.keys.reader, 'refresh'],
    [api.keys.platform, 'disconnect'],
  ] as const) {
    const browser = await signedIn(key);
    const formToken = tokenIn(await open(browser, '/'));
    const answer = await post(browser, `/accounts/${id}/${button}`, { formToken, note: 'why' });
    expect(answer.status).toBe(403);
  }
  expect((await api.read(id)).state).toBe('connected');
});

it('finds nothing of another tenant, and says the same as of what is not there', async () => {
  const { id } = await api.create();
  const other = await signedIn(api.keys.other);
  const foreign = await open(other, `/accounts/${id}`);
  const absent = await open(other, '/accounts/acc_aaaaaaaaaaaaaaaaaaaaaaaaaa');
  expect([foreign.status, absent.status]).toEqual([404, 404]);
  const text = (page: Page) => page.html.replace(/request <code>[^<]*/, '');
  expect(text(foreign)).toBe(text(absent));
});

it('answers 204 while nothing has changed, and 401 to a script whose session has ended', async () => {
  const browser = await signedIn();
  const { id } = await api.create();
  const { html } = await open(browser, `/accounts/${id}`);
  const tag = /data-tag="([^"]*)"/.exec(html)?.[1] ?? '';
  const live = (given: string, cookie: string) =>
    api.send('GET', `/accounts/${id}/live?tag=${given}`, { headers: { cookie, 'x-requested-with': 'fetch' } });
  expect((await live(tag, cookieOf(browser))).status).toBe(204);
  expect((await live('0.0', cookieOf(browser))).text).toContain('data-live="status"');
  expect((await live(tag, '')).status).toBe(401);
});

it('ends the trip on a page of its own where the tenant does not allow ours as a way back', async () => {
  const browser = await signedIn();
  const { id, accountNumber } = await api.create();
  const login = await api.profile(accountNumber);
  const formToken = tokenIn(await open(browser, `/accounts/${id}`));
  const answer = await post(browser, `/accounts/${id}/authorize`, { formToken, seq: '1' });
  const connectUrl = answer.headers.get('location') ?? '';
  expect(connectUrl).toContain('/connect/acc_');
  const back = await goThroughUps(connectUrl, login, { returnTo: RETURN });
  expect(back.pathname).toBe('/connect/done');
  expect((await api.read(id)).state).toBe('connected');
});

it('shows history newest first, a page at a time', async () => {
  const browser = await signedIn();
  const { id } = await api.create();
  for (let n = 0; n < 12; n++) {
    await api.call('PUT', `/accounts/${id}/used-by/store/st_${n}`);
    await api.call('DELETE', `/accounts/${id}/used-by/store/st_${n}`);
  }
  const seqsIn = ({ html }: Page) => [...html.matchAll(/<td class="seq"[^>]*>(\d+)</g)].map(([, seq]) => Number(seq));
  const newest = await open(browser, `/accounts/${id}`);
  expect(seqsIn(newest)).toEqual(Array.from({ length: 20 }, (_, n) => 25 - n));
  const [, older = ''] = /href="([^"]*before=[^"]*)"/.exec(newest.html) ?? [];
  expect(seqsIn(await open(browser, older.replaceAll('&amp;', '&')))).toEqual([5, 4, 3, 2, 1]);
});

it('says under each field what is wrong, and leads to the account that has the name', async () => {
  const browser = await signedIn();
  const page = await open(browser, '/accounts/new');
  const refused = await browser.submit(page, { name: '', accountNumber: 'x' });
  expect(refused.status).toBe(400);
  expect(refused.html).toContain('id="field-name-error">Account name is missing.');
  expect(refused.html).toContain('id="field-accountNumber-error">UPS account number has 6 letters and digits');

  const taken = await api.create();
  const fields = { name: taken.name, accountNumber: 'Z9Z9Z9', owner: 'shipper', 'address.countryCode': 'DE' };
  const formToken = tokenIn(page);
  const address = { 'address.addressLine': 'Ring 1', 'address.city': 'Bonn' };
  const answer = await post(browser, '/accounts/new', { ...fields, ...address, formToken });
  expect(answer.text).toContain('An account of this name was created by a different request');
  expect(answer.text).toContain(`href="/accounts/${taken.id}"`);
});

it('tells a browser by a page, and a program by problem details, that there is nothing', async () => {
  const page = await api.send('GET', '/nowhere', { headers: { accept: 'text/html' } });
  expect([page.status, page.text]).toEqual([404, expect.stringContaining('There is nothing at this address.')]);
  const problem = await api.send<{ code: string }>('GET', '/nowhere', { headers: { accept: '*/*' } });
  expect(problem.body.code).toBe('not-found');
});

it("shows an admin all tenants' campaigns, each with its tenant, and the way to plan for one", async () => {
  const plan = async (key: string, tenantId: string) => {
    const { accountNumber } = await api.withKey({}, { tenantId });
    const body = { name: `For ${tenantId}`, filter: { text: accountNumber }, waveSize: 1, pauseSeconds: 0 };
    return (await api.call<{ id: string }>('POST', '/campaigns', { key, body })).body.id;
  };
  const [mine, theirs] = [await plan(api.keys.platform, 'acme'), await plan(api.keys.other, 'other')];
  const { html } = await open(await signedIn(api.keys.admin), '/campaigns');
  expect(html).toContain(`href="/campaigns/${mine}?tenantId=acme"`);
  expect(html).toContain(`href="/campaigns/${theirs}?tenantId=other"`);
  expect(html).toContain('Of which tenant?');
  expect(html).not.toContain('Plan a campaign');
  const own = (await open(await signedIn(), '/campaigns')).html;
  expect(own).toContain(`href="/campaigns/${mine}"`);
  expect(own).not.toContain(theirs);
});

it('says of a campaign that was undone that its links work no more', async () => {
  const { accountNumber } = await api.withKey({ accountNumber: 'UND0NE' });
  const { db, runtime, vault, config, clock, makeId } = api.services;
  const campaigns = makeCampaigns({ db, runtime, vault, config, clock, makeId });
  const body = { name: 'Undone', filter: { text: accountNumber }, waveSize: 1, pauseSeconds: 0 };
  const { id } = (await api.call<{ id: string }>('POST', '/campaigns', { body })).body;
  const press = (act: string) => api.call<{ undoing: boolean }>('POST', `/campaigns/${id}/${act}`);
  const browser = await signedIn();
  const shown = async () => (await open(browser, `/campaigns/${id}`)).html;
  await press('start');
  await campaigns.advance(id);
  expect((await press('stop')).body.undoing).toBe(false);
  expect(await shown()).toContain('Links that are out keep working until they lapse.');
  expect((await press('undo')).body.undoing).toBe(true);
  expect(await shown()).toContain('Links that were not used are being taken back.');
  await campaigns.advance(id);
  expect(await shown()).toContain('Links that were not used are taken back: their accounts are as before.');
  expect(await shown()).not.toContain('keep working');
});

it('asks a person who opens the queues to sign in, and a program for its key', async () => {
  const person = await api.send('GET', '/admin/queues', { headers: { accept: 'text/html' } });
  expect([person.status, person.headers.get('location')]).toEqual([303, '/sign-in?next=%2Fadmin%2Fqueues']);
  expect((await api.send('GET', '/admin/queues')).status).toBe(401);
});

describe('whatever is asked for, nobody is led to another site', () => {
  const evil = [
    ...[
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      '/\t/evil.example',
      '\n//evil.example',
    ],
    ...[
      '/..//evil.example',
      '/.//evil.example',
      '/%2e%2e//evil.example',
      '/a/..//evil.example/b',
      '\u0001//evil.example',
    ],
    ...['http:/evil.example', 'http:evil.example', 'https:evil.example', 'javascript:alert(1)', 'data:text/html,x'],
    ...[
      '/\r\nLocation:https://evil.example',
      '/%0d%0aset-cookie:x=1',
      '//EVIL.example.',
      '//b\u00fccher.example',
      '///',
    ],
  ];
  const leadsHome = (location: string | null, from = api.publicUrl) =>
    new URL(location ?? '', from).origin === api.publicUrl;

  it('after signing in, or when somebody is signed in already', async () => {
    const browser = await signedIn();
    for (const next of [...evil, `blob:${api.publicUrl}/x`, `${api.publicUrl}@evil.example/`]) {
      const address = `/sign-in?next=${encodeURIComponent(next)}`;
      const known = await api.send('GET', address, { headers: { cookie: cookieOf(browser) } });
      const posted = await post(makeBrowser(), '/sign-in', { key: api.keys.operator, next });
      const shown = await api.send('GET', address, { headers: { accept: 'text/html' } });
      const [, kept = ''] = /name="next" value="([^"]*)"/.exec(shown.text) ?? [];
      const seen = [known, posted].map(({ status, headers }) => [status, leadsHome(headers.get('location'))]);
      expect([next, seen, leadsHome(kept)]).toEqual([
        next,
        [
          [303, true],
          [303, true],
        ],
        true,
      ]);
      expect([known, posted].map(({ headers }) => headers.has('x'))).toEqual([false, false]);
    }
  });

  it('by a Back link made of a Referer', async () => {
    const backAfter = async (referer: string) => {
      const headers = { accept: 'text/html', referer };
      const { text, status } = await api.send('POST', '/sign-in', { headers });
      expect(status).toBe(403);
      return /href="([^"]*)">Back</.exec(text)?.[1] ?? null;
    };
    expect(await backAfter(`${api.publicUrl}/accounts/new?a=1`)).toBe('/accounts/new?a=1');
    for (const referer of [
      ...['https://evil.example//evil.example/', 'https://evil.example/accounts', `${api.publicUrl}//evil.example`],
      ...[`${api.publicUrl}/..//evil.example`, `blob:${api.publicUrl}/x`, 'nonsense', 'javascript:alert(1)'],
      ...[`${api.publicUrl}@evil.example/`, `http://user@localhost:${new URL(api.publicUrl).port}/accounts`],
    ])
      expect([referer, await backAfter(referer)]).toEqual([referer, null]);
  });

  it('by the address that whoever is not signed in had asked for', async () => {
    const { port } = new URL(api.publicUrl);
    const ask = (target: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), 'localhost', () =>
          socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n`),
        );
        let text = '';
        socket.on('data', (data) => (text += String(data)));
        socket.once('close', () => resolve(text)).once('error', reject);
      });
    const targets = ['//', '///', '/\\evil.example', 'http://evil.example/accounts/new', 'http://evil.example//x'];
    for (const target of [
      ...targets,
      '//evil.example/accounts',
      '/admin/queues/..//evil',
      '/accounts/..//evil.example',
    ]) {
      const answer = await ask(target);
      expect([target, answer.split('\r\n')[0]]).not.toEqual([target, expect.stringContaining(' 500 ')]);
      const location = /^location: (.*)\r$/im.exec(answer)?.[1];
      if (location === undefined) continue;
      const next = new URL(location, api.publicUrl).searchParams.get('next') ?? '/';
      expect([target, leadsHome(location), leadsHome(next), next.startsWith('/')]).toEqual([target, true, true, true]);
    }
  });

  it('by a link or form of a page, whatever is in its parameters', async () => {
    const { id } = await api.create();
    const browser = await signedIn(api.keys.admin);
    for (const path of ['/', '/campaigns', '/access-keys', '/forecast', `/accounts/${id}`])
      for (const value of evil.slice(0, 12)) {
        const named = ['text', 'state', 'cursor', 'before', 'next', 'sort'].map((name) => [name, value]);
        const query = new URLSearchParams([...named, ['tenantId', 'acme']] as [string, string][]).toString();
        const { html } = await open(browser, `${path}?${query}`);
        const led = [...html.matchAll(/(?:href|action|src)="([^"]*)"/g)].map(([, to = '']) =>
          to.replaceAll('&amp;', '&'),
        );
        expect(led.length).toBeGreaterThan(3);
        expect([path, value, led.filter((to) => !leadsHome(to))]).toEqual([path, value, []]);
      }
  });
});

it('says that a session has ended only to a browser that had one', async () => {
  const told = 'Your session has ended.';
  expect((await open(makeBrowser(), '/sign-in?expired=1')).html).not.toContain(told);
  const browser = await signedIn();
  api.pass(12 * 3_600_000);
  expect((await open(browser, '/')).html).toContain(told);
});

describe('a message', () => {
  const said = (browser: Browser, value: string) =>
    browser.cookies(api.publicUrl).set(`upslink-said-${new URL(api.publicUrl).port}`, value);
  const messageIn = ({ html }: Page): string | null =>
    /class="message[^]*?<strong>([^<]*)<\/strong>/.exec(html)?.[1] ?? null;
  const encode = (about: object) => Buffer.from(JSON.stringify(about)).toString('base64url');

  it('of the way back from UPS is about the stored outcome, whatever the address says', async () => {
    const { id } = await api.create();
    const connected = await api.connected();
    const browser = await signedIn();
    for (const outcome of ['connected', 'disconnected', 'denied', 'lapsed', 'replaced', 'pending', 'failed'])
      for (const about of [id, connected.id]) {
        const page = await open(
          browser,
          `/accounts/${about}?account=${about}&outcome=${outcome}&reason=consent-denied`,
        );
        expect([outcome, page.url, messageIn(page)]).toEqual([outcome, `${api.publicUrl}/accounts/${about}`, null]);
      }

    const login = await api.profile('Z9Y8X7');
    const { connectUrl } = await api.link(id);
    await goThroughUps(connectUrl, login, { browser, returnTo: RETURN });
    const lied = await open(browser, `/accounts/${id}?account=${id}&outcome=connected`);
    expect(messageIn(lied)).toBe('The account could not be connected.');
    expect(messageIn(await open(browser, `/accounts/${id}`))).toBeNull();
  });

  it('is not taken from a cookie that somebody else made', async () => {
    const { id } = await api.create();
    const browser = await signedIn();
    const forged = [
      { about: 'event', accountId: id, event: 'DEACTIVATE', verdict: 'applied', why: null },
      { about: 'outcome', accountId: id, outcome: 'connected', reason: null },
      { about: 'created', accountId: id, isNew: true },
    ];
    for (const about of forged)
      for (const value of [
        encode(about),
        `${encode({ ...about, until: 9e15 })}.${'A'.repeat(43)}`,
        `${encode(about)}.`,
      ]) {
        said(browser, value);
        expect(messageIn(await open(browser, `/accounts/${id}`))).toBeNull();
      }
  });

  it('is not taken of another session, nor later than a minute, nor when it is so no more', async () => {
    const { id } = await api.create();
    const name = `upslink-said-${new URL(api.publicUrl).port}`;
    const press = async (browser: Browser) => {
      const page = await open(browser, `/accounts/${id}`);
      const seq = /name="seq" value="(\d+)"/.exec(page.html)?.[1] ?? '';
      follow(browser, await post(browser, `/accounts/${id}/deactivate`, { formToken: tokenIn(page), seq }));
      return browser.cookies(api.publicUrl).get(name) ?? '';
    };
    const browser = await signedIn();
    const value = await press(browser);
    const other = await signedIn();
    said(other, value);
    expect(messageIn(await open(other, `/accounts/${id}`))).toBeNull();
    expect(messageIn(await open(browser, `/accounts/${id}`))).toContain('The account is inactive now');

    await api.event(id, { type: 'REACTIVATE' });
    said(browser, value);
    expect(messageIn(await open(browser, `/accounts/${id}`))).toBeNull();
    await press(browser);
    api.pass(61_000);
    expect(messageIn(await open(browser, `/accounts/${id}`))).toBeNull();
    expect((await api.read(id)).state).toBe('inactive');
  });
});

it('takes no form and no sign-in of a client that does not say to be one of our pages', async () => {
  const browser = await signedIn();
  const formToken = tokenIn(await open(browser, '/'));
  const headers = { cookie: cookieOf(browser), accept: 'text/html' };
  for (const path of ['/sign-out', '/sign-in', '/accounts/new', '/access-keys/import'])
    for (const more of [{}, { origin: 'null' }, { origin: `${api.publicUrl}.evil.example` }] as Record<
      string,
      string
    >[]) {
      const body = new URLSearchParams({ formToken, key: api.keys.operator });
      const { status } = await api.send('POST', path, { body, headers: { ...headers, ...more } });
      expect([path, more, status]).toEqual([path, more, 403]);
    }
  expect((await open(browser, '/')).url).toBe(`${api.publicUrl}/`);
  const { port } = new URL(api.publicUrl);
  const left = await post(browser, '/sign-out', { formToken }, { origin: `HTTP://LocalHost:${port}` });
  expect(left.status).toBe(303);
  expect((await open(browser, '/')).url).toContain('/sign-in');
});
