/** One process sweeps at a time: of each machine version one, for what an old version leaves alone is the new one's to do. */

import type { Db } from '../db/connection';
import { acquireLease, releaseLease } from '../db/lease';
import type { Clock } from '../durable/types';
import type { SweepLease } from './sweep';

export function makeSweepLease(about: { db: Db; clock: Pick<Clock, 'now'>; by: string; version: number }): SweepLease {
  const { db, clock, by, version } = about;
  const lease = { name: `sweep-v${version}`, holder: by };
  return {
    acquire: (ttlMs) => acquireLease(db, { ...lease, now: clock.now(), ttlMs }),
    release: () => releaseLease(db, lease),
  };
}
