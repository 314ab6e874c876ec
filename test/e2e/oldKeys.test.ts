/** From a file of old keys to the last receipt, clicked through by a person in a browser, with everything real behind it. */

import type { BrowserContext, Page } from 'playwright-core';
import { REQUIRED_COLUMNS } from '../../src/api/imports/lines';
import { seriousViolations } from './axe';
import { openTestSite, PASSWORD, TENANT, type TestSite } from './testSite';
import { button, goThroughUps, leaveUps, messageText, seeState, signIn, signInAtUps, stateOf } from './steps';

const DAY_MS = 86_400_000;

let site: TestSite;
let signedIn: Awaited<ReturnType<BrowserContext['storageState']>>;
beforeAll(async () => {
  site = await openTestSite('e2e-old-keys');
  const deadline = new Date(Date.now() + 20 * DAY_MS).toISOString();
  const patched = await fetch(`${site.url}/v1/tenants/${TENANT}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${site.keys.admin}`, 'content-type': 'application/json' },
    body: JSON.stringify({ accessKeyDeadline: deadline }),
  });
  if (!patched.ok) throw new Error(`PATCH answered ${patched.status}`);
  const { page } = await site.visitor();
  await signIn(site, page, site.keys.operator);
  signedIn = await page.context().storageState();
  await page.context().close();
});
afterAll(() => site.close());

const visit = async (path: string, options: object = {}) => {
  const { page, complaints } = await site.visitor({ storageState: signedIn, ...options });
  await page.goto(`${site.url}${path}`);
  return { page, complaints };
};

const line = (name: string, number: string, country = 'US') =>
  `${name},${number},1 Dock St,Timonium,MD,21093,${country},shipper,0123456789ABCDEF,old-user,old-SECRET`;
const fileOf = (...lines: string[]) => ({
  name: 'keys.csv',
  mimeType: 'text/csv',
  buffer: Buffer.from([REQUIRED_COLUMNS.join(','), ...lines].join('\n')),
});

/** By the form and its script, as an operator does. */
async function importKeys(page: Page, ...lines: string[]): Promise<string> {
  await page.goto(`${site.url}/access-keys/import`);
  await page.getByLabel('The file').setInputFiles(fileOf(...lines));
  await button(page, 'Import the file').click();
  const report = page.locator('#import-report');
  await report.locator('.message').waitFor();
  return (await report.innerText()).replace(/\s+/g, ' ');
}

const resolveOf = (page: Page, name: string) =>
  page.getByRole('row', { name: new RegExp(name) }).getByRole('link', { name: 'Resolve' });

it('goes from a file to OAuth: imported, listed, resolved, confirmed by UPS, and the key’s receipt is in history', async () => {
  const username = await site.profile('C1C1C1');
  const { page, complaints } = await visit('/access-keys');
  expect(await page.locator('main').innerText()).toContain('No account uses an old key.');
  await page.getByRole('link', { name: 'Import keys' }).click();
  const report = await importKeys(page, line('Harbour', 'C1C1C1'), line('Broken', 'C1C1C1', 'XX'));
  expect(report).toContain('1 imported, 0 were there already, 1 could not be imported.');
  expect(report).toContain('3 country country is no ISO 3166-1 code');
  expect(await importKeys(page, line('Harbour', 'C1C1C1'))).toContain('0 imported, 1 were there already, 0 could');

  await page.getByRole('link', { name: 'Old keys', exact: true }).first().click();
  expect(await page.getByRole('row', { name: /Harbour/ }).innerText()).toContain('20 days left');
  await resolveOf(page, 'Harbour').click();
  await button(page, 'Migrate to OAuth').click();
  await signInAtUps(page, username);
  expect(await stateOf(page).innerText()).toBe('Connected');
  await page.locator('[data-live="history"]', { hasText: 'Receipt: the access key was destroyed' }).waitFor();
  expect(await page.locator('[data-live="token"]').innerText()).not.toContain('Fingerprint');
  await page.goto(`${site.url}/access-keys`);
  expect(await page.locator('main').innerText()).toContain('No account uses an old key.');
  expect(complaints).toEqual([]);
  expect(site.logged.join('\n')).not.toContain('SECRET');
});

it('stays on its key when the wrong login comes back, says why in the list, and can be taken back after a success', async () => {
  const [stranger, holder] = [await site.profile('ZZZZZ9'), await site.profile('D1D1D1')];
  const { page } = await visit('/access-keys');
  await importKeys(page, line('Mill', 'D1D1D1'));
  await page.goto(`${site.url}/access-keys`);
  await resolveOf(page, 'Mill').click();
  await button(page, 'Migrate to OAuth').click();
  await signInAtUps(page, stranger);
  expect(await messageText(page)).toContain('the account is as it was before');
  await page.goto(`${site.url}/access-keys`);
  expect(await page.getByRole('row', { name: /Mill/ }).innerText()).toContain('does not hold this account number');

  await leaveUps(site, page);
  await resolveOf(page, 'Mill').click();
  await page.getByLabel('Keep the old key for so many days afterwards').fill('3');
  await button(page, 'Migrate to OAuth').click();
  await signInAtUps(page, holder);
  expect(await page.locator('[data-live="token"]').innerText()).toContain('Kept, to take the migration back');
  await button(page, 'Take the migration back').click();
  expect(await messageText(page)).toContain('on its old access key again');
  expect(await page.locator('[data-live="status"]').innerText()).toContain('Connected by an old access key');
});

it('is postponed to a day before the deadline, and to no other', async () => {
  const { page } = await visit('/access-keys');
  await importKeys(page, line('Quay', 'E1E1E1'));
  await page.goto(`${site.url}/access-keys`);
  await resolveOf(page, 'Quay').click();
  const day = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
  await page.getByLabel('Until').fill(day(30));
  await button(page, 'Postpone').click();
  expect(await page.getByRole('alert').innerText()).toContain('The day is behind the deadline');
  await page.getByLabel('Until').fill(day(5));
  await button(page, 'Postpone').click();
  expect(await messageText(page)).toContain('Postponed: the account comes back');
  await page.goto(`${site.url}/access-keys?postponed=true`);
  expect(await page.getByRole('row').count()).toBe(2);
});

it('settings are changed, a change of somebody else is not overwritten unseen, and the name stays', async () => {
  const id = await site.create('F1F1F1');
  const [mine, theirs] = [await visit(`/accounts/${id}/settings`), await visit(`/accounts/${id}/settings`)];
  await theirs.page.getByLabel('City').fill('Towson');
  await button(theirs.page, 'Save').click();
  expect(await messageText(theirs.page)).toContain('The settings are saved.');

  await mine.page.getByLabel('City').fill('Parkville');
  await button(mine.page, 'Save').click();
  expect(await mine.page.getByRole('alert').innerText()).toContain('Towson');
  expect(await mine.page.getByLabel('City').inputValue()).toBe('Parkville');
  expect(await mine.page.getByLabel('Account name').count()).toBe(0);
  await button(mine.page, 'Save').click();
  expect(await mine.page.locator('[data-live="settings"]').innerText()).toContain('Parkville');

  await mine.page.getByRole('link', { name: 'Change settings' }).click();
  await mine.page.getByLabel('UPS account number').fill('F1');
  await button(mine.page, 'Save').click();
  expect(await mine.page.getByRole('alert').innerText()).toContain('UPS account number has 6 letters and digits');
  await mine.page.getByLabel('UPS account number').fill('F1F1F1');
  await mine.page.getByLabel('Its id').fill('st_9');
  await button(mine.page, 'Add').click();
  await mine.page.getByText('store st_9').first().waitFor();
  await mine.page.goto(`${site.url}/accounts/${id}`);
  await mine.page.getByText('Deactivate …').click();
  await button(mine.page, 'Deactivate the account').click();
  expect(await messageText(mine.page)).toContain('still used by a store');
});

it('guides a merchant into the profile: data checked before a try is spent, three tries a day, then on to Authorize', async () => {
  const id = await site.create('G1G1G1');
  const { page, complaints } = await visit(`/accounts/${id}`);
  await page.getByRole('link', { name: 'Add it to a UPS profile' }).click();
  const day = new Date().toISOString().slice(0, 10);
  const openTry = async (amount: string) => {
    await page.getByLabel('Invoice number').fill('0000A1B2C3456');
    await page.getByLabel('Invoice date').fill(day);
    await page.getByLabel('Invoice amount').fill(amount);
    await button(page, 'Check, and open a try').click();
  };
  await openTry('$12');
  expect(await page.getByRole('alert').innerText()).toContain('No try was used up');
  for (const left of ['2', '1']) {
    await openTry('12.34');
    await button(page, 'UPS did not accept it').click();
    expect(await page.locator('main').innerText()).toContain(`At most ${left} of three left`);
  }
  await page.getByLabel('PIN by e-mail').check();
  await button(page, 'Check, and open a try').click();
  const guide = page.url();

  // At UPS, where the merchant does what the guide said.
  const username = await site.profile();
  await page.getByRole('link', { name: 'the sandbox’s own page' }).click();
  await page.getByLabel('User ID').fill(username);
  await page.getByLabel('Password').fill(PASSWORD);
  await button(page, 'Log in').click();
  await page.goto(`${site.sandboxUrl}/accounts-and-payment`);
  await page.getByLabel('PIN by e-mail').check();
  await page.getByLabel('Account number').fill('G1G1G1');
  await page.getByLabel('Postal code').fill('21093');
  await button(page, 'Add account').click();
  await page.getByRole('cell', { name: 'G1G1G1' }).waitFor();

  await page.goto(guide);
  await button(page, 'UPS accepted it').click();
  expect(await page.locator('main').innerText()).toContain('The three tries of 24 hours are used up.');
  await page.getByRole('link', { name: 'authorize it' }).click();
  await seeState(page, 'Created');
  await leaveUps(site, page);
  await goThroughUps(page, 'Authorize', username);
  await seeState(page, 'Connected');
  expect(complaints).toEqual([]);
});

it('a campaign is planned, previewed, started, and asks who it said it would', async () => {
  const username = await site.profile('H1H1H1');
  const { page, complaints } = await visit('/access-keys');
  await importKeys(page, line('Campaign A', 'H1H1H1'), line('Campaign B', 'H1H1H1'));
  await page.getByRole('link', { name: 'Campaigns', exact: true }).click();
  await page.getByRole('link', { name: 'Plan a campaign' }).click();
  await page.getByLabel('Accounts in a wave').fill('0');
  await button(page, 'Preview').click();
  expect(await page.getByRole('alert').innerText()).toContain('Name is missing');
  await page.getByLabel('Name', { exact: true }).fill('Spring');
  await page.getByLabel('Name or number begins with').fill('Campaign');
  await page.getByLabel('Accounts in a wave').fill('1');
  await button(page, 'Preview').click();
  await page.getByText('Nothing has happened yet.').waitFor();
  expect(await page.locator('[data-live="accounts"]').innerText()).toMatch(/Campaign [AB][^]*Campaign [AB]/);
  await button(page, 'Start').click();
  const links = page.getByRole('link', { name: 'Links for the merchants' });
  await links.waitFor();
  const csv = await page.context().request.get(new URL((await links.getAttribute('href')) ?? '', page.url()).href);
  const [, first = ''] = (await csv.text()).split('\r\n');
  const merchant = (await site.visitor()).page;
  await merchant.goto(/http[^,"]+/.exec(first)?.[0] ?? '');
  await button(merchant, 'Continue to UPS').click();
  await merchant.getByLabel('User ID').fill(username);
  await merchant.getByLabel('Password').fill(PASSWORD);
  await button(merchant, 'Log in').click();
  await button(merchant, 'Allow').click();
  // Nobody touches the page of the campaign.
  await page.locator('.tile.connected .count', { hasText: /^1$/ }).waitFor();
  await button(page, 'Stop').click();
  await page.getByText('No further account is asked.').waitFor();
  expect(complaints).toEqual([]);
});

it.each(['light', 'dark'] as const)(
  'the pages are for everybody, in %s',
  async (colorScheme) => {
    const { page } = await visit('/access-keys', { colorScheme });
    await importKeys(page, line(`Axe ${colorScheme}`, 'J1J1J1'));
    const id = await site.create('K1K1K1');
    await page.goto(`${site.url}/access-keys`);
    const resolve = (await resolveOf(page, `Axe ${colorScheme}`).getAttribute('href')) ?? '';
    const paths = ['/access-keys', resolve, '/access-keys/import', '/campaigns', '/campaigns/new'];
    for (const path of [...paths, `/accounts/${id}/settings`, `/accounts/${id}/profile-guide`]) {
      await page.goto(`${site.url}${path}`);
      expect([path, await seriousViolations(page)]).toEqual([path, []]);
    }
  },
  180_000,
);

/** As a spreadsheet of a German Windows writes it. */
const spreadsheet = (name: string) => ({
  ...fileOf(),
  buffer: Buffer.from(
    [REQUIRED_COLUMNS.join(','), line(name, 'B1B1B1'), ',,,'].join('\r\n').replaceAll(',', ';'),
    'latin1',
  ),
});

it('reads what a spreadsheet wrote, in the encoding that is chosen', async () => {
  const { page, complaints } = await visit('/access-keys/import');
  const report = page.locator('#import-report');
  await page.getByLabel('The file').setInputFiles(spreadsheet('Straße'));
  await button(page, 'Import the file').click();
  await report.getByText('CSV UTF-8 (comma delimited)').waitFor();
  await page.getByLabel('Its encoding').selectOption('windows-1252');
  await button(page, 'Import the file').click();
  await report.getByText('1 imported, 0 were there already, 0 could not be imported.').waitFor();
  expect(complaints).toEqual([]);
});

it('shows what is wrong with a file as a whole', async () => {
  const { page } = await visit('/access-keys/import');
  await page.getByLabel('The file').setInputFiles({ ...fileOf(), buffer: Buffer.from('a,b\n1,2\n') });
  await button(page, 'Import the file').click();
  const report = page.locator('#import-report');
  await report.getByText('Nothing was imported.').waitFor();
  expect(await report.innerText()).toContain('Cell 1 of the first line names no column');
});
