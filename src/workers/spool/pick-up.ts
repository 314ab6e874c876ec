/**
 * Stores answers that lie in the second place and that nobody holds any more: their process was killed, stopped while the
 * store was away, or is another's. Any number of processes may do it at once. A look that finds nothing is one listing of
 * a folder and one command to Redis, whatever the number of accounts.
 */

import { NotFound, StoreUnavailable, TooBusy } from '../../durable/errors';
import type { Runtime } from '../../durable/runtime';
import type { Clock } from '../../durable/types';
import { DAY_MS, MINUTE_MS } from '../../durations';
import { inLanes } from '../../lanes';
import type { AccountData } from '../../machines/data';
import type { AccountView } from '../../machines/definition';
import { startLoop } from '../loop';
import { codeOf, nameOf, type WorkLog } from '../work';
import type { SealedAnswer } from './answer';
import type { SpoolFigures } from './figures';
import type { Spool } from './spool';

export interface PickUpParts {
  spool: Spool;
  runtime: Pick<Runtime<AccountData, AccountView>, 'load' | 'settle'>;
  clock: Clock;
  log: WorkLog;
  figures: Pick<SpoolFigures, 'stored'>;
  intervalMs?: number;
}

export interface PickUp {
  /** One look; resolves with how many answers it stored. Never rejects. */
  tick(): Promise<number>;
  /** Ends after the answers in hand. */
  stop(): Promise<void>;
}

const INTERVAL_MS = 5_000;
/** Whoever just put it there is trying to store it. */
const OWNERS_MS = 5_000;
/** What cannot be helped now is looked at, and told of, so often. */
const LEFT_FOR_MS = MINUTE_MS;
/** An account that is not there may only be in another database than the one this process was given. */
const FORGET_AFTER_MS = 7 * DAY_MS;
const LANES = 8;

export function makePickUp(parts: PickUpParts): PickUp {
  const { spool, runtime, clock, log } = parts;
  const leftUntil = new Map<string, number>();
  let isStopping = false;

  function leave(name: string, fields: object, why: string): void {
    leftUntil.set(name, clock.monotonic() + LEFT_FOR_MS);
    log.error({ ...fields, name }, `An answer of UPS stays in the second place: ${why}`);
  }

  const isOwners = ({ at }: SealedAnswer): boolean => Math.abs(clock.now() - at) < OWNERS_MS;

  async function store(sealed: SealedAnswer): Promise<void> {
    const { accountId, tenantId, eventId } = sealed;
    const { key, attempt, output, secrets } = spool.open(sealed);
    const document = await runtime.load(accountId, tenantId);
    // Always unsure: whoever put it here may have stored it, or be storing it.
    await runtime.settle(document, { key, attempt, eventId, secrets, unsure: true }, { output });
    await spool.remove(sealed);
    parts.figures.stored('pick-up');
    const ageMs = clock.now() - sealed.at;
    log.info({ accountId, key, eventId, ageMs }, 'An answer of UPS was picked up in the second place and stored.');
  }

  async function gone(sealed: SealedAnswer): Promise<void> {
    const { accountId, eventId } = sealed;
    if (clock.now() - sealed.at < FORGET_AFTER_MS) return leave(eventId, { accountId }, 'there is no such account.');
    await spool.remove(sealed);
    log.warn({ accountId, eventId }, 'An answer of UPS was for an account that is gone, and is removed.');
  }

  async function pickUp(sealed: SealedAnswer): Promise<'stored' | 'left' | 'store-away'> {
    try {
      await store(sealed);
      return 'stored';
    } catch (error) {
      if (error instanceof StoreUnavailable || error instanceof TooBusy) return 'store-away';
      if (error instanceof NotFound) await gone(sealed);
      else leave(sealed.eventId, { accountId: sealed.accountId }, `${codeOf(error) ?? nameOf(error)}.`);
      return 'left';
    }
  }

  /** A few at a time, until the store is away. */
  async function pickUpAll(answers: SealedAnswer[]): Promise<number> {
    let stored = 0;
    let isAway = false;
    const pickUpOne = async (one: SealedAnswer): Promise<void> => {
      const end = await pickUp(one);
      if (end === 'stored') stored++;
      if (end === 'store-away') isAway = true;
    };
    await inLanes(answers, LANES, pickUpOne, () => !isStopping && !isAway);
    const waiting = answers.length - stored;
    if (isAway) log.warn({ waiting }, 'Answers of UPS wait in the second place for the store, which is away.');
    return stored;
  }

  async function tick(): Promise<number> {
    const { answers, unreadable } = await spool.all();
    for (const [name, until] of leftUntil) if (until <= clock.monotonic()) leftUntil.delete(name);
    for (const name of unreadable)
      if (!leftUntil.has(name))
        leave(name, {}, 'it is damaged, of another version of this service, or no file that can be read.');
    const isFree = (one: SealedAnswer) => !spool.isHeld(one.eventId) && !isOwners(one) && !leftUntil.has(one.eventId);
    return pickUpAll(answers.filter(isFree));
  }

  let running: Promise<number> | null = null;
  return {
    tick: () => (running ??= tick().finally(() => (running = null))),
    async stop() {
      isStopping = true;
      await running;
    },
  };
}

/** Looks at once, then every `intervalMs`, until stopped. */
export function startPickUp(parts: PickUpParts): PickUp {
  const pickUp = makePickUp(parts);
  const { intervalMs = INTERVAL_MS, log } = parts;
  const loop = startLoop('pick-up', { intervalMs, tick: () => pickUp.tick(), log });
  return {
    tick: () => pickUp.tick(),
    async stop() {
      const stopped = loop.stop();
      await pickUp.stop();
      await stopped;
    },
  };
}
