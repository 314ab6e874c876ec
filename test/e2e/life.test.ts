/** An account's life, clicked through by a person in a browser, with everything real behind it. */

import type { BrowserContext } from 'playwright-core';
import { openTestSite, type TestSite } from './testSite';
import {
  button,
  createAccount,
  goThroughUps,
  leaveUps,
  messageText,
  seeGeneration,
  seeState,
  signIn,
  stateOf,
  statusText,
} from './steps';

let site: TestSite;
let signedIn: Awaited<ReturnType<BrowserContext['storageState']>>;
beforeAll(async () => {
  site = await openTestSite('e2e-life');
  const { page } = await site.visitor();
  await signIn(site, page, site.keys.operator);
  signedIn = await page.context().storageState();
  await page.context().close();
});
afterAll(() => site.close());

const MINUTE_MS = 60_000;

/** The page of a new account, signed in. */
async function openAccount(accountNumber: string) {
  const { page } = await site.visitor({ storageState: signedIn });
  const address = `${site.url}/accounts/${await site.create(accountNumber)}`;
  await page.goto(address);
  return { page, address };
}

it('lives through created, connected, refreshed, lost, reconnected, inactive, and the pages say so', async () => {
  const username = await site.profile('A1B2C3');
  const { page, complaints } = await site.visitor({ storageState: signedIn });
  await page.goto(site.url);
  await createAccount(page, 'A1B2C3');
  expect(await messageText(page)).toContain('The account was created.');
  expect(await statusText(page)).toContain('Not connected to UPS yet.');

  await goThroughUps(page, 'Authorize', username);
  expect(await stateOf(page).innerText()).toBe('Connected');
  expect(await messageText(page)).toContain('The account is connected to UPS.');
  expect(await page.locator('[data-live="history"]').innerText()).toContain('UPS confirmed the account number');

  await button(page, 'Refresh now').click();
  expect(await messageText(page)).toContain('The refresh has started');
  await seeGeneration(page, 2);

  await site.control('POST', 'faults', {
    match: { path: '/security/v1/oauth/refresh', username },
    do: 'revoke',
    times: 1,
  });
  await button(page, 'Refresh now').click();
  await page
    .locator('.detail', { hasText: 'The token works until it expires and cannot be refreshed any more' })
    .waitFor();
  expect(await statusText(page)).toContain('UPS has withdrawn the permission; a changed UPS password does this.');
  expect(await stateOf(page).innerText()).toBe('Connected');

  // Nobody touches the page while the last access token runs out.
  site.pass(4 * 60 * MINUTE_MS);
  await seeState(page, 'Disconnected');
  expect(await statusText(page)).toContain('Press Reconnect and sign in to UPS again. Whose move: The merchant');

  await leaveUps(site, page);
  await goThroughUps(page, 'Reconnect', username);
  expect(await stateOf(page).innerText()).toBe('Connected');

  await page.getByText('Deactivate …').click();
  await button(page, 'Deactivate the account').click();
  expect(await stateOf(page).innerText()).toBe('Inactive');
  expect(await button(page, 'Reconnect').count()).toBe(0);
  await button(page, 'Reactivate').click();
  expect(await stateOf(page).innerText()).toBe('Created');
  expect(complaints).toEqual([]);
});

it('shows a token being refreshed to somebody who only watches', async () => {
  await site.control('POST', 'settings', { accessTokenSeconds: 5 });
  const username = await site.profile('B2B2B2');
  const { page } = await openAccount('B2B2B2');
  await goThroughUps(page, 'Authorize', username);
  const heard = page.locator('#announcer', { hasText: 'Token generation 2.' });
  await Promise.all([seeGeneration(page, 2), heard.waitFor({ state: 'attached' })]);
  await page.locator('[data-live="history"]').getByText('generation 2').first().waitFor();
  await page.context().close();
  await site.control('POST', 'settings', { accessTokenSeconds: 3600 });
});

it('says that the login does not hold the account, and connects with the one that does', async () => {
  const wrong = await site.profile('Z9Z9Z9');
  const right = await site.profile('C3C3C3');
  const { page } = await openAccount('C3C3C3');
  await goThroughUps(page, 'Authorize', wrong);
  expect(await stateOf(page).innerText()).toBe('Disconnected');
  expect(await statusText(page)).toContain('The UPS login that was used does not hold this account number.');
  expect(await messageText(page)).toContain('Add the account to your UPS profile on ups.com');

  await leaveUps(site, page);
  await goThroughUps(page, 'Reconnect', right);
  expect(await stateOf(page).innerText()).toBe('Connected');
});

it('says that access was declined', async () => {
  const username = await site.profile('D4D4D4');
  const { page } = await openAccount('D4D4D4');
  await goThroughUps(page, 'Authorize', username, 'Deny');
  expect(await stateOf(page).innerText()).toBe('Disconnected');
  expect(await messageText(page)).toContain('The account was not connected: access was declined at UPS.');
  expect(await statusText(page)).toContain('Press Reconnect and choose Allow on the UPS page.');
});

it('lets a link lapse: the account is as it was, its page says why, and the link is gone', async () => {
  const { page, address } = await openAccount('E5E5E5');
  await button(page, 'Authorize').click();
  await page.getByRole('heading', { name: 'Connect your UPS account' }).waitFor();
  const link = page.url();
  await page.goto(address);
  await seeState(page, 'Pending authorization');

  site.pass(31 * MINUTE_MS);
  await seeState(page, 'Created');
  expect(await statusText(page)).toContain('Last authorization: not finished in time');
  expect(await page.locator('[data-live="explain"]').innerText()).toContain('The UPS login was not finished in time.');

  await page.goto(link);
  await page.getByRole('heading', { name: 'Link gone' }).waitFor();
  expect(await page.getByRole('alert').innerText()).toContain(
    'This link was used, was replaced by a newer one, or has lapsed.',
  );
});

it('cancels an authorization, and gives an account a newer link that takes the place of the older', async () => {
  const { page, address } = await openAccount('F6F6F6');
  await button(page, 'Authorize').click();
  await button(page, 'Continue to UPS').waitFor();
  const older = page.url();
  await page.goto(address);
  await button(page, 'Get a new link').click();
  await button(page, 'Continue to UPS').waitFor();
  expect(page.url()).not.toBe(older);
  await page.goto(older);
  await page.getByRole('heading', { name: 'Link gone' }).waitFor();

  await page.goto(address);
  await button(page, 'Cancel authorization').click();
  expect(await messageText(page)).toContain('The authorization was cancelled');
  expect(await stateOf(page).innerText()).toBe('Created');
});

it('disconnects by an operator with a note, which history keeps', async () => {
  const username = await site.profile('G7G7G7');
  const { page } = await openAccount('G7G7G7');
  await goThroughUps(page, 'Authorize', username);
  await page.getByText('Disconnect …').click();
  await page.getByLabel('Why', { exact: true }).fill('The contract has ended <b>');
  await button(page, 'Disconnect the account').click();
  expect(await stateOf(page).innerText()).toBe('Disconnected');
  expect(await statusText(page)).toContain('An operator disconnected the account.');
  expect(await page.locator('[data-live="history"]').innerText()).toContain('Note: The contract has ended <b>');
});

it('leaves no token, code, key or password in what the service logged', () => {
  const text = site.logged.join('');
  expect(text).toContain('/accounts/:id');
  for (const secret of [...Object.values(site.keys), 'client-secret-0123456789', '/connect/acc_', 'code='])
    expect(text).not.toContain(secret);
});
