/** What the epoch tells Prometheus. */

import { Gauge, type Registry } from 'prom-client';
import type { EpochFigures } from './keeper';

export function makeEpochFigures(registry: Registry): EpochFigures {
  const registers = [registry];
  const agrees = new Gauge({
    name: 'upslink_epoch_agrees',
    help: '1 while the database is the one this process knows; 0: nothing is refreshed until `upslink adopt`.',
    registers,
  });
  const count = new Gauge({ name: 'upslink_epoch_count', help: "The database's count, as last seen.", registers });
  return {
    looked: (isSame, counter) => {
      agrees.set(isSame ? 1 : 0);
      count.set(counter);
    },
  };
}
