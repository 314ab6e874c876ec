/** Opens the parts of the service and connects them: store, runtime, UPS, performer, queues. main.ts decides which of them a role runs. */

import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { makeCampaigns, type Campaigns } from './campaigns/advance';
import type { Config } from './config';
import { makeStore } from './db/accounts';
import { connectDb, type Db } from './db/connection';
import { makeOutageStore, type OutageStore } from './db/outages';
import { makeVault, type Vault } from './db/vault';
import { makeRuntime, type Runtime } from './durable/runtime';
import type { Clock, Definition, Store } from './durable/types';
import type { AccountData } from './machines/data';
import { defaultRules, makeAccountDefinition, type AccountView } from './machines/definition';
import { assertPinned } from './machines/pins';
import { makeReleases, type Releases } from './release';
import { folderProblem, mongodbProblem, redisProblem, refuseUnusable } from './usable';
import { makeGate, makeUpsClient, makeUpsFigures, systemClock, type Gate, type UpsClient } from './ups';
import {
  assertWritable,
  makeDiskPlace,
  makeEpoch,
  makeEpochFigures,
  makeLeftAlone,
  makePerformer,
  makeQueues,
  makeRecall,
  makeRedisPlace,
  makeRedisWatch,
  makeRunners,
  makeSharedCircuits,
  makeSpool,
  makeSpoolFigures,
  makeVolume,
  makeWaves,
  type Epoch,
  type Performer,
  type Queues,
  type RedisWatch,
  type SharedCircuits,
  type Spool,
  type SpoolFigures,
  type Waves,
} from './workers';

export interface Parts {
  config: Config;
  log: Logger;
  clock: Clock;
  makeId: () => string;
  db: Db;
  store: Store<AccountData, AccountView>;
  vault: Vault;
  definition: Definition<AccountData, AccountView>;
  runtime: Runtime<AccountData, AccountView>;
  gate: Gate;
  ups: UpsClient;
  performer: Performer;
  queues: Queues;
  redisWatch: RedisWatch;
  campaigns: Campaigns;
  outages: OutageStore;
  circuits: SharedCircuits;
  waves: Waves;
  epoch: Epoch;
  spool: Spool;
  figures: SpoolFigures;
  /** Open things, released in reverse by whoever opened the parts. */
  releases: Releases;
}

/** Chance between tries, so that those who collided do not collide again: 0 to 40 ms, then 0 to 80, … */
const pauseBetweenTries = (tries: number): Promise<void> => delay(Math.random() * 40 * 2 ** (tries - 1));

/** Opens everything, or nothing. Rejects with StoreUnavailable when MongoDB does not answer, with ConfigError when what it names refuses. */
export async function openParts(config: Config, log: Logger, clock: Clock = systemClock): Promise<Parts> {
  assertPinned();
  const releases = makeReleases((what, error) => log.error({ what, error: nameOf(error) }, 'could not be released'));
  try {
    return await open(config, log, clock, releases);
  } catch (error) {
    await releases.all();
    throw error;
  }
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

async function open(config: Config, log: Logger, clock: Clock, releases: Releases): Promise<Parts> {
  const db = await openStore(config, log, releases);
  await db.ensureIndexes();

  const redisWatch = makeRedisWatch(log);
  const queues = makeQueues({ redisUrl: config.redisUrl, log, watch: redisWatch });
  releases.add('queues', () => queues.close());

  const store = makeStore(db);
  const outages = makeOutageStore(db);
  const vault = makeVault(config.encryptionKeys);
  const waves = makeWaves({ outages, clock, log });
  const rules = { ...defaultRules, consentTtlMs: config.consentTtlMs, waves: () => waves.states() };
  const definition = makeAccountDefinition(rules);
  const makeId = () => randomUUID();
  const figures = makeSpoolFigures();
  const leftAlone = makeLeftAlone({ clock, log, registry: figures.registry });
  const runtime = makeRuntime<AccountData, AccountView>({
    definition,
    store,
    queue: queues,
    clock,
    makeId,
    seal: ({ id, ...binding }, secret) => vault.seal(secret, { ...binding, accountId: id }),
    pause: pauseBetweenTries,
    report: (error) => log.warn({ error: nameOf(error) }, 'rows could not be relayed; the sweep will see to them'),
    leftAlone: (id, why) => leftAlone.met(id, why),
  });
  releases.add('relay', () => runtime.relay.idle());

  // Claims carry it: two starts of one process are two claimants.
  const by = randomBytes(9).toString('base64url');
  const circuits = makeSharedCircuits({ outages, by, clock, log });
  const { deployment, requireSpoolEpoch: requireVolume } = config;
  const epochFigures = makeEpochFigures(figures.registry);
  const volume = makeVolume(config.spoolDir);
  const epoch = makeEpoch({ db, volume, clock, log, deployment, requireVolume, figures: epochFigures });
  const mayRefresh = () => epoch.mayRefresh();
  const gate = makeGate(clock, { mayTry: (name) => circuits.mayTry(name), mayRefresh });
  const ups = makeUpsClient({
    baseUrl: config.ups.baseUrl,
    clientId: config.ups.clientId,
    clientSecret: config.ups.clientSecret,
    redirectUri: `${config.publicUrl}/oauth/callback`,
    verification: config.ups.verification,
    gate,
    clock,
    onUnread: makeUpsFigures(figures.registry).unread,
  });
  releases.add('UPS client', () => ups.close());

  const spool = await openSpool({ config, vault, clock, log, figures, redisWatch, releases });
  const wait = (ms: number) => delay(ms);
  const recall = makeRecall({ spool, load: (id) => runtime.load(id), wait, clock, log });
  const runners = makeRunners({ client: ups, gate, vault, clock, log, wait, recall, waves });
  const performer = makePerformer({ runtime, runners, gate, queueOf: definition.queueOf, by, clock, log, spool });
  releases.add('work in hand', () => performer.stop());

  const campaigns = makeCampaigns({ db, runtime, vault, config, clock, makeId });
  const made = {
    db,
    store,
    outages,
    vault,
    definition,
    runtime,
    gate,
    ups,
    performer,
    queues,
    redisWatch,
    campaigns,
    spool,
    figures,
    circuits,
    waves,
    epoch,
  };
  return { config, log, clock, makeId, ...made, releases };
}

/** What refuses us for good is named in one message. Redis may be away. */
async function openStore(config: Config, log: Logger, releases: Releases): Promise<Db> {
  const { mongodbUrl, mongodbDatabase, redisUrl, spoolDir, dataDir } = config;
  const connecting = connectDb(mongodbUrl, { log, database: mongodbDatabase });
  releases.add('MongoDB', () =>
    connecting.then(
      (db) => db.close(),
      () => undefined,
    ),
  );
  const folder = spoolDir === path.join(dataDir, 'spool') ? 'DATA_DIR' : 'SPOOL_DIR';
  await refuseUnusable([mongodbProblem(connecting), redisProblem(redisUrl), folderProblem(folder, spoolDir)]);
  return connecting;
}

type SpoolNeeds = Pick<Parts, 'config' | 'vault' | 'clock' | 'log' | 'figures' | 'redisWatch' | 'releases'>;

/** A disk that is full or fails is told of and no reason not to start: Redis is the other place. */
async function openSpool({ config, releases, redisWatch, ...others }: SpoolNeeds): Promise<Spool> {
  const { spoolDir, redisUrl } = config;
  await assertWritable(spoolDir).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : nameOf(error);
    others.log.error({ spoolDir, error: code }, 'SPOOL_DIR cannot be written: answers of UPS would have Redis alone.');
  });
  const redis = makeRedisPlace({ redisUrl, log: others.log, watch: redisWatch });
  releases.add('second place', () => redis.close());
  return makeSpool({ ...others, places: [makeDiskPlace(spoolDir), redis] });
}
