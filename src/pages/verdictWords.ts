/** What became of a pressed button, in a sentence. */

import type { PublicEventType } from '../machines/events';
import { reasons, type Outcome, type Reason } from '../machines/reasons';
import type { Said } from './flash';

export interface Message {
  tone: 'good' | 'info' | 'bad';
  text: string;
  /** What may be done about it. */
  more: string | null;
}

const done: Record<PublicEventType, string> = {
  AUTHORIZE: 'The authorization has started.',
  REFRESH: 'The refresh has started: the new token shows below in a moment.',
  VERIFY: 'UPS is being asked whether the login in use still holds this account number.',
  MIGRATE: 'The migration has started.',
  POSTPONE: 'Postponed: the account comes back to the list of old keys on that day.',
  RESTORE_ACCESS_KEY: 'The account is on its old access key again, and the tokens of the migration are destroyed.',
  DEACTIVATE: 'The account is inactive now, and its tokens and keys are destroyed.',
  REACTIVATE: 'The account is back. Authorize it to connect it to UPS.',
  DISCONNECT: 'The account is disconnected, and its tokens are destroyed.',
  CANCEL_AUTHORIZATION: 'The authorization was cancelled, and its link does not work any more.',
};

const refused: Record<string, string> = {
  'in-use': 'The account is still used by a store or a warehouse, so it cannot be deactivated.',
  'refresh-under-way': 'A refresh is under way already.',
  'send-unsettled':
    'The answer to the last refresh may still come. To keep the token safe, the next one is sent only after that.',
  'exchange-under-way': 'The merchant has just come back from UPS: the outcome shows in a moment.',
  'verification-under-way': 'A verification is under way already.',
  'no-access-key': 'The account holds no access key that could be used.',
  'past-deadline': 'UPS switches the old access key off before that day: choose an earlier one.',
  replaced: 'A newer link took the place of this one.',
};

const outcomes: Record<Outcome, Pick<Message, 'tone' | 'text'>> = {
  connected: { tone: 'good', text: 'The account is connected to UPS.' },
  disconnected: { tone: 'bad', text: 'The account could not be connected.' },
  denied: { tone: 'bad', text: 'The account was not connected: access was declined at UPS.' },
  lapsed: { tone: 'bad', text: 'The link had lapsed before UPS sent the merchant back.' },
  replaced: { tone: 'info', text: 'A newer link took the place of this one, which changed nothing.' },
  pending: { tone: 'info', text: 'UPS has not confirmed the account yet. This page shows it as soon as it does.' },
  failed: { tone: 'bad', text: 'The authorization came to nothing: the account is as it was before.' },
};

function outcomeMessage(outcome: Outcome, reason: Reason | null): Message {
  const why = reason === null ? null : reasons[reason];
  return {
    ...outcomes[outcome],
    // The reason says who declined; the same twice helps nobody.
    more: why && outcome !== 'denied' ? `${why.message} ${why.nextStep.text}` : (why?.nextStep.text ?? null),
  };
}

export function messageOf(said: Said): Message {
  if (said.about === 'outcome') return outcomeMessage(said.outcome, said.reason);
  if (said.about === 'created')
    return said.isNew
      ? { tone: 'good', text: 'The account was created.', more: 'Authorize it to connect it to UPS.' }
      : { tone: 'info', text: 'This account was there already, created by an equal request.', more: null };
  if (said.about === 'settings') return { tone: 'good', text: 'The settings are saved.', more: null };
  const { event, verdict, why } = said;
  if (verdict === 'applied') return { tone: 'good', text: done[event], more: null };
  if (verdict === 'duplicate')
    return { tone: 'info', text: 'This was done already; nothing happened twice.', more: null };
  if (verdict === 'ignored')
    return { tone: 'info', text: refused[why ?? ''] ?? 'There was nothing to do.', more: null };
  return { tone: 'bad', text: 'That is not possible in the state the account is in now.', more: null };
}
