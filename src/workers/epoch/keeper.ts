/**
 * Looks every few seconds whether the database is still the one this process knows (judge.ts). Whether it may refresh is
 * in memory, asked by the gate to UPS before every send: a refresh costs no trip more.
 *
 * Shut until the first look, and from any look that fails until one succeeds: a database that was away may come back as
 * another. While it is away nothing could be claimed anyway.
 */

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Db } from '../../db/connection';
import { doubtEpoch, findEpoch, insertEpoch, raiseEpoch, type StoredDoubt, type StoredEpoch } from '../../db/epoch';
import type { Clock } from '../../durable/types';
import { startLoop, type Loop } from '../loop';
import { codeOf, nameOf, type WorkLog } from '../work';
import { judge, type Disagreement, type Own } from './judge';
import type { Held, Known, Volume } from './volume';

export interface EpochParts extends Own {
  db: Pick<Db, 'epoch'>;
  volume: Volume;
  clock: Pick<Clock, 'now'>;
  log: WorkLog;
  /** Told after every look. */
  figures?: EpochFigures | undefined;
  raiseAfterMs?: number;
}

export interface EpochFigures {
  looked(agrees: boolean, counter: number): void;
}

export interface Epoch {
  /** From memory. */
  mayRefresh(): boolean;
  /** As of the last look; null when all is well, or nothing is known yet. */
  disagreement(): Disagreement | null;
  /** One read, and a write for what is new. `raises`: counts up when it is time, as schedulers do. Rejects when the store is away. */
  look(raises: boolean): Promise<void>;
}

/** A restore to less than this before the last write cannot be seen. */
const RAISE_AFTER_MS = 10_000;
/** After so long without a look that succeeded nothing is known any more. */
const STALE_MS = 15_000;
const EPOCH_LOOK_MS = 2_000;

type Verdict = 'unknown' | 'agrees' | Disagreement;

export function makeEpoch(parts: EpochParts): Epoch {
  const { db, volume, clock, log, raiseAfterMs = RAISE_AFTER_MS } = parts;
  let verdict: Verdict = 'unknown';
  let lookedAt = -Infinity;
  /** What this process knows, of its volume and since. */
  let held: Held = { kind: 'empty' };
  let isOnVolume = false;
  let toldWrite = false;

  const doubtBy = ({ id, counter, deployment, at }: Known): StoredDoubt => ({
    ...{ by: hostname(), foundAt: clock.now() },
    ...{ id, counter, deployment, at },
  });

  /** The first start of all; or a database that lost its epoch, which is as good as another one. */
  async function born(): Promise<StoredEpoch> {
    const doubt = held.kind === 'known' ? doubtBy(held.known) : null;
    const { deployment } = parts;
    const first = { id: randomUUID(), counter: 1, deployment, writtenAt: clock.now(), replaces: [], doubt };
    await insertEpoch(db, first);
    const stored = await findEpoch(db);
    if (!stored) throw new Error('the epoch is gone again');
    return stored;
  }

  async function raised(stored: StoredEpoch): Promise<StoredEpoch> {
    const isTime = Math.abs(clock.now() - stored.writtenAt) >= raiseAfterMs;
    if (!isTime || !(await raiseEpoch(db, stored, clock.now()))) return stored;
    return { ...stored, counter: stored.counter + 1 };
  }

  /** A volume that cannot be written leaves what is known in memory, and Redis for answers: told once, no reason to stop. */
  async function remember({ id, counter, deployment }: StoredEpoch): Promise<void> {
    const isNews = held.kind !== 'known' || held.known.id !== id || held.known.counter !== counter;
    if (!isNews && isOnVolume) return;
    held = { kind: 'known', known: { id, counter, deployment, at: clock.now() } };
    try {
      await volume.write(held.known);
      isOnVolume = true;
      toldWrite = false;
    } catch (error) {
      isOnVolume = false;
      const what = { error: codeOf(error) ?? nameOf(error) };
      if (!toldWrite)
        log.error(what, 'The epoch cannot be written to SPOOL_DIR: a restart of this process forgets it.');
      toldWrite = true;
    }
  }

  function conclude(next: Disagreement | null, stored: StoredEpoch): void {
    const before = verdict;
    verdict = next ?? 'agrees';
    lookedAt = performance.now();
    parts.figures?.looked(next === null, stored.counter);
    const { kind, sentence } = next ?? {};
    if (next && (typeof before === 'string' || before.kind !== kind)) log.error({ kind }, sentence ?? '');
    if (!next && typeof before !== 'string') log.warn({ epoch: stored.id }, 'The epoch is settled: accounts go on.');
  }

  async function see(raises: boolean): Promise<void> {
    if (held.kind !== 'known') held = await volume.read();
    let stored = (await findEpoch(db)) ?? (await born());
    const found = judge(stored, held, parts);
    if (found?.volume && (found.kind === 'behind' || found.kind === 'other-epoch'))
      await doubtEpoch(db, stored, doubtBy(found.volume));
    if (!found && raises) stored = await raised(stored);
    if (!found) await remember(stored);
    conclude(found, stored);
  }

  return {
    mayRefresh: () => verdict === 'agrees' && performance.now() - lookedAt < STALE_MS,
    disagreement: () => (typeof verdict === 'string' ? null : verdict),
    async look(raises) {
      try {
        await see(raises);
      } catch (error) {
        if (verdict === 'agrees') verdict = 'unknown';
        throw error;
      }
    },
  };
}

export const startEpoch = (epoch: Epoch, about: { raises: boolean; log: WorkLog }): Loop =>
  startLoop('epoch', { intervalMs: EPOCH_LOOK_MS, tick: () => epoch.look(about.raises), log: about.log });
