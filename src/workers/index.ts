export { tellMovedDeadlines } from './deadlines';
export { makeLeftAlone, type LeftAlone } from './leftAlone';
export { startLoop } from './loop';
export { makePerformer, type Performer, type PerformerParts } from './performer';
export { CAMPAIGNS, makeQueues, queueNames, type Job, type QueueName, type Queues, type QueuesOptions } from './queues';
export { assertTakesUs, makeRedisWatch, RedisRefused, type RedisWatch } from './redis';
export { makeRunners, type RunnerParts } from './runners';
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
  type Recall,
  type SecondPlace,
  type Spool,
  type SpoolFigures,
} from './spool';
export { makeSweep, startSweep, type Sweep, type SweepLease, type SweepParts } from './sweep';
export { makeSweepLease } from './sweepLease';
export { startWorkers, type RunningWorkers, type WorkersOptions } from './worker';
export type { InHand, Outcome, Runner, Runners, Work, WorkLog } from './work';
export * from './outages';
export * from './epoch';
