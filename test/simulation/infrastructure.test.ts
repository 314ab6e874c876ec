/** What is simulated does what the real thing does: what the store in memory is without a world is tried in test/durable. */

import type { Queue } from '../../src/durable/types';
import { describeQueue, describeStore } from '../durable/store.contract';
import { makeMachines } from './infrastructure';
import { makeWorld } from './simulator';

/** The world's time goes on for as long as an answer takes. */
describeStore('The simulated store', async () => {
  const world = makeWorld(1);
  const simulated = makeMachines(world).storeFor(world.process('a', 'a'));
  const answering = async <T>(asked: Promise<T>): Promise<T> => {
    asked.catch(() => undefined);
    await world.runUntil(world.now() + 1_000);
    return asked;
  };
  const asked = Object.entries(simulated as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>);
  const awaited = asked.map(([name, ask]) => [name, (...given: unknown[]) => answering(ask(...given))]);
  return Object.fromEntries(awaited) as typeof simulated;
});

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
