import { DAY, dueOf, HOUR, buildAccount, MINUTE, standing, upsAnswer, type BuiltAccount } from './accountBuilder';
import type { AccountContext, RefreshOutput } from '../../src/machines/context';

const context = (account: BuiltAccount) => account.now().snapshot.context as AccountContext;
const refused: (next: unknown) => RefreshOutput = () => ({ kind: 'refused', ups: upsAnswer('10400') });
const later: (next: unknown) => RefreshOutput = () => ({ kind: 'later', retryAt: null, ups: null });

// Every workflow twice: the second time everything in memory is dropped between events.
describe.each([
  ['in one go', false],
  ['with all memory dropped between events', true],
])('%s', (_, forgetful) => {
  const born = () => buildAccount({ forgetful });
  const connected = () => {
    const account = born();
    account.connect();
    return account;
  };

  describe('a merchant connects an account', () => {
    it('is created, told so, and has nothing due', () => {
      const account = born();
      expect(standing(account)).toBe('created');
      expect(account.outgoingTypes()).toEqual(['account.created']);
      expect(account.now()).toMatchObject({ seq: 1, rev: 1, timers: [], invocations: [], upsAt: null });
    });

    it('goes to UPS, comes back with a code, and is connected once the number is verified', () => {
      const account = born();
      account.authorize();
      expect(standing(account)).toBe('pending-authorization + awaiting');
      account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
      expect(standing(account)).toBe('pending-authorization + exchanging');
      account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g1', 1), ups: upsAnswer() });
      expect(standing(account)).toBe('pending-authorization + verifying.probing');
      expect(account.now().data.current).toBeNull();
      account.finish('verify', { kind: 'verified', ups: null });
      expect(standing(account)).toBe('connected.fresh');
      expect(account.now().data).toMatchObject({ current: { grantId: 'g1', generation: 1 }, candidate: null });
      expect(account.now().data.links[0]).toMatchObject({ outcome: 'connected', verifier: null });
      expect(context(account)).toMatchObject({
        scheme: 'oauth',
        lastAuthorization: { outcome: 'connected', reason: null },
      });
      expect(account.outgoingTypes()).toEqual([
        'account.created',
        'account.authorization-started',
        'account.connected',
      ]);
    });

    it.each([
      ['not-in-profile', 'account-not-in-profile'],
      ['blocked', 'merchant-blocked'],
    ] as const)('is disconnected when the probe says %s', (kind, reason) => {
      const account = born();
      account.authorize();
      account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
      account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g1', 1), ups: upsAnswer() });
      account.finish('verify', { kind, ups: null });
      expect(standing(account)).toBe('disconnected');
      expect(context(account)).toMatchObject({ reason, candidate: null });
      expect(account.now().data.candidate).toBeNull();
      expect(account.outgoingTypes().at(-1)).toBe('account.disconnected');
    });

    it('is disconnected when the merchant denies, with the outcome denied', () => {
      const account = born();
      account.authorize();
      account.send({ type: 'CONSENT_REFUSED', consentId: 'g1', end: 'denied' });
      expect(standing(account)).toBe('disconnected');
      expect(context(account)).toMatchObject({ reason: 'consent-denied', lastAuthorization: { outcome: 'denied' } });
    });

    it.each([
      ['rejected', 'disconnected', 'authorization-rejected'],
      ['blocked', 'disconnected', 'merchant-blocked'],
      ['unavailable', 'created', null],
      ['interrupted', 'created', null],
    ] as const)('an exchange that ends as %s leads to %s', (kind, state, reason) => {
      const account = born();
      account.authorize();
      account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
      account.finish('exchange', { kind, ups: null });
      expect(standing(account)).toBe(state);
      expect(context(account).reason).toBe(reason);
    });

    it('goes back to created when the link lapses, and says so', () => {
      const account = born();
      account.authorize();
      account.fireTimer('consentTtl');
      expect(standing(account)).toBe('created');
      expect(context(account).lastAuthorization).toMatchObject({ outcome: 'lapsed', reason: 'consent-lapsed' });
      expect(account.now().data.links[0]).toMatchObject({ outcome: 'lapsed' });
    });

    it('a code is taken once, and only for the newest link', () => {
      const account = born();
      account.authorize('g1');
      account.authorize('g2');
      expect(account.now().data.links.map(({ outcome }) => outcome)).toEqual(['replaced', null]);
      expect(account.send({ type: 'CODE_RECEIVED', consentId: 'g1' })).toEqual({ taken: false, why: 'replaced' });
      expect(account.send({ type: 'CODE_RECEIVED', consentId: 'g2' }).taken).toBe(true);
      expect(account.send({ type: 'CODE_RECEIVED', consentId: 'g2' })).toEqual({ taken: false, why: null });
      expect(account.send({ type: 'CONSENT_REFUSED', consentId: 'g1', end: 'denied' }).taken).toBe(false);
      expect(account.authorize('g3')).toEqual({ taken: false, why: 'exchange-under-way' });
    });

    it('a refusal of an older link changes nothing', () => {
      const account = born();
      account.authorize('g1');
      account.authorize('g2');
      const decision = account.send({ type: 'CONSENT_REFUSED', consentId: 'g1', end: 'denied' });
      expect(decision).toEqual({ taken: false, why: 'replaced' });
    });

    it('verification backs off for 20 minutes, then gives up without blame', () => {
      const account = born();
      account.authorize();
      account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
      account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g1', 1), ups: upsAnswer() });
      const began = account.clock();
      while (standing(account).endsWith('verifying.probing')) {
        account.finish('verify', { kind: 'later', retryAt: null, ups: null });
        account.fireTimer('verifyRetry');
      }
      expect(standing(account)).toBe('created');
      expect(account.clock() - began).toBe(20 * MINUTE);
      expect(context(account).lastAuthorization).toMatchObject({
        reason: 'verification-unavailable',
        outcome: 'failed',
      });
    });

    it('verification never outlives the new token', () => {
      const account = born();
      account.authorize();
      account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
      account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g1', 1, MINUTE), ups: upsAnswer() });
      const began = account.clock();
      while (standing(account).endsWith('verifying.probing')) {
        account.finish('verify', { kind: 'later', retryAt: null, ups: null });
        account.fireTimer('verifyRetry');
      }
      expect(account.clock() - began).toBe(MINUTE);
    });

    it('a new link while verifying drops the grant that was not verified', () => {
      const account = born();
      account.authorize('g1');
      account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
      account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g1', 1), ups: upsAnswer() });
      account.authorize('g2');
      expect(standing(account)).toBe('pending-authorization + awaiting');
      expect(account.now().data.candidate).toBeNull();
      expect(context(account).candidate).toBeNull();
      expect(account.now().invocations).toEqual([]);
    });

    it.each(['awaiting', 'verifying'])('can be cancelled while %s', (phase) => {
      const account = born();
      account.authorize();
      if (phase === 'verifying') {
        account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
        account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g1', 1), ups: upsAnswer() });
      }
      account.send({ type: 'CANCEL_AUTHORIZATION' });
      expect(standing(account)).toBe('created');
      expect(context(account).lastAuthorization).toMatchObject({ outcome: 'failed', reason: 'consent-cancelled' });
    });
  });

  it('keeps how the last authorization ended, also when it is deactivated and taken up again', () => {
    const account = born();
    account.connect();
    account.send({ type: 'DEACTIVATE' });
    expect(context(account).lastAuthorization).toMatchObject({ outcome: 'connected', reason: null });
    account.send({ type: 'REACTIVATE' });
    expect(context(account).lastAuthorization).toMatchObject({ outcome: 'connected', reason: null });
  });

  describe('a token is kept fresh', () => {
    it('falls due between 70 and 78 % of its life when eager', () => {
      const account = connected();
      const due = dueOf(account, 'refreshDue');
      expect(due - account.clock()).toBeGreaterThanOrEqual(0.7 * HOUR);
      expect(due - account.clock()).toBeLessThanOrEqual(0.78 * HOUR);
    });

    it('when lazy it is left alone for 70 % of the refresh token’s life at most, and from its first turn on for just that', () => {
      const account = buildAccount({ forgetful, refreshPolicy: 'lazy' });
      account.connect();
      const first = dueOf(account, 'refreshDue');
      expect(first).toBeGreaterThan(account.clock());
      expect(first - account.clock()).toBeLessThanOrEqual(42 * DAY);
      for (let turn = 1; turn < 4; turn++) {
        account.refresh();
        expect(Math.abs(dueOf(account, 'refreshDue') - (first + turn * 42 * DAY))).toBeLessThan(MINUTE);
      }
    });

    it('a pair without a life is not rotated without a pause', () => {
      const account = connected();
      account.send({ type: 'REFRESH' });
      account.finish('refresh', { kind: 'tokens', tokens: account.tokens('g1', 2, 0), ups: upsAnswer() });
      expect(dueOf(account, 'refreshDue')).toBe(account.clock() + 1_000);
    });

    it('rotates: the next pair is stored, the journal starts anew', () => {
      const account = connected();
      account.refresh();
      expect(standing(account)).toBe('connected.fresh');
      expect(account.now().data.current).toMatchObject({ generation: 2, sends: [], refreshedAt: account.clock() });
    });

    it('REFRESH is taken when fresh, ignored when under way', () => {
      const account = connected();
      expect(account.send({ type: 'REFRESH' }).taken).toBe(true);
      expect(account.send({ type: 'REFRESH' })).toEqual({ taken: false, why: 'refresh-under-way' });
    });

    it('a changed policy moves the timer', () => {
      const account = connected();
      account.send({ type: 'EDIT', changes: { refreshPolicy: 'lazy' }, ifMatch: 1 });
      expect(dueOf(account, 'refreshDue')).toBeGreaterThan(account.clock() + DAY);
    });

    it('what is not the account’s fault backs off, longer each time, and never disconnects', () => {
      const account = connected();
      account.refresh(later);
      const first = dueOf(account, 'retry') - account.clock();
      for (let i = 0; i < 200; i++) {
        account.fireTimer('retry');
        account.finish('refresh', later(null));
      }
      expect(standing(account)).toBe('connected.backing-off');
      expect(dueOf(account, 'retry') - account.clock()).toBeGreaterThan(first);
      expect(account.now().data.current?.sends).toEqual([]);
      expect(context(account).reason).toBeNull();
    });

    it('waits at least as long as UPS asked', () => {
      const account = connected();
      account.refresh(() => ({ kind: 'later', retryAt: account.clock() + HOUR, ups: null }));
      expect(dueOf(account, 'retry')).toBe(account.clock() + HOUR);
    });
  });

  describe('a refresh token is not gambled', () => {
    it('a claim writes the send down; no second claim while its answer may come', () => {
      const account = connected();
      account.fireTimer('refreshDue');
      expect(account.claim('refresh')).toBe(true);
      expect(account.now().data.current?.sends).toMatchObject([
        { sendBy: account.clock() + 5_000, settleBy: account.clock() + 60_000, end: null, recovery: false },
      ]);
      account.advanceBy(59_999);
      expect(account.claim('refresh')).toBe(false);
      account.advanceBy(1);
      expect(account.claim('refresh')).toBe(true);
      expect(account.now().data.current?.sends).toMatchObject([{ recovery: false }, { recovery: true }]);
    });

    it('a claim that sends is told again exactly when it settles', () => {
      const account = connected();
      account.fireTimer('refreshDue');
      account.claim('refresh');
      const [invocation] = account.now().invocations;
      expect(invocation?.retellAt).toBe(invocation?.claim?.until);
      expect(account.now().upsAt).toBe(account.clock() + 60_000);
    });

    it('after a lost answer nothing is sent before settleBy, and then as a recovery', () => {
      const account = connected();
      account.refresh(() => ({ kind: 'ambiguous', ups: null }));
      expect(standing(account)).toBe('connected.backing-off');
      expect(account.send({ type: 'REFRESH' })).toEqual({ taken: false, why: 'send-unsettled' });
      expect(dueOf(account, 'retry') - account.clock()).toBeGreaterThanOrEqual(60_000);
      account.fireTimer('retry');
      account.claim('refresh');
      expect(account.now().data.current?.sends).toMatchObject([{ end: 'ambiguous' }, { end: null, recovery: true }]);
    });

    it('a definite refusal of the recovery send, and only that, says the outcome is unknown', () => {
      const account = connected();
      account.refresh(() => ({ kind: 'ambiguous', ups: null }));
      account.fireTimer('retry');
      account.finish('refresh', { kind: 'ambiguous', ups: null });
      expect(standing(account)).toBe('connected.backing-off');
      account.fireTimer('retry');
      account.finish('refresh', refused(null));
      expect(standing(account)).toBe('connected.ending');
      expect(context(account).reason).toBe('refresh-outcome-unknown');
      expect(account.outgoingTypes().at(-1)).toBe('account.reconnect-needed');
    });

    it('a crash after the send counts as a lost answer', () => {
      const account = connected();
      account.fireTimer('refreshDue');
      account.claim('refresh');
      account.advanceBy(60_000);
      account.finish('refresh', refused(null));
      expect(context(account).reason).toBe('refresh-outcome-unknown');
    });

    it('a send that did not leave does not count', () => {
      const account = connected();
      account.refresh(later);
      account.fireTimer('retry');
      account.finish('refresh', refused(null));
      expect(context(account).reason).toBe('refresh-token-revoked');
    });

    it('a refusal past the refresh token’s own end is an expiry', () => {
      const account = connected();
      account.refresh(later);
      account.advanceBy(61 * DAY);
      account.fireTimer('retry');
      account.finish('refresh', refused(null));
      expect(context(account).reason).toBe('refresh-token-expired');
    });

    it('a fault of ours in the middle of a refresh counts as a lost answer', () => {
      const account = connected();
      account.fireTimer('refreshDue');
      account.claim('refresh');
      const key = account.now().invocations[0]?.key ?? '';
      account.send({ type: 'xstate.error.actor.refresh' }, { attemptId: `${key}#1` });
      expect(standing(account)).toBe('connected.backing-off');
      expect(account.now().data.current?.sends).toMatchObject([{ end: 'ambiguous' }]);
    });
  });

  describe('a grant dies', () => {
    const dying = () => {
      const account = connected();
      account.refresh(refused);
      return account;
    };

    /** Its answer was lost, and the recovery send refused. */
    const thoughtLost = () => {
      const account = connected();
      account.refresh(() => ({ kind: 'ambiguous', ups: null }));
      account.fireTimer('retry');
      account.finish('refresh', refused(null));
      return account;
    };

    it('its access token is served until it expires, the merchant asked early', () => {
      const account = dying();
      expect(standing(account)).toBe('connected.ending');
      expect(account.now().data.current?.generation).toBe(1);
      expect(dueOf(account, 'accessEnds')).toBe(account.now().data.current?.accessExpiresAt);
      account.fireTimer('accessEnds');
      expect(standing(account)).toBe('disconnected');
      expect(context(account)).toMatchObject({
        reason: 'refresh-token-revoked',
        since: account.clock(),
        current: null,
      });
      expect(account.now().data.current).toBeNull();
    });

    it('a Reconnect before the end is not thrown away by it', () => {
      const account = dying();
      account.authorize('g2');
      expect(standing(account)).toBe('connected.ending + awaiting');
      account.fireTimer('accessEnds');
      expect(standing(account)).toBe('pending-authorization + awaiting');
      account.send({ type: 'CODE_RECEIVED', consentId: 'g2' });
      account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g2', 1), ups: upsAnswer() });
      account.finish('verify', { kind: 'verified', ups: null });
      expect(standing(account)).toBe('connected.fresh');
      expect(context(account).reason).toBeNull();
    });

    it('and if that Reconnect comes to nothing, the reason of the loss stays', () => {
      const account = dying();
      account.authorize('g2');
      account.fireTimer('accessEnds');
      const lostAt = account.clock();
      account.fireTimer('consentTtl');
      expect(standing(account)).toBe('disconnected');
      expect(context(account)).toMatchObject({ reason: 'refresh-token-revoked', since: lostAt, origin: null });
    });

    it('an early Reconnect enters fresh with the new grant', () => {
      const account = dying();
      account.connect('g2');
      expect(standing(account)).toBe('connected.fresh');
      expect(account.now().data.current).toMatchObject({ grantId: 'g2', generation: 1 });
      expect(context(account).reason).toBeNull();
    });

    it('a late answer of the grant thought lost brings it back', () => {
      const account = thoughtLost();
      account.fireTimer('accessEnds');
      expect(standing(account)).toBe('disconnected');
      expect(account.now().data.current).not.toBeNull();
      account.send({ type: 'LATE_ANSWER', tokens: account.tokens('g1', 2), stored: true });
      expect(standing(account)).toBe('connected.fresh');
      expect(account.now().data.current?.generation).toBe(2);
    });

    it('a late answer before the end brings it back, and the platform is told', () => {
      const account = thoughtLost();
      account.send({ type: 'LATE_ANSWER', tokens: account.tokens('g1', 2), stored: true });
      expect(standing(account)).toBe('connected.fresh');
      expect(account.outgoingTypes().slice(-2)).toEqual(['account.reconnect-needed', 'account.connected']);
    });

    it('a late answer is stored whatever has become of the account since', () => {
      const account = thoughtLost();
      account.fireTimer('accessEnds');
      account.authorize('g2');
      account.send({ type: 'CONSENT_REFUSED', consentId: 'g2', end: 'denied' });
      account.send({ type: 'LATE_ANSWER', tokens: account.tokens('g1', 2), stored: true });
      expect(standing(account)).toBe('disconnected');
      expect(account.now().data.current?.generation).toBe(2);
    });

    it('a late answer while the merchant is at UPS brings it back too, and the trip goes on', () => {
      const account = thoughtLost();
      account.fireTimer('accessEnds');
      account.authorize('g2');
      account.send({ type: 'LATE_ANSWER', tokens: account.tokens('g1', 2), stored: true });
      expect(standing(account)).toBe('connected.fresh + awaiting');
    });

    it('an answer of a replaced grant is on record and stored nowhere', () => {
      const account = connected();
      account.connect('g2');
      const before = account.now().data.current;
      const decision = account.send({ type: 'LATE_ANSWER', tokens: account.tokens('g1', 2), stored: false });
      expect(decision.taken).toBe(true);
      expect(account.now().data.current).toEqual(before);
      expect(account.rows.at(-1)?.event.type).toBe('LATE_ANSWER');
    });
  });

  describe('a swap while a refresh is out', () => {
    it('takes the token region out of refreshing', () => {
      const account = connected();
      account.authorize('g2');
      account.send({ type: 'CODE_RECEIVED', consentId: 'g2' });
      account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g2', 1), ups: upsAnswer() });
      account.send({ type: 'REFRESH' });
      account.claim('refresh');
      account.finish('verify', { kind: 'verified', ups: null });
      expect(standing(account)).toBe('connected.fresh');
      expect(account.now().invocations).toEqual([]);
      expect(account.now().data.current).toMatchObject({ grantId: 'g2', generation: 1, sends: [] });
    });
  });

  describe('a Reconnect of a connected account', () => {
    it.each([
      ['not-in-profile', 'account-not-in-profile'],
      ['blocked', 'merchant-blocked'],
      ['refused', 'verification-refused'],
    ] as const)('that ends as %s changes nothing but the last outcome', (kind, reason) => {
      const account = connected();
      account.authorize('g2');
      account.send({ type: 'CODE_RECEIVED', consentId: 'g2' });
      account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g2', 1), ups: upsAnswer() });
      account.finish('verify', { kind, ups: null });
      expect(standing(account)).toBe('connected.fresh');
      expect(account.now().data).toMatchObject({ current: { grantId: 'g1' }, candidate: null });
      expect(context(account)).toMatchObject({ reason: null, lastAuthorization: { outcome: 'failed', reason } });
    });

    it('refreshes go on while the merchant is at UPS', () => {
      const account = connected();
      account.authorize('g2');
      account.advanceBy(20 * MINUTE);
      account.send({ type: 'REFRESH' });
      account.finish('refresh', { kind: 'tokens', tokens: account.tokens('g1', 2), ups: upsAnswer() });
      expect(standing(account)).toBe('connected.fresh + awaiting');
      expect(account.now().data.current?.generation).toBe(2);
    });
  });

  describe('the grant in use is checked', () => {
    it('VERIFY disconnects an account that has left the profile, and destroys the grant', () => {
      const account = connected();
      account.send({ type: 'VERIFY' });
      expect(account.now().invocations[0]?.input).toEqual({ grant: 'current', accountNumber: 'A1B2C3' });
      account.finish('verify', { kind: 'not-in-profile', ups: null });
      expect(standing(account)).toBe('disconnected');
      expect(account.now().data.current).toBeNull();
    });

    it('VERIFY that learns nothing changes nothing', () => {
      const account = connected();
      account.send({ type: 'VERIFY' });
      account.finish('verify', { kind: 'refused', ups: null });
      expect(standing(account)).toBe('connected.fresh');
    });

    it('a refused token is refreshed before the next try', () => {
      const account = connected();
      account.send({ type: 'VERIFY' });
      account.finish('verify', { kind: 'token-refused', retryAt: null, ups: null });
      expect(standing(account)).toBe('connected.refreshing + verifying.waiting');
    });

    it('a changed number is verified with the grant in use, and an answer for the old one no longer counts', () => {
      const account = connected();
      account.send({ type: 'VERIFY' });
      const key = account.now().invocations[0]?.key;
      account.send({ type: 'EDIT', changes: { accountNumber: 'Z9Z9Z9' }, ifMatch: 1 });
      expect(standing(account)).toBe('connected.fresh + verifying.probing');
      expect(account.now().invocations[0]?.key).not.toBe(key);
      expect(account.now().invocations[0]?.input).toEqual({ grant: 'current', accountNumber: 'Z9Z9Z9' });
    });

    it('a number changed while the merchant is at UPS is checked when that comes to nothing', () => {
      const account = connected();
      account.authorize('g2');
      account.send({ type: 'EDIT', changes: { accountNumber: 'Z9Z9Z9' }, ifMatch: 1 });
      expect(standing(account)).toBe('connected.fresh + awaiting');
      account.send({ type: 'CANCEL_AUTHORIZATION' });
      expect(standing(account)).toBe('connected.fresh + verifying.probing');
    });

    it('a settings change that was not seen is refused as stale', () => {
      const account = connected();
      account.send({ type: 'EDIT', changes: { owner: 'store' }, ifMatch: 1 });
      expect(account.send({ type: 'EDIT', changes: { owner: 'shipper' }, ifMatch: 1 })).toEqual({
        taken: false,
        why: 'stale',
      });
      expect(account.now().data.settings).toMatchObject({ owner: 'store', seq: account.now().seq });
    });
  });

  describe('an account is put away', () => {
    it('DEACTIVATE is refused while it is used, and destroys everything when it is not', () => {
      const account = connected();
      account.send({ type: 'USE', use: { kind: 'store', ref: 'st_1' } });
      expect(account.send({ type: 'USE', use: { kind: 'store', ref: 'st_1' } })).toEqual({
        taken: false,
        why: 'unchanged',
      });
      expect(account.send({ type: 'DEACTIVATE' })).toEqual({ taken: false, why: 'in-use' });
      account.send({ type: 'UNUSE', use: { kind: 'store', ref: 'st_1' } });
      account.send({ type: 'DEACTIVATE' });
      expect(standing(account)).toBe('inactive');
      expect(account.now()).toMatchObject({ timers: [], invocations: [], data: { current: null, candidate: null } });
      expect(context(account)).toMatchObject({ current: null, scheme: null, reason: null });
    });

    it('an open consent ends with it, and its link says so', () => {
      const account = born();
      account.authorize();
      account.send({ type: 'DEACTIVATE' });
      expect(standing(account)).toBe('inactive');
      expect(account.now().data.links[0]).toMatchObject({
        outcome: 'failed',
        reason: 'consent-cancelled',
        verifier: null,
      });
      expect(account.send({ type: 'CODE_RECEIVED', consentId: 'g1' })).toEqual({ taken: false, why: null });
    });

    it('REACTIVATE leads back to created, and nothing else does', () => {
      const account = born();
      account.send({ type: 'DEACTIVATE' });
      expect(account.authorize()).toEqual({ taken: false, why: null });
      account.send({ type: 'REACTIVATE' });
      expect(standing(account)).toBe('created');
      expect(account.outgoingTypes().slice(-2)).toEqual(['account.deactivated', 'account.reactivated']);
    });

    it('DISCONNECT destroys the grant and closes what was open', () => {
      const account = connected();
      account.authorize('g2');
      account.send({ type: 'DISCONNECT', note: 'asked by phone' });
      expect(standing(account)).toBe('disconnected');
      expect(context(account)).toMatchObject({ reason: 'disconnected-by-operator', current: null, consent: null });
    });
  });

  it.each(['MIGRATE', 'POSTPONE', 'REACTIVATE', 'NO_SUCH'])('%s is illegal for a created account', (type) => {
    expect(born().send({ type })).toEqual({ taken: false, why: null });
  });
});
