/** From a line of the file to an account that is to be born with its key. */

import { z } from 'zod';
import { judge } from '../input';
import { createAccountSchema } from '../schemas/inputs';
import { foreignId } from '../schemas/text';
import type { Vault } from '../../db/vault';
import type { Birth } from '../../durable/runtime';
import { accountIdOf, hashOf } from '../../hash';
import { newAccountData, type AccountData, type RefreshPolicy, type Settings } from '../../machines/data';
import type { Column, FailedLine, Line } from './lines';

/** Of the tenant the accounts come to. */
export interface Home {
  tenantId: string;
  refreshPolicy: RefreshPolicy;
  /** When UPS stops taking its keys. */
  deadlineAt: number;
}

const lineSchema = createAccountSchema.omit({ refreshPolicy: true }).extend({
  accessLicenseNumber: z.string().regex(/^[A-Za-z0-9]{1,32}$/, { error: 'has 1 to 32 letters and digits' }),
  userId: foreignId(100),
  password: foreignId(100),
});
type KeyLine = z.output<typeof lineSchema>;

/** The rules are those of POST /accounts; a person with the file in front of them looks for its columns. */
const columnOf: Record<string, Column> = {
  name: 'name',
  accountNumber: 'account_number',
  'address.addressLine': 'address_line',
  'address.city': 'city',
  'address.stateProvinceCode': 'state',
  'address.postalCode': 'postal_code',
  'address.countryCode': 'country',
  owner: 'owner',
  externalId: 'external_id',
  accessLicenseNumber: 'access_license_number',
  userId: 'user_id',
  password: 'password',
};

const orAbsent = (cell: string | undefined): string | undefined => (cell?.trim() === '' ? undefined : cell);

function inputOf({ cells }: Line): object {
  const cell = (column: Column) => orAbsent(cells[column]);
  const trimmed = (column: Column) => cell(column)?.trim();
  return {
    name: cell('name'),
    accountNumber: trimmed('account_number'),
    address: {
      addressLine: cell('address_line'),
      city: cell('city'),
      stateProvinceCode: trimmed('state') ?? null,
      postalCode: trimmed('postal_code') ?? null,
      countryCode: trimmed('country'),
    },
    owner: trimmed('owner'),
    externalId: cell('external_id') ?? null,
    accessLicenseNumber: trimmed('access_license_number'),
    userId: cell('user_id'),
    password: cell('password'),
  };
}

export interface Planned {
  line: number;
  birth: Birth<AccountData>;
  /** Hashes under which an equal line may have been taken before: one a key of the ring. */
  hashes: string[];
}

/** The hash lets nobody try passwords: what it holds of the key is its fingerprint. */
const hashWith = (settings: Settings, fingerprint: string): string => hashOf({ import: settings, fingerprint });

function plan(line: number, input: KeyLine, home: Home, vault: Pick<Vault, 'fingerprints'>): Planned {
  const { accessLicenseNumber, userId, password, ...rest } = input;
  const { tenantId, refreshPolicy, deadlineAt } = home;
  const settings: Settings = { ...rest, externalId: rest.externalId ?? null, refreshPolicy, seq: 1 };
  const accessKey = JSON.stringify({ accessLicenseNumber, userId, password });
  const [fingerprint, ...older] = vault.fingerprints(accessKey, tenantId);
  // Not of what may change between two imports of one file.
  const asImported = { ...settings, refreshPolicy: 'eager' as const };
  const hashes = [fingerprint, ...older].map((one) => hashWith(asImported, one));
  const data = newAccountData(settings, hashes[0] ?? '', { sealed: null, fingerprint, deadlineAt });
  const birth = { id: accountIdOf(tenantId, settings.name), tenantId, data, event: { type: 'IMPORT', settings } };
  return { line, birth: { ...birth, secrets: { accessKey } }, hashes };
}

/** What is wrong is said without repeating what was given: it may be a password. */
export function planBirth(line: Line, home: Home, vault: Pick<Vault, 'fingerprints'>): Planned | FailedLine {
  const judged = judge(lineSchema, inputOf(line));
  if ('data' in judged) return plan(line.line, judged.data, home, vault);
  const field = columnOf[judged.field] ?? null;
  return { line: line.line, field, code: 'invalid-input', message: `${field ?? 'The line'} ${judged.message}.` };
}
