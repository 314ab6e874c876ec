/** The store, Redis and disks that a simulated process talks to; each may be away, slow or lose data. */

import type { OutageStore } from '../../src/db/outages';
import { StoreUnavailable } from '../../src/durable/errors';
import type { Document, Store, Written } from '../../src/durable/types';
import type { AccountData } from '../../src/machines/data';
import type { AccountView } from '../../src/machines/definition';
import type { Offer } from '../../src/workers/queues';
import type { SecondPlace } from '../../src/workers/spool/place';
import type { SealedAnswer } from '../../src/workers/spool/answer';
import { makeMemoryStore, type MemoryStore } from '../durable/memoryStore';
import { makeMemoryOutages } from './memoryOutages';
import type { Process, Way, Simulator } from './simulator';

export type AccountStore = Store<AccountData, AccountView>;
type Account = Document<AccountData, AccountView>;

const LOCAL: Way = { loseRequest: 0, loseAnswer: 0, slowMs: 5, timeoutMs: 1 };

/** Stands for an answer that does not come. */
const NOTHING = Symbol('no answer');

export interface Trouble {
  place: string;
  from: number;
  to: number;
}

export interface Infrastructure {
  memory: MemoryStore<AccountData, AccountView>;
  /** How calls to the store and to Redis fare at the moment. */
  storeWay: Way;
  redisWay: Way;
  isStoreAway: boolean;
  isRedisAway: boolean;
  /** FLUSHALL, or a Redis that comes back with nothing. */
  emptyRedis(): void;
  storeFor(process: Process): AccountStore;
  outagesFor(process: Process): OutageStore;
  leaseFor(process: Process): { acquire(ttlMs: number): Promise<boolean>; release(): Promise<void> };
  queuesFor(process: Process): {
    hand(items: { id: string; queue: string }[]): Promise<boolean>;
    offer(items: { id: string; queue: string }[]): Promise<Offer>;
  };
  placesFor(process: Process): SecondPlace[];
  /** Hosts whose disk refuses writes. */
  brokenDisks: Set<string>;
  /** When the second place refused writes (`redis` or `disk <host>`), and when it lost its data (`redis emptied`). */
  troubles: Trouble[];
  hadTrouble(place: string, from: number, to: number): boolean;
  /** Jobs that wait, by queue and account. */
  jobs: Set<string>;
  /** Called after every write of one account; `before` is null when it was inserted. */
  onWritten: (before: Account | null, next: Account) => void;
  /** As `upslink accounts erase`: removes an inactive account but keeps its last seq. */
  erase(process: Process, id: string): Promise<void>;
  /** Called when a job is added; the simulation delivers it once, twice, late, or never. */
  onJob: (id: string, job: string) => void;
}

export function makeInfrastructure(simulator: Simulator): Infrastructure {
  let isStale = false;
  const memory = makeMemoryStore<AccountData, AccountView>((operation) =>
    isStale && operation === 'due' ? 'stale' : null,
  );
  const disks = new Map<string, Map<string, SealedAnswer>>();
  let redisAnswers = new Map<string, SealedAnswer>();
  let lease: { holder: string; until: number } | null = null;
  const ways: Pick<Infrastructure, 'storeWay' | 'redisWay'> = {
    storeWay: { loseRequest: 0, loseAnswer: 0, slowMs: 10, timeoutMs: 6_000 },
    redisWay: { loseRequest: 0, loseAnswer: 0, slowMs: 5, timeoutMs: 1_000 },
  };

  const outages = makeMemoryOutages();

  const away = (): never => {
    throw new StoreUnavailable('the store is away');
  };

  function storeFor(process: Process): AccountStore {
    /** The store performs the call when the request arrives; a store that is away does not answer. */
    const ask = async <T>(name: string, work: () => Promise<T>, lost: () => T): Promise<T> => {
      const begin = (): Promise<T> | typeof NOTHING => {
        if (infrastructure.isStoreAway) return NOTHING;
        isStale = simulator.random.is(0.02);
        const answer = work();
        isStale = false;
        return answer;
      };
      const answer = await simulator.call<Promise<T> | typeof NOTHING>(
        process,
        name,
        infrastructure.storeWay,
        begin,
        () => NOTHING,
      );
      return answer === NOTHING ? lost() : answer;
    };
    const unknown = () => 'unknown' as const;
    const watched = async (before: Account | null, next: Account, writing: Promise<Written>): Promise<Written> => {
      const written = await writing;
      if (written === 'done') infrastructure.onWritten(before, next);
      return written;
    };
    return {
      load: (id, tenantId) => ask(`load ${id}`, () => memory.load(id, tenantId), away),
      insert: (document, over) =>
        ask(`insert ${document.id}`, () => watched(null, document, memory.insert(document, over)), unknown),
      insertMany: (many) =>
        ask(
          'insertMany',
          () => memory.insertMany(many),
          () => many.map(unknown),
        ),
      findGrave: (id) => ask('findGrave', () => memory.findGrave(id), away),
      write: (before, next) =>
        ask(
          `write ${next.id} rev ${next.rev} seq ${next.seq}`,
          () => watched(before, next, memory.write(before, next)),
          unknown,
        ),
      writeMany: (changes) => ask(`writeMany ${changes.length}`, () => memory.writeMany(changes), away),
      appendHistory: (entries) =>
        ask(
          `append ${entries.map(({ id, row }) => `${id}/${row.seq}`).join(' ')}`,
          () => memory.appendHistory(entries),
          away,
        ),
      findApplied: (id, eventId) => ask(`findApplied ${id}`, () => memory.findApplied(id, eventId), away),
      due: (page) => ask(`due ${page.kind}`, () => memory.due(page), away),
    };
  }

  const infrastructure: Infrastructure = {
    memory,
    ...ways,
    isStoreAway: false,
    isRedisAway: false,
    brokenDisks: new Set(),
    troubles: [],
    hadTrouble: (place, from, to) =>
      infrastructure.troubles.some((one) => one.place === place && one.from <= to && one.to >= from),
    jobs: new Set(),
    onJob: () => undefined,
    onWritten: () => undefined,
    erase: (process, id) =>
      simulator.call(
        process,
        `erase ${id}`,
        infrastructure.storeWay,
        () => {
          if (infrastructure.isStoreAway) away();
          if (memory.documents([id])[0]?.view.state === 'inactive') memory.bury(id);
        },
        away,
      ),
    emptyRedis() {
      infrastructure.troubles.push({ place: 'redis emptied', from: simulator.now(), to: simulator.now() });
      infrastructure.jobs.clear();
      redisAnswers = new Map();
    },
    storeFor,
    outagesFor(process) {
      const ask = async <T>(doing: string, work: () => Promise<T>): Promise<T> =>
        simulator.call<Promise<T>>(
          process,
          `outages ${doing}`,
          infrastructure.storeWay,
          () => (infrastructure.isStoreAway ? away() : work()),
          away,
        );
      return {
        read: () => ask('read', () => outages.read()),
        find: (id) => ask('find', () => outages.find(id)),
        write: (before, next) => ask('write', () => outages.write(before, next)),
        count: (id, heard, keep) => ask('count', () => outages.count(id, heard, keep)),
      };
    },
    leaseFor: (process) => ({
      acquire: (ttlMs) =>
        simulator.call(
          process,
          'lease',
          infrastructure.storeWay,
          () => {
            if (infrastructure.isStoreAway) away();
            const at = simulator.now() + process.skewMs;
            if (lease && lease.holder !== process.name && lease.until > at) return false;
            lease = { holder: process.name, until: at + ttlMs };
            return true;
          },
          away,
        ),
      release: async () => {
        if (lease?.holder === process.name) lease = null;
      },
    }),
    queuesFor(process) {
      const put = (items: { id: string; queue: string }[]): Promise<boolean> =>
        simulator.call(
          process,
          `hand ${items.map(({ id }) => id).join(' ')}`,
          infrastructure.redisWay,
          () => {
            if (infrastructure.isRedisAway) return false;
            for (const { id, queue } of items) {
              const job = `${queue}/${id}`;
              if (infrastructure.jobs.has(job)) continue;
              infrastructure.jobs.add(job);
              infrastructure.onJob(id, job);
            }
            return true;
          },
          () => false,
        );
      return { hand: put, offer: async (items) => ({ reached: await put(items), full: [] }) };
    },
    placesFor(process) {
      const disk = disks.get(process.host) ?? new Map<string, SealedAnswer>();
      disks.set(process.host, disk);
      const fails = (): never => {
        throw new Error('this place is away');
      };
      const place = (
        name: string,
        way: () => Way,
        kept: () => Map<string, SealedAnswer>,
        isAway: () => boolean,
      ): SecondPlace => {
        const ask = <T>(doing: string, work: () => T): Promise<T> =>
          simulator.call(process, `${name} ${doing}`, way(), () => (isAway() ? fails() : work()), fails);
        return {
          name,
          put: (answer) => ask('put', () => void kept().set(answer.eventId, answer)),
          remove: ({ eventId }) => ask('remove', () => void kept().delete(eventId)),
          find: (accountId) =>
            ask('find', () => ({
              answers: [...kept().values()].filter((one) => one.accountId === accountId),
              unreadable: [],
            })),
          all: () => ask('all', () => ({ answers: [...kept().values()], unreadable: [] })),
        };
      };
      return [
        place(
          'disk',
          () => LOCAL,
          () => disk,
          () => infrastructure.brokenDisks.has(process.host),
        ),
        place(
          'redis',
          () => infrastructure.redisWay,
          () => redisAnswers,
          () => infrastructure.isRedisAway,
        ),
      ];
    },
  };
  return infrastructure;
}
