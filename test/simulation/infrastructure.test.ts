/** The simulated store and queue keep the same contract as the real ones. test/durable tests the store in memory alone. */

import type { Queue } from '../../src/durable/types';
import { describeQueue, describeStore } from '../durable/store.contract';
import { makeInfrastructure } from './infrastructure';
import { makeSimulator } from './simulator';

/** Advances simulated time until the answer is there. */
describeStore('The simulated store', async () => {
  const simulator = makeSimulator(1);
  const simulated = makeInfrastructure(simulator).storeFor(simulator.process('a', 'a'));
  const answering = async <T>(askUntilAnswered: Promise<T>): Promise<T> => {
    askUntilAnswered.catch(() => undefined);
    await simulator.runUntil(simulator.now() + 1_000);
    return askUntilAnswered;
  };
  const askUntilAnswered = Object.entries(
    simulated as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>,
  );
  const awaited = askUntilAnswered.map(([name, ask]) => [name, (...given: unknown[]) => answering(ask(...given))]);
  return Object.fromEntries(awaited) as typeof simulated;
});

describeQueue('The simulated queue', async () => {
  const simulator = makeSimulator(1);
  const infrastructure = makeInfrastructure(simulator);
  const process = simulator.process('a', 'a');
  const simulated = infrastructure.queuesFor(process);
  let told: { id: string; queue: string }[] = [];
  infrastructure.onJob = (id, job) => {
    told.push({ id, queue: job.split('/')[0] ?? '' });
    infrastructure.jobs.delete(job);
  };
  const queue: Queue = {
    async hand(items) {
      const handed = simulated.hand(items);
      await simulator.runUntil(simulator.now() + 2_000);
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
    goAway: async () => void (infrastructure.isRedisAway = true),
    async comeBack() {
      infrastructure.emptyRedis();
      infrastructure.isRedisAway = false;
    },
  };
});
