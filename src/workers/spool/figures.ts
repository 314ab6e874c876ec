/** What the second place tells Prometheus. */

import { Counter, Gauge, Registry } from 'prom-client';

export interface SpoolFigures {
  registry: Registry;
  wrote(place: string, isTaken: boolean): void;
  stored(by: 'owner' | 'pick-up'): void;
  /** As the last look found them. */
  waiting(answers: number, unreadable: number): void;
}

export function makeSpoolFigures(): SpoolFigures {
  const registry = new Registry();
  const registers = [registry];
  const writes = new Counter({
    name: 'upslink_second_place_writes_total',
    help: 'Answers of UPS written to the second place, by place and whether it took them.',
    labelNames: ['place', 'taken'],
    registers,
  });
  const stored = new Counter({
    name: 'upslink_second_place_stored_total',
    help: 'Answers of UPS that lay in the second place and are in the store now, by who stored them.',
    labelNames: ['by'],
    registers,
  });
  const waiting = new Gauge({
    name: 'upslink_second_place_answers',
    help: 'What lies in the second place, as this process last saw it.',
    labelNames: ['readable'],
    registers,
  });
  return {
    registry,
    wrote: (place, isTaken) => writes.inc({ place, taken: String(isTaken) }),
    stored: (by) => stored.inc({ by }),
    waiting: (answers, unreadable) => {
      waiting.set({ readable: 'true' }, answers);
      waiting.set({ readable: 'false' }, unreadable);
    },
  };
}
