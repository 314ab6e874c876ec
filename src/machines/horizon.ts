/**
 * How near the grant in use is to its end. A region of its own, because a refresh token dies whatever the token's states
 * are about, and comes near it just when they can do nothing for it.
 * It has one timer, planned from the pair in hand, and a refresh leaves that alone: when it rings and a younger pair is
 * there, it is planned anew. So an account that refreshes hourly pays for it once in 46 days.
 */

import { vocabulary } from './vocabulary';

const plannedAnew = { target: 'watched', reenter: true, actions: ['planLook' as const] };

export const horizon = vocabulary.createStateConfig({
  initial: 'unwatched',
  states: {
    unwatched: {
      always: { guard: 'grantToWatch', target: 'watched', actions: ['planLook'] },
    },

    watched: {
      always: { guard: 'nothingToWatch', target: 'unwatched', actions: ['forgetLook'] },
      after: {
        lapseLook: [
          { guard: 'lapseNear', target: 'watched', reenter: true, actions: ['tellLapse', 'planLook'] },
          plannedAnew,
        ],
      },
      on: {
        CONSENT_ENDED: { guard: 'newGrantVerified', ...plannedAnew },
        LATE_ANSWER: { guard: 'stored', ...plannedAnew },
        // UPS may give a pair that dies before the one it takes the place of: then the timer would ring too late.
        'xstate.done.actor.refresh': { guard: 'lapsesSooner', ...plannedAnew },
      },
    },
  },
});
