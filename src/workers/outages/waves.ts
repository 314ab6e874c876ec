/**
 * What this process knows of waves of refusals, and tells: the states are in memory, for they are asked at every
 * transition; the truth is in the store, read once a second. While the store is away nothing new is held, and what was
 * held stays so: no commit could say otherwise.
 */

import type { Heard, OutageStore, StoredOutage, StoredWave } from '../../db/outages';
import type { Clock } from '../../durable/types';
import type { WaveState } from '../../machines/context';
import { within } from '../../within';
import { codeOf, nameOf, type WorkLog } from '../work';
import {
  WAVE,
  decided,
  isCounting,
  newWave,
  nextCanary,
  stateOf,
  waveId,
  withRefusal,
  withRefusedCanary,
  without,
} from './wave';

export interface WavesParts {
  outages: OutageStore;
  clock: Clock;
  log: WorkLog;
}

/** What a refresh that came to an end may tell of waves. Never rejects. */
export interface WaveEars {
  /**
   * Before the account hears of it: what it makes of the refusal depends on who else was refused. `isExplained`: an
   * answer to this account was lost before, so that its refusal makes no wave.
   */
  refused(accountId: string, code: string, isExplained?: boolean): Promise<void>;
  /**
   * A pair came. `code`: the account was held for it, and is the canary that ends the wave. `issuedAt`: of the pair before it,
   * for an account is counted once in the time that is counted: of those who are refused, none is counted twice.
   */
  answered(accountId: string, code: string | null, issuedAt: number): Promise<void>;
}

export interface Waves extends WaveEars {
  /** As of the last look, for the machine's facts. */
  states(): Record<string, WaveState>;
  /** What was read; what was heard since the last look is written. */
  look(all: StoredOutage[]): Promise<void>;
  /** Tries one held account of each wave whose time has come: `tryHeld` resolves false when it is not held any more. */
  tryCanaries(tryHeld: (accountId: string) => Promise<boolean>): Promise<void>;
  /** An admin's word; null when nothing is held for that code. */
  decide(code: string, state: 'released' | 'applied', by: string): Promise<StoredWave | null>;
}

const TRIES = 5;
/** An answer of UPS is not kept from its account for longer. */
const PATIENCE_MS = 500;
const CANDIDATES = 5;

export function makeWaves({ outages, clock, log }: WavesParts): Waves {
  let known: StoredWave[] = [];
  const heard = new Map<string, Heard>();

  const find = (code: string): StoredWave | undefined => known.find((wave) => wave.code === code);
  const remember = (wave: StoredWave): void => {
    known = [...known.filter(({ code }) => code !== wave.code), wave];
  };
  const heardOf = (code: string): Heard => {
    const found = heard.get(code) ?? { refused: 0, answered: 0, held: [] };
    heard.set(code, found);
    return found;
  };
  /** By compare-and-set, from the latest; the wave as it is then. */
  async function change(code: string, next: (wave: StoredWave) => StoredWave | null): Promise<StoredWave | null> {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = (await outages.find(waveId(code))) as StoredWave | null;
      const before = found ?? newWave(code, clock.now());
      const after = next(before);
      if (after === null) return null;
      if (await outages.write(before, after)) {
        const written = { ...after, rev: before.rev + 1 };
        tellOnce(before, written);
        remember(written);
        return written;
      }
      if (found) remember(found);
    }
    return null;
  }

  /** By whoever's write it was: the admins hear of each change once, however many processes there are. */
  function tellOnce(before: StoredWave, after: StoredWave): void {
    if (before.state === after.state && before.since === after.since) return;
    const { code, state, decidedBy } = after;
    const about = { code, state, decidedBy };
    if (state === 'held')
      log.error(
        about,
        'UPS refuses many accounts with one code. They are held, none is disconnected; one is tried for all.',
      );
    else log.warn(about, state === 'released' ? 'The wave of refusals is over.' : 'The wave of refusals was meant.');
  }

  async function quietly(what: string, work: Promise<unknown>): Promise<void> {
    await within(PATIENCE_MS, work).catch((error: unknown) => {
      log.warn({ what, error: codeOf(error) ?? nameOf(error) }, 'A wave of refusals could not be looked up.');
    });
  }

  async function noteRefusal(accountId: string, code: string, isExplained: boolean): Promise<void> {
    const wave = find(code);
    const now = clock.now();
    const isCanary = wave?.canaries.some((one) => one.accountId === accountId && !one.isRefused) ?? false;
    if (wave && stateOf(wave, now) === 'held') {
      if (isCanary) return void (await change(code, (latest) => withRefusedCanary(latest, accountId)));
      const one = heardOf(code);
      one.refused++;
      one.held = [...one.held, accountId].slice(-WAVE.kept);
      return;
    }
    if (isExplained) return;
    const { answered } = heardOf(code);
    heard.delete(code);
    await change(code, (latest) => withRefusal(latest, accountId, clock.now(), answered));
  }

  async function noteAnswer(accountId: string, code: string | null, issuedAt: number): Promise<void> {
    const now = clock.now();
    for (const wave of known)
      if (issuedAt <= wave.long.at && (wave.state === 'held' || isCounting(wave, now))) heardOf(wave.code).answered++;
    if (code === null || find(code)?.state !== 'held') return;
    await change(code, (latest) =>
      latest.state === 'held' ? decided(latest, 'released', `a pair for ${accountId}`, clock.now()) : null,
    );
  }

  async function tryOne(code: string, tryHeld: (accountId: string) => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < CANDIDATES; tries++) {
      const known = find(code);
      if (!known || nextCanary(known, clock.now()) === null) return;
      // As it is now: what was counted since the look is not written over.
      const wave = (await outages.find(waveId(code))) as StoredWave | null;
      const next = wave && nextCanary(wave, clock.now());
      if (!next) return;
      const { accountId } = next;
      // Written down first: another scheduler tries no second one.
      if (!(await outages.write(next.wave, next.wave))) return;
      const written = { ...next.wave, rev: next.wave.rev + 1 };
      tellOnce(wave, written);
      remember(written);
      if (accountId === null || (await tryHeld(accountId))) return;
      const isLast = tries === CANDIDATES - 1;
      await change(code, (latest) => ({ ...without(latest, accountId), ...(!isLast && { canaryAt: clock.now() }) }));
    }
  }

  return {
    refused: (accountId, code, isExplained = false) => quietly('refused', noteRefusal(accountId, code, isExplained)),
    answered: (accountId, code, issuedAt) => quietly('answered', noteAnswer(accountId, code, issuedAt)),
    states() {
      const states = known.map((wave) => [wave.code, stateOf(wave, clock.now())] as const);
      return Object.fromEntries(states.filter((one): one is [string, WaveState] => one[1] !== null));
    },
    async look(all) {
      const read = all.filter((one): one is StoredWave => one.kind === 'wave');
      // What was written here meanwhile is newer than what was read.
      known = read.map((one) => known.find(({ code, rev }) => code === one.code && rev > one.rev) ?? one);
      for (const [code, one] of [...heard]) {
        heard.delete(code);
        await outages.count(waveId(code), one, WAVE.kept);
      }
    },
    async tryCanaries(tryHeld) {
      for (const { code } of known) await tryOne(code, tryHeld);
    },
    decide: (code, state, by) =>
      change(code, (wave) => (stateOf(wave, clock.now()) === 'held' ? decided(wave, state, by, clock.now()) : null)),
  };
}
