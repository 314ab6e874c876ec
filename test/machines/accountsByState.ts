/** One account in each state of the machine, built by events. */

import { DAY, buildAccount, upsAnswer, type Account, type BuiltAccount, type BuildOptions } from './accountBuilder';

const built = (options: BuildOptions, live: (account: BuiltAccount) => void) => (): Account => {
  const account = buildAccount(options);
  live(account);
  return account.now();
};

const onKey: BuildOptions = { keyWorksForMs: 60 * DAY };
const refused = () => ({ kind: 'refused' as const, ups: upsAnswer('10400') });
const exchanged = (account: BuiltAccount): void => {
  account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
  account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g1', 1), ups: upsAnswer() });
};

export const accountsByState: Readonly<Record<string, () => Account>> = {
  created: built({}, () => undefined),
  awaiting: built({}, (account) => account.authorize()),
  exchanging: built({}, (account) => {
    account.authorize();
    account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
  }),
  verifying: built({}, (account) => {
    account.authorize();
    exchanged(account);
  }),
  fresh: built({}, (account) => account.connect()),
  refreshing: built({}, (account) => {
    account.connect();
    account.fireTimer('refreshDue');
    account.claim('refresh');
  }),
  'backing-off': built({}, (account) => {
    account.connect();
    account.refresh(() => ({ kind: 'ambiguous', ups: null }));
  }),
  held: built({ waves: { '10400': 'held' } }, (account) => {
    account.connect();
    account.refresh(refused);
  }),
  ending: built({}, (account) => {
    account.connect();
    account.refresh(refused);
  }),
  reconnecting: built({}, (account) => {
    account.connect();
    account.authorize('g2');
  }),
  disconnected: built({}, (account) => {
    account.authorize();
    exchanged(account);
    account.finish('verify', { kind: 'not-in-profile', ups: upsAnswer('120100') });
  }),
  inactive: built({}, (account) => {
    account.connect();
    account.send({ type: 'DEACTIVATE' });
  }),
  'on-a-key': built(onKey, () => undefined),
  'on-a-dead-key': built({ keyWorksForMs: -DAY }, () => undefined),
  migrating: built(onKey, (account) => account.migrate()),
  'migrated-with-grace': built(onKey, (account) => {
    account.migrate('g1', 7 * DAY);
    account.comeBack();
  }),
  'closed-with-a-key': built(onKey, (account) => account.send({ type: 'DEACTIVATE' })),
};
