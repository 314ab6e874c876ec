/** History's rows in plain words. */

import type { RowJson } from '../api/schemas/answers';
import { reasons } from '../machines/reasons';

const titles: Record<string, string> = {
  CREATE: 'Account created',
  IMPORT: 'Account imported',
  AUTHORIZE: 'Authorization started',
  CODE_RECEIVED: 'The merchant came back from UPS',
  CONSENT_REFUSED: 'UPS sent the merchant back without consent',
  CONSENT_LAPSED: 'The link lapsed',
  CANCEL_AUTHORIZATION: 'Authorization cancelled',
  EXCHANGED: 'UPS issued a token pair',
  EXCHANGE_FAILED: 'UPS issued no tokens',
  VERIFIED: 'UPS confirmed the account number',
  VERIFICATION_FAILED: 'UPS did not confirm the account number',
  VERIFICATION_DEFERRED: 'UPS could not be asked; it is tried again',
  VERIFICATION_RETRIED: 'Verification tried again',
  VERIFY: 'Verification asked for',
  REFRESH: 'Refresh asked for',
  REFRESH_DUE: 'A refresh was due',
  REFRESH_RETRIED: 'Refresh tried again',
  REFRESHED: 'Token refreshed',
  REFRESH_FAILED: 'The refresh brought no token',
  ACCESS_ENDED: 'The last access token expired',
  REFUSAL_EXAMINED: 'Whether UPS meant its refusal was looked into',
  TRY_HELD: 'Tried for all accounts that UPS refuses',
  GRANT_EXAMINED: 'How long the grant still lives was looked at',
  DISCONNECT: 'Disconnected by an operator',
  DEACTIVATE: 'Deactivated, tokens destroyed',
  REACTIVATE: 'Reactivated',
  EDIT: 'Settings changed',
  USE: 'Noted as used',
  UNUSE: 'No longer noted as used',
  MIGRATE: 'Migration to OAuth started',
  CAMPAIGN_MIGRATE: 'Migration to OAuth started by a campaign',
  LINK_WITHDRAWN: 'The campaign took its link back',
  POSTPONE: 'Migration postponed',
  REMINDER_DUE: 'The day it was postponed to',
  ACCESS_KEY_READ: 'The platform read the access key',
  ACCESS_KEY_EXPIRING: 'Reminded of the deadline of the access key',
  ACCESS_KEY_LAPSED: 'UPS takes the access key no longer',
  ACCESS_KEY_DESTROYED: 'Receipt: the access key was destroyed',
  RESTORE_ACCESS_KEY: 'Migration taken back, the access key is in use again',
  DEADLINE_MOVED: 'The deadline of the access key was moved',
  PROFILE_VERIFICATION_OPENED: 'A try to add the account to the UPS profile',
  PROFILE_VERIFICATION_ENDED: 'The outcome of a try to add the account to the UPS profile',
  LATE_ANSWER: 'A late answer of UPS arrived',
};

export const titleOf = ({ type }: Pick<RowJson, 'type'>): string =>
  titles[type] ??
  type
    .replaceAll('_', ' ')
    .toLowerCase()
    .replace(/^./, (first) => first.toUpperCase());

export function actorWords(actor: string): string {
  if (actor === 'machine') return 'By itself';
  if (actor === 'merchant') return 'Merchant';
  if (actor.startsWith('campaign:')) return 'Campaign';
  return actor.startsWith('key:') ? `Key ${actor.slice('key:key_'.length, 'key:key_'.length + 6)}…` : actor;
}

const asObject = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};

const asText = (value: unknown): string | null =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : null;

const labelled = (label: string, value: unknown): string[] => {
  const text = asText(value);
  return text === null || text === '' ? [] : [`${label}${text}`];
};

function upsWords(value: unknown): string[] {
  const { httpStatus, code, message } = asObject(value);
  const said = asText(message);
  const parts = [asText(code) ?? asText(httpStatus), said].filter((part) => part !== null);
  // A plain 200 says nothing that the row does not.
  return said === null && asText(code) === null ? [] : [`UPS: ${parts.join(' ')}`];
}

const isReason = (text: unknown): text is keyof typeof reasons =>
  typeof text === 'string' && Object.hasOwn(reasons, text);

const dayIn = (value: unknown): string | null => asText(value)?.slice(0, 10) ?? null;
const methodWords: Record<string, string> = { invoice: 'by invoice data', pin: 'by PIN' };
const acceptedWords = (value: unknown): string | null =>
  typeof value === 'boolean' ? (value ? 'accepted by UPS' : 'not accepted by UPS') : null;

/** What a row has to say beyond its title, in one line; empty when nothing. */
export function factsOf(row: RowJson): string {
  const use = asObject(row['use']);
  const why = isReason(row['reason']) ? reasons[row['reason']].message : null;
  return [
    ...labelled('generation ', row['generation']),
    ...labelled(
      '',
      row['refreshTokenKept'] === true ? 'UPS sent no new refresh token; the old one stays in use' : null,
    ),
    // The reason's sentence says more than the result's code.
    ...labelled('', why === null ? row['result'] : null),
    ...upsWords(row['ups']),
    ...labelled('', why),
    ...labelled('Note: ', row['note']),
    ...labelled('fingerprint ', row['fingerprint']),
    ...labelled('until ', dayIn(row['until'])),
    ...labelled('now ', dayIn(row['deadline'])),
    ...labelled('', methodWords[asText(row['method']) ?? '']),
    ...labelled('', acceptedWords(row['accepted'])),
    ...labelled('', [asText(use['kind']), asText(use['ref'])].filter((part) => part !== null).join(' ')),
    ...labelled('changed: ', Object.keys(asObject(row['changes'])).join(', ')),
  ].join(' · ');
}
