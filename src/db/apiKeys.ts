/** API keys: shown once, kept as hashes. A deleted key leaves its name behind, for history. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../durable/types';
import type { Db } from './connection';
import { answered } from './errors';
import { makeUseNotes } from './apiKeyUse';
import { makeKeyMemory } from './keyMemory';
import { insertKey } from './keyPlaces';
import { pageOf, type Page } from './page';
import type { Role, StoredApiKey } from './schemas';

export type { Role };

export interface ApiKey {
  id: string;
  /** null for a key of the installation: a request with one of role admin names the tenant. */
  tenantId: string | null;
  role: Role;
  name: string | null;
  createdAt: number;
  /** `key:<id>`, `cli` or `setup`; null: not known. */
  createdBy: string | null;
  expiresAt: number | null;
  /** Midnight UTC of the last day it was used. */
  lastUsedOn: number | null;
}

export interface NewKey {
  tenantId: string | null;
  role: Role;
  name?: string | null | undefined;
  createdBy: string;
  expiresAt?: number | null | undefined;
}

/** `expired`: it is the right key, too late. */
export type Found = ApiKey | 'expired' | null;

export interface ApiKeys {
  /** The key is here and nowhere else: it cannot be shown again. Rejects with TooManyKeys. */
  create(about: NewKey): Promise<ApiKey & { key: string }>;
  /** A given key, for seeding: there already is done. Null: it was deleted, and stays so. */
  ensure(about: NewKey & { key: string }): Promise<ApiKey | null>;
  /** No trip for a key seen within `freshMs`, else one. Notes the day of use, without waiting for it. */
  findByKey(key: string): Promise<Found>;
  /** Whether `findByKey` needs no trip, or makes it for a key that existed when it was last seen. */
  knows(key: string): boolean;
  /** As findByKey; for sessions, which remember the key's id. */
  findById(id: string): Promise<Found>;
  /** One trip, and no use of the key; tenantId null: in any tenant. */
  peek(about: { tenantId: string | null; id: string }): Promise<ApiKey | null>;
  /** One trip; tenantId null: every tenant's, for admins. */
  list(about: { tenantId: string | null; limit: number; cursor?: string | undefined }): Promise<Page<ApiKey>>;
  /** One trip. `roles`: those that may be removed. False when there is none like that within the tenant (null: in any). */
  remove(about: { tenantId: string | null; id: string; roles?: readonly Role[]; by: string }): Promise<boolean>;
}

/** How long a deleted key still works in the other processes, and a new one may be refused there. */
const FRESH_MS = 2_000;

export const hashKey = (key: string): string => createHash('sha256').update(key).digest('hex');

/** From the hash, so that a key is found by `_id`, and the same given key is the same id in every store. */
const idOf = (keyHash: string): string => `key_${keyHash.slice(0, 24)}`;

export const mintKey = (role: Role): string => `upl_${role.charAt(0)}_${randomBytes(32).toString('base64url')}`;

/** Deleted keys stay for their names (decisions/2026-11-30-events-of-keys.md). */
const LIVING = { deletedAt: { $exists: false } };

const apiKeyFrom = ({ _id, tenantId, role, createdAt, ...rest }: StoredApiKey): ApiKey => ({
  ...{ id: _id, tenantId, role, createdAt },
  name: rest.name ?? null,
  createdBy: rest.createdBy ?? null,
  expiresAt: rest.expiresAt ?? null,
  lastUsedOn: rest.lastUsedOn ?? null,
});

const isSameHash = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a, 'hex'), Buffer.from(b, 'hex'));

/** The event is part of the key's own document: one write stores both, or neither. */
function newStored(about: NewKey, key: string, createdAt: number): StoredApiKey {
  const { tenantId, role, name = null, createdBy, expiresAt = null } = about;
  const keyHash = hashKey(key);
  const _id = idOf(keyHash);
  const data = { keyId: _id, role, name, createdBy, expiresAt };
  const outbox = [{ id: `${_id}:created`, type: 'api-key.created' as const, at: createdAt, data }];
  const given = { ...(name !== null && { name }), ...(expiresAt !== null && { expiresAt }) };
  return { _id, tenantId, role, keyHash, createdAt, createdBy, ...given, outbox };
}

export function makeApiKeys(db: Db, clock: Clock, freshMs = FRESH_MS): ApiKeys {
  const read = (id: string) => answered(db.apiKeys.findOne({ _id: id, ...LIVING }));
  const memory = makeKeyMemory({ read, freshMs, monotonic: () => clock.monotonic() });
  const noteUse = makeUseNotes(db, clock);

  /** Every way to a key leads through here, so that neither memory nor a session gets around its end. */
  function usable(stored: StoredApiKey): ApiKey | 'expired' {
    if (stored.expiresAt !== undefined && stored.expiresAt <= clock.now()) return 'expired';
    noteUse(stored);
    return apiKeyFrom(stored);
  }

  return {
    async create(about) {
      const key = mintKey(about.role);
      const stored = newStored(about, key, clock.now());
      await insertKey(db, stored);
      memory.forget(stored._id);
      return { ...apiKeyFrom(stored), key };
    },

    async ensure({ key, ...about }) {
      const stored = newStored(about, key, clock.now());
      const there = await answered(db.apiKeys.findOne({ _id: stored._id }));
      const isNew = there === null && (await insertKey(db, stored));
      memory.forget(stored._id);
      if (isNew) return apiKeyFrom(stored);
      const found = there ?? (await answered(db.apiKeys.findOne({ _id: stored._id })));
      return found && found.deletedAt === undefined ? apiKeyFrom(found) : null;
    },

    async findByKey(key) {
      const keyHash = hashKey(key);
      const stored = await memory.find(idOf(keyHash));
      return stored && isSameHash(stored.keyHash, keyHash) ? usable(stored) : null;
    },

    knows: (key) => memory.knows(idOf(hashKey(key))),

    async findById(id) {
      const stored = await memory.find(id);
      return stored && usable(stored);
    },

    async peek({ tenantId, id }) {
      const owner = tenantId === null ? {} : { tenantId };
      const stored = await answered(db.apiKeys.findOne({ _id: id, ...LIVING, ...owner }));
      return stored && apiKeyFrom(stored);
    },

    async list({ tenantId, limit, cursor = '' }) {
      const owner = tenantId === null ? {} : { tenantId };
      const living = db.apiKeys.find({ ...owner, _id: { $gt: cursor }, ...LIVING });
      return pageOf(living.sort({ _id: 1 }), limit, apiKeyFrom);
    },

    async remove({ tenantId, id, roles, by }) {
      const owner = { ...(tenantId !== null && { tenantId }), ...(roles && { role: { $in: [...roles] } }) };
      const left = { $set: { deletedAt: clock.now(), deletedBy: by }, $unset: { place: 1 as const } };
      const { modifiedCount } = await answered(db.apiKeys.updateOne({ _id: id, ...LIVING, ...owner }, left));
      memory.forget(id);
      return modifiedCount === 1;
    },
  };
}
