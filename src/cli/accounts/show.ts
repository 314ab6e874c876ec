/** `upslink accounts show`: as the API shows it. */

import { presentAccount } from '../../api/present';
import type { AccountJson } from '../../api/schemas/answers';
import type { Environment } from '../environment';
import type { Output } from '../output';
import { loadAccount, withDb, type InTenant } from '../store';
import { fields, instant } from '../table';

export async function runShow(env: Environment, out: Output, id: string, options: InTenant): Promise<void> {
  const account = presentAccount(await withDb(env, (db) => loadAccount(db, id, options)), Date.now());
  out.result(account, () => describe(account, out.width));
}

function describe(account: AccountJson, width: number): string {
  const { address, stateDetail, token, nextStep, lastAuthorization } = account;
  const { addressLine, city, stateProvinceCode, postalCode, countryCode } = address;
  const inside = [
    stateDetail.token && `token ${stateDetail.token}`,
    stateDetail.consent && `consent ${stateDetail.consent}`,
  ];
  const detail = inside.filter(Boolean).join(', ');
  return fields(
    [
      ['id', account.id],
      ['tenant', account.tenantId],
      ['external id', account.externalId],
      ['name', account.name],
      ['account number', account.accountNumber],
      ['owner', account.owner],
      ['address', [addressLine, city, stateProvinceCode, postalCode, countryCode].filter(Boolean).join(', ')],
      ['used by', account.usedBy.map(({ kind, ref }) => `${kind} ${ref}`).join(', ') || null],
      ['state', detail === '' ? account.state : `${account.state} (${detail})`],
      ['since', instant(account.since)],
      ['reason', account.reason],
      ['message', account.message],
      ['next step', nextStep && `${nextStep.who}: ${nextStep.text}`],
      ['last attempt', lastAuthorization && `${lastAuthorization.outcome} at ${instant(lastAuthorization.at)}`],
      ['token until', token && `${instant(token.expiresAt)}, generation ${token.generation}`],
      ['refresh until', token && instant(token.refreshExpiresAt)],
      ['refresh policy', account.refreshPolicy],
      ['seq', `${account.seq} (settings ${account.settingsSeq})`],
      ['created', instant(account.createdAt)],
      ['updated', instant(account.updatedAt)],
    ],
    width,
  );
}
