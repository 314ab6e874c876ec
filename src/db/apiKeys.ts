/** API keys: shown once, kept as hashes. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../durable/types';
import type { Db } from './connection';
import { answered } from './errors';
import { makeKeyMemory } from './keyMemory';
import { pageOf, type Page } from './page';
import type { Role, StoredApiKey } from './schemas';
import { unlessThere } from './tenants';

export type { Role };

export interface ApiKey {
  id: string;
  /** null for an admin, whose tenant is named by each request. */
  tenantId: string | null;
  role: Role;
  createdAt: number;
}

export interface ApiKeys {
  /** One trip. The key is here and nowhere else: it cannot be shown again. */
  create(about: { tenantId: string | null; role: Role }): Promise<ApiKey & { key: string }>;
  /** One trip. A given key, for seeding: there already is done. */
  ensure(about: { tenantId: string | null; role: Role; key: string }): Promise<ApiKey>;
  /** No trip for a key seen within `freshMs`, else one. */
  findByKey(key: string): Promise<ApiKey | null>;
  /** Whether `findByKey` needs no trip, or makes it for a key that existed when it was last seen. */
  knows(key: string): boolean;
  /** As findByKey; for sessions, which remember the key's id. */
  findById(id: string): Promise<ApiKey | null>;
  /** One trip; tenantId null: every tenant's, for admins. */
  list(about: { tenantId: string | null; limit: number; cursor?: string | undefined }): Promise<Page<ApiKey>>;
  /** One trip; false when there is none of that id within the tenant (null: in any). */
  remove(about: { tenantId: string | null; id: string }): Promise<boolean>;
}

/** How long a deleted key still works in the other processes, and a new one may be refused there. */
const FRESH_MS = 2_000;

export const hashKey = (key: string): string => createHash('sha256').update(key).digest('hex');

/** From the hash, so that a key is found by `_id`, and the same given key is the same id in every store. */
const idOf = (keyHash: string): string => `key_${keyHash.slice(0, 24)}`;

export const mintKey = (role: Role): string => `upl_${role.charAt(0)}_${randomBytes(32).toString('base64url')}`;

function apiKeyFrom({ _id, keyHash: _h, ...rest }: StoredApiKey): ApiKey {
  return { id: _id, ...rest };
}

const isSameHash = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a, 'hex'), Buffer.from(b, 'hex'));

export function makeApiKeys(db: Db, clock: Clock, freshMs = FRESH_MS): ApiKeys {
  const read = (id: string) => answered(db.apiKeys.findOne({ _id: id }));
  const memory = makeKeyMemory({ read, freshMs, monotonic: () => clock.monotonic() });

  const storedOf = (about: { tenantId: string | null; role: Role }, key: string): StoredApiKey => {
    const keyHash = hashKey(key);
    return { _id: idOf(keyHash), tenantId: about.tenantId, role: about.role, keyHash, createdAt: clock.now() };
  };

  return {
    async create(about) {
      const key = mintKey(about.role);
      const stored = storedOf(about, key);
      await answered(db.apiKeys.insertOne(stored));
      memory.forget(stored._id);
      return { ...apiKeyFrom(stored), key };
    },

    async ensure({ key, ...about }) {
      const { _id, ...rest } = storedOf(about, key);
      await answered(db.apiKeys.updateOne({ _id }, { $setOnInsert: rest }, { upsert: true })).catch(unlessThere);
      memory.forget(_id);
      return apiKeyFrom({ _id, ...rest });
    },

    async findByKey(key) {
      const keyHash = hashKey(key);
      const stored = await memory.find(idOf(keyHash));
      return stored && isSameHash(stored.keyHash, keyHash) ? apiKeyFrom(stored) : null;
    },

    knows: (key) => memory.knows(idOf(hashKey(key))),

    async findById(id) {
      const stored = await memory.find(id);
      return stored && apiKeyFrom(stored);
    },

    async list({ tenantId, limit, cursor }) {
      const filter = { ...(tenantId !== null && { tenantId }), ...(cursor !== undefined && { _id: { $gt: cursor } }) };
      return pageOf(db.apiKeys.find(filter).sort({ _id: 1 }), limit, apiKeyFrom);
    },

    async remove({ tenantId, id }) {
      const { deletedCount } = await answered(
        db.apiKeys.deleteOne(tenantId === null ? { _id: id } : { _id: id, tenantId }),
      );
      memory.forget(id);
      return deletedCount === 1;
    },
  };
}
