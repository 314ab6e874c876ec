/** What is left on each encryption key, in the words of `upslink keys reseal` and `upslink doctor` alike. */

import type { KeyCounts, KeyUse } from '../../db/keyUse';

export interface KeyLeft {
  keyId: string;
  /** `seals`: the first of the ring. `opens`: another one of it. `missing`: not in the ring. */
  role: 'seals' | 'opens' | 'missing';
  /** Sealed values by what holds them. */
  accounts: number;
  campaignLinks: number;
  fingerprintKeys: number;
  /** Answers of UPS that wait in the second place; null where it was not looked at. */
  secondPlace: number | null;
  total: number;
}

const NOTHING: KeyCounts = { accounts: 0, campaignLinks: 0, fingerprintKeys: 0, examples: [] };

/** Every key of the ring, also those that nothing needs, and every other key that something needs. */
export function leftOf(use: KeyUse, ring: readonly { id: string }[], waiting: Map<string, number> | null): KeyLeft[] {
  const inRing = ring.map(({ id }) => id);
  const others = [...new Set([...use.keys(), ...(waiting?.keys() ?? [])])].filter((id) => !inRing.includes(id));
  return [...inRing, ...others.sort()].map((keyId) => {
    const { accounts, campaignLinks, fingerprintKeys } = use.get(keyId) ?? NOTHING;
    const secondPlace = waiting === null ? null : (waiting.get(keyId) ?? 0);
    const role = keyId === inRing[0] ? 'seals' : inRing.includes(keyId) ? 'opens' : 'missing';
    const total = accounts + campaignLinks + fingerprintKeys + (secondPlace ?? 0);
    return { keyId, role, accounts, campaignLinks, fingerprintKeys, secondPlace, total } as const;
  });
}

/** `k2 (seals) 1204, k1 0` */
export const inOneLine = (left: readonly KeyLeft[]): string =>
  left.map(({ keyId, role, total }) => `${keyId}${ROLES[role]} ${total}`).join(', ');

const ROLES = { seals: ' (seals)', opens: '', missing: ' (not in the ring)' } as const;

/** The order of a rotation. Said before anything is moved and wherever something is left. */
export const EVERY_PROCESS =
  'First restart every process of the service with the new key first in ENCRYPTION_KEYS: a process that was not restarted still seals with the old key.';
