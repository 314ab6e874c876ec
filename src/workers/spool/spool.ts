/**
 * The second place for answers of UPS, for when the store is away: every place at once, one of them is enough.
 *
 * 1. Nobody waits for a place longer than `patienceMs`, and a place that fails is told of and costs nothing else.
 * 2. An answer is written once it waits too long for the store, and taken out after the store has it, in that order always:
 *    what is found here is stored again under its own event id, which has one effect.
 * 3. Nothing here can be read without the key ring. What this process cannot open is left where it is.
 */

import { VaultKeyMissing, type Vault } from '../../db/vault';
import type { Clock } from '../../durable/types';
import { within } from '../../within';
import { codeOf, nameOf, type WorkLog } from '../work';
import { openAnswer, sealAnswer, type Answer, type SealedAnswer } from './answer';
import type { SpoolFigures } from './figures';
import type { Found, SecondPlace } from './place';

export interface SpoolParts {
  places: readonly SecondPlace[];
  vault: Pick<Vault, 'seal' | 'open'>;
  clock: Clock;
  log: WorkLog;
  figures: SpoolFigures;
  /** How long a commit may take before its answer is written here too. */
  keepAfterMs?: number;
  patienceMs?: number;
}

/** An answer in somebody's hand, on its way to the store. */
export interface Hold {
  /** The store did not take it: puts it everywhere, each time anew. True when a place has it. Never rejects. */
  keep(): Promise<boolean>;
  /** The store has it: takes it out again. Never rejects. */
  release(): Promise<void>;
  /** Nobody needs it: as release. */
  drop(): Promise<void>;
  /** It stays wherever it is by now. */
  leave(): void;
}

export type Lookup =
  | { kind: 'answer'; answer: Answer }
  /** One lies there that this process lacks the key for: it must be waited for. */
  | { kind: 'sealed' }
  /** None was found, and a place that may have it did not answer, or has something of that account that cannot be read. */
  | { kind: 'unasked' }
  /** Every place was asked, and all it has was read. */
  | { kind: 'nothing' };

export interface Spool {
  /** `isKept`: it was found here. */
  hold(answer: Answer, isKept?: boolean): Hold;
  /** This process is trying to store it at this moment. */
  isHeld(eventId: string): boolean;
  /** The answer that brought this generation of this grant. Never rejects. */
  find(about: Pick<SealedAnswer, 'accountId' | 'grantId' | 'generation'>): Promise<Lookup>;
  /** What lies in any of the places, each answer once. Never rejects. */
  all(): Promise<Found>;
  /** Throws VaultKeyMissing or SealBroken. */
  open(sealed: SealedAnswer): Answer;
  remove(answer: Pick<SealedAnswer, 'accountId' | 'eventId'>): Promise<void>;
}

const KEEP_AFTER_MS = 250;
/** A place that is asked while it cannot answer costs a refresh so much, no more. */
const PATIENCE_MS = 1_000;
const TOLD_EVERY_MS = 10_000;

class TooLate extends Error {
  readonly code = 'too-late';
}

export function makeSpool(parts: SpoolParts): Spool {
  const { places, vault, clock, log, figures } = parts;
  const { keepAfterMs = KEEP_AFTER_MS, patienceMs = PATIENCE_MS } = parts;
  const held = new Set<string>();
  const quietUntil = new Map<string, number>();

  /** A place that fails fails often: it is told of now and then. */
  function tellFailure(place: SecondPlace, doing: string, error: unknown): void {
    const about = `${place.name} ${doing}`;
    if (performance.now() < (quietUntil.get(about) ?? 0)) return;
    quietUntil.set(about, performance.now() + TOLD_EVERY_MS);
    const what = { place: place.name, doing, error: codeOf(error) ?? nameOf(error) };
    log.error(what, 'The second place for answers of UPS fails here; the other one has to do.');
  }

  /** Null when it failed, or took too long. */
  async function asked<T>(place: SecondPlace, doing: string, work: Promise<T>): Promise<T | null> {
    const answered = work.then(
      (value) => ({ value }),
      (error: unknown) => {
        tellFailure(place, doing, error);
        return { value: null };
      },
    );
    const inTime = await within(patienceMs, answered);
    if (inTime === null) tellFailure(place, doing, new TooLate());
    return inTime?.value ?? null;
  }

  const remove = async (answer: Pick<SealedAnswer, 'accountId' | 'eventId'>): Promise<void> => {
    await Promise.all(places.map((place) => asked(place, 'remove', place.remove(answer))));
  };

  function hold(answer: Answer, isKept = false): Hold {
    const { accountId, key, eventId } = answer;
    held.add(eventId);
    let sealed: SealedAnswer | null = null;
    let told: 'kept' | 'alone' | null = null;
    /** Under way, by place. One that is done is not remembered: a place may lose what it took, as Redis by FLUSHALL. */
    const puts = new Map<SecondPlace, Promise<boolean>>();
    const tookIt = new Set<SecondPlace>();
    const timer = setTimeout(() => void keep(), keepAfterMs);

    function putIn(place: SecondPlace): Promise<boolean> {
      sealed ??= sealAnswer(vault, answer, clock.now());
      const putting = place.put(sealed).then(
        () => true,
        (error: unknown) => {
          tellFailure(place, 'put', error);
          return false;
        },
      );
      puts.set(place, putting);
      void putting.then((isTaken) => {
        puts.delete(place);
        // An answer is counted once as taken, however often it is put again.
        if (!isTaken || !tookIt.has(place)) figures.wrote(place.name, isTaken);
        if (isTaken) tookIt.add(place);
      });
      return putting;
    }

    async function keep(): Promise<boolean> {
      clearTimeout(timer);
      const taken = await Promise.all(places.map((place) => asked(place, 'put', puts.get(place) ?? putIn(place))));
      const where = places.filter((_, n) => taken[n]).map(({ name }) => name);
      tellOnce(where);
      return where.length > 0;
    }

    function tellOnce(where: string[]): void {
      const now = where.length > 0 ? 'kept' : 'alone';
      if (told === now) return;
      told = now;
      const what = { accountId, key, eventId, where };
      if (now === 'kept') log.warn(what, 'An answer of UPS that waits for the store lies in the second place.');
      else log.error(what, 'An answer of UPS that waits for the store is in this process alone: no place took it.');
    }

    function leave(): void {
      clearTimeout(timer);
      held.delete(eventId);
    }

    /** True when there was something to take out. */
    async function drop(): Promise<boolean> {
      leave();
      if (!isKept && sealed === null) return false;
      await within(patienceMs, Promise.all(puts.values()));
      await remove(answer);
      return true;
    }

    async function release(): Promise<void> {
      if (!(await drop())) return;
      figures.stored('owner');
      log.info({ accountId, key, eventId }, 'The store has an answer of UPS that lay in the second place.');
    }

    return { keep, release, leave, drop: async () => void (await drop()) };
  }

  async function find(about: Parameters<Spool['find']>[0]): Promise<Lookup> {
    const { accountId, grantId, generation } = about;
    const everywhere = await Promise.all(places.map((place) => asked(place, 'find', place.find(accountId))));
    const matching = everywhere
      .flatMap((found) => found?.answers ?? [])
      .filter((one) => one.accountId === accountId && one.grantId === grantId && one.generation === generation);
    let isLocked = false;
    let isDoubtful = everywhere.some((found) => found === null || found.unreadable.length > 0);
    for (const one of matching) {
      try {
        return { kind: 'answer', answer: openAnswer(vault, one) };
      } catch (error) {
        isLocked ||= error instanceof VaultKeyMissing;
        isDoubtful = true;
        const what = { accountId, eventId: one.eventId, error: codeOf(error) ?? nameOf(error) };
        log.error(what, 'An answer of UPS in the second place cannot be opened here.');
      }
    }
    if (isLocked) return { kind: 'sealed' };
    return { kind: isDoubtful ? 'unasked' : 'nothing' };
  }

  async function all(): Promise<Found> {
    const everywhere = await Promise.all(places.map((place) => asked(place, 'look', place.all())));
    const answers = new Map(everywhere.flatMap((found) => found?.answers ?? []).map((one) => [one.eventId, one]));
    const unreadable = everywhere.flatMap((found) => found?.unreadable ?? []);
    figures.waiting(answers.size, unreadable.length);
    return { answers: [...answers.values()], unreadable };
  }

  return {
    hold,
    find,
    all,
    remove,
    isHeld: (eventId) => held.has(eventId),
    open: (sealed) => openAnswer(vault, sealed),
  };
}
