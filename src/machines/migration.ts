/** From an old access key to OAuth: the way into *migrating*, the same from wherever an account stands. */

import type { Standing } from './context';
import { theEvent } from './vocabulary';

/** A link is out, and the consent begins. */
export const openTrip = [{ type: 'openLink' as const, params: theEvent }, 'openConsent' as const];

export const migrateFrom = (state: Standing['state']) => ({
  target: '#account.life.migrating',
  actions: [
    { type: 'leaveFrom' as const, params: { state } },
    { type: 'askGrace' as const, params: theEvent },
    ...openTrip,
    { type: 'tell' as const, params: { type: 'account.migration-started' } },
  ],
});
