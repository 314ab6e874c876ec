/**
 * The access key of the XML era, from its import to its destruction: a region of its own, because its deadline, its
 * notices and a postponed reminder go on whatever the account's life is doing meanwhile. Life judges what a lapse means.
 */

import { theEvent, vocabulary } from './vocabulary';

const tell = (because: 'deadline' | 'reminder') => ({ type: 'tellExpiring' as const, params: { because } });
const moveDeadline = { type: 'moveDeadline' as const, params: theEvent };

/** A new grant is proved: the key is kept for as long as was asked for, at least until its receipt is written. */
const swapped = { guard: 'newGrantVerified' as const, target: 'retired', actions: ['retireKey' as const] };

/** Gone with this very write; the receipt follows by itself. */
const deactivated = {
  guard: 'notInUse' as const,
  target: 'shredded',
  actions: ['shredKey' as const, 'keepNoLonger' as const],
};

/** Its receipt is written with the last of it. */
const destroyed = { keyGrace: { target: 'none', actions: ['destroyKey' as const, 'forgetKey' as const] } };

export const key = vocabulary.createStateConfig({
  initial: 'none',
  states: {
    none: {
      always: [
        { guard: 'importedInTime', target: 'held', actions: ['takeKey', 'sealKey'] },
        { guard: 'imported', target: 'dead', actions: ['takeKey', 'sealKey'] },
      ],
    },

    held: {
      after: {
        keyDeadline: { target: 'dead', actions: ['keyLapses'] },
        keyNotice: { target: 'held', reenter: true, actions: [tell('deadline')] },
        keyReminder: { target: 'held', reenter: true, actions: [tell('reminder'), 'forgetReminder'] },
      },
      on: {
        POSTPONE: {
          guard: 'beforeDeadline',
          target: 'held',
          reenter: true,
          actions: [{ type: 'planReminder', params: theEvent }],
        },
        DEADLINE_MOVED: [
          { guard: 'deadlineStaysAhead', target: 'held', reenter: true, actions: [moveDeadline, 'keepReminderBefore'] },
          { guard: 'changes', target: 'dead', actions: [moveDeadline, 'keyLapses'] },
        ],
        CONSENT_ENDED: swapped,
        DEACTIVATE: deactivated,
      },
    },

    // UPS takes it no longer. It is kept: a deadline that is moved later brings it back.
    dead: {
      on: {
        DEADLINE_MOVED: [
          { guard: 'deadlineStaysAhead', target: 'held', actions: [moveDeadline, 'keyRevives'] },
          { guard: 'changes', actions: [moveDeadline] },
        ],
        CONSENT_ENDED: swapped,
        DEACTIVATE: deactivated,
      },
    },

    // Used no more. Its end leaves the receipt in history.
    retired: {
      after: destroyed,
      on: {
        RESTORE_ACCESS_KEY: { guard: 'keyWorks', target: 'held', actions: ['unretireKey', 'keyRestored'] },
        DEADLINE_MOVED: { guard: 'changes', target: 'retired', reenter: true, actions: [moveDeadline] },
        DEACTIVATE: deactivated,
      },
    },

    // Its account is closed: only the receipt is to come.
    shredded: { after: destroyed },
  },
});
