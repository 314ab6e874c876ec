/**
 * How many sealed values each encryption key still opens. It reads the whole collection in pages by `_id`, without
 * history; the server sends key ids instead of sealed values. For commands only.
 */

import { MACHINE_VERSION } from '../machines/account';
import type { Db } from './connection';
import { answered } from './errors';
import { listFingerprintKeys } from './fingerprints';
import { loadStored } from './kinds';
import { sealedStringsOf } from './sealed';
import { keyIdOf } from './vault';

/** An account or a campaign's item, and the key id of each of its boxes. */
export interface Keyed {
  id: string;
  keyIds: string[];
}

/** What one key opens. */
export interface KeyCounts {
  accounts: number;
  campaignLinks: number;
  fingerprintKeys: number;
  /** Ids of some of these accounts. */
  examples: string[];
}

/** By key id. */
export type KeyUse = Map<string, KeyCounts>;

const PAGE = 500;
const EXAMPLES = 20;

/** Stands for the key id of what is stored in a box's place and is none. */
export const UNREADABLE = '(unreadable)';

/** In the server; null where no box is. */
const keyIdIn = (box: string) => ({
  $cond: [
    { $eq: [{ $type: box }, 'string'] },
    { $ifNull: [{ $arrayElemAt: [{ $split: [box, '.'] }, 1] }, UNREADABLE] },
    null,
  ],
});

const SLOTS = ['current.access', 'current.refresh', 'candidate.access', 'candidate.refresh', 'accessKey.sealed'];

const accountKeys = {
  version: 1,
  keyIds: SLOTS.map((name) => keyIdIn(`$data.${name}`)),
  linkKeyIds: {
    $map: {
      input: { $cond: [{ $isArray: '$data.links' }, '$data.links', []] },
      as: 'link',
      in: keyIdIn('$$link.verifier'),
    },
  },
};

interface Found {
  _id: string;
  version?: number;
  keyIds: (string | null)[];
  linkKeyIds?: (string | null)[];
}

const pageAfter = (after: string, shown: object) => [
  { $match: { _id: { $gt: after } } },
  { $sort: { _id: 1 } },
  { $limit: PAGE },
  { $project: shown },
];

/** One trip, and one more per account of a newer machine, which is read whole. In order of id. */
export async function listAccountKeys(db: Db, after: string): Promise<Keyed[]> {
  const pipeline = pageAfter(after, accountKeys);
  const found = await answered(db.accounts.aggregate<Found>(pipeline, { batchSize: PAGE + 1 }).toArray());
  return Promise.all(
    found.map(async ({ _id, version = 0, keyIds, linkKeyIds = [] }) => {
      if (version > MACHINE_VERSION) return { id: _id, keyIds: await keyIdsOfNewer(db, _id) };
      return { id: _id, keyIds: [...keyIds, ...linkKeyIds].filter((one) => one !== null) };
    }),
  );
}

async function keyIdsOfNewer(db: Db, id: string): Promise<string[]> {
  const stored = await loadStored(db, id);
  return stored === null ? [] : sealedStringsOf(stored).map((text) => keyIdOf(text) ?? UNREADABLE);
}

/** One trip: links of campaigns, by item, in order of id. */
export async function listLinkKeys(db: Db, after: string): Promise<Keyed[]> {
  const pipeline = pageAfter(after, { keyIds: [keyIdIn('$link')] });
  const found = await answered(db.campaignItems.aggregate<Found>(pipeline, { batchSize: PAGE + 1 }).toArray());
  return found.map(({ _id, keyIds }) => ({ id: _id, keyIds: keyIds.filter((one) => one !== null) }));
}

/** All of them, a page at a time. */
export async function* allKeyed(db: Db, list: typeof listAccountKeys): AsyncGenerator<Keyed[]> {
  for (let after = ''; ;) {
    const page = await list(db, after);
    yield page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.id ?? '';
  }
}

export interface Counting {
  /** Told how many accounts were looked at so far. */
  looked?: (accounts: number) => void;
  /** After a page: what was counted until then is the answer. */
  isStopped?: () => boolean;
}

export async function countKeyUse(db: Db, { looked, isStopped }: Counting = {}): Promise<KeyUse> {
  const use: KeyUse = new Map();
  const of = (keyId: string): KeyCounts => {
    const counts = use.get(keyId) ?? { accounts: 0, campaignLinks: 0, fingerprintKeys: 0, examples: [] };
    use.set(keyId, counts);
    return counts;
  };
  let accounts = 0;
  for await (const page of allKeyed(db, listAccountKeys)) {
    for (const { id, keyIds } of page) {
      for (const keyId of keyIds) of(keyId).accounts += 1;
      for (const { examples } of [...new Set(keyIds)].map(of)) if (examples.length < EXAMPLES) examples.push(id);
    }
    looked?.((accounts += page.length));
    if (isStopped?.()) return use;
  }
  for await (const page of allKeyed(db, listLinkKeys)) {
    if (isStopped?.()) return use;
    for (const keyId of page.flatMap(({ keyIds }) => keyIds)) of(keyId).campaignLinks += 1;
  }
  for (const { sealed } of await listFingerprintKeys(db)) of(keyIdOf(sealed) ?? UNREADABLE).fingerprintKeys += 1;
  return use;
}
