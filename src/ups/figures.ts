/** What calls to UPS tell Prometheus. */

import { Counter, type Registry } from 'prom-client';
import type { UpsSaid } from './types';

export interface UpsFigures {
  unread(said: Pick<UpsSaid, 'endpoint' | 'httpStatus'>): void;
}

export function makeUpsFigures(registry: Registry): UpsFigures {
  const unread = new Counter({
    name: 'upslink_ups_answers_not_understood_total',
    help: 'Answers of UPS, or of whatever stands before it, that nobody understands, by endpoint and class of status.',
    labelNames: ['endpoint', 'status'],
    registers: [registry],
  });
  const classOf = (status: number | null): string => (status === null ? 'none' : `${Math.floor(status / 100)}xx`);
  return { unread: ({ endpoint, httpStatus }) => unread.inc({ endpoint, status: classOf(httpStatus) }) };
}
