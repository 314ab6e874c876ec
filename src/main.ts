/** The service, in the role its configuration names: what is opened, in which order, and how it ends. */

import { createServer, type Server } from 'node:http';
import { pino, type Logger } from 'pino';
import { makeApp } from './http';
import { makeReadiness } from './api/readiness';
import type { Services } from './api/services';
import { openParts, type Parts } from './composition';
import { tellDueCampaigns } from './campaigns/schedule';
import type { Config } from './config';
import { makeApiKeys } from './db/apiKeys';
import { noteDefaultDeadline } from './db/deadlines';
import { acquireLease } from './db/lease';
import { findAccounts } from './db/queries';
import { isCarriedBy } from './durable/whole';
import { assertListensOn, namingPort } from './listen';
import {
  CAMPAIGNS,
  lookAtOutages,
  makeSweepLease,
  startEpoch,
  startLoop,
  startOutages,
  startPickUp,
  startSweep,
  startWorkers,
  tellMovedDeadlines,
} from './workers';

export interface Service {
  /** Where it answers; null in roles without the api. */
  url: string | null;
  /** Ends in order: no new requests, work in hand finished, connections closed. Safe to call twice. */
  stop(): Promise<void>;
}

export interface ServeOptions {
  log?: Logger;
  clock?: Parts['clock'];
}

/** Longer than what stands before us keeps idle connections, or it would send a request into one that is just closing. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Whoever is slow to say what is wanted, or says nothing, keeps no connection. A file of access keys may take minutes: it is
 * read no faster than its accounts are created.
 */
const SLOWNESS = { headersTimeout: 10_000, requestTimeout: 300_000, connectionsCheckingInterval: 5_000 };
/** An idle connection is some 20 kB; those beyond are closed before anything is read. */
const CONNECTIONS_MAX = 10_000;

/** Waiting for requests under way; a token request waits 8 s at most, a callback 10. */
const CLOSE_GRACE_MS = 12_000;

/** Rejects, with everything closed again, when MongoDB does not answer; with ConfigError when a variable names what cannot be used. */
export async function serve(config: Config, options: ServeOptions = {}): Promise<Service> {
  const log = options.log ?? pino({ level: config.logLevel });
  const runs = (role: Config['role']) => config.role === role || config.role === 'all';
  if (runs('api')) await assertListensOn(config.host);
  const parts = await openParts(config, log, options.clock);
  const { releases } = parts;
  try {
    await keepEpoch(parts, runs('scheduler'));
    pickUp(parts);
    await lookOut(parts, runs('scheduler'));
    if (runs('worker')) work(parts);
    if (runs('scheduler')) await schedule(parts);
    const url = runs('api') ? await listen(parts) : null;
    log.info({ role: config.role, url }, 'upslink is up');
    return { url, stop: () => releases.all() };
  } catch (error) {
    await releases.all();
    throw error;
  }
}

/** In every role: each has a folder of its own, and answers may lie there. */
function pickUp({ spool, runtime, clock, log, figures, releases }: Parts): void {
  const running = startPickUp({ spool, runtime, clock, log, figures });
  releases.add('pick-up', () => running.stop());
}

/** In every role, and before any work: whoever may refresh must know that the database is this deployment's. */
async function keepEpoch({ epoch, log, releases }: Parts, raises: boolean): Promise<void> {
  await epoch.look(raises);
  const running = startEpoch(epoch, { raises, log });
  releases.add('epoch', () => running.stop());
}

/** In every role, and before any work: whoever asks UPS goes by what all of them found. */
async function lookOut(parts: Parts, triesHeld: boolean): Promise<void> {
  await lookAtOutages({ ...parts, triesHeld: false });
  const running = startOutages({ ...parts, triesHeld });
  parts.releases.add('outages', () => running.stop());
}

function work({ performer, campaigns, config, clock, log, redisWatch, releases }: Parts): void {
  const advance = (id: string) => campaigns.advance(id);
  const workers = startWorkers({ performer, advance, redisUrl: config.redisUrl, watch: redisWatch, clock, log });
  releases.add('workers', () => endOf(performer, workers));
}

const LOOK_MS = 1_000;
const CAMPAIGNS_LEASE_MS = 10_000;

async function schedule(parts: Parts): Promise<void> {
  const { db, runtime, performer, config, clock, log, queues, campaigns, releases } = parts;
  sweep(parts);
  await noteDefaultDeadline(db, config.accessKeyDeadlineAt, clock.now());
  const needs = { db, runtime, clock, defaultDeadlineAt: config.accessKeyDeadlineAt };
  const tick = (leaving: AbortSignal) => tellMovedDeadlines(needs, leaving);
  const deadlines = startLoop('deadlines', { intervalMs: LOOK_MS, tick, log });
  releases.add('deadlines', () => deadlines.stop());
  const lease = { name: 'campaigns', holder: performer.by, ttlMs: CAMPAIGNS_LEASE_MS };
  const mayWork = () => acquireLease(db, { ...lease, now: clock.now() });
  const look = () => tellDueCampaigns({ db, queues, campaigns, clock, mayWork });
  const looking = startLoop('campaigns', { intervalMs: LOOK_MS, tick: look, log });
  releases.add('campaigns', () => looking.stop());
}

function sweep({ db, store, runtime, performer, queues, clock, log, releases, definition }: Parts): void {
  const running = startSweep({
    store,
    wake: (id) => runtime.wake(id),
    performer,
    queues,
    othersOf: async (ids) =>
      (await findAccounts(db, ids)).filter((one) => !isCarriedBy(definition, one)).map(({ id }) => id),
    lease: makeSweepLease({ db, clock, by: performer.by, version: definition.version }),
    clock,
    log,
  });
  releases.add('sweep', () => endOf(performer, running));
}

/**
 * The performer's patience ends with whoever gives it work: both wait for an answer in hand, and only the performer gives
 * up in time one that a store that is away does not take.
 */
async function endOf(performer: Parts['performer'], worker: { stop(): Promise<void> }): Promise<void> {
  await Promise.all([worker.stop(), performer.stop()]);
}

function servicesOf(parts: Parts): Services {
  const { config, db, runtime, performer, ups, vault, clock, makeId, log, queues, figures, waves, epoch } = parts;
  const { redisWatch } = parts;
  const isReady = makeReadiness(db, vault, clock);
  return {
    config,
    db,
    apiKeys: makeApiKeys(db, clock),
    runtime,
    performer,
    ups,
    vault,
    waves,
    clock,
    makeId,
    log,
    queues,
    isReady,
    redisRefusal: () => redisWatch.refusal(),
    epochNotice: () => epoch.disagreement()?.sentence ?? null,
    tellCampaign: async (id) => void (await queues.offer([{ id, queue: CAMPAIGNS }])),
    metrics: figures.registry,
  };
}

async function listen(parts: Parts): Promise<string> {
  const server = createServer(SLOWNESS, makeApp(servicesOf(parts)));
  server.maxConnections = CONNECTIONS_MAX;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const { port, host } = parts.config;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== null && { host }) }, resolve);
  }).catch(namingPort('PORT', port));
  parts.releases.add('api', () => close(server));
  return parts.config.publicUrl;
}

/** Keep-alive connections would hold the process; requests under way are answered first. */
async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const impatient = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(impatient);
}
