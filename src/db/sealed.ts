/**
 * Every sealed string the database holds, and what it is bound to. Opening one from here needs no machine: what a
 * box is bound to is the same in every version.
 */

import { ACCESS_KEY_BOX, type Link, type Slot } from '../machines/data';
import type { Db } from './connection';
import { listFingerprintKeys, sealedIn } from './fingerprints';
import { listStored } from './queries';
import type { StoredAccount, StoredCampaignItem } from './schemas';
import { keyIdOf, type Belonging, type Sealed, type Vault } from './vault';

export interface Box extends Sealed {
  /** Where it stands in the stored document: `data.current.access`. */
  path: string;
}

type Found = Pick<StoredAccount, '_id' | 'tenantId'> & Partial<Pick<StoredAccount, 'data'>>;

/** What is there of an account's boxes, also of one that is erased or damaged. */
export function boxesOf({ _id, tenantId, data }: Found): Box[] {
  if (!data) return [];
  const boxes: Box[] = [];
  const add = (path: string, sealed: unknown, about: Pick<Belonging, 'field' | 'grantId' | 'generation'>): void => {
    if (typeof sealed === 'string')
      boxes.push({ path: `data.${path}`, sealed, belonging: { tenantId, accountId: _id, ...about } });
  };
  const addSlot = (name: string, slot: Slot | null | undefined): void => {
    if (!slot) return;
    const { grantId, generation } = slot;
    add(`${name}.access`, slot.access, { field: 'access', grantId, generation });
    add(`${name}.refresh`, slot.refresh, { field: 'refresh', grantId, generation });
  };
  addSlot('current', data.current);
  addSlot('candidate', data.candidate);
  add('accessKey.sealed', data.accessKey?.sealed, { field: 'accessKey', ...ACCESS_KEY_BOX });
  const links: (Link | null)[] = Array.isArray(data.links) ? data.links : [];
  links.forEach((link, n) => {
    const grantId = link?.consentId ?? '';
    add(`links.${n}.verifier`, link?.verifier, { field: 'verifier', grantId, generation: 0 });
  });
  return boxes;
}

/** What the box of a campaign's link is bound to. */
export const linkBelonging = ({
  tenantId,
  accountId,
  consentId,
}: Pick<StoredCampaignItem, 'tenantId' | 'accountId' | 'consentId'>): Belonging => ({
  ...{ tenantId, accountId, field: 'campaign-link' },
  grantId: consentId ?? '',
  generation: 0,
});

/** Where tenants and UPS put words of their own, which may look like anything. */
const WORDS = ['settings', 'usedBy', 'lastUps'];

/** All that looks sealed in an account of a newer machine: it may seal what this one does not know of. */
export function sealedStringsOf({ data }: Found): string[] {
  return Object.entries(data ?? {}).flatMap(([name, part]) => (WORDS.includes(name) ? [] : sealedStringsIn(part)));
}

function sealedStringsIn(value: unknown): string[] {
  if (typeof value === 'string') return keyIdOf(value) === null ? [] : [value];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(sealedStringsIn) : [];
}

/** Each scheme and the accounts in use are sampled separately, so that a common kind cannot crowd out a rare one. */
const KINDS = [{ state: 'connected' }, { scheme: 'oauth' }, { scheme: 'access-key' }] as const;

/**
 * Some of what the database holds sealed: whether a key ring opens it tells whether it is the one that sealed it. Four
 * trips at once, each by an index. `limit`: how many accounts are read of each kind.
 */
export async function sampleSealed(db: Db, limit: number): Promise<Sealed[]> {
  const [fingerprintKeys, ...pages] = await Promise.all([
    listFingerprintKeys(db),
    ...KINDS.map((kind) => listStored(db, { tenantId: null, ...kind, limit })),
  ]);
  const found = new Map(pages.flatMap(({ items }) => items).map((account) => [account._id, account]));
  return [...[...found.values()].flatMap(boxesOf), ...fingerprintKeys.map(sealedIn)];
}

/** What is opened is dropped at once: only that it opens is of interest. Throws VaultKeyMissing or SealBroken. */
export function assertOpens(vault: Pick<Vault, 'open'>, samples: readonly Sealed[]): void {
  for (const { sealed, belonging } of samples) vault.open(sealed, belonging);
}
