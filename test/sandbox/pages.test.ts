import {
  Browser,
  authorizeUrl,
  call,
  exchange,
  form,
  getCode,
  ledgerOf,
  openTestSandbox,
  rate,
  probe,
  seed,
  type TestSandbox,
} from './testSandbox';

let ups: TestSandbox;
let browser: Browser;
beforeEach(async () => {
  ups = await openTestSandbox();
  browser = new Browser();
  await seed(ups, 'merchant', [{ accountNumber: 'A1B2C3', nickname: '<Dock> & "Co"' }]);
  await seed(ups, 'colleague', []);
});
afterEach(() => ups.stop());

const logIn = (username: string, values: Record<string, string> = {}) =>
  browser.submit(ups.url, '/login', { username, password: `${username}-pass`, ...values });

test('the index says what this is and leads on', async () => {
  await browser.open(`${ups.url}/`);
  expect(browser.page).toContain('SANDBOX');
  expect(browser.page).toContain('href="/accounts-and-payment"');
});

describe('login', () => {
  test('refuses a wrong password and keeps the application’s wish', async () => {
    await browser.open(authorizeUrl(ups));
    await logIn('merchant', { password: 'wrong' });
    expect(browser.status).toBe(401);
    expect(browser.page).toContain('role="alert"');
    expect(browser.page).not.toContain('wrong');
    await logIn('merchant');
    expect(browser.page).toContain('action="/consent"');
  });

  test('refuses a username nobody seeded in the same words', async () => {
    await browser.open(authorizeUrl(ups));
    await logIn('nobody');
    expect(browser.status).toBe(401);
  });

  test('labels every field and says sandbox', async () => {
    await browser.open(authorizeUrl(ups));
    expect(browser.page).toContain('<label for="username">');
    expect(browser.page).toContain('<label for="password">');
    expect(browser.page).toContain('lang="en"');
    expect(browser.page).toContain('SANDBOX');
  });

  test('lasts beyond the browser’s window only when asked to', async () => {
    const post = async (values: Record<string, string>) => {
      const answer = await call(
        `${ups.url}/login`,
        form({ username: 'merchant', password: 'merchant-pass', ...values }),
      );
      return answer.headers.get('set-cookie') ?? '';
    };
    expect(await post({ keep: 'yes' })).toMatch(/HttpOnly; SameSite=Lax; Max-Age=2592000/);
    expect(await post({})).not.toContain('Max-Age');
  });

  test('ends on the sandbox’s side too', async () => {
    await browser.open(authorizeUrl(ups));
    await logIn('merchant');
    ups.move(31 * 86_400_000);
    await browser.open(authorizeUrl(ups));
    expect(browser.page).toContain('action="/login"');
  });
});

describe('a form of a page elsewhere', () => {
  const post = async (path: string, headers: Record<string, string>) => {
    const fields = form({ username: 'merchant', password: 'merchant-pass' }, headers);
    const { status, headers: answered } = await call(`${ups.url}${path}`, fields);
    return [status, answered.getSetCookie().length];
  };

  test('logs no browser in to a profile of that page’s choice', async () => {
    const origin = ups.url;
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `${origin}0` },
    ] as Record<string, string>[])
      for (const path of ['/login', '/logout', '/consent', '/accounts-and-payment'])
        expect([path, headers, await post(path, headers)]).toEqual([path, headers, [403, 0]]);
    const own = [{ 'sec-fetch-site': 'same-origin' }, { origin }, { origin: origin.toUpperCase() }, {}];
    for (const headers of own as Record<string, string>[])
      expect([headers, await post('/login', headers)]).toEqual([headers, [303, 1]]);
  });

  test('can be told from our own by every browser', async () => {
    const { headers } = await call(authorizeUrl(ups).replace(/\/security.*\?/, '/login?'));
    // Under no-referrer, browsers that do not send Sec-Fetch-Site would send `Origin: null` with our own forms.
    expect(headers.get('referrer-policy')).toBe('same-origin');
  });
});

describe('consent', () => {
  test('shows which profile and which accounts, escaped', async () => {
    await browser.open(authorizeUrl(ups));
    await logIn('merchant');
    expect(browser.page).toContain('<strong>merchant</strong>');
    expect(browser.page).toContain('A1B2C3');
    expect(browser.page).not.toContain('<Dock>');
    expect(browser.page).toContain('&#60;Dock&#62; &#38; &#34;Co&#34;');
  });

  test('is given by whoever this browser is still logged in as', async () => {
    await getCode(ups, 'colleague', {}, browser);
    await browser.open(authorizeUrl(ups));
    expect(browser.page).not.toContain('action="/login"');
    expect(browser.page).toContain('<strong>colleague</strong>');
    const code = await getCode(ups, 'merchant', {}, browser);
    const { body } = await exchange(ups, code);
    expect((await rate(ups, body.access_token, probe())).status).toBe(400);
    expect((await ledgerOf(ups)).grants.map(({ username }) => username)).toEqual(['colleague']);
  });

  test('can be given by another id instead', async () => {
    await getCode(ups, 'colleague', {}, browser);
    await browser.open(authorizeUrl(ups, { state: 'st-2' }));
    await browser.submit(ups.url, '/logout', {});
    await logIn('merchant');
    expect(browser.page).toContain('<strong>merchant</strong>');
    const back = new URL(await browser.submit(ups.url, '/consent', { decision: 'allow' }));
    expect(back.searchParams.get('state')).toBe('st-2');
    expect(back.searchParams.get('code')).toMatch(/^[\w-]{43}$/);
  });

  test('needs the key of the form, which no other page knows', async () => {
    await browser.open(authorizeUrl(ups));
    await logIn('merchant');
    await browser.submit(ups.url, '/consent', { decision: 'allow', form_key: 'forged' });
    expect(browser.page).toContain('action="/consent"');
  });

  test('is asked again without a login, and never given', async () => {
    const { search } = new URL(authorizeUrl(ups));
    await browser.open(`${ups.url}/consent${search}`);
    expect(browser.page).toContain('action="/login"');
  });

  test('goes nowhere for a redirect that is not registered', async () => {
    const { search } = new URL(authorizeUrl(ups, { redirect_uri: 'https://evil.example/oauth/callback' }));
    for (const page of ['login', 'consent']) {
      const answer = await call(`${ups.url}/${page}${search}`, { headers: { accept: 'text/html' } });
      expect(answer.status).toBe(400);
      expect(answer.headers.get('location')).toBeNull();
    }
  });

  test('keeps the code out of what is stored', async () => {
    const code = await getCode(ups, 'merchant');
    expect(JSON.stringify(await ledgerOf(ups))).not.toContain(code);
  });
});

describe('Accounts and Payment', () => {
  // The oldest that is allowed.
  const invoice = { invoice_number: '0000123', invoice_date: '2026-09-24', invoice_amount: '12.34', control_id: '1A' };
  const account = { account_number: 'd4e5f6', nickname: 'East', postal_code: '21093', ...invoice };

  beforeEach(async () => {
    await browser.open(`${ups.url}/accounts-and-payment`);
    await logIn('colleague');
  });

  test('needs a login and then shows the profile’s own accounts', async () => {
    expect(browser.page).toContain('no account in this profile yet');
    await browser.submit(ups.url, '/logout', {});
    expect(browser.page).toContain('action="/login"');
    await logIn('merchant');
    expect(browser.page).toContain('<code>A1B2C3</code>');
  });

  test('adds an account, which rating then knows, and stores no invoice', async () => {
    await browser.submit(ups.url, '/accounts-and-payment', account);
    expect(browser.page).toContain('<code>D4E5F6</code>');
    const { body } = await exchange(ups, await getCode(ups, 'colleague'));
    expect((await rate(ups, body.access_token, probe('D4E5F6'))).status).toBe(200);
    await ups.restart();
    expect((await rate(ups, body.access_token, probe('D4E5F6'))).status).toBe(200);
  });

  test.each([
    ['a short account number', { account_number: 'D4E5F' }],
    ['no postal code', { postal_code: '' }],
    ['no invoice number', { invoice_number: '' }],
    ['an amount with a comma', { invoice_amount: '1,234.00' }],
    ['an amount with a currency', { invoice_amount: '$12' }],
    ['a day that is none', { invoice_date: '2026-02-30' }],
    ['an invoice of tomorrow', { invoice_date: '2026-11-24' }],
    ['an invoice 61 days old', { invoice_date: '2026-09-23' }],
  ])('refuses %s and keeps what was typed', async (_what, wrong) => {
    await browser.submit(ups.url, '/accounts-and-payment', { ...account, ...wrong });
    expect(browser.status).toBe(400);
    expect(browser.page).toContain('role="alert"');
    expect(browser.page).toContain('value="East"');
    expect(browser.page).not.toContain('<code>D4E5F6</code>');
  });

  test('takes a PIN in place of an invoice', async () => {
    const pin = { method: 'pin', account_number: 'D4E5F6', postal_code: '21093' };
    await browser.submit(ups.url, '/accounts-and-payment', pin);
    expect(browser.page).toContain('<code>D4E5F6</code>');
  });

  test('takes three tries an account number in 24 hours, those that fail among them, also after a restart', async () => {
    const wrong = { ...account, invoice_amount: '$12' };
    for (let n = 0; n < 3; n++) await browser.submit(ups.url, '/accounts-and-payment', wrong);
    await ups.restart();
    browser = new Browser();
    await browser.open(`${ups.url}/accounts-and-payment`);
    await logIn('colleague');
    await browser.submit(ups.url, '/accounts-and-payment', account);
    expect(browser.status).toBe(400);
    expect(browser.page).toContain('You have used your 3 attempts of 24 hours.');
    await browser.submit(ups.url, '/accounts-and-payment', { ...account, account_number: 'E5F6A7' });
    expect(browser.page).toContain('<code>E5F6A7</code>');
  });

  test('refuses an account that is there already', async () => {
    await browser.submit(ups.url, '/accounts-and-payment', account);
    await browser.submit(ups.url, '/accounts-and-payment', account);
    expect(browser.status).toBe(400);
    expect(browser.page).toContain('in this profile already');
  });
});
