import type { AccountJson } from '../../src/api/schemas/answers';
import { updateTenant } from '../../src/db/tenants';
import { goThroughUps, makeBrowser, type Browser, type Page } from '../support/merchantBrowser';
import { openTestApi, RETURN, type TestApi, type ProblemJson } from './testApi';

// Only against hanging: a busy machine takes as long as it takes.
jest.setTimeout(180_000);

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('api-browser');
});
afterAll(() => api.release());

const isBack = (url: string) => url.startsWith(RETURN);
const isCallback = (url: string) => url.includes('/oauth/callback');

/** Up to UPS's redirect to us, which is not followed. */
async function comeBack(connectUrl: string, login: { username: string; password: string }, decision = 'allow') {
  const browser = makeBrowser();
  const atLogin = await browser.submit(await browser.open(connectUrl), {});
  const atConsent = await browser.submit(atLogin, login);
  const { url } = await browser.submit(atConsent, { decision }, isCallback);
  return { browser, url };
}

describe('the way of a merchant', () => {
  it('connects an account', async () => {
    const account = await api.create();
    const login = await api.profile('A1B2C3');
    const { connectUrl } = await api.link(account.id);
    const back = await goThroughUps(connectUrl, login, { returnTo: RETURN });
    expect(Object.fromEntries(back.searchParams)).toEqual({ account: account.id, outcome: 'connected' });
    const now = await api.read(account.id);
    expect(now).toMatchObject({ state: 'connected', scheme: 'oauth', message: 'Connected.', reason: null });
    expect(now.lastAuthorization).toMatchObject({ outcome: 'connected', reason: null });
  });

  it('ends on our own page when nowhere to return to was named', async () => {
    const account = await api.create();
    const { connectUrl } = await api.link(account.id, {});
    const browser = makeBrowser();
    const atLogin = await browser.submit(await browser.open(connectUrl), {});
    const atConsent = await browser.submit(atLogin, await api.profile('A1B2C3'));
    const page = await browser.submit(atConsent, { decision: 'allow' });
    expect(page.status).toBe(200);
    expect(page.html).toContain('The account is connected to UPS.');
  });

  it('tells a wrong login, a refusal, and a lapse apart', async () => {
    const wrong = await api.create();
    const back = await goThroughUps((await api.link(wrong.id)).connectUrl, await api.profile('Z9Y8X7'), {
      returnTo: RETURN,
    });
    expect(back.searchParams.get('outcome')).toBe('disconnected');
    expect(back.searchParams.get('reason')).toBe('account-not-in-profile');

    const denied = await api.create();
    const said = await goThroughUps((await api.link(denied.id)).connectUrl, await api.profile('A1B2C3'), {
      decision: 'deny',
      returnTo: RETURN,
    });
    expect(said.searchParams.get('outcome')).toBe('denied');
    expect(await api.read(denied.id)).toMatchObject({ state: 'disconnected', reason: 'consent-denied' });

    const lapsed = await api.create();
    const late = await comeBack((await api.link(lapsed.id)).connectUrl, await api.profile('A1B2C3'));
    api.pass(31 * 60_000);
    const told = await late.browser.open(late.url, isBack);
    expect(new URL(told.url).searchParams.get('outcome')).toBe('lapsed');
    expect(await api.read(lapsed.id)).toMatchObject({ state: 'created', reason: null });
  });

  it('keeps a connected account as it is when a Reconnect is declined', async () => {
    const account = await api.connected();
    const { connectUrl } = await api.link(account.id);
    const back = await goThroughUps(connectUrl, await api.profile('A1B2C3'), { decision: 'deny', returnTo: RETURN });
    expect(Object.fromEntries(back.searchParams)).toEqual({
      account: account.id,
      outcome: 'failed',
      reason: 'consent-denied',
    });
    expect(await api.read(account.id)).toMatchObject({
      state: 'connected',
      lastAuthorization: { outcome: 'failed', reason: 'consent-denied' },
    });
  });
});

describe('the connect link', () => {
  it('shows who asks and for which number, and is used up by no look', async () => {
    const account = await api.create();
    const { connectUrl } = await api.link(account.id);
    for (const method of ['GET', 'HEAD', 'GET']) {
      const seen = await api.send(method, connectUrl, { headers: { accept: 'text/html' } });
      expect(seen.status).toBe(200);
      expect(seen.headers.get('cache-control')).toBe('no-store');
      expect(seen.headers.get('referrer-policy')).toBe('no-referrer');
      expect(seen.headers.getSetCookie()).toEqual([]);
      if (method === 'GET') expect(seen.text).toContain('Tenant acme');
      if (method === 'GET') expect(seen.text).toContain('A1B2C3');
    }
    const pressed = await api.send('POST', connectUrl);
    expect(pressed.status).toBe(303);
    expect(pressed.headers.getSetCookie().join()).toMatch(/HttpOnly; SameSite=Lax/);
  });

  it('is gone once a callback was accepted, a newer link was made, or it has lapsed', async () => {
    const used = await api.create();
    const first = await api.link(used.id);
    await goThroughUps(first.connectUrl, await api.profile('A1B2C3'), { returnTo: RETURN });
    const replaced = await api.link(used.id);
    const newest = await api.link(used.id);
    api.pass(1_900_000);
    for (const { connectUrl } of [first, replaced, newest])
      for (const method of ['GET', 'POST']) {
        const answer = await api.send<ProblemJson>(method, connectUrl);
        expect([answer.status, answer.body.code]).toEqual([410, 'link-gone']);
      }
    const page = await api.send('GET', first.connectUrl, { headers: { accept: 'text/html' } });
    expect(page.status).toBe(410);
    expect(page.headers.get('content-type')).toContain('text/html');
  });

  it('is gone as soon as a callback was accepted, before its outcome is known', async () => {
    const account = await api.create();
    const { connectUrl } = await api.link(account.id);
    const { browser, url } = await comeBack(connectUrl, await api.profile('A1B2C3'));
    await api.control('POST', 'faults', {
      match: { path: '/security/v1/oauth/token' },
      do: 'delay',
      ms: 1_000,
      times: 1,
    });
    const visit = browser.open(url, isBack);
    await api.until(async () => (await api.read(account.id)).stateDetail.consent === 'exchanging');
    expect((await api.send('GET', connectUrl)).status).toBe(410);
    expect((await visit).url).toContain('outcome=connected');
  });

  it('takes its button from nobody who says to be elsewhere, and from browsers that say nothing', async () => {
    const account = await api.create();
    const { connectUrl } = await api.link(account.id);
    const { port } = new URL(api.publicUrl);
    const statusFor = async (headers: Record<string, string>) =>
      (await api.send('POST', connectUrl, { headers })).status;
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `${api.publicUrl}.evil.example` },
      { origin: `http://127.0.0.1:${port}` },
      { origin: `blob:${api.publicUrl}/1` },
      { 'sec-fetch-site': 'same-site', origin: api.publicUrl },
      { 'sec-fetch-site': 'cross-site', origin: 'null' },
    ])
      expect([headers, await statusFor(headers)]).toEqual([headers, 403]);
    for (const headers of [
      { origin: api.publicUrl },
      { origin: `HTTP://LOCALHOST:${port}` },
      { 'sec-fetch-site': 'same-origin', origin: 'null' },
      { 'sec-fetch-site': 'none' },
      {},
    ])
      expect([headers, await statusFor(headers)]).toEqual([headers, 303]);
  });

  it('lets browsers tell where its form was sent from', async () => {
    const { connectUrl } = await api.link((await api.create()).id);
    const page = await api.send('GET', connectUrl, { headers: { accept: 'text/html' } });
    // Under no-referrer, browsers that do not send Sec-Fetch-Site would send `Origin: null`, as a page elsewhere does.
    expect(page.text).toContain('<meta name="referrer" content="strict-origin" />');
  });

  it('refuses a form of another site, and tells nothing of links that never were', async () => {
    const account = await api.create();
    const { connectUrl } = await api.link(account.id);
    const forged = await api.send<ProblemJson>('POST', connectUrl, { headers: { 'sec-fetch-site': 'cross-site' } });
    expect([forged.status, forged.body.code]).toEqual([403, 'forbidden']);
    const made = `${api.publicUrl}/connect/${account.id}.${'A'.repeat(43)}`;
    expect((await api.send('GET', made)).status).toBe(410);
    expect((await api.send('GET', '/connect/nonsense')).status).toBe(404);
    expect((await api.send('DELETE', connectUrl)).status).toBe(405);
  });
});

describe('the callback', () => {
  const refused = async (url: string, headers: Record<string, string> = {}) => {
    const answer = await api.send<ProblemJson>('GET', url, { headers });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid-state']);
    expect(answer.headers.get('location')).toBeNull();
  };

  it('changes nothing without its cookie, with a forged or doubled state, or for another browser', async () => {
    const account = await api.create();
    const other = await api.create();
    const login = await api.profile('A1B2C3');
    const { browser, url } = await comeBack((await api.link(account.id)).connectUrl, login);
    const elsewhere = await comeBack((await api.link(other.id)).connectUrl, login);
    const cookieOf = (one: typeof browser) => [...one.cookies(url)].map((pair) => pair.join('=')).join('; ');
    const cookie = cookieOf(browser);
    const before = await api.read(account.id);

    await refused(url);
    await refused(url, { cookie: cookieOf(elsewhere.browser) });
    await refused(url, { cookie: `${cookie}; ${cookie}` });
    await refused(url, { cookie: cookie.replace(/=.*/, '=forged') });
    const state = new URL(url).searchParams.get('state') ?? '';
    const code = new URL(url).searchParams.get('code') ?? '';
    await refused(`${url}&state=${state}`, { cookie });
    await refused(`${url}&code=again`, { cookie });
    await refused(`${url}&error=access_denied`, { cookie });
    await refused(`/oauth/callback?state=${state}`, { cookie });
    await refused(`/oauth/callback?code=${code}`, { cookie });
    await refused(`/oauth/callback?code=${code}&state=${account.id}.${'A'.repeat(43)}`, { cookie });
    await refused(`/oauth/callback?code=${code}&state=<script>`, { cookie });
    await refused('/oauth/callback');
    const page = await api.send('GET', url, { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('location')]).toEqual([400, null]);

    expect(await api.read(account.id)).toEqual(before);
    expect(new URL((await browser.open(url, isBack)).url).searchParams.get('outcome')).toBe('connected');
  });

  it('gives a second visit the same outcome, and HEAD nothing', async () => {
    const account = await api.create();
    const { browser, url } = await comeBack((await api.link(account.id)).connectUrl, await api.profile('A1B2C3'));
    const cookie = [...browser.cookies(url)].map((pair) => pair.join('=')).join('; ');
    const looked = await api.send('HEAD', url, { headers: { cookie } });
    expect([looked.status, looked.headers.get('location')]).toEqual([204, null]);
    expect((await api.read(account.id)).state).toBe('pending-authorization');

    const [one, two] = await Promise.all([browser.open(url, isBack), browser.open(url, isBack)]);
    const three = await browser.open(url, isBack);
    expect(one.url).toContain('outcome=connected');
    expect([two.url, three.url]).toEqual([one.url, one.url]);
    const { uses } = await api.control<{ uses: { endpoint: string; status: number }[] }>('GET', 'ledger');
    expect(uses.filter(({ endpoint, status }) => endpoint === 'token' && status !== 200)).toEqual([]);
  });

  it('tells the visitor of an older link that it was replaced', async () => {
    const account = await api.create();
    const { browser, url } = await comeBack((await api.link(account.id)).connectUrl, await api.profile('A1B2C3'));
    await api.link(account.id);
    const { url: back } = await browser.open(url, isBack);
    expect(new URL(back).searchParams.get('outcome')).toBe('replaced');
    expect(await api.read(account.id)).toMatchObject<Partial<AccountJson>>({ state: 'pending-authorization' });
  });

  it('says pending when UPS cannot be asked yet, and the outcome to a later visit', async () => {
    const account = await api.create();
    const { browser, url } = await comeBack((await api.link(account.id)).connectUrl, await api.profile('A1B2C3'));
    await api.control('POST', 'faults', {
      match: { path: '/api/rating/v2409/Rate' },
      do: 'status',
      status: 503,
      times: 1,
    });
    expect((await browser.open(url, isBack)).url).toContain('outcome=pending');
    expect(await api.read(account.id)).toMatchObject({ stateDetail: { consent: 'verifying' } });
    api.pass(10_000);
    await api.perform(account.id);
    expect((await browser.open(url, isBack)).url).toContain('outcome=connected');
  });

  it('takes our own registration for no fault of the merchant', async () => {
    const account = await api.create();
    const { browser, url } = await comeBack((await api.link(account.id)).connectUrl, await api.profile('A1B2C3'));
    const state = new URL(url).searchParams.get('state') ?? '';
    const told = `/oauth/callback?state=${state}&error=unauthorized_client&error_description=<b>no</b>`;
    const back = await browser.open(new URL(told, api.publicUrl).href, isBack);
    expect(new URL(back.url).searchParams.get('reason')).toBe('authorization-unavailable');
    expect((await api.read(account.id)).state).toBe('created');
  });
});

describe('the address to go back to', () => {
  const atAllowed = 'http://localhost:9999';

  it.each([
    ...[`blob:${atAllowed}/1`, `filesystem:${atAllowed}/temporary/x`, 'javascript:1', 'data:text/html,x'],
    ...['http://evil.example/', '//localhost:9999/', '/back', '', `${atAllowed}@evil.example/`, `${atAllowed}.evil/`],
    ...['http://user@localhost:9999/', 'http://:pass@localhost:9999/', 'https://localhost:9999/', 'http://localhost/'],
    ...['http://localhost.:9999/', 'http://evil.example\\@localhost:9999/', 'ws://localhost:9999/'],
  ])('is refused: %s', async (returnTo) => {
    const { id } = await api.create();
    const old = await api.withKey();
    const plan = { name: 'Back', filter: { text: old.accountNumber }, waveSize: 1, pauseSeconds: 0 };
    const refusals = [
      await api.call('POST', `/accounts/${id}/authorization`, { body: { returnTo } }),
      await api.call('POST', `/accounts/${id}/events`, { body: { type: 'AUTHORIZE', returnTo } }),
      await api.call('POST', `/accounts/${old.id}/resolve`, { body: { action: 'migrate', returnTo } }),
      await api.call('POST', '/campaigns', { body: { ...plan, returnTo } }),
    ];
    for (const { status, body } of refusals)
      expect([status, body.code, body.field]).toEqual([400, 'invalid-input', 'returnTo']);
  });

  it('is refused where it is too long once it is escaped', async () => {
    const returnTo = `${atAllowed}/${'ü'.repeat(600)}`;
    const body = { returnTo };
    const refused = await api.call('POST', `/accounts/${(await api.create()).id}/authorization`, { body });
    expect([refused.status, refused.body.field]).toEqual([400, 'returnTo']);
    expect(refused.body.detail).toContain('at most 2000 characters');
  });

  it.each([
    ['HTTP://LOCALHOST:9999/back?outcome=connected&reason=none&x=1', `${atAllowed}/back?x=1&`],
    ['http:\\\\localhost:9999\\back', `${atAllowed}/back?`],
    ['\u0001 http://local\thost:99\r\n99/back', `${atAllowed}/back?`],
    ['http:localhost:9999/..//evil.example', `${atAllowed}//evil.example?`],
    [`${atAllowed}/%0d%0aset-cookie:x=1`, `${atAllowed}/%0d%0aset-cookie:x=1?`],
  ])('is what was judged, and not what was sent: %j', async (returnTo, expected) => {
    const account = await api.create();
    const { connectUrl } = await api.link(account.id, { returnTo });
    const login = await api.profile('Z9Y8X7');
    const back = await goThroughUps(connectUrl, login, { returnTo: atAllowed });
    expect(back.href).toBe(`${expected}account=${account.id}&outcome=disconnected&reason=account-not-in-profile`);
  });

  it('is stored by a campaign as it was judged', async () => {
    const { accountNumber } = await api.withKey({ accountNumber: 'J4M9E2' });
    const plan = { name: 'Back', filter: { text: accountNumber }, waveSize: 1, pauseSeconds: 0 };
    const body = { ...plan, returnTo: 'HTTP:\\\\LOCALHOST:9999\\back' };
    const made = await api.call<{ returnTo: string }>('POST', '/campaigns', { body });
    expect([made.status, made.body.returnTo]).toEqual([201, RETURN]);
  });

  it('is judged again when the merchant comes back: a withdrawn origin is not gone to', async () => {
    const { db } = api.services;
    const account = await api.create();
    const { browser, url } = await comeBack((await api.link(account.id)).connectUrl, await api.profile('A1B2C3'));
    await updateTenant(db, 'acme', { returnOrigins: ['https://new.example'] }, api.clock.now());
    try {
      const page = await browser.open(url);
      expect(new URL(page.url).href.split('?')).toEqual([
        `${api.publicUrl}/connect/done`,
        `account=${account.id}&outcome=connected`,
      ]);
      expect(page.html).toContain('The account is connected to UPS.');
      expect((await browser.open(url)).url).toBe(page.url);
    } finally {
      await updateTenant(db, 'acme', { returnOrigins: [atAllowed] }, api.clock.now());
    }
    expect((await browser.open(url, isBack)).url).toContain(`${RETURN}?account=`);
  });

  it('is an allowed origin only if it can be one', async () => {
    const made = (origin: string) =>
      api.call('POST', '/tenants', {
        key: api.keys.admin,
        body: { id: 'third', name: 'T', returnOrigins: [origin] },
      });
    for (const origin of [
      ...[
        'https://*.example.com',
        'https://SHOP.example.com',
        'https://shop.example.com:443',
        'blob:https://a.example',
      ],
      ...['https://user@a.example', 'null', 'https://bücher.example', ' https://a.example', 'https://a.example?'],
    ])
      expect([origin, (await made(origin)).body.field]).toEqual([origin, 'returnOrigins.0']);
  });
});

describe('our own last page', () => {
  const open = (browser: Browser, query: string) => browser.open(`${api.publicUrl}/connect/done?${query}`);
  const claims = [
    'connected to UPS',
    'could not be connected',
    'declined',
    'lapsed',
    'took the place',
    'not confirmed',
  ];
  const isNeutral = ({ status, html }: { status: number; html: string }) =>
    status === 200 && claims.every((claim) => !html.includes(claim)) && html.includes('Back from UPS');

  it('tells the stored end of the link this browser followed, whatever its address says', async () => {
    const account = await api.create();
    const { connectUrl } = await api.link(account.id, {});
    const browser = makeBrowser();
    const atLogin = await browser.submit(await browser.open(connectUrl), {});
    const atConsent = await browser.submit(atLogin, await api.profile('Z9Y8X7'));
    const page = await browser.submit(atConsent, { decision: 'allow' });
    expect(page.url).toContain('/connect/done?account=');
    const lied = await open(browser, `account=${account.id}&outcome=connected`);
    for (const { html } of [page, lied]) {
      expect(html).toContain('The account could not be connected.');
      expect(html).toContain('The UPS login that was used does not hold this account number.');
    }
    for (const query of ['', 'outcome=connected', 'account=&outcome=connected', 'account=acc_1&outcome=connected'])
      expect([query, isNeutral(await open(browser, query))]).toEqual([query, true]);
  });

  it('says nothing of the outcome to another browser', async () => {
    const account = await api.connected();
    const other = await api.create();
    const { browser } = await comeBack((await api.link(other.id)).connectUrl, await api.profile('A1B2C3'));
    for (const one of [makeBrowser(), browser])
      expect(isNeutral(await open(one, `account=${account.id}&outcome=connected`))).toBe(true);
    // A link that was followed, and with which nobody has come back, has no outcome.
    expect(isNeutral(await open(browser, `account=${other.id}&outcome=connected`))).toBe(true);
  });

  it('does not say what is so no more', async () => {
    const account = await api.create();
    const { connectUrl } = await api.link(account.id);
    const { browser, url } = await comeBack(connectUrl, await api.profile('A1B2C3'));
    await browser.open(url, isBack);
    const query = `account=${account.id}&outcome=connected`;
    expect((await open(browser, query)).html).toContain('The account is connected to UPS.');
    await api.event(account.id, { type: 'DISCONNECT', note: 'n' }, api.keys.operator);
    expect(isNeutral(await open(browser, query))).toBe(true);
  });
});

describe('the addresses of the way', () => {
  it('are told to no other site and kept by nobody, whatever is answered there', async () => {
    const { connectUrl } = await api.link((await api.create()).id);
    const gone = `${api.publicUrl}/connect/acc_${'a'.repeat(26)}.${'A'.repeat(43)}`;
    const asked: [string, string, Record<string, string>?][] = [
      ['GET', connectUrl],
      ['HEAD', connectUrl],
      ['POST', connectUrl],
      ['POST', connectUrl, { 'sec-fetch-site': 'cross-site' }],
      ['DELETE', connectUrl],
      ['OPTIONS', connectUrl],
      ['GET', gone],
      ['GET', '/connect/nonsense'],
      ['GET', '/connect/%e0%a4%a'],
      ['GET', '/connect/a/b'],
      ['GET', '/connect'],
      ['GET', '/CONNECT/a'],
      ['GET', '/connect/done?outcome=connected'],
      ['HEAD', '/connect/done'],
      ['POST', '/connect/done'],
      ['GET', '/oauth/callback?state=s&code=c'],
      ['HEAD', '/oauth/callback?state=s&code=c'],
      ['POST', '/oauth/callback'],
      ['GET', '/oauth'],
      ['GET', '/oauth/other'],
    ];
    for (const [method, to, more] of asked)
      for (const accept of ['text/html', 'application/json']) {
        const { headers, status } = await api.send(method, to, { headers: { accept, ...more } });
        const seen = [headers.get('referrer-policy'), headers.get('cache-control')];
        expect([method, to, status, ...seen]).toEqual([method, to, status, 'no-referrer', 'no-store']);
      }
  });
});

describe('the cookies of many links in one browser', () => {
  /** As the browser would send it to us. */
  const headerOf = (browser: Browser) =>
    [...browser.cookies(api.publicUrl)].map(([name, value]) => `${name}=${value}`).join('; ');

  /** The callback's address, to which UPS sends the browser back. */
  async function allow(browser: Browser, page: Page, login: { username: string; password: string }): Promise<string> {
    const atUps = await browser.submit(page, {});
    // UPS remembers the login of this browser.
    const atConsent = atUps.html.includes('name="password"') ? await browser.submit(atUps, login) : atUps;
    return (await browser.submit(atConsent, { decision: 'allow' }, isCallback)).url;
  }

  async function refuse(browser: Browser, page: Page): Promise<string> {
    const { url } = await browser.submit(page, {}, (to) => to.includes('/security/v1/oauth/authorize'));
    const state = new URL(url).searchParams.get('state') ?? '';
    return `${api.publicUrl}/oauth/callback?${new URLSearchParams({ state, error: 'access_denied' }).toString()}`;
  }

  it('stay small after 130 finished links, and the newest ten keep their outcome', async () => {
    const browser = makeBrowser();
    const login = await api.profile('A1B2C3');
    const callbacks: { id: string; url: string; back: string }[] = [];
    let longest = 0;
    for (let n = 0; n < 130; n++) {
      const { id } = await api.create();
      const page = await browser.open((await api.link(id)).connectUrl);
      // The last twelve go all the way; the others come back as from a refusal at UPS.
      const url = n < 118 ? await refuse(browser, page) : await allow(browser, page, login);
      longest = Math.max(longest, headerOf(browser).length);
      callbacks.push({ id, url, back: (await browser.open(url, isBack)).url });
    }
    const outcomes = callbacks.map(({ back }) => new URL(back).searchParams.get('outcome'));
    expect(outcomes).toEqual([...Array<string>(118).fill('denied'), ...Array<string>(12).fill('connected')]);
    expect(longest).toBeLessThan(2_000);
    const newest = callbacks.slice(-10);
    for (const { url, back } of newest) expect((await browser.open(url, isBack)).url).toBe(back);
    for (const { id } of newest)
      expect((await browser.open(`${api.publicUrl}/connect/done?account=${id}`)).html).toContain('connected to UPS');

    // A browser that has followed many more and come back with none.
    const open: string[] = [];
    for (let n = 0; n < 30; n++) {
      const page = await browser.open((await api.link((await api.create()).id)).connectUrl);
      open.push(await refuse(browser, page));
    }
    expect(headerOf(browser).length).toBeLessThan(2_000);
    for (const { url, back } of newest) expect((await browser.open(url, isBack)).url).toBe(back);
    for (const url of open.slice(-10)) expect((await browser.open(url, isBack)).url).toContain('outcome=denied');
    expect((await browser.open(open[0] ?? '', isBack)).status).toBe(400);
  }, 600_000);

  it('hold no secret of a link any more once its code was taken, and prove nothing of an open one', async () => {
    const account = await api.create();
    const { browser, url } = await comeBack((await api.link(account.id)).connectUrl, await api.profile('A1B2C3'));
    const whole = headerOf(browser);
    const { url: back } = await browser.open(url, isBack);
    const proof = headerOf(browser);
    expect(proof.length).toBeLessThan(whole.length - 20);
    expect(proof.split('=')[0]).toBe(whole.split('=')[0]);
    expect(whole).not.toContain(proof.split(/[=.]/)[1] ?? '');
    // An answer that the browser never got leaves it the whole one.
    for (const cookie of [whole, proof]) {
      const again = await api.send('GET', url, { headers: { cookie } });
      expect(again.headers.get('location')).toBe(back);
    }
  });

  it('outlive the link, so that whoever comes too late hears so', async () => {
    const { connectUrl, expiresAt } = await api.link((await api.create()).id);
    const [line = ''] = (await api.send('POST', connectUrl)).headers.getSetCookie();
    const [, maxAge] = /Max-Age=(\d+)/.exec(line) ?? [];
    const lapsesIn = (Date.parse(expiresAt) - api.clock.now()) / 1000;
    expect(Number(maxAge)).toBeGreaterThan(lapsesIn + 3_600);
  });
});
