export { tellMovedDeadlines } from './deadlines';
export { makeLeftAlone } from './leftAlone';
export { startLoop } from './loop';
export { makePerformer, type Performer } from './performer';
export { CAMPAIGNS, makeQueues, queueNames, type Job, type Queues } from './queues';
export { makeRedisWatch, type RedisWatch } from './redis';
export { makeRunners } from './runners';
export {
  assertWritable,
  makeDiskPlace,
  makePickUp,
  makeRecall,
  makeRedisPlace,
  makeSpool,
  makeSpoolFigures,
  startPickUp,
  type PickUp,
  type SecondPlace,
  type Spool,
  type SpoolFigures,
} from './spool';
export { makeSweep, startSweep, type Sweep, type SweepLease, type SweepParts } from './sweep';
export { makeSweepLease } from './sweepLease';
export { startWorkers } from './worker';
export type { Runners, WorkLog } from './work';
export * from './outages';
export * from './epoch';
