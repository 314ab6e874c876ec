/** Metrics of the calls to UPS. */

import { Counter, type Registry } from 'prom-client';
import type { UpsSaid } from './types';

export interface UpsFigures {
  unread: (said: Pick<UpsSaid, 'endpoint' | 'httpStatus'>) => void;
}

export function makeUpsFigures(registry: Registry): UpsFigures {
  const unread = new Counter({
    name: 'upslink_ups_answers_not_understood_total',
    help: 'Answers from UPS, or from a gateway in front of it, that could not be understood, by endpoint and status class.',
    labelNames: ['endpoint', 'status'],
    registers: [registry],
  });
  const classOf = (status: number | null): string => (status === null ? 'none' : `${Math.floor(status / 100)}xx`);
  return { unread: ({ endpoint, httpStatus }) => unread.inc({ endpoint, status: classOf(httpStatus) }) };
}
