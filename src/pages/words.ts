/** The domain's words as people read them. */

import type { AccountJson } from '../api/schemas/answers';
import type { Role } from '../db/apiKeys';
import type { LifeState } from '../machines/definition';
import type { Mover } from '../machines/reasons';
import { html, type Html } from '../web/html';
import { icon } from '../web/icons';

export const stateWords: Record<LifeState, string> = {
  created: 'Created',
  'pending-authorization': 'Pending authorization',
  connected: 'Connected',
  disconnected: 'Disconnected',
  migrating: 'Migrating',
  inactive: 'Inactive',
};

export const badge = (state: LifeState): Html =>
  html`<span class="badge ${state}">${icon(state)}${stateWords[state]}</span>`;

const SOON_DAYS = 7;
const DAYS = 30;

/** How long a key is still taken, told in words and by colour. */
export function leftChip(daysLeft: number): Html {
  const tone = daysLeft <= SOON_DAYS ? 'bad' : daysLeft <= DAYS ? 'soon' : '';
  const words = daysLeft === 0 ? 'over' : daysLeft === 1 ? '1 day left' : `${daysLeft} days left`;
  return html`<span class="chip ${tone}">${words}</span>`;
}

const tokenWords: Record<string, string> = {
  fresh: 'The token is fresh.',
  refreshing: 'The token is being refreshed now.',
  'backing-off': 'A refresh did not come through; the next try is planned.',
  held: 'Refreshes wait while refusals by UPS are examined.',
  ending: 'The token works until it expires and cannot be refreshed any more: reconnect before that.',
  'access-key': 'It ships on its old access key.',
};

const consentWords: Record<string, string> = {
  awaiting: 'A link is out: the merchant has not come back from UPS yet.',
  exchanging: 'UPS is asked for the tokens.',
  verifying: 'UPS is asked whether the login holds this account number.',
};

/** What goes on inside the state, as sentences; none when there is nothing to say. */
export function detailWords({ stateDetail: { token, consent } }: Pick<AccountJson, 'stateDetail'>): string[] {
  return [token === undefined ? undefined : tokenWords[token], consentWords[consent ?? 'idle']].filter(
    (words) => words !== undefined,
  );
}

export const moverWords: Record<Mover, string> = {
  merchant: 'The merchant',
  platform: 'The platform',
  operator: 'The operator of this service',
  ups: 'UPS',
};

export const roleWords: Record<Role, string> = {
  platform: 'Platform',
  operator: 'Operator',
  reader: 'Reader',
  admin: 'Admin',
  metrics: 'Metrics',
};

export const ownerWords: Record<AccountJson['owner'], string> = {
  shipper: 'Shipper (the merchant pays)',
  store: 'Store (a dropship partner pays)',
};

export const policyWords: Record<AccountJson['refreshPolicy'], string> = {
  eager: 'Eager: always a fresh token',
  lazy: 'Lazy: refreshed when a token is asked for',
};

/** Something is about to change by itself, so that looking again soon is worth it. */
export function isUnderWay({ state, stateDetail: { token = 'fresh', consent = 'idle' } }: AccountJson): boolean {
  return consent !== 'idle' || state === 'migrating' || ['refreshing', 'backing-off', 'held'].includes(token);
}
