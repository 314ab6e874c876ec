/** Who gets in, what they may press, and whether everybody can: by keyboard, by ear, in light and in dark. */

import type { Page } from 'playwright-core';
import { seriousViolations } from './axe';
import { openTestSite, PASSWORD, type TestSite } from './testSite';
import { button, goThroughUps, messageText, seeState, signIn, stateOf } from './steps';

let site: TestSite;
beforeAll(async () => {
  site = await openTestSite('e2e-access');
});
afterAll(() => site.close());

const path = (page: Page): string => new URL(page.url()).pathname;

it('refuses a wrong key in words, keeps it off the page, and lets a right one in and out', async () => {
  const { page, complaints } = await site.visitor();
  await page.goto(site.url);
  expect(path(page)).toBe('/sign-in');
  await page.getByLabel('API key').fill('upl_p_not-a-key');
  await button(page, 'Sign in').click();
  expect(await page.getByRole('alert').innerText()).toContain('This API key does not exist, or was deleted.');
  expect(await page.content()).not.toContain('not-a-key');

  await page.getByLabel('API key').fill(site.keys.platform);
  await button(page, 'Sign in').click();
  await page.getByText('There is no account yet.').waitFor();
  expect(await page.content()).not.toContain(site.keys.platform);
  const [session] = await page.context().cookies();
  expect(session).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' });

  await button(page, 'Sign out').click();
  expect(path(page)).toBe('/sign-in');
  await page.goto(site.url);
  expect(path(page)).toBe('/sign-in');
  expect(complaints).toEqual([]);
});

it('asks whoever was signed out to sign in again, and brings them back to where they were', async () => {
  const id = await site.create('A1A1A1');
  const { page } = await site.visitor();
  await signIn(site, page, site.keys.reader);
  const [session] = await page.context().cookies();
  await page.context().addCookies([{ ...session, value: 'one-that-has-ended' } as never]);
  await page.goto(`${site.url}/accounts/${id}`);
  expect(await page.getByRole('status').innerText()).toContain('Your session has ended.');
  await page.getByLabel('API key').fill(site.keys.reader);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${site.url}/accounts/${id}`);
  await seeState(page, 'Created');

  // A reader is shown everything and may press nothing.
  expect(await page.locator('main button').count()).toBe(0);
  expect(await page.getByRole('link', { name: 'Create account' }).count()).toBe(0);
});

it('takes no form of another page, and none without the token of the session', async () => {
  const id = await site.create('B1B1B1');
  const { page } = await site.visitor();
  await signIn(site, page, site.keys.operator);

  // The sandbox is another origin of the same site: the browser sends it the cookie all the same.
  await page.goto(site.sandboxUrl);
  const form = `<form method="post" action="${site.url}/accounts/${id}/deactivate"><button>Win</button></form>`;
  await page.evaluate(`document.body.innerHTML = ${JSON.stringify(form)}`);
  await button(page, 'Win').click();
  await page.getByRole('heading', { name: 'Not allowed' }).waitFor();

  await page.goto(`${site.url}/accounts/${id}`);
  await page.evaluate(`for (const field of document.querySelectorAll('[name=formToken]')) field.value = 'another'`);
  await page.getByText('Deactivate …').click();
  await button(page, 'Deactivate the account').click();
  await page.getByText('This form belongs to an earlier sign-in.').waitFor();
  await page.getByRole('link', { name: 'Back', exact: true }).click();
  expect(await stateOf(page).innerText()).toBe('Created');
});

it('leads nobody elsewhere after signing in', async () => {
  for (const next of [
    '/..//evil.example',
    '/.//evil.example',
    '//evil.example',
    '/\\evil.example',
    'https:evil.example',
  ]) {
    const { page } = await site.visitor();
    await page.goto(`${site.url}/sign-in?next=${encodeURIComponent(next)}`);
    await page.getByLabel('API key').fill(site.keys.reader);
    await button(page, 'Sign in').click();
    await page.getByRole('heading', { name: 'Accounts', exact: true }).waitFor();
    expect([next, new URL(page.url()).origin]).toEqual([next, site.url]);
    await page.context().close();
  }
});

it('says of the way back from UPS what is stored, whatever an address or another application on this host says', async () => {
  const username = await site.profile('E1E1E1');
  const id = await site.create('E1E1E1');
  const { page } = await site.visitor();
  await signIn(site, page, site.keys.operator);
  const lie = `account=${id}&outcome=connected`;
  await page.goto(`${site.url}/accounts/${id}?${lie}`);
  expect(page.url()).toBe(`${site.url}/accounts/${id}`);
  expect(await page.locator('.message').count()).toBe(0);
  // Cookies do not tell ports apart.
  const said = { about: 'event', accountId: id, event: 'DEACTIVATE', verdict: 'applied', why: null };
  const value = Buffer.from(JSON.stringify(said)).toString('base64url');
  await page.goto(site.sandboxUrl);
  await page.evaluate(`document.cookie = 'upslink-said-${new URL(site.url).port}=${value}; path=/'`);
  await page.goto(`${site.url}/accounts/${id}`);
  expect(await page.locator('.message').count()).toBe(0);
  await page.goto(`${site.url}/connect/done?${lie}`);
  await page.getByRole('heading', { name: 'Back from UPS' }).waitFor();

  const { connectUrl } = await site.call<{ connectUrl: string }>(`/accounts/${id}/authorization`, {});
  await page.goto(connectUrl);
  const pressed = page.waitForRequest((request) => request.url() === connectUrl && request.method() === 'POST');
  await button(page, 'Continue to UPS').click();
  const headers = await (await pressed).allHeaders();
  expect([headers['origin'], headers['referer']?.includes('/connect/') ?? false]).toEqual([site.url, false]);
  await page.getByLabel('User ID').fill(username);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByLabel('Keep me logged in on this browser').uncheck();
  await button(page, 'Log in').click();
  const back = page.waitForRequest((request) => request.url().includes('/oauth/callback'));
  await button(page, 'Allow').click();
  const callback = (await back).url();
  await page.getByRole('heading', { name: 'Connected to UPS' }).waitFor();
  await page.goto(callback);
  await page.getByText('The account is connected to UPS.').waitFor();
  const cookies = await page.context().cookies(site.url);
  expect(cookies.filter(({ name }) => /^upslink-\d+-[0-9a-f]{16}$/.test(name))).toHaveLength(1);
  await page.goto(`${site.url}/connect/done?account=${id}&outcome=denied`);
  await page.getByText('The account is connected to UPS.').waitFor();
});

it('is walked through by keyboard alone, from the key to a connected account', async () => {
  const username = await site.profile('C1C1C1');
  const id = await site.create('C1C1C1');
  const { page } = await site.visitor();
  await page.goto(`${site.url}/accounts/${id}`);
  await page.waitForFunction(`document.activeElement?.id === 'key'`);
  await page.keyboard.type(site.keys.platform);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${site.url}/accounts/${id}`);
  await seeState(page, 'Created');

  await page.keyboard.press('Tab');
  expect(await focusedText(page)).toBe('Skip to the content');
  await page.keyboard.press('Enter');
  await tabTo(page, 'Authorize');
  await page.keyboard.press('Enter');
  await page.waitForURL(/connect/);
  await tabTo(page, 'Continue to UPS');
  await page.keyboard.press('Enter');
  await page.getByLabel('User ID').waitFor();
  await page.keyboard.type(username);
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await button(page, 'Allow').waitFor();
  await tabTo(page, 'Allow');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/accounts\/acc_[a-z2-7]{26}$/);
  expect(await messageText(page)).toContain('The account is connected to UPS.');

  // What is open and focused stays so while the page refreshes itself under it.
  await tabTo(page, 'Deactivate …');
  await page.keyboard.press('Space');
  await tabTo(page, 'Refresh now', 'Shift+Tab');
  await site.call(`/accounts/${id}/authorization`, {});
  await button(page, 'Cancel authorization').waitFor();
  expect(await focusedText(page)).toBe('Refresh now');
  expect(await button(page, 'Deactivate the account').isVisible()).toBe(true);
});

it('makes a key and revokes it by keyboard alone', async () => {
  const { page, complaints } = await site.visitor();
  await signIn(site, page, site.keys.operator);
  await tabTo(page, 'Keys');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'API keys' }).waitFor();
  await tabTo(page, 'Create key');
  await page.keyboard.press('Enter');
  await page.getByLabel('Name').waitFor();
  await tabTo(page, 'Create key');
  await page.keyboard.press('Enter');
  // What is wrong is focused, and leads to its field.
  await page.getByText('The key was not created').waitFor();
  await tabTo(page, 'Name is missing.');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.type('By keyboard');
  await page.keyboard.press('Enter');
  await page.getByText('Copy the key now.').waitFor();
  const key = await page.getByLabel('API key').inputValue();
  expect(key).toMatch(/^upl_r_[\w-]{43}$/);
  expect(page.url()).not.toContain(key);
  const stored = await page.evaluate(
    '[document.cookie, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage })].join()',
  );
  expect(String(stored) + JSON.stringify(await page.context().cookies())).not.toContain(key);
  await tabTo(page, 'I have copied it');
  await page.keyboard.press('Enter');
  await page.getByRole('rowheader', { name: 'By keyboard' }).waitFor();
  await tabTo(page, 'Revoke … By keyboard');
  await page.keyboard.press('Space');
  await tabTo(page, 'Revoke the key By keyboard');
  await page.keyboard.press('Enter');
  await page.getByText('The key was revoked.').waitFor();
  expect(await page.getByRole('rowheader', { name: 'By keyboard' }).count()).toBe(0);
  expect(complaints).toEqual([]);
});

const focusedText = async (page: Page): Promise<string> =>
  String(await page.evaluate('document.activeElement?.textContent ?? ""')).trim();

async function tabTo(page: Page, text: string, key = 'Tab'): Promise<void> {
  const seen: string[] = [];
  while (seen.length < 40) {
    await page.keyboard.press(key);
    const focused = await focusedText(page);
    if (focused === text) return;
    seen.push(focused);
  }
  throw new Error(`${text} was not among what can be reached: ${seen.join(', ')}`);
}

it('lets an admin choose the tenant, and see the queues', async () => {
  const { page } = await site.visitor();
  await signIn(site, page, site.keys.admin);
  expect(await page.getByRole('link', { name: 'Create account' }).count()).toBe(0);
  await page.getByRole('combobox', { name: 'Tenant' }).selectOption('other');
  await button(page, 'Show').click();
  await page.getByText('There is no account yet.').waitFor();
  expect(await page.getByRole('link', { name: 'Create account' }).count()).toBeGreaterThan(0);
  await page.getByRole('link', { name: 'Queues' }).click();
  await page.getByText('token-refresh').first().waitFor();
});

it('shows axe nothing serious on any page, in light and in dark', async () => {
  const username = await site.profile('D1D1D1');
  const id = await site.create('D1D1D1');
  const { page } = await site.visitor();
  const found: Record<string, string[]> = {};
  const look = async (what: string, at = page) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await at.emulateMedia({ colorScheme });
      const violations = await seriousViolations(at);
      if (violations.length > 0) found[`${what}, ${colorScheme}`] = violations;
    }
  };

  await page.goto(site.url);
  await button(page, 'Sign in').waitFor();
  await look('sign-in');
  await page.getByLabel('API key').fill('wrong');
  await button(page, 'Sign in').click();
  await page.getByRole('alert').waitFor();
  await look('sign-in, refused');
  await signIn(site, page, site.keys.operator);
  await look('list');
  await page.goto(`${site.url}/?state=migrating`);
  await look('list, nothing found');
  await page.goto(`${site.url}/keys/new`);
  await look('new key');
  await button(page, 'Create key').click();
  await page.getByText('The key was not created').waitFor();
  await look('new key, refused');
  await page.getByLabel('Name').fill('For axe');
  await button(page, 'Create key').click();
  await page.getByText('Copy the key now.').waitFor();
  await look('new key, created');
  await page.goto(`${site.url}/keys?revoked=1`);
  await page.getByText('Revoke …').first().click();
  await look('keys, about to revoke');
  await page.goto(`${site.url}/accounts/new`);
  await look('create');
  await button(page, 'Create account').click();
  await page.getByText('The account was not created').waitFor();
  await look('create, refused');
  await page.goto(`${site.url}/accounts/${id}`);
  await look('account, created');
  await button(page, 'Authorize').click();
  await button(page, 'Continue to UPS').waitFor();
  await look('connect');
  await page.goto(`${site.url}/accounts/${id}`);
  await look('account, pending');
  await button(page, 'Cancel authorization').click();
  await goThroughUps(page, 'Authorize', username);
  await page.getByText('Deactivate …').click();
  await look('account, connected');
  const { page: admin } = await site.visitor();
  await signIn(site, admin, site.keys.admin);
  await admin.goto(`${site.url}/forecast`);
  await admin.getByRole('heading', { name: 'The nearest' }).waitFor();
  await admin.getByText('As a table').first().click();
  await look('forecast', admin);
  await admin.goto(`${site.url}/keys`);
  await admin.getByRole('rowheader').first().waitFor();
  await look('keys of all tenants', admin);
  await admin.goto(`${site.url}/keys?tenantId=other`);
  await admin.getByText('There is no key yet.').waitFor();
  await look('keys, none', admin);
  await admin.goto(`${site.url}/outages`);
  await admin.getByText('In order').first().waitFor();
  await look('outages', admin);
  await button(page, 'Deactivate the account').click();
  await look('account, inactive');
  await page.goto(`${site.url}/nowhere`);
  await look('nothing there');
  await page.goto(`${site.url}/oauth/callback?state=forged&code=x`);
  await page.getByRole('heading', { name: 'Please start again' }).waitFor();
  await look('callback, refused');
  await page.goto(`${site.url}/connect/done?outcome=connected`);
  await look('back from UPS');
  await page.goto(`${site.url}/docs`);
  await look('docs');
  expect(found).toEqual({});
});
