/** Figures for Prometheus: requests by route, what they hold, accounts by state. No label comes from a client. */

import { Gauge, Histogram, Registry } from 'prom-client';
import { countByState } from '../db/queries';
import type { AdmissionFigures } from './admission';
import type { Observe } from './requests';
import type { Services } from './services';

const BUCKETS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface Metrics {
  observe: Observe;
  /** In Prometheus's text form. */
  read(): Promise<{ type: string; text: string }>;
}

export function makeMetrics({ db, metrics, queues }: Services, figures: () => AdmissionFigures): Metrics {
  const own = new Registry();
  const requests = new Histogram({
    name: 'upslink_http_request_duration_seconds',
    help: 'Requests by route, method and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: [own],
  });
  new Gauge({
    name: 'upslink_accounts',
    help: 'Accounts by state.',
    labelNames: ['state'],
    registers: [own],
    async collect() {
      for (const [state, count] of Object.entries(await countByState(db, null))) this.set({ state }, count);
    },
  });
  addAdmission(own, figures);
  if (queues) addQueues(own, queues.all);

  return {
    observe: ({ method, route, status, ms }) => {
      requests.observe({ method, route, status }, ms / 1000);
    },
    async read() {
      const parts = metrics ? [own, metrics] : [own];
      const texts = await Promise.all(parts.map((part) => part.metrics()));
      return { type: own.contentType, text: texts.join('\n') };
    },
  };
}

function addAdmission(own: Registry, figures: () => AdmissionFigures): void {
  const add = (name: string, help: string, label: string, read: () => Record<string, number>): void => {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [own],
      collect() {
        for (const [value, count] of Object.entries(read())) this.set({ [label]: value }, count);
      },
    });
  };
  add('upslink_http_places', 'Requests that hold a place, by rank.', 'rank', () => figures().places);
  add('upslink_http_bodies', 'Bodies on their way, by whether their key is known.', 'key', () => figures().bodies);
  add('upslink_http_lookups', 'Look-ups that run or wait, by line.', 'line', () => figures().lookUps);
}

/** Redis may be away: its figures are then missing, not the others. */
function addQueues(own: Registry, queues: NonNullable<Services['queues']>['all']): void {
  new Gauge({
    name: 'upslink_queue_jobs',
    help: 'Jobs by queue and state.',
    labelNames: ['queue', 'state'],
    registers: [own],
    async collect() {
      this.reset();
      for (const queue of queues) {
        const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed').catch(() => ({}));
        for (const [state, count] of Object.entries(counts)) this.set({ queue: queue.name, state }, Number(count));
      }
    },
  });
}
