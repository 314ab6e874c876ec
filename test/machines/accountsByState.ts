/** An account in each place of the machine, as living through it leaves it. */

import { DAY, livedAccount, upsAnswer, type Account, type Lived, type LivedOptions } from './accountBuilder';

const lived = (options: LivedOptions, live: (account: Lived) => void) => (): Account => {
  const account = livedAccount(options);
  live(account);
  return account.now();
};

const onKey: LivedOptions = { keyWorksForMs: 60 * DAY };
const refused = () => ({ kind: 'refused' as const, ups: upsAnswer('10400') });
const exchanged = (account: Lived): void => {
  account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
  account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g1', 1), ups: upsAnswer() });
};

export const standings: Readonly<Record<string, () => Account>> = {
  created: lived({}, () => undefined),
  awaiting: lived({}, (account) => account.authorize()),
  exchanging: lived({}, (account) => {
    account.authorize();
    account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
  }),
  verifying: lived({}, (account) => {
    account.authorize();
    exchanged(account);
  }),
  fresh: lived({}, (account) => account.connect()),
  refreshing: lived({}, (account) => {
    account.connect();
    account.ring('refreshDue');
    account.claim('refresh');
  }),
  'backing-off': lived({}, (account) => {
    account.connect();
    account.refresh(() => ({ kind: 'ambiguous', ups: null }));
  }),
  held: lived({ waves: { '10400': 'held' } }, (account) => {
    account.connect();
    account.refresh(refused);
  }),
  ending: lived({}, (account) => {
    account.connect();
    account.refresh(refused);
  }),
  reconnecting: lived({}, (account) => {
    account.connect();
    account.authorize('g2');
  }),
  disconnected: lived({}, (account) => {
    account.authorize();
    exchanged(account);
    account.finish('verify', { kind: 'not-in-profile', ups: upsAnswer('120100') });
  }),
  inactive: lived({}, (account) => {
    account.connect();
    account.send({ type: 'DEACTIVATE' });
  }),
  'on-a-key': lived(onKey, () => undefined),
  'on-a-dead-key': lived({ keyWorksForMs: -DAY }, () => undefined),
  migrating: lived(onKey, (account) => account.migrate()),
  'migrated-with-grace': lived(onKey, (account) => {
    account.migrate('g1', 7 * DAY);
    account.comeBack();
  }),
  'closed-with-a-key': lived(onKey, (account) => account.send({ type: 'DEACTIVATE' })),
};
