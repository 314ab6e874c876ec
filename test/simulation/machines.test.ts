/** What is simulated does what the real thing does: the store in memory is tried in test/durable, the queue here. */

import type { Queue } from '../../src/durable/types';
import { describeQueue } from '../durable/store.contract';
import { makeMachines } from './machines';
import { makeWorld } from './world';

describeQueue('The simulated queue', async () => {
  const world = makeWorld(1);
  const machines = makeMachines(world);
  const process = world.process('a', 'a');
  const simulated = machines.queuesFor(process);
  let told: { id: string; queue: string }[] = [];
  machines.onJob = (id, job) => {
    told.push({ id, queue: job.split('/')[0] ?? '' });
    machines.jobs.delete(job);
  };
  const queue: Queue = {
    async hand(items) {
      const handed = simulated.hand(items);
      await world.runUntil(world.now() + 2_000);
      return handed;
    },
  };
  return {
    queue,
    async taken() {
      const all = told;
      told = [];
      return all;
    },
    goAway: async () => void (machines.isRedisAway = true),
    async comeBack() {
      machines.emptyRedis();
      machines.isRedisAway = false;
    },
  };
});
