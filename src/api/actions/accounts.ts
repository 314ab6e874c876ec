/** Accounts: made, looked at, listed, edited, and noted as used. */

import type { AccountDocument } from '../../db/accounts';
import * as queries from '../../db/queries';
import { getTenant } from '../../db/tenants';
import { newAccountData, type AccountData } from '../../machines/data';
import type { SettingsEvent } from '../../machines/events';
import { accountIdOf, hashOf } from '../../hash';
import { presentAccount } from '../present';
import { Refusal } from '../problems';
import { actorOf, type Caller, type TenantCaller } from '../roles';
import type { AccountJson } from '../schemas/answers';
import type { AccountListInput, CreateAccount, EditAccount, UseInput } from '../schemas/inputs';
import type { Services } from '../services';
import { isUsedBy, standingOf, USES_MAX } from '../../machines/definition';
import { action } from './action';

const PAGE = 50;

export const loadAccount = ({ runtime }: Pick<Services, 'runtime'>, { tenantId }: TenantCaller, id: string) =>
  runtime.load(id, tenantId);

/** To show it, and to go no further: one that a newer version carries is shown as well as we know it. */
export const lookAtAccount = ({ runtime }: Pick<Services, 'runtime'>, { tenantId }: TenantCaller, id: string) =>
  runtime.look(id, tenantId);

async function policyOf({ db }: Services, tenantId: string) {
  const tenant = await getTenant(db, tenantId);
  if (!tenant) throw new Refusal('not-found', 'There is no such tenant.');
  return tenant.refreshPolicy;
}

function newData(input: CreateAccount, refreshPolicy: 'eager' | 'lazy'): AccountData {
  const { name, accountNumber, address, owner, externalId = null } = input;
  return newAccountData(
    { name, accountNumber, address, owner, externalId, refreshPolicy, seq: 1 },
    hashOf({ ...input, externalId, refreshPolicy: input.refreshPolicy ?? null }),
  );
}

function nameTaken(found: AccountDocument): Refusal {
  const isInactive = standingOf(found.snapshot.value).state === 'inactive';
  const inactive = 'An inactive account has this name: reactivate it, or choose another name.';
  const other = 'An account of this name was created by a different request: choose another name.';
  return new Refusal('name-taken', isInactive ? inactive : other, {
    field: 'name',
    ...(isInactive && { wayOut: 'REACTIVATE' }),
    more: { accountId: found.id },
  });
}

/** `created` is false when an equal request had created it: then the account is as it is now. */
export const createAccount = action(
  'write',
  async (services, caller: TenantCaller, input: CreateAccount): Promise<{ created: boolean; account: AccountJson }> => {
    const { tenantId } = caller;
    const policy = await policyOf(services, tenantId);
    const data = newData(input, input.refreshPolicy ?? policy);
    const id = accountIdOf(tenantId, data.settings.name);
    const event = { type: 'CREATE', settings: data.settings };
    const { created, document } = await services.runtime.create({ id, tenantId, data }, event, {
      actor: actorOf(caller),
    });
    if (!created && document.data.createHash !== data.createHash) throw nameTaken(document);
    return { created, account: presentAccount(document, services.clock.now()) };
  },
);

export const getAccount = action(
  'read',
  async (services, caller: TenantCaller, { id }: { id: string }): Promise<AccountJson> =>
    presentAccount(await lookAtAccount(services, caller, id), services.clock.now()),
);

export const listAccounts = action(
  'read',
  async ({ db, clock }, { tenantId }: Caller, { limit = PAGE, ...filters }: AccountListInput) => {
    const { items, nextCursor } = await queries.listAccounts(db, { tenantId, limit, ...filters });
    return { items: items.map((document) => presentAccount(document, clock.now())), nextCursor };
  },
);

async function changeSettings(
  services: Services,
  caller: TenantCaller,
  id: string,
  event: SettingsEvent,
  signal?: AbortSignal,
) {
  const options = { tenantId: caller.tenantId, actor: actorOf(caller), ...(signal && { signal }) };
  return services.runtime.dispatch(id, event, options);
}

function stale(at: number, ifMatch: number | null): Refusal {
  const changed = `The settings were changed since: they are at ${at}.`;
  const foreign =
    'If-Match is no tag of ours: it must be the settingsSeq you have seen in quotes, without leading zeros and without W/, ' +
    `such as If-Match: "${at}".`;
  return new Refusal('stale', ifMatch === null ? foreign : changed, {
    field: 'If-Match',
    wayOut: 'Read the account again, look at what changed, and repeat with its settingsSeq.',
    more: { settingsSeq: at },
  });
}

/** No seq of settings. */
const NEVER = -1;

/** `ifMatch`: the caller's idea of `settingsSeq`; null where it is none. */
export const editAccount = action(
  'write',
  async (
    services,
    caller: TenantCaller,
    { id, ifMatch, changes }: { id: string; ifMatch: number | null; changes: EditAccount },
  ): Promise<AccountJson> => {
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    const verdict = await changeSettings(services, caller, id, {
      type: 'EDIT',
      changes: given,
      ifMatch: ifMatch ?? NEVER,
    });
    if (verdict.verdict === 'applied') return presentAccount(verdict.document, services.clock.now());
    throw stale(verdict.document.data.settings.seq, ifMatch);
  },
);

/** Notes a store or warehouse as using the account, or no longer; nothing changed is fine. `signal`: while somebody waits for it. */
export const setUse = action(
  'write',
  async (
    services,
    caller: TenantCaller,
    { id, use, isUsed, signal }: { id: string; use: UseInput; isUsed: boolean; signal?: AbortSignal },
  ): Promise<AccountJson> => {
    const verdict = await changeSettings(services, caller, id, { type: isUsed ? 'USE' : 'UNUSE', use }, signal);
    const { data, snapshot } = verdict.document;
    if (!isUsed || isUsedBy(data, use)) return presentAccount(verdict.document, services.clock.now());
    if (standingOf(snapshot.value).state === 'inactive')
      throw new Refusal('inactive', 'The account was deactivated, and nothing can ship on it. Reactivate it first.');
    throw new Refusal('too-many-uses', `The account is noted as used by ${USES_MAX} already: remove one first.`);
  },
);
