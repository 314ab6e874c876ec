import type { AccountJson } from '../../src/api/schemas/answers';
import { goThroughUps, makeBrowser } from '../support/browsing';
import { openHouse, RETURN, type House, type ProblemJson } from './house';

let house: House;
beforeAll(async () => {
  house = await openHouse('api-browser');
});
afterAll(() => house.release());

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
    const account = await house.create();
    const login = await house.profile('A1B2C3');
    const { connectUrl } = await house.link(account.id);
    const back = await goThroughUps(connectUrl, login, { returnTo: RETURN });
    expect(Object.fromEntries(back.searchParams)).toEqual({ account: account.id, outcome: 'connected' });
    const now = await house.read(account.id);
    expect(now).toMatchObject({ state: 'connected', scheme: 'oauth', message: 'Connected.', reason: null });
    expect(now.lastAuthorization).toMatchObject({ outcome: 'connected', reason: null });
  });

  it('ends on our own page when nowhere to return to was named', async () => {
    const account = await house.create();
    const { connectUrl } = await house.link(account.id, {});
    const browser = makeBrowser();
    const atLogin = await browser.submit(await browser.open(connectUrl), {});
    const atConsent = await browser.submit(atLogin, await house.profile('A1B2C3'));
    const page = await browser.submit(atConsent, { decision: 'allow' });
    expect(page.status).toBe(200);
    expect(page.html).toContain('The account is connected to UPS.');
  });

  it('tells a wrong login, a refusal, and a lapse apart', async () => {
    const wrong = await house.create();
    const back = await goThroughUps((await house.link(wrong.id)).connectUrl, await house.profile('Z9Y8X7'), {
      returnTo: RETURN,
    });
    expect(back.searchParams.get('outcome')).toBe('disconnected');
    expect(back.searchParams.get('reason')).toBe('account-not-in-profile');

    const denied = await house.create();
    const said = await goThroughUps((await house.link(denied.id)).connectUrl, await house.profile('A1B2C3'), {
      decision: 'deny',
      returnTo: RETURN,
    });
    expect(said.searchParams.get('outcome')).toBe('denied');
    expect(await house.read(denied.id)).toMatchObject({ state: 'disconnected', reason: 'consent-denied' });

    const lapsed = await house.create();
    const late = await comeBack((await house.link(lapsed.id)).connectUrl, await house.profile('A1B2C3'));
    house.pass(31 * 60_000);
    const told = await late.browser.open(late.url, isBack);
    expect(new URL(told.url).searchParams.get('outcome')).toBe('lapsed');
    expect(await house.read(lapsed.id)).toMatchObject({ state: 'created', reason: null });
  });

  it('keeps a connected account as it is when a Reconnect is declined', async () => {
    const account = await house.connected();
    const { connectUrl } = await house.link(account.id);
    const back = await goThroughUps(connectUrl, await house.profile('A1B2C3'), { decision: 'deny', returnTo: RETURN });
    expect(Object.fromEntries(back.searchParams)).toEqual({
      account: account.id,
      outcome: 'failed',
      reason: 'consent-denied',
    });
    expect(await house.read(account.id)).toMatchObject({
      state: 'connected',
      lastAuthorization: { outcome: 'failed', reason: 'consent-denied' },
    });
  });
});

describe('the connect link', () => {
  it('shows who asks and for which number, and is used up by no look', async () => {
    const account = await house.create();
    const { connectUrl } = await house.link(account.id);
    for (const method of ['GET', 'HEAD', 'GET']) {
      const seen = await house.send(method, connectUrl, { headers: { accept: 'text/html' } });
      expect(seen.status).toBe(200);
      expect(seen.headers.get('cache-control')).toBe('no-store');
      expect(seen.headers.get('referrer-policy')).toBe('no-referrer');
      expect(seen.headers.getSetCookie()).toEqual([]);
      if (method === 'GET') expect(seen.text).toContain('Tenant acme');
      if (method === 'GET') expect(seen.text).toContain('A1B2C3');
    }
    const pressed = await house.send('POST', connectUrl);
    expect(pressed.status).toBe(303);
    expect(pressed.headers.getSetCookie().join()).toMatch(/HttpOnly; SameSite=Lax/);
  });

  it('is gone once a callback was accepted, a newer link was made, or it has lapsed', async () => {
    const used = await house.create();
    const first = await house.link(used.id);
    await goThroughUps(first.connectUrl, await house.profile('A1B2C3'), { returnTo: RETURN });
    const replaced = await house.link(used.id);
    const newest = await house.link(used.id);
    house.pass(1_900_000);
    for (const { connectUrl } of [first, replaced, newest])
      for (const method of ['GET', 'POST']) {
        const answer = await house.send<ProblemJson>(method, connectUrl);
        expect([answer.status, answer.body.code]).toEqual([410, 'link-gone']);
      }
    const page = await house.send('GET', first.connectUrl, { headers: { accept: 'text/html' } });
    expect(page.status).toBe(410);
    expect(page.headers.get('content-type')).toContain('text/html');
  });

  it('is gone as soon as a callback was accepted, before its outcome is known', async () => {
    const account = await house.create();
    const { connectUrl } = await house.link(account.id);
    const { browser, url } = await comeBack(connectUrl, await house.profile('A1B2C3'));
    await house.control('POST', 'faults', {
      match: { path: '/security/v1/oauth/token' },
      do: 'delay',
      ms: 1_000,
      times: 1,
    });
    const visit = browser.open(url, isBack);
    await house.until(async () => (await house.read(account.id)).stateDetail.consent === 'exchanging');
    expect((await house.send('GET', connectUrl)).status).toBe(410);
    expect((await visit).url).toContain('outcome=connected');
  });

  it('refuses a form of another site, and tells nothing of links that never were', async () => {
    const account = await house.create();
    const { connectUrl } = await house.link(account.id);
    const forged = await house.send<ProblemJson>('POST', connectUrl, { headers: { 'sec-fetch-site': 'cross-site' } });
    expect([forged.status, forged.body.code]).toEqual([403, 'forbidden']);
    const made = `${house.publicUrl}/connect/${account.id}.${'A'.repeat(43)}`;
    expect((await house.send('GET', made)).status).toBe(410);
    expect((await house.send('GET', '/connect/nonsense')).status).toBe(404);
    expect((await house.send('DELETE', connectUrl)).status).toBe(405);
  });
});

describe('the callback', () => {
  const refused = async (url: string, headers: Record<string, string> = {}) => {
    const answer = await house.send<ProblemJson>('GET', url, { headers });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid-state']);
    expect(answer.headers.get('location')).toBeNull();
  };

  it('changes nothing without its cookie, with a forged or doubled state, or for another browser', async () => {
    const account = await house.create();
    const other = await house.create();
    const login = await house.profile('A1B2C3');
    const { browser, url } = await comeBack((await house.link(account.id)).connectUrl, login);
    const elsewhere = await comeBack((await house.link(other.id)).connectUrl, login);
    const cookieOf = (one: typeof browser) => [...one.cookies(url)].map((pair) => pair.join('=')).join('; ');
    const cookie = cookieOf(browser);
    const before = await house.read(account.id);

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
    const page = await house.send('GET', url, { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('location')]).toEqual([400, null]);

    expect(await house.read(account.id)).toEqual(before);
    expect(new URL((await browser.open(url, isBack)).url).searchParams.get('outcome')).toBe('connected');
  });

  it('gives a second visit the same outcome, and HEAD nothing', async () => {
    const account = await house.create();
    const { browser, url } = await comeBack((await house.link(account.id)).connectUrl, await house.profile('A1B2C3'));
    const cookie = [...browser.cookies(url)].map((pair) => pair.join('=')).join('; ');
    const looked = await house.send('HEAD', url, { headers: { cookie } });
    expect([looked.status, looked.headers.get('location')]).toEqual([204, null]);
    expect((await house.read(account.id)).state).toBe('pending-authorization');

    const [one, two] = await Promise.all([browser.open(url, isBack), browser.open(url, isBack)]);
    const three = await browser.open(url, isBack);
    expect(one.url).toContain('outcome=connected');
    expect([two.url, three.url]).toEqual([one.url, one.url]);
    const { uses } = await house.control<{ uses: { endpoint: string; status: number }[] }>('GET', 'ledger');
    expect(uses.filter(({ endpoint, status }) => endpoint === 'token' && status !== 200)).toEqual([]);
  });

  it('tells the visitor of an older link that it was replaced', async () => {
    const account = await house.create();
    const { browser, url } = await comeBack((await house.link(account.id)).connectUrl, await house.profile('A1B2C3'));
    await house.link(account.id);
    const { url: back } = await browser.open(url, isBack);
    expect(new URL(back).searchParams.get('outcome')).toBe('replaced');
    expect(await house.read(account.id)).toMatchObject<Partial<AccountJson>>({ state: 'pending-authorization' });
  });

  it('says pending when UPS cannot be asked yet, and the outcome to a later visit', async () => {
    const account = await house.create();
    const { browser, url } = await comeBack((await house.link(account.id)).connectUrl, await house.profile('A1B2C3'));
    await house.control('POST', 'faults', {
      match: { path: '/api/rating/v2409/Rate' },
      do: 'status',
      status: 503,
      times: 1,
    });
    expect((await browser.open(url, isBack)).url).toContain('outcome=pending');
    expect(await house.read(account.id)).toMatchObject({ stateDetail: { consent: 'verifying' } });
    house.pass(10_000);
    await house.perform(account.id);
    expect((await browser.open(url, isBack)).url).toContain('outcome=connected');
  });

  it('takes our own registration for no fault of the merchant', async () => {
    const account = await house.create();
    const { browser, url } = await comeBack((await house.link(account.id)).connectUrl, await house.profile('A1B2C3'));
    const state = new URL(url).searchParams.get('state') ?? '';
    const told = `/oauth/callback?state=${state}&error=unauthorized_client&error_description=<b>no</b>`;
    const back = await browser.open(new URL(told, house.publicUrl).href, isBack);
    expect(new URL(back.url).searchParams.get('reason')).toBe('authorization-unavailable');
    expect((await house.read(account.id)).state).toBe('created');
  });
});
