/** Steps that people take on the pages, found by labels, buttons and headings. */

import { randomBytes } from 'node:crypto';
import type { Page } from 'playwright-core';
import { PASSWORD, type TestSite } from './testSite';

export const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

export async function signIn(site: TestSite, page: Page, key: string): Promise<void> {
  await page.goto(site.url);
  await page.getByLabel('API key').fill(key);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Accounts', exact: true }).waitFor();
}

/** Fills in the form and ends on the account's page. */
export async function createAccount(page: Page, accountNumber: string): Promise<string> {
  await page.getByRole('link', { name: 'Create account' }).first().click();
  const name = `UPS ${randomBytes(4).toString('hex')}`;
  await page.getByLabel('Account name').fill(name);
  await page.getByLabel('UPS account number').fill(accountNumber.toLowerCase());
  await page.getByLabel('Street and number').fill('1 Dock St');
  await page.getByLabel('City').fill('Timonium');
  await page.getByLabel('State or province').fill('MD');
  await page.getByLabel('Postal code').fill('21093');
  await button(page, 'Create account').click();
  await page.getByRole('heading', { name }).waitFor();
  return page.url();
}

/** From the account's page to UPS, and back to it. */
export async function goThroughUps(
  page: Page,
  press: 'Authorize' | 'Reconnect',
  username: string,
  decision: 'Allow' | 'Deny' = 'Allow',
): Promise<void> {
  await button(page, press).click();
  await signInAtUps(page, username, decision);
}

/** From the connect link's page to UPS, and back to the account's. */
export async function signInAtUps(page: Page, username: string, decision: 'Allow' | 'Deny' = 'Allow'): Promise<void> {
  await button(page, 'Continue to UPS').click();
  await page.getByLabel('User ID').fill(username);
  await page.getByLabel('Password').fill(PASSWORD);
  // The next user of this browser may be another merchant.
  await page.getByLabel('Keep me logged in on this browser').uncheck();
  await button(page, 'Log in').click();
  await button(page, decision).click();
  await page.waitForURL(/\/accounts\/acc_[a-z2-7]{26}$/);
}

export async function leaveUps(site: TestSite, page: Page): Promise<void> {
  const here = page.url();
  await page.goto(`${site.sandboxUrl}/accounts-and-payment`);
  if (await button(page, 'Log out').count()) await button(page, 'Log out').click();
  await page.goto(here);
}

export const stateOf = (page: Page) => page.locator('[data-live="status"] .badge');

/** Waits for the state without touching the page. */
export async function seeState(page: Page, state: string): Promise<void> {
  await page.locator('[data-live="status"] .badge', { hasText: state }).waitFor();
}

export const statusText = async (page: Page): Promise<string> =>
  (await page.locator('[data-live="status"]').innerText()).replace(/\s+/g, ' ');

export const messageText = async (page: Page): Promise<string> =>
  (await page.locator('.message').innerText()).replace(/\s+/g, ' ');

export async function seeGeneration(page: Page, generation: number): Promise<void> {
  await page.locator('#generation', { hasText: new RegExp(`^${generation}$`) }).waitFor();
}
